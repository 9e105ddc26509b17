package vision

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// PNG is read row by row, so that whatever its samples are like it takes three bytes for each
// pixel, and a few rows. "PNG" in comments is the specification, third edition.

// A pngHeader is what the chunk IHDR says.
type pngHeader struct {
	w, h       int
	bits       int // of a sample
	channels   int
	palette    bool
	interlaced bool
}

// bytesOf returns how many bytes n pixels of a row take.
func (p *pngHeader) bytesOf(n int) int { return (n*p.bits*p.channels + 7) / 8 }

func badPNG(format string, args ...any) error {
	return fmt.Errorf("png: invalid format: "+format, args...)
}

// readPNGHeader reads the signature and the first chunk (PNG 11.2.1).
func readPNGHeader(data []byte) (p pngHeader, err error) {
	name, body, _, err := nextChunk(data[len(signaturePNG):])
	if err != nil {
		return p, err
	}
	if name != "IHDR" || len(body) != 13 {
		return p, badPNG("expected the chunk IHDR of 13 bytes first, found %q of %d", name, len(body))
	}
	w, h := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if int32(w) < 0 || int32(h) < 0 {
		return p, badPNG("sides of %d and %d pixels", w, h)
	}
	p.w, p.h, p.bits = int(w), int(h), int(body[8])
	depths := ""
	switch body[9] {
	case 0:
		p.channels, depths = 1, "\x01\x02\x04\x08\x10"
	case 2:
		p.channels, depths = 3, "\x08\x10"
	case 3:
		p.channels, depths, p.palette = 1, "\x01\x02\x04\x08", true
	case 4:
		p.channels, depths = 2, "\x08\x10"
	case 6:
		p.channels, depths = 4, "\x08\x10"
	}
	if !bytes.Contains([]byte(depths), body[8:9]) {
		return p, badPNG("no colours of type %d have %d bits", body[9], p.bits)
	}
	if body[10] != 0 || body[11] != 0 || body[12] > 1 {
		return p, badPNG("compression %d, filter %d, interlacing %d", body[10], body[11], body[12])
	}
	p.interlaced = body[12] == 1
	return p, nil
}

// nextChunk returns the chunk that data begin with, whose checksum holds, and what follows.
func nextChunk(data []byte) (name string, body, rest []byte, err error) {
	const frame = 12 // length, name and checksum around each chunk
	if len(data) < frame || int64(binary.BigEndian.Uint32(data)) > int64(len(data)-frame) {
		return "", nil, nil, ErrTruncated
	}
	n := int(binary.BigEndian.Uint32(data))
	name, body = string(data[4:8]), data[8:][:n]
	if sum := binary.BigEndian.Uint32(data[8+n:]); crc32.ChecksumIEEE(data[4:8+n]) != sum {
		return "", nil, nil, badPNG("the checksum of the chunk %q does not hold", name)
	}
	return name, body, data[frame+n:], nil
}

func openPNG(data []byte) (file, error) {
	p, err := readPNGHeader(data)
	if err != nil {
		return file{}, err
	}
	if pngChunk(data, "acTL") != nil {
		return file{}, errors.New("png: animated images are not supported")
	}
	row := p.bytesOf(p.w)
	return file{
		w: p.w, h: p.h,
		smallest:    row * p.h / 1032, // deflate puts up to 258 bytes into 2 bits
		memory:      3*int64(p.w)*int64(p.h) + 2*int64(row) + 3*int64(p.w) + pngBlock,
		orientation: orientation(pngChunk(data, "eXIf")),
		pixels:      func(ctx context.Context) (*Image, error) { return p.decode(ctx, data) },
	}, nil
}

// decode reads the chunks up to the last, and the pixels.
func (p *pngHeader) decode(ctx context.Context, data []byte) (*Image, error) {
	var palette [256 * 3]byte // black where the file has no colour
	colours := false
	var parts [][]byte // of the compressed pixels: chunks that follow one another
	ended := false     // the parts
	for rest := data[len(signaturePNG):]; ; {
		name, body, next, err := nextChunk(rest)
		if err != nil {
			return nil, err
		}
		rest = next
		if name == "IDAT" && !ended {
			parts = append(parts, body)
			continue
		}
		ended = ended || parts != nil
		switch {
		case name == "PLTE" && parts == nil:
			if len(body) == 0 || len(body)%3 != 0 || len(body) > len(palette) {
				return nil, badPNG("a palette of %d bytes", len(body))
			}
			copy(palette[:], body)
			colours = true
		case name == "IEND":
			switch {
			case parts == nil:
				return nil, badPNG("no chunk IDAT")
			case p.palette && !colours:
				return nil, badPNG("no palette")
			}
			return p.inflate(ctx, parts, &palette)
		}
	}
}

// inflate decompresses the pixels and gives them their colours.
func (p *pngHeader) inflate(ctx context.Context, parts [][]byte, palette *[768]byte) (*Image, error) {
	readers := make([]io.Reader, len(parts))
	for i, part := range parts {
		readers[i] = bytes.NewReader(part)
	}
	z, err := zlib.NewReader(bufio.NewReader(io.MultiReader(readers...)))
	if err != nil {
		return nil, inflateError(err)
	}
	rows := &pngRows{pngHeader: p, ctx: ctx, z: z, palette: palette}
	m := newImage(p.w, p.h)
	if !p.interlaced {
		err = rows.read(p.w, p.h, m.row)
	} else {
		err = rows.passes(m)
	}
	if err != nil {
		return nil, err
	}
	if n, err := io.ReadFull(z, make([]byte, 1)); n > 0 {
		return nil, badPNG("too much pixel data")
	} else if err != io.EOF {
		return nil, inflateError(err)
	}
	return m, nil
}

