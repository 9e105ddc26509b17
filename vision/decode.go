package vision

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
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
	return fmt.Sprintf("expected a JPEG or PNG image, found %s", e.Found)
}

// A SizeError says that an image has more pixels than DecodeOptions allow, or none.
type SizeError struct {
	W, H, Max int // pixels; Max is the limit for W*H
}

// Error gives both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("expected 1 to %d pixels, found %dx%d", e.Max, e.W, e.H)
}

// A format is one that Decode reads.
type format struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	// smallest returns how many bytes the pixels of an image take at least when
	// they are compressed as well as the format can.
	smallest    func(image.Config) int
	orientation func([]byte) int
}

var (
	formatJPEG = format{jpeg.DecodeConfig, jpeg.Decode, smallestJPEG, jpegOrientation}
	formatPNG  = format{png.DecodeConfig, png.Decode, smallestPNG, pngOrientation}
)

// Decode returns the pixels of a JPEG or PNG file, told apart by content, as
// OpenCV's imdecode does in colour: grey and palettes expanded to RGB, alpha
// dropped, 16 bits cut to the upper 8, and turned upright by the EXIF orientation.
// JPEG pixels are those of Go's decoder, which differ from OpenCV's.
//
// The size is checked, against the limit and against the length of the data, before
// memory is taken for pixels. Errors are ErrEmpty, ErrTruncated, *FormatError,
// *SizeError or the decoder's, wrapped.
func Decode(data []byte, o DecodeOptions) (*Image, error) {
	m, err := decode(data, o)
	if err != nil {
		return nil, fmt.Errorf("vision: decode: %w", err)
	}
	return m, nil
}

func decode(data []byte, o DecodeOptions) (*Image, error) {
	f, err := sniff(data)
	if err != nil {
		return nil, err
	}
	config, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, truncated(err)
	}
	limit := o.MaxPixels
	if limit == 0 {
		limit = MaxPixels
	}
	if config.Width < 1 || config.Height < 1 || config.Width > limit/config.Height {
		return nil, &SizeError{config.Width, config.Height, limit}
	}
	if n := f.smallest(config); len(data) < n {
		return nil, fmt.Errorf("%w: %dx%d pixels take at least %d bytes, found %d",
			ErrTruncated, config.Width, config.Height, n, len(data))
	}
	img, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return nil, truncated(err)
	}
	m := FromImage(img)
	if o.IgnoreEXIF {
		return m, nil
	}
	return orient(m, f.orientation(data)), nil
}

// errJPEGEnd is what image/jpeg says when its input ends inside of a scan.
const errJPEGEnd = jpeg.FormatError("short Huffman data")

// truncated returns ErrTruncated for what a decoder says at the end of its input,
// and other errors as they are.
func truncated(err error) error {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, errJPEGEnd} {
		if errors.Is(err, end) {
			return ErrTruncated
		}
	}
	return err
}

// smallestJPEG counts one bit for every block of 8x8 pixels: the shortest code.
func smallestJPEG(c image.Config) int {
	return ((c.Width+7)/8*((c.Height+7)/8) + 7) / 8
}

// smallestPNG counts one bit for every pixel (the least there is) at the highest
// ratio of deflate, which puts 258 bytes into 2 bits.
func smallestPNG(c image.Config) int {
	return (c.Width + 7) / 8 * c.Height / 1032
}
