package vision

import (
	"errors"
	"fmt"
	"io"
)

// MaxPixels is the default limit of DecodeOptions, the one of Pillow.
const MaxPixels = 178956970

// DecodeOptions says how an image file is decoded. The zero value is what the
// reference does.
type DecodeOptions struct {
	// IgnoreEXIF leaves the pixels as they are stored, instead of turning and
	// mirroring them upright as the file's EXIF orientation says.
	IgnoreEXIF bool
	// MaxPixels is the largest width times height that is decoded; 0 means the
	// constant MaxPixels.
	MaxPixels int
}

// Errors of Decode.
var (
	ErrEmpty     = errors.New("expected an image, found no bytes")
	ErrTruncated = errors.New("the file ends before the image does")
)

// A FormatError says that bytes are not an image of a format that Decode reads.
type FormatError struct {
	Found string // what the bytes look like: "HTML", "a GIF image", "bytes 00 01 02 03"
}

// Error names the formats that are read and what was found.
func (e *FormatError) Error() string {
	return fmt.Sprintf("expected a JPEG, PNG, WebP, BMP or TIFF image, found %s", e.Found)
}

// A SizeError says that an image has more pixels than DecodeOptions allow, or none.
type SizeError struct {
	W, H, Max int // pixels; Max is the limit for W*H
}

// Error gives both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("expected 1 to %d pixels, found %dx%d", e.Max, e.W, e.H)
}

// A DamagedError says that a part of a JPEG's compressed data is missing or cannot be
// what was written, though the file goes on behind it. OpenCV's imdecode prints a warning
// and fills in the missing pixels, often half an image in grey. Decode returns no image.
// Image holds the pixels that OpenCV returns, for callers that want them all the same.
type DamagedError struct {
	Reason string
	Image  *Image
}

// Error gives the reason.
func (e *DamagedError) Error() string { return "damaged: " + e.Reason }

// Decode returns the pixels of an image file, whose format it tells by content, as
// OpenCV's imdecode does in colour: grey and palettes expanded to RGB, alpha dropped,
// 16 bits cut to the upper 8, and turned upright by the EXIF orientation. Every byte equals
// that of OpenCV 5.0 with libjpeg-turbo 3.1 on x86-64. Formats are
//
//   - JPEG: baseline, extended sequential and progressive with 8 bits a sample, in grey,
//     YCbCr, RGB, CMYK or YCCK, with any sampling factors whose ratios are whole
//     numbers; not arithmetic coding and not lossless JPEG, which OpenCV reads;
//   - PNG: all kinds, not animated;
//   - WebP: lossy and lossless, not animated;
//   - BMP: palettes of 1, 2, 4 and 8 bits, 24 and 32 bits a pixel, uncompressed;
//   - TIFF: the first image, of 8 or 16 bits in grey and RGB, with and without alpha, with
//     a palette or of 1 bit, uncompressed, LZW, Deflate or PackBits. As in OpenCV, colours
//     are multiplied by alpha here, and the orientation is heeded even if it is not to be.
//
// The size is checked, against the limit and against the length of the data, before
// memory is taken for pixels. Errors are ErrEmpty, ErrTruncated, *FormatError,
// *SizeError, *DamagedError or the format's own, wrapped. A file that ends early is
// always an error, even if only the mark of its end is missing.
func Decode(data []byte, o DecodeOptions) (*Image, error) {
	m, err := decode(data, o)
	if err != nil {
		return nil, fmt.Errorf("vision: decode: %w", err)
	}
	return m, nil
}

// A file is one whose header has been read.
type file struct {
	w, h        int // pixels, as they are stored
	smallest    int // bytes that the pixels take at least, compressed as well as the format can
	orientation int // EXIF, 1 to 8
	// pixels decodes the rest. Beside a DamagedError it returns an image.
	pixels func() (*Image, error)
}

func decode(data []byte, o DecodeOptions) (*Image, error) {
	open, err := sniff(data)
	if err != nil {
		return nil, err
	}
	f, err := open(data)
	if err != nil {
		return nil, truncated(err)
	}
	limit := o.MaxPixels
	if limit == 0 {
		limit = MaxPixels
	}
	if f.w < 1 || f.h < 1 || f.w > limit/f.h {
		return nil, &SizeError{f.w, f.h, limit}
	}
	if len(data) < f.smallest {
		return nil, fmt.Errorf("%w: %dx%d pixels take at least %d bytes, found %d",
			ErrTruncated, f.w, f.h, f.smallest, len(data))
	}
	m, err := f.pixels()
	if m != nil && !o.IgnoreEXIF {
		m = orient(m, f.orientation)
	}
	if d := (*DamagedError)(nil); errors.As(err, &d) {
		d.Image = m
	}
	if err != nil {
		return nil, truncated(err)
	}
	return m, nil
}

// truncated returns ErrTruncated for what a decoder says at the end of its input,
// and other errors as they are.
func truncated(err error) error {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, end) {
			return ErrTruncated
		}
	}
	return err
}
