package transfer

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gozoo/zoo/digest"
)

// ErrNetwork is, by errors.Is, every error of a file that could not be had over the
// network.
var ErrNetwork = errors.New("the network did not give the file")

// An Error says that an address did not give a whole file.
type Error struct {
	Name   string
	URL    string // as printable.Shown has it
	Status int    // HTTP status; 0 when there was none, or the body was at fault
	Said   string // what the server's answer says in words; may be empty
	Hint   string // what to do about it; may be empty
	Kept   int64  // bytes kept to go on with; 0 for none
	Left   string // what the error left as it was; empty: the cache
	Err    error  // nil when Status says all
}

func (e *Error) Error() string {
	next := "nothing was cached"
	if e.Left != "" {
		next = e.Left
	}
	if e.Kept > 0 {
		next = fmt.Sprintf("%d bytes are kept: run again to go on", e.Kept)
	}
	return fmt.Sprintf("store: %s: %s: %s; %s", e.Name, e.URL, e.reason(), next)
}

// reason says what happened, and what to do about it where that is known.
func (e *Error) reason() string {
	reason := fmt.Sprintf("HTTP status %d %s", e.Status, http.StatusText(e.Status))
	if e.Err != nil {
		reason = e.Err.Error()
	}
	if e.Said != "" {
		reason += ": the server says: " + e.Said
	}
	if e.Hint != "" {
		reason += "; " + e.Hint
	}
	return reason
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is ErrNetwork.
func (e *Error) Is(target error) bool { return target == ErrNetwork }

// A MismatchError says that a whole file is not the one that was asked for.
type MismatchError struct {
	Name string
	Want digest.Digest // a full sha256 or a prefix
	Got  digest.Digest // zero when the size alone decided
	Size int64         // bytes found
	More bool          // the file may be longer
	Hint string        // what the file looks like or what to do; may be empty
}

func (e *MismatchError) Error() string {
	found := fmt.Sprintf("sha256 %s in %d bytes", e.Got, e.Size)
	if e.Got == (digest.Digest{}) {
		found = fmt.Sprintf("%d bytes", e.Size)
	}
	if e.More {
		found += " or more"
	}
	msg := fmt.Sprintf("store: %s: expected a file of sha256 %s, found %s", e.Name, e.Want, found)
	if e.Hint != "" {
		msg += ": " + e.Hint
	}
	return msg + "; nothing was cached"
}

// Is reports whether target is digest.ErrMismatch.
func (e *MismatchError) Is(target error) bool { return target == digest.ErrMismatch }

// A SpaceError says that a file has no room on the disk.
type SpaceError struct {
	Name string
	Dir  string
	Need int64 // bytes, above what is there already
	Free int64 // bytes; less than Need, or what was free before the disk ran full
	Kept int64 // bytes kept to go on with
	Err  error // of the write that failed; nil when nothing was written
}

func (e *SpaceError) Error() string {
	msg := fmt.Sprintf("store: %s: needs %d bytes more on the disk of %s, %d are free", e.Name, e.Need, e.Dir, e.Free)
	if e.Err != nil {
		msg = fmt.Sprintf("store: %s: %v: the disk of %s ran full with %d bytes missing", e.Name, e.Err, e.Dir, e.Need)
	}
	next := "nothing was written"
	if e.Kept > 0 {
		next = fmt.Sprintf("%d bytes are kept to go on with", e.Kept)
	}
	return msg + "; " + next + ": zoo cache prune frees what is not needed, or choose another folder with --cache-dir"
}

func (e *SpaceError) Unwrap() error { return e.Err }

// temporary is an error that another attempt may cure.
type temporary struct {
	status int
	said   string
	hint   string
	wait   time.Duration // that the server asked for
	busy   bool          // the server wants fewer requests
	err    error
}

func (e *temporary) Error() string { return fmt.Sprint(e.err) }

var (
	errStalled = errors.New("no data came for too long")
	errCut     = errors.New("the body ended early")
	errRange   = errors.New("the server sent another range than was asked for")
	errRestart = errors.New("the file changed on the server")
)
