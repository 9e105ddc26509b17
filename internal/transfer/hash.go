package transfer

import "errors"

// hashing computes the digest of a file behind those that write it. It reads what
// was written a moment ago, which the system still has in memory: Window sees to
// that.
type hashing struct {
	plan *plan
	v    *Verifier
	done chan error
}

func (d *download) startHash() *hashing {
	h := &hashing{plan: d.plan, v: NewVerifier(d.Want), done: make(chan error, 1)}
	go func() { h.done <- h.run(d.f) }()
	return h
}

func (h *hashing) run(f OpenFile) error {
	buf := make([]byte, 256<<10)
	off := int64(0)
	for {
		to, more := h.plan.nextHash()
		if !more {
			return nil
		}
		for off < to {
			n, err := f.ReadAt(buf[:min(int64(len(buf)), to-off)], off)
			if n == 0 && err != nil {
				return err
			}
			if _, err := h.v.Write(buf[:n]); err != nil && !errors.Is(err, ErrTooLong) {
				return err
			}
			off += int64(n)
			h.plan.setHashed(off)
		}
	}
}

// finish returns what was hashed: the whole file when it is whole, else whatever.
func (h *hashing) finish(whole bool) (*Verifier, error) {
	if !whole {
		h.plan.end()
	}
	return h.v, <-h.done
}