// inflateError puts what zlib says in the words of the format.
func inflateError(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return badPNG("not enough pixel data")
	}
	return badPNG("%v", err)
}

// adam7 are the passes of an interlaced image: the first pixel of each and the steps to the
// next (PNG 8.2).
var adam7 = [7]struct{ x, y, stepX, stepY int }{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// passes reads an interlaced image.
func (r *pngRows) passes(m *Image) error {
	row := make([]byte, 3*m.W)
	for _, pass := range adam7 {
		w, h := (m.W-pass.x+pass.stepX-1)/pass.stepX, (m.H-pass.y+pass.stepY-1)/pass.stepY
		if w < 1 || h < 1 {
			continue
		}
		var dst []byte // of the row before
		scatter := func() {
			for x := 0; dst != nil && x < w; x++ {
				copy(dst[3*(pass.x+x*pass.stepX):][:3], row[3*x:])
			}
		}
		err := r.read(w, h, func(y int) []byte {
			scatter()
			dst = m.row(pass.y + y*pass.stepY)
			return row[:3*w]
		})
		if err != nil {
			return err
		}
		scatter()
	}
	return nil
}

// pngBlock is about how many bytes of pixels are decompressed at a time.
const pngBlock = 1 << 16

// pngRows reads rows of pixels.
type pngRows struct {
	*pngHeader
	ctx     context.Context
	z       io.Reader
	palette *[768]byte
}

// read reads h rows of w pixels. The colours of row y are written to what dst returns for it.
func (r *pngRows) read(w, h int, dst func(y int) []byte) error {
	size := 1 + r.bytesOf(w)
	pixel := max(1, r.bits*r.channels/8) // bytes, of the filters
	block := make([]byte, max(1, min(h, pngBlock/size))*size)
	above := make([]byte, size)
	for y := 0; y < h; {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		block = block[:min(len(block), (h-y)*size)]
		if _, err := io.ReadFull(r.z, block); err != nil {
			return inflateError(err)
		}
		before := above
		for at := 0; at < len(block); at += size {
			row := block[at:][:size]
			if !unfilter(row[0], row[1:], before[1:], pixel) {
				return badPNG("bad filter type %d", row[0])
			}
			r.colours(dst(y), row[1:])
			before = row
			y++
		}
		copy(above, before)
	}
	return nil
}

// colours writes the RGB of a row of pixels.
func (r *pngRows) colours(dst, row []byte) {
	wide := r.bits / 8 // bytes of a sample; 0 for less than one
	switch {
	case r.pngHeader.palette:
		for i := 0; i < len(dst); i += 3 {
			copy(dst[i:i+3], r.palette[3*int(r.sample(row, i/3)):])
		}
	case wide == 0:
		scale := 255 / (1<<r.bits - 1)
		for i := 0; i < len(dst); i += 3 {
			v := r.sample(row, i/3) * byte(scale)
			dst[i], dst[i+1], dst[i+2] = v, v, v
		}
	case r.channels < 3:
		for i, at := 0, 0; i < len(dst); i, at = i+3, at+wide*r.channels {
			v := row[at]
			dst[i], dst[i+1], dst[i+2] = v, v, v
		}
	case wide == 1 && r.channels == 3:
		copy(dst, row)
	case wide == 1:
		copy4(dst, row)
	default:
		for i, at := 0, 0; i < len(dst); i, at = i+3, at+2*r.channels {
			p := row[at:][:5]
			dst[i], dst[i+1], dst[i+2] = p[0], p[2], p[4]
		}
	}
}

// sample returns sample i of a row of samples of up to 8 bits.
func (r *pngRows) sample(row []byte, i int) byte {
	if r.bits == 8 {
		return row[i]
	}
	at := i * r.bits
	return row[at/8] >> (8 - r.bits - at%8) & (1<<r.bits - 1)
}

// unfilter adds to the bytes of a row what its filter has taken away (PNG 9.2), given the row
// above and the bytes of a pixel. It reports whether there is such a filter.
func unfilter(filter byte, row, above []byte, pixel int) bool {
	above = above[:len(row)]
	switch filter {
	case 0:
	case 1:
		for i := pixel; i < len(row); i++ {
			row[i] += row[i-pixel]
		}
	case 2:
		for i, v := range above {
			row[i] += v
		}
	case 3:
		for i, v := range above {
			left := 0
			if i >= pixel {
				left = int(row[i-pixel])
			}
			row[i] += byte((left + int(v)) / 2)
		}
	case 4:
		for i := range min(pixel, len(row)) {
			row[i] += above[i] // the only one of the three that is not zero
		}
		for c := range pixel {
			if c >= len(row) {
				break
			}
			left, corner := int(row[c]), int(above[c])
			for i := c + pixel; i < len(row); i += pixel {
				up := int(above[i])
				pa, pb := up-corner, left-corner
				pc := abs(pa + pb)
				pa, pb = abs(pa), abs(pb)
				best := left
				if pa > pb || pa > pc {
					best = up
					if pb > pc {
						best = corner
					}
				}
				left = int(row[i] + byte(best))
				row[i] = byte(left)
				corner = up
			}
		}
	default:
		return false
	}
	return true
}

func abs(x int) int { return max(x, -x) }
