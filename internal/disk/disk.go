// Package disk asks the file system how much it can still take.
package disk

import "errors"

// ErrUnknown says that this system was not asked.
var ErrUnknown = errors.New("free space is not known on this system")
