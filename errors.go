package zoo

import (
	"fmt"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
)

// Classes of errors, for errors.Is. Which type an error has, and what it says, is a matter
// of the package that it comes from.
var (
	ErrUnknown    = registry.ErrUnknown     // the registry does not know the name
	ErrNetwork    = store.ErrNetwork        // a file could not be had, or none was allowed to be
	ErrDigest     = digest.ErrMismatch      // a file, a pin or a signature is not what it should be
	ErrCheckpoint = converter.ErrCheckpoint // a checkpoint is unsafe, corrupt, or does not fit its network
	ErrOption     = option.Err              // options contradict each other, or what they are about
	ErrVerify     = golden.ErrVerify        // a network does not compute what it should, or cannot be judged
)

// An OptionError says that options contradict each other, or what they are about; Field
// says which.
type OptionError = option.Error

// A VerifyError says that networks do not compute what the reference framework
// computed.
type VerifyError struct {
	Failed []Check // never empty
}

func (e *VerifyError) Error() string {
	c := e.Failed[0]
	text := fmt.Sprintf("zoo: %s: verification failed: %s at %s: %s", c.Model, c.Verdict.Golden, c.Verdict.Precision, c.Reason())
	if n := len(e.Failed) - 1; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return text
}

// Is reports whether target is ErrVerify.
func (e *VerifyError) Is(target error) bool { return target == ErrVerify }

// A GoldenError says that a golden cannot be judged by: it is of another model, of
// other weights, or of another network. That is no pass.
type GoldenError struct {
	Golden string // file name
	Err    error
}

func (e *GoldenError) Error() string { return fmt.Sprintf("zoo: %s: %v", e.Golden, e.Err) }

// Unwrap returns the cause.
func (e *GoldenError) Unwrap() error { return e.Err }

// Is reports whether target is ErrVerify.
func (e *GoldenError) Is(target error) bool { return target == ErrVerify }
