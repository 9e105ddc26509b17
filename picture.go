package zoo

import "github.com/gozoo/zoo/internal/bounded"

// MaxPicture bounds the bytes of an image file that ReadPicture reads: every format is smaller
// than this at vision.MaxPixels, but for uncompressed ones of 16 bits.
const MaxPicture = 1 << 29

// ReadPicture returns the bytes of an image file, which must be a regular file or a link to
// one: reading a device or a named pipe may never end. The error is an *fs.PathError.
func ReadPicture(path string) ([]byte, error) { return bounded.ReadFile(path, MaxPicture) }
