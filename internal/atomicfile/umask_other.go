//go:build !unix

package atomicfile

import "os"

// umask returns 0: this system has none.
func umask() os.FileMode { return 0 }
