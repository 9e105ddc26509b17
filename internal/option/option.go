// Package option says of an option that it cannot be used. It stands below every package
// that takes options, so that their errors are of one type.
package option

import (
	"errors"
	"fmt"
)

// Err is what every Error is, by errors.Is.
var Err = errors.New("an option cannot be used")

// An Error says that options contradict each other, or what they are about.
type Error struct {
	Field string // of the options, as Go spells it; empty where no single one is to blame
	Err   error
}

// Errorf returns an Error about a field.
func Errorf(field, format string, args ...any) error {
	return &Error{field, fmt.Errorf(format, args...)}
}

// Error returns the cause's message.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is Err.
func (e *Error) Is(target error) bool { return target == Err }
