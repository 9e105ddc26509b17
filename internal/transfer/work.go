package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// round asks for what is missing on a number of connections until all is there or
// none of them gets on. The error is a *temporary, or one that asking again does
// not cure.
func (d *download) round(connections int) error {
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	var first *body
	if len(d.plan.done) == 0 {
		var err error
		if first, err = d.begin(ctx); err != nil {
			return err
		}
	}
	workers := min(connections, d.plan.missing())
	if first != nil && (first.whole() || workers == 0) {
		workers = 1
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed error // that ends the round
		last   *temporary
	)
	for i := range workers {
		var b *body
		if i == 0 {
			b = first
		}
		wg.Go(func() {
			err := d.work(ctx, b, workers == 1)
			if err == nil || ctx.Err() != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			var temp *temporary
			if errors.As(err, &temp) && temp.err != errRestart {
				if last == nil || !last.busy {
					last = temp
				}
				return
			}
			failed = err
			cancel()
		})
	}
	wg.Wait()
	d.patched = d.patched || last != nil
	switch {
	case failed != nil:
		return failed
	case last != nil && !d.plan.complete():
		return last
	}
	return d.ctx.Err()
}

// begin gets the first answer and makes the plan by it.
func (d *download) begin(ctx context.Context) (*body, error) {
	b := d.next
	d.next = nil
	if b == nil {
		if err := d.room(d.Want.Size); err != nil {
			return nil, err
		}
		to := int64(-1)
		if d.Connections > 1 && (d.Want.Size == 0 || d.Want.Size > d.Segment) {
			to = d.Segment
		}
		var err error
		if b, err = d.open(ctx, 0, to); err != nil {
			return nil, err
		}
	}
	if err := d.lay(b); err != nil {
		b.close()
		return nil, err
	}
	b.claim[0], b.claim[1] = d.plan.claimFirst(b.whole())
	return b, nil
}

// work fetches claim after claim. b is the first one's answer, or nil.
func (d *download) work(ctx context.Context, b *body, alone bool) error {
	buf := make([]byte, 256<<10)
	for {
		if b == nil {
			from, to, ok := d.plan.claim(ctx, alone, d.Window)
			if !ok {
				return nil
			}
			var err error
			if b, err = d.open(ctx, from, to); err != nil {
				d.plan.release(from, to)
				return err
			}
			if b.whole() {
				return d.handOver(b)
			}
			b.claim = [2]int64{from, to}
		}
		err := d.copy(ctx, b, buf)
		b.close()
		d.plan.release(b.claim[0], b.claim[1])
		if err != nil {
			return err
		}
		b = nil
	}
}

// handOver keeps the whole file that was answered to a request for a range: the
// file has changed, or the server knows no ranges.
func (d *download) handOver(b *body) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next != nil || !b.detach() {
		b.close()
	} else {
		d.next = b
	}
	return &temporary{err: errRestart}
}

// spare is how many bytes stay free on the disk while a file grows whose size is not known; as
// often as it has grown by them the disk is asked.
const spare = 64 << 20

// copy writes an answer to the file.
func (d *download) copy(ctx context.Context, b *body, buf []byte) error {
	off, end := b.from, b.to
	for {
		n, err := b.Body.Read(buf)
		b.watch.bytes.Add(int64(n))
		if n > 0 {
			if end >= 0 && int64(n) > end-off {
				return &temporary{err: errRange}
			}
			if int64(n) > d.Want.Limit-off {
				return d.tooLong(buf[:n], off)
			}
			if _, err := d.f.WriteAt(buf[:n], off); err != nil {
				return d.diskError(err)
			}
			d.plan.wrote(off, int64(n))
			off += int64(n)
			if end < 0 && off/spare != (off-int64(n))/spare {
				if err := d.room(spare); err != nil {
					return err
				}
			}
			d.report()
		}
		switch {
		case off == end:
			if off == b.total {
				d.plan.finish(off)
			}
			return nil
		case err == io.EOF && end < 0 && (b.ends || off >= d.Want.Size):
			d.plan.finish(off)
			return nil
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			return &temporary{err: fmt.Errorf("%w: %d of %d bytes", errCut, off, max(end, d.Want.Size))}
		case err != nil && errors.Is(context.Cause(b.ctx), errStalled):
			return &temporary{err: errStalled}
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return &temporary{err: err}
		}
	}
}

// tooLong returns the error of a file that goes on past its limit with more bytes
// at an offset.
func (d *download) tooLong(more []byte, off int64) error {
	head := make([]byte, headSize)
	n, _ := d.f.ReadAt(head[:min(off, headSize)], 0)
	err := d.Want.wrongSize(append(head[:n], more...), off+int64(len(more)))
	err.More = true
	return err
}

// report calls Progress.
func (d *download) report() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Progress(d.plan.there(), max(d.plan.size, d.Want.Size, 0))
}
