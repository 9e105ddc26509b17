package transfer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gozoo/zoo/internal/disk"
)

// download is one Download: a file that grows, over several attempts.
type download struct {
	*Client
	File
	path string
	ctx  context.Context // of the whole download
	f    OpenFile
	plan *plan
	log  *journal

	patched  bool   // what is there came in more than one attempt
	failures int    // since the last gain
	best     int64  // most bytes that ever were there at a failure
	plain    bool   // ask for no ranges: the server gives wrong ones
	coding   string // that the server declares of the body, and nothing here undoes
	next     *body  // the whole file, answered to a request for a range

	mu sync.Mutex // of next and of calls of Progress
}

// Download brings a file to path, which no other process may write to meanwhile.
// When it fails in a way that another call may cure, what it got stays at path,
// with a journal beside it. After success the caller moves the file elsewhere and
// calls Forget. The errors are *Error when the address did not give a whole file,
// *MismatchError for a whole file that is another one, *SpaceError for a full
// disk, and the context's.
func (c *Client) Download(ctx context.Context, file File, path string) (result Result, err error) {
	d := &download{Client: c, File: file, path: path, ctx: ctx, plan: newPlan()}
	if d.Via == nil {
		d.Via = c.HTTP
	}
	if d.Progress == nil {
		d.Progress = func(int64, int64) {}
	}
	open := c.OpenFile
	if open == nil {
		open = openPart
	}
	if d.f, err = open(path); err != nil {
		return result, d.diskError(err)
	}
	defer func() {
		d.closeJournal()
		if d.next != nil {
			d.next.close()
		}
		if cerr := d.f.Close(); err == nil && cerr != nil {
			err = d.diskError(cerr)
		}
		if err != nil && !d.keeps(err) {
			Forget(path)
		}
	}()
	if err := d.recall(); err != nil {
		return result, err
	}
	return d.run()
}

// openPart opens the file that grows. One that another user began, in a folder that both may
// write to, is begun anew.
func openPart(path string) (OpenFile, error) {
	open := func() (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666) }
	f, err := open()
	if errors.Is(err, os.ErrPermission) && os.Remove(path) == nil {
		f, err = open()
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// run fetches until the digest is right, or is wrong in a way that asking again
// does not cure.
func (d *download) run() (Result, error) {
	again := false
	for {
		sum := d.startHash()
		err := d.fill()
		v, herr := sum.finish(err == nil)
		switch {
		case err == errRestart:
		case err != nil:
			return Result{}, err
		case herr != nil:
			return Result{}, d.diskError(herr)
		default:
			digest, err := v.Check()
			if other := (*MismatchError)(nil); errors.As(err, &other) && other.Hint == "" && d.coding != "" {
				other.Hint = fmt.Sprintf("the server sent it in the encoding %.40q", d.coding)
			}
			if err == nil || again || !d.patched {
				return Result{Digest: digest, Size: v.Size()}, err
			}
			again = true // what was there before may be to blame
		}
		if err := d.reset(); err != nil {
			return Result{}, err
		}
	}
}

// fill makes attempts until every byte is there. The error errRestart asks for
// another call after a reset.
func (d *download) fill() error {
	const gain = 1 << 20 // bytes after which failures are counted anew
	connections := d.Connections
	for !d.plan.complete() {
		err := d.round(connections)
		var temp *temporary
		switch {
		case err == nil:
			continue
		case d.ctx.Err() != nil:
			return fmt.Errorf("store: %s: %w", d.Want.Name, context.Cause(d.ctx))
		case !errors.As(err, &temp):
			return err
		case temp.err == errRange && !d.plain:
			d.plain = true // a server that gives wrong ranges may give the whole
			continue
		}
		there := d.plan.there()
		if d.failures++; there >= d.best+gain {
			d.failures, d.best = 1, there
		}
		if d.failures >= d.Attempts || temp.wait > maxWait {
			return d.giveUp(temp)
		}
		if temp.err == errRestart {
			return errRestart
		}
		if temp.busy {
			connections = 1
		}
		d.pause(temp)
		if !d.mayGoOn() {
			return errRestart
		}
	}
	return nil
}

// pause waits before another attempt: longer with each, and as long as the server
// asks. Clients that failed together should not come back together.
func (d *download) pause(last *temporary) {
	wait := d.Backoff << (d.failures - 1)
	wait = max(wait+rand.N(wait/4+1), last.wait)
	if d.Notice != nil {
		failed := d.failure(last.status, last.err)
		failed.Said, failed.Hint = last.said, last.hint
		d.Notice(fmt.Sprintf("%s: %s: %s; attempt %d of %d in %.1f s", failed.Name, failed.URL, failed.reason(),
			d.failures+1, d.Attempts, wait.Seconds()))
	}
	select {
	case <-time.After(wait):
	case <-d.ctx.Done():
	}
}

// giveUp returns the error of the last attempt.
func (d *download) giveUp(last *temporary) error {
	err := d.failure(last.status, last.err)
	err.Said, err.Hint = last.said, last.hint
	if last.wait > maxWait {
		err.Err = fmt.Errorf("HTTP status %d: the server asks to come back in %v", last.status, last.wait.Round(time.Second))
	}
	if d.mayGoOn() && last.err != errRestart {
		err.Kept = d.plan.there()
	}
	return err
}

// mayGoOn reports whether what is there may be gone on with by later requests: the
// server can tell that its file is still the same, or the whole digest will.
func (d *download) mayGoOn() bool { return d.plan.validator != "" || d.Want.Digest.Full() }

// keeps reports whether what is there is worth keeping after an error.
func (d *download) keeps(err error) bool {
	if d.plan.there() == 0 || !d.mayGoOn() || errors.As(err, new(*MismatchError)) {
		return false
	}
	var failed *Error
	return !errors.As(err, &failed) || failed.Kept > 0
}

// room checks that a number of bytes has room on the disk.
func (d *download) room(need int64) error {
	if d.Free == nil {
		return nil
	}
	dir := filepath.Dir(d.path)
	if free, err := d.Free(dir); err == nil && need > free { // without an answer, the writes will tell
		return &SpaceError{Name: d.Want.Name, Dir: dir, Need: need, Free: free, Kept: d.plan.there()}
	}
	return nil
}

// diskError names the file in an error of the disk.
func (d *download) diskError(err error) error {
	if !disk.IsFull(err) {
		return fmt.Errorf("store: %s: %w", d.Want.Name, err)
	}
	there := d.plan.there()
	full := &SpaceError{Name: d.Want.Name, Dir: filepath.Dir(d.path), Need: max(d.plan.size-there, 0), Err: err}
	if d.mayGoOn() {
		full.Kept = there
	}
	return full
}
