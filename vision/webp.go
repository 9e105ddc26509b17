package vision

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/vp8"

	"github.com/gozoo/zoo/vision/internal/vp8l"
)

// A webpChunk is a part of a WebP file.
type webpChunk struct {
	name string
	data []byte
}

// webpChunks returns the chunks of a file, up to one that the file ends in, if there is such.
func webpChunks(data []byte) (chunks []webpChunk, cut bool) {
	const riff, head = 12, 8 // bytes before the chunks, and of a chunk's name and size
	for data = data[riff:]; len(data) > 0; {
		if len(data) < head {
			return chunks, true
		}
		n := int64(binary.LittleEndian.Uint32(data[4:]))
		if n > int64(len(data)-head) {
			return chunks, true
		}
		chunks = append(chunks, webpChunk{string(data[:4]), data[head:][:n]})
		data = data[min(int64(len(data)), head+n+n&1):]
	}
	return chunks, false
}

func openWebP(data []byte) (file, error) {
	chunks, cut := webpChunks(data)
	var canvas, pixels, exif []byte
	lossless := false
	for _, c := range chunks {
		switch c.name {
		case "VP8X":
			if canvas == nil {
				canvas = c.data
			}
		case "EXIF":
			if exif == nil {
				exif = c.data
			}
		case "VP8 ", "VP8L":
			if pixels == nil {
				pixels, lossless = c.data, c.name == "VP8L"
			}
		}
	}
	if canvas != nil {
		const animated = 2 // among the flags of an extended header
		if len(canvas) < 10 {
			return file{}, errors.New("webp: invalid format: a short chunk VP8X")
		}
		if canvas[0]&animated != 0 {
			return file{}, errors.New("webp: animated images are not supported")
		}
	}
	if pixels == nil {
		if cut {
			return file{}, ErrTruncated
		}
		return file{}, errors.New("webp: invalid format: no chunk VP8 or VP8L")
	}
	open := openVP8
	if lossless {
		open = openVP8L
	}
	f, err := open(pixels)
	if err != nil {
		return file{}, err
	}
	if canvas != nil {
		side := func(p []byte) int { return int(p[0]) | int(p[1])<<8 | int(p[2])<<16 + 1 }
		if w, h := side(canvas[4:]), side(canvas[7:]); w != f.w || h != f.h {
			return file{}, fmt.Errorf("webp: invalid format: a canvas of %dx%d for an image of %dx%d", w, h, f.w, f.h)
		}
	}
	f.orientation = orientation(exif)
	return f, nil
}

func openVP8L(data []byte) (file, error) {
	w, h, err := vp8l.Size(data)
	if err != nil {
		return file{}, webpError(err)
	}
	return file{w: w, h: h, memory: vp8l.Memory(w, h), pixels: func(ctx context.Context) (*Image, error) {
		pix, err := vp8l.Decode(ctx, data)
		if err != nil {
			return nil, webpError(err)
		}
		reclaim(7 * int64(len(pix)))
		m := newImage(w, h)
		for i, v := range pix {
			p := m.Pix[3*i:][:3]
			p[0], p[1], p[2] = uint8(v>>16), uint8(v>>8), uint8(v)
		}
		return m, nil
	}}, nil
}

func webpError(err error) error {
	if errors.Is(err, vp8l.ErrTruncated) {
		return ErrTruncated
	}
	return err
}

func openVP8(data []byte) (file, error) {
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(data), len(data))
	head, err := d.DecodeFrameHeader()
	if err != nil {
		return file{}, err
	}
	if !head.KeyFrame {
		return file{}, errors.New("webp: invalid format: no key frame")
	}
	n, ended := int64(head.Width+16)*int64(head.Height+16), make(chan struct{})
	return file{w: head.Width, h: head.Height, memory: 5 * n, ended: ended, pixels: func(ctx context.Context) (*Image, error) {
		// The decoder knows no context: it is left behind when that ends.
		var img *image.YCbCr
		var err error
		go func() {
			defer close(ended)
			img, err = d.DecodeFrame()
		}()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ended:
		}
		if err != nil {
			return nil, err
		}
		return fromVP8(img), nil
	}}, nil
}

// fromVP8 converts the samples of a lossy WebP image as libwebp does: chroma, of half the
// width and height, is interpolated, and luma has the range of 16 to 235 (ITU-R BT.601).
func fromVP8(img *image.YCbCr) *Image {
	m := newImage(img.Rect.Dx(), img.Rect.Dy())
	n := (m.W + 1) / 2 // samples of chroma in a row
	chroma := func(plane []uint8, y int) []uint8 {
		return plane[min(max(y, 0), (m.H-1)/2)*img.CStride:][:n]
	}
	u, v := make([]uint8, 2*n), make([]uint8, 2*n)
	for y := range m.H {
		// The nearer row of chroma and the one on the other side, above for even rows.
		near, far := y/2, y/2-1+y%2*2
		interpolate(u, chroma(img.Cb, near), chroma(img.Cb, far))
		interpolate(v, chroma(img.Cr, near), chroma(img.Cr, far))
		dst := m.row(y)
		for x, l := range img.Y[y*img.YStride:][:m.W] {
			l, u, v := int(l), int(u[x]), int(v[x])
			light := l * 19077 >> 8
			d := dst[3*x:][:3]
			d[0] = clipVP8(light + v*26149>>8 - 14234)
			d[1] = clipVP8(light - u*6419>>8 - v*13320>>8 + 8708)
			d[2] = clipVP8(light + u*33050>>8 - 17685)
		}
	}
	return m
}

// interpolate doubles a row of chroma: 9/16 of the nearest of four samples, 3/16 of its
// neighbours and 1/16 of the one across, the mean of two means as libwebp has it. The
// first and the last have neighbours in the other row only.
func interpolate(dst, near, far []uint8) {
	last := len(near) - 1
	dst[0] = uint8((3*int(near[0]) + int(far[0]) + 2) >> 2)
	dst[2*last+1] = uint8((3*int(near[last]) + int(far[last]) + 2) >> 2)
	for i := range last {
		a, b, c, d := int(near[i]), int(near[i+1]), int(far[i]), int(far[i+1])
		sum := a + b + c + d + 8
		across, along := (sum+2*(b+c))>>3, (sum+2*(a+d))>>3
		dst[2*i+1], dst[2*i+2] = uint8((across+a)>>1), uint8((along+b)>>1)
	}
}

// clipVP8 returns the whole part of a level with 6 fraction bits, held to the range of a
// byte.
func clipVP8(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
