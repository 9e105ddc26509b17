//go:build !darwin && !freebsd && !linux && !windows

package disk

// Free returns ErrUnknown.
func Free(string) (int64, error) { return 0, ErrUnknown }
