//go:build darwin || freebsd || linux

package disk

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// Free returns how many bytes this user may still write below a folder that is
// there. Quotas are not asked for: writing may stop earlier.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	// The types differ between systems, and Bavail is negative on some once the
	// part that is kept for root is in use.
	blocks, size := int64(st.Bavail), int64(st.Bsize)
	if blocks <= 0 || size <= 0 {
		return 0, nil
	}
	if blocks > math.MaxInt64/size {
		return math.MaxInt64, nil
	}
	return blocks * size, nil
}
