package vision

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image/color"

	"golang.org/x/image/bmp"
)

func openBMP(data []byte) (file, error) {
	config, err := bmp.DecodeConfig(bytes.NewReader(data))
	if errors.Is(err, bmp.ErrUnsupported) {
		return file{}, errors.New("bmp: run-length coding, bit fields, 16 bits a pixel and old headers are not supported")
	}
	if err != nil {
		return file{}, err
	}
	// What follows was checked above.
	w, h, bits := config.Width, config.Height, int(binary.LittleEndian.Uint16(data[28:]))
	rows := bmpRows{
		w: w, bits: bits,
		data:    data[min(len(data), int(binary.LittleEndian.Uint32(data[10:]))):],
		stride:  (w*bits + 31) / 32 * 4,
		upward:  int32(binary.LittleEndian.Uint32(data[22:])) > 0,
		colours: nil,
		height:  h,
	}
	rows.colours, _ = config.ColorModel.(color.Palette)
	return file{
		w: w, h: h,
		smallest:    rows.stride * h,
		memory:      3 * int64(w) * int64(h),
		orientation: 1,
		pixels:      rows.decode,
	}, nil
}

// bmpRows are the pixels of a BMP file.
type bmpRows struct {
	data      []byte
	w, height int
	bits      int // of a pixel
	stride    int // bytes of a row
	upward    bool
	colours   color.Palette // of 1 to 8 bits
}

func (b *bmpRows) decode(ctx context.Context) (*Image, error) {
	if len(b.data)/b.stride < b.height {
		return nil, ErrTruncated
	}
	m := newImage(b.w, b.height)
	for y := range b.height {
		if y%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		src, dst := b.data[y*b.stride:][:b.stride], m.row(y)
		if b.upward {
			dst = m.row(b.height - 1 - y)
		}
		if b.bits > 8 {
			for i, at := 0, 0; i < len(dst); i, at = i+3, at+b.bits/8 {
				p := src[at:][:3] // blue first
				dst[i], dst[i+1], dst[i+2] = p[2], p[1], p[0]
			}
			continue
		}
		for x := range b.w {
			at := x * b.bits
			index := int(src[at/8] >> (8 - b.bits - at%8) & (1<<b.bits - 1))
			if index >= len(b.colours) {
				return nil, errors.New("bmp: a pixel has a colour that is not in the palette")
			}
			c := b.colours[index].(color.RGBA)
			dst[3*x], dst[3*x+1], dst[3*x+2] = c.R, c.G, c.B
		}
	}
	return m, nil
}
