package vision

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/image/tiff/lzw"
)

var errShortTIFF = errors.New("tiff: invalid format: not enough pixel data")

// decode returns the pixels as libtiff gives them to OpenCV: colours are multiplied by an
// alpha that they are not multiplied by yet, and 16 bits are rounded to 8, in grey cut.
func (t *tiffImage) decode(ctx context.Context) (*Image, error) {
	m := newImage(t.w, t.h)
	// Strips and tiles may share their bytes, but not so that little is read over and over.
	left := int64(16*len(t.data) + 1<<20)
	b := tiffBlock{t: t, left: &left, row: make([]byte, t.rowBytes())}
	across := (t.w + t.blockW - 1) / t.blockW
	for i := range t.offsets {
		x, y := i%across*t.blockW, i/across*t.blockH
		if err := b.open(t.offsets[i], t.counts[i]); err != nil {
			return nil, err
		}
		for end := min(y+t.blockH, t.h); y < end; y++ {
			if y%64 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err := b.next(); err != nil {
				return nil, err
			}
			if err := t.colours(m.row(y)[3*x:3*min(t.w, x+t.blockW)], b.row); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

// A tiffBlock reads the rows of strips or tiles, one after another.
type tiffBlock struct {
	t    *tiffImage
	left *int64 // compressed bytes that may be read
	row  []byte // the one read last

	r     io.Reader     // of the samples
	z     io.ReadCloser // kept for the next
	input *bufio.Reader // of z
}

// open begins the block at that place of the file.
func (b *tiffBlock) open(offset, count uint32) error {
	data := b.t.data[min(int64(offset), int64(len(b.t.data))):]
	data = data[:min(int64(count), int64(len(data)))]
	packed := &metered{bytes.NewReader(data), b.left}
	switch b.t.compression {
	case 0, 1:
		b.r = bytes.NewReader(data)
	case 5:
		b.r = lzw.NewReader(bufio.NewReaderSize(packed, 512), lzw.MSB, 8)
	case 8, 32946:
		var err error
		if b.z == nil {
			b.input = bufio.NewReaderSize(packed, 512)
			b.z, err = zlib.NewReader(b.input)
		} else {
			b.input.Reset(packed)
			err = b.z.(zlib.Resetter).Reset(b.input, nil)
		}
		if err != nil {
			return shortTIFF(err)
		}
		b.r = b.z
	case 32773:
		b.r = &packBits{r: bufio.NewReaderSize(packed, 512)}
	default:
		return fmt.Errorf("tiff: compression %d is not supported", b.t.compression)
	}
	return nil
}

func shortTIFF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShortTIFF
	}
	return err
}

// A metered reader ends with an error when too much has been read.
type metered struct {
	r    io.Reader
	left *int64
}

func (m *metered) Read(p []byte) (int, error) {
	if *m.left <= 0 {
		return 0, errors.New("tiff: the same bytes are compressed strips or tiles too often")
	}
	n, err := m.r.Read(p)
	*m.left -= int64(n)
	return n, err
}

// next reads a row, and adds up differences (TIFF, section 14).
func (b *tiffBlock) next() error {
	row, t := b.row, b.t
	if _, err := io.ReadFull(b.r, row); err != nil {
		return shortTIFF(err)
	}
	switch {
	case t.differences && t.bits == 8:
		for i := t.samples; i < len(row); i++ {
			row[i] += row[i-t.samples]
		}
	case t.differences:
		lo, hi := t.halves()
		for at, i := 0, 2*t.samples; i+1 < len(row); at, i = at+2, i+2 {
			v := uint16(row[i+lo]) | uint16(row[i+hi])<<8
			v += uint16(row[at+lo]) | uint16(row[at+hi])<<8
			row[i+lo], row[i+hi] = uint8(v), uint8(v>>8)
		}
	}
	return nil
}

// halves returns where of the two bytes of a sample the lower and the higher are.
func (t *tiffImage) halves() (lo, hi int) {
	if t.order == binary.BigEndian {
		return 1, 0
	}
	return 0, 1
}

// colours writes the RGB of pixels.
func (t *tiffImage) colours(dst, row []byte) error {
	lo, hi := t.halves()
	switch {
	case t.photometric == 3:
		for i := 0; i < len(dst); i += 3 {
			index := int(t.small(row, i/3))
			if index >= len(t.palette) {
				return errors.New("tiff: invalid format: a pixel has a colour that is not in the palette")
			}
			copy(dst[i:i+3], t.palette[index][:])
		}
	case t.photometric < 2:
		flip := uint8(0)
		if t.photometric == 0 {
			flip = 255
		}
		for i := 0; i < len(dst); i += 3 {
			var v uint8
			switch t.bits {
			case 16: // cut, not rounded
				v = row[2*(i/3)+hi]
			case 8:
				v = row[i/3]
			default:
				v = t.small(row, i/3) * 255
			}
			v ^= flip
			dst[i], dst[i+1], dst[i+2] = v, v, v
		}
	case t.samples == 3 && t.bits == 8:
		copy(dst, row)
	default:
		step := t.samples * t.bits / 8
		for i, at := 0, 0; i < len(dst); i, at = i+3, at+step {
			d, p := dst[i:][:3], row[at:][:step]
			var alpha uint8
			if t.bits == 8 {
				copy(d, p)
				alpha = p[len(p)-1]
			} else {
				for c := range d {
					d[c] = to8(uint16(p[2*c+lo]) | uint16(p[2*c+hi])<<8)
				}
				alpha = to8(uint16(p[len(p)-2+lo]) | uint16(p[len(p)-2+hi])<<8)
			}
			if t.samples == 4 && t.alpha == 2 {
				a := int(alpha)
				for c, v := range d {
					d[c] = uint8((int(v)*a + 127) / 255)
				}
			}
		}
	}
	return nil
}

// small returns sample i of a row of samples of 1 or 8 bits.
func (t *tiffImage) small(row []byte, i int) uint8 {
	if t.bits == 8 {
		return row[i]
	}
	return row[i/8] >> (7 - i%8) & 1
}

func to8(v uint16) uint8 { return uint8((uint32(v) + 128) / 257) }

// packBits decompresses PackBits (TIFF, section 9).
type packBits struct {
	r    *bufio.Reader
	left int // bytes of the run at hand
	same bool
	v    byte // of a run of the same bytes
}

func (p *packBits) Read(dst []byte) (n int, err error) {
	for n < len(dst) {
		for p.left == 0 {
			head, err := p.r.ReadByte()
			if err != nil {
				return n, err
			}
			switch code := int(int8(head)); {
			case code >= 0:
				p.left, p.same = code+1, false
			case code != -128:
				if p.v, err = p.r.ReadByte(); err != nil {
					return n, err
				}
				p.left, p.same = 1-code, true
			}
		}
		part := dst[n:min(len(dst), n+p.left)]
		if p.same {
			for i := range part {
				part[i] = p.v
			}
		} else if m, err := io.ReadFull(p.r, part); err != nil {
			return n + m, err
		}
		n += len(part)
		p.left -= len(part)
	}
	return n, nil
}
