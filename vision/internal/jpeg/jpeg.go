// Package jpeg decodes JPEG files to the very bytes that libjpeg-turbo gives with
// its default settings on x86-64 and OpenCV's imdecode hands on: the accurate integer
// transform, interpolated chroma, and OpenCV's arithmetic for CMYK.
//
// It reads baseline, extended sequential and progressive files with Huffman coding
// and 8 bits a sample, of 1, 3 or 4 components. "T.81" in comments is the standard,
// ITU-T Recommendation T.81; what it leaves open (upsampling, colour, the rounding of
// the transform, what becomes of damage) follows libjpeg-turbo 3.1.
//
//	f, err := jpeg.Open(data)       // the header: f.Width, f.Height
//	pix, err := f.Decode(ctx)       // (H,W,3) RGB
//
// Orientation is not its business: it hands out the EXIF data.
package jpeg

import (
	"context"
	"errors"
	"fmt"
)

// ErrTruncated says that the bytes end before the image does.
var ErrTruncated = errors.New("jpeg: the data end before the image does")

// A FormatError says which rule of the format a file breaks.
type FormatError string

func (e FormatError) Error() string { return "jpeg: " + string(e) }

func malformed(format string, args ...any) error { return FormatError(fmt.Sprintf(format, args...)) }

// An UnsupportedError names a variant of the format that is not read.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "jpeg: " + string(e) + " is not supported" }

// A DamageError says that the compressed data cannot all be what was written, though
// the file can be followed to its end. libjpeg warns and goes on; so does Decode, which
// returns the same pixels beside this error.
type DamageError string

func (e DamageError) Error() string { return "jpeg: " + string(e) }

// A File is a JPEG file whose header has been read. It can be decoded once.
type File struct {
	Width, Height int      // pixels, 1 to 65500
	EXIF          [][]byte // the TIFF structures of the EXIF segments of the header

	decoder
}

// decoder is what the segments read so far have set.
type decoder struct {
	data []byte
	pos  int // of the next byte of data to be read

	quant   [4]*quantTable
	dc, ac  [4]*huffman
	restart int // MCUs between restart markers; 0: none

	frame
	jfif      bool // colour is as JFIF has it
	adobe     bool // colour is as transform says
	transform uint8
	space     colorSpace

	scan    scan // the one whose header was read last
	scans   int
	work    int    // of the scans so far: see spend
	segment []byte // scratch of the scans

	pix     []uint8    // (H,W,3) RGB
	emitted int        // rows of it that are done
	scratch [4][]uint8 // a row of each component that is interpolated
	damage  error      // the first; nil: none
}

// maxScans bounds the work that a small file can ask for. What T.81 allows for (a scan
// for each bit of each coefficient) nobody writes; usual are up to 12.
const maxScans = 500

// Open reads the header of a file: all up to and including the header of its first
// scan. The data must not change until the image is decoded.
func Open(data []byte) (*File, error) {
	f := &File{decoder: decoder{data: data}}
	if len(data) < 2 || data[0] != 0xff || data[1] != markerSOI {
		return nil, malformed("expected the bytes ff d8 (start of image), found % x", data[:min(2, len(data))])
	}
	f.pos = 2
	scan, err := f.nextScan(&f.EXIF)
	if err != nil {
		return nil, err
	}
	if !scan {
		return nil, malformed("the image ends before its first scan")
	}
	f.Width, f.Height = f.frame.width, f.frame.height
	f.space = f.guessSpace()
	return f, nil
}

// MinBytes returns how many bytes of compressed data the image takes at the least: a
// bit for each block.
func (f *File) MinBytes() int {
	bits := 0
	for i := range f.components {
		c := &f.components[i]
		bits += c.blocksX * c.blocksY
	}
	return bits / 8
}

// oneScan reports whether all of the image is in one sequential scan.
func (d *decoder) oneScan() bool { return !d.progressive && len(d.scan.parts) == len(d.components) }

// Memory returns how many bytes Decode takes: three for each pixel and, unless all of the
// image is in one sequential scan, two for each coefficient.
func (f *File) Memory() int64 { return f.memory(!f.oneScan()) + int64(len(f.data)) }

// Decode returns the pixels, (H,W,3) RGB. Beside a *DamageError it returns pixels as
// well, beside other errors none. It ends with the context's error soon after the context
// has ended.
func (f *File) Decode(ctx context.Context) ([]byte, error) {
	d := &f.decoder
	oneScan := d.oneScan()
	d.allocate(!oneScan)
	if err := d.decodeScan(ctx); err != nil {
		return nil, err
	}
	if !oneScan {
		for {
			more, err := d.nextScan(nil)
			if err != nil {
				return nil, err
			}
			if !more {
				break
			}
			if err := d.decodeScan(ctx); err != nil {
				return nil, err
			}
		}
		if err := d.transformAll(ctx); err != nil {
			return nil, err
		}
	}
	for i := range d.components {
		d.components[i].coefs = nil
	}
	return d.pix, d.damage
}

// maxWork bounds what scans may cost together, in steps of about a nanosecond. A file of the
// largest size that is written as usual, in ten scans of which seven look at every
// coefficient, takes a fifth of it.
const maxWork = 5e9

// spend adds what a scan costs before its first bit is read, which is where a small file asks
// for much: a visit of each block and, where bits are added, a look at each coefficient.
func (d *decoder) spend(s *scan) error {
	visit := 16
	if s.high > 0 {
		visit += 2 * (s.last - s.first + 1)
	}
	d.work += s.mcusX * s.mcusY * len(s.blocks) * visit
	if d.work > maxWork {
		return malformed("scan %d: so many scans of %dx%d pixels take too long", d.scans, d.width, d.height)
	}
	return nil
}

// damaged notes damage. Only the first is told: what follows is often its consequence.
func (d *decoder) damaged(format string, args ...any) {
	if d.damage == nil {
		d.damage = DamageError(fmt.Sprintf("scan %d: ", d.scans) + fmt.Sprintf(format, args...))
	}
}
