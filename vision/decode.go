package vision

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// MaxPixels is the default limit of DecodeOptions, the one of Pillow.
const MaxPixels = 178956970

// MostPixels is the largest limit that DecodeOptions can have.
const MostPixels = 1<<31 - 1

// MaxBytes returns more bytes than a file of so many pixels can have: uncompressed, of four
// samples of 16 bits, with slack for its headers.
func MaxBytes(pixels int) int64 { return 8*int64(pixels) + 1<<20 }

// DecodeOptions says how an image file is decoded. The zero value is what the
// reference does.
type DecodeOptions struct {
	// IgnoreEXIF leaves the pixels as they are stored, instead of turning and
	// mirroring them upright as the file's EXIF orientation says.
	IgnoreEXIF bool
	// MaxPixels is the largest width times height that is decoded; 0 means the
	// constant MaxPixels.
	MaxPixels int
	// Budget is what the memory of all pictures in work is taken from; nil means one of
	// DefaultPixelMemory that all calls of the process share.
	Budget *Budget
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

// Error gives both sizes, and how to allow for more.
func (e *SizeError) Error() string {
	text := fmt.Sprintf("expected 1 to %d pixels, found %dx%d", e.Max, e.W, e.H)
	if e.W > 0 && e.H > 0 {
		text += ": --max-pixels (MaxPixels) raises the bound"
	}
	return text
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
// The size is checked, against the limit, the length of the data and the budget, before
// memory is taken for pixels. Errors are ErrEmpty, ErrTruncated, *FormatError,
// *SizeError, *OverBudgetError, *DamagedError or the format's own, wrapped. A file that ends
// early is always an error, even if only the mark of its end is missing.
func Decode(data []byte, o DecodeOptions) (*Image, error) {
	return DecodeContext(context.Background(), data, o)
}

// DecodeContext is Decode for a call that may be given up: it returns the context's error
// soon after the context has ended, whether it waits for room in the budget or decodes. The
// room is given back when it returns; the pixels of the result are the caller's.
func DecodeContext(ctx context.Context, data []byte, o DecodeOptions) (*Image, error) {
	m, release, err := decode(ctx, data, o, nil)
	if err != nil {
		return nil, fmt.Errorf("vision: decode: %w", err)
	}
	release()
	return m, nil
}

// A file is one whose header has been read.
type file struct {
	w, h        int   // pixels, as they are stored
	smallest    int   // bytes that the pixels take at least, compressed as well as the format can
	memory      int64 // bytes that decoding takes at most, the result among them
	orientation int   // EXIF, 1 to 8
	// pixels decodes the rest. Beside a DamagedError it returns an image.
	pixels func(context.Context) (*Image, error)
	ended  <-chan struct{} // closed when pixels takes no more memory; nil: as soon as it returns
}

// decode returns the pixels, and what gives their room in the budget back. Then tells how
// many bytes the caller will need beside the image when it is decoded; nil for none.
func decode(ctx context.Context, data []byte, o DecodeOptions, then func(w, h int) int64) (m *Image, release func(), err error) {
	open, err := sniff(data)
	if err != nil {
		return nil, nil, err
	}
	f, err := open(data)
	if err != nil {
		return nil, nil, truncated(err)
	}
	limit := o.MaxPixels
	if limit == 0 {
		limit = MaxPixels
	}
	limit = min(limit, MostPixels)
	if f.w < 1 || f.h < 1 || f.w > limit/f.h {
		return nil, nil, &SizeError{f.w, f.h, limit}
	}
	if len(data) < f.smallest {
		return nil, nil, fmt.Errorf("%w: %dx%d pixels take at least %d bytes, found %d",
			ErrTruncated, f.w, f.h, f.smallest, len(data))
	}
	need, pixels := f.memory, 3*int64(f.w)*int64(f.h)
	if !o.IgnoreEXIF && f.orientation > 4 {
		need = max(need, 2*pixels)
	}
	if then != nil {
		need = max(need, pixels+then(f.w, f.h))
	}
	give, err := o.Budget.take(ctx, f.w, f.h, need)
	if err != nil {
		return nil, nil, err
	}
	reclaim(need)
	m, err = f.pixels(ctx)
	if m != nil && !o.IgnoreEXIF {
		m = orient(m, f.orientation)
	}
	if d := (*DamagedError)(nil); errors.As(err, &d) {
		d.Image = m
	}
	switch {
	case err == nil:
		if need > pixels {
			reclaim(need) // else the collector takes the peak for what is usual
		}
		return m, give, nil
	case f.ended == nil:
		give()
	default:
		go func() {
			<-f.ended
			give()
		}()
	}
	return nil, nil, truncated(err)
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
