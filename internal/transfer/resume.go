package transfer

import (
	"io"
	"net/http"
	"os"
	"strings"
)

// recall finds what an earlier process left to go on with. Whatever is wrong with
// it, the digest of the whole file decides in the end.
func (d *download) recall() error {
	p := d.readPlan()
	if p == nil || p.there() == 0 {
		return d.reset()
	}
	d.plan, d.patched = p, true
	if err := d.keepJournal(); err != nil {
		return err
	}
	if p.size < 0 {
		return nil
	}
	return d.room(p.size - p.there())
}

// readPlan returns the plan of the journal, or nil when there is none to go on
// with.
func (d *download) readPlan() *plan {
	f, err := os.Open(JournalPath(d.path))
	if err != nil {
		return nil
	}
	defer f.Close()
	st, err := d.f.Stat()
	if err != nil {
		return nil
	}
	url, p, err := readJournal(f, st.Size())
	if err != nil || d.Want.Size > 0 && p.size >= 0 && p.size != d.Want.Size || p.size > d.Want.Limit {
		return nil
	}
	if url != d.URL {
		if !d.Want.Digest.Full() {
			return nil
		}
		p.validator = "" // of another host: the digest alone has to tell
	}
	if p.validator == "" && !d.Want.Digest.Full() {
		return nil
	}
	return p
}

// reset drops every byte that is there.
func (d *download) reset() error {
	d.closeJournal()
	d.plan, d.patched = newPlan(), false
	os.Remove(JournalPath(d.path))
	if err := d.f.Truncate(0); err != nil {
		return d.diskError(err)
	}
	return nil
}

// keepJournal starts the journal of the plan.
func (d *download) keepJournal() error {
	d.closeJournal()
	if !d.mayGoOn() {
		return nil
	}
	j, err := createJournal(JournalPath(d.path), d.URL, d.plan)
	if err != nil {
		return d.diskError(err)
	}
	d.log, d.plan.save = j, j.write
	return nil
}

func (d *download) closeJournal() {
	if d.log != nil {
		d.log.f.Close()
	}
	d.log = nil
}

// lay makes the plan of a file whose first answer has come, and checks that the
// file can be the right one and has room.
func (d *download) lay(b *body) error {
	p, w := d.plan, &d.Want
	if total := b.total; total > w.Limit || w.Size > 0 && total >= 0 && total != w.Size {
		head := make([]byte, headSize)
		n, _ := io.ReadFull(b.Body, head) // what came before an error will do
		return w.wrongSize(head[:n], total)
	}
	if b.total >= 0 {
		if err := d.room(b.total); err != nil {
			return err
		}
	}
	p.validator, d.coding = validator(b.Header), foreign(b.Header)
	p.lay(b.total, d.Segment)
	return d.keepJournal()
}

// validator returns what tells a server's file from a later one: a strong ETag or
// the date of its last change.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return h.Get("Last-Modified")
}
