package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	"golang.org/x/image/webp"
)

func openWebP(data []byte) (file, error) {
	const animated = 2 // among the flags of an extended header
	if len(data) > 20 && starts(data[12:], "VP8X") && data[20]&animated != 0 {
		return file{}, errors.New("webp: animated images are not supported")
	}
	config, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return file{}, err
	}
	return file{
		w: config.Width, h: config.Height,
		orientation: orientation(webpEXIF(data)),
		pixels: func() (*Image, error) {
			img, err := webp.Decode(bytes.NewReader(data))
			if err != nil {
				return nil, err
			}
			switch img := img.(type) {
			case *image.YCbCr:
				return fromVP8(img), nil
			case *image.NYCbCrA:
				return fromVP8(&img.YCbCr), nil
			}
			return FromImage(img), nil
		},
	}, nil
}

// webpEXIF returns the EXIF data of a WebP file; nil when it has none.
func webpEXIF(data []byte) []byte {
	const head = 8 // of a chunk: its name and size
	for data = data[min(len(data), 12):]; len(data) >= head; {
		n := int64(binary.LittleEndian.Uint32(data[4:]))
		if n > int64(len(data)-head) {
			return nil
		}
		if starts(data, "EXIF") {
			return data[head:][:n]
		}
		data = data[min(int64(len(data)), head+n+n&1):]
	}
	return nil
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
