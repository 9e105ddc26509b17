// Package vision turns an image file into the numbers a network is fed, with the
// pixels of the reference: decode as OpenCV, resize as Pillow, crop the centre,
// normalise.
//
//	img, err := vision.Decode(data, vision.DecodeOptions{})
//	input, h, w, err := pipeline.Apply(img) // (3,H,W)
//
// It knows neither networks nor the registry, and reads no files.
package vision

import (
	"fmt"
	"image"
	"image/color"

	"github.com/gozoo/zoo/vision/internal/kernel"
)

// An Image is 8-bit RGB without alpha, which is all that a network sees. It
// implements image.Image.
type Image struct {
	W, H int     // pixels
	Pix  []uint8 // (H,W,3): R, G, B of each pixel, rows from the top, no padding
}

// newImage returns a black image. Its pixels have the capacity that kernels like to read.
func newImage(w, h int) *Image {
	return &Image{W: w, H: h, Pix: make([]uint8, 3*w*h, 3*w*h+kernel.Beyond)}
}

// ColorModel returns color.RGBAModel: the colours are opaque.
func (m *Image) ColorModel() color.Model { return color.RGBAModel }

// Bounds returns the rectangle from (0,0) to (W,H).
func (m *Image) Bounds() image.Rectangle { return image.Rect(0, 0, m.W, m.H) }

// At returns the colour of the pixel in column x and row y, as a color.RGBA. It is
// the zero colour outside of Bounds.
func (m *Image) At(x, y int) color.Color {
	if !(image.Point{X: x, Y: y}).In(m.Bounds()) {
		return color.RGBA{}
	}
	p := m.Pix[3*(y*m.W+x):][:3]
	return color.RGBA{R: p[0], G: p[1], B: p[2], A: 255}
}

// Opaque returns true: encoders need not look for transparent pixels.
func (m *Image) Opaque() bool { return true }

// check returns an error for an image without pixels, or with more or fewer bytes
// than its sides say.
func (m *Image) check() error {
	if m.W < 1 || m.H < 1 {
		return fmt.Errorf("vision: image: expected sides of at least 1, found %dx%d", m.W, m.H)
	}
	if m.W > len(m.Pix)/3/m.H || 3*m.W*m.H != len(m.Pix) {
		return fmt.Errorf("vision: image of %dx%d: expected 3 bytes a pixel, found %d bytes", m.W, m.H, len(m.Pix))
	}
	return nil
}

// row returns row y, 3*W bytes.
func (m *Image) row(y int) []uint8 { return m.Pix[3*m.W*y:][: 3*m.W : 3*m.W] }

// FromImage returns the RGB pixels of an image. An *Image is returned as it is;
// anything else is copied. Alpha is dropped as OpenCV drops it: a half transparent
// red is red, not dark red. Samples of 16 bits lose their lower 8.
func FromImage(img image.Image) *Image {
	if m, ok := img.(*Image); ok {
		return m
	}
	b := img.Bounds()
	m := newImage(b.Dx(), b.Dy())
	fill := rowFiller(img)
	for y := range m.H {
		fill(m.row(y), b.Min.X, b.Min.Y+y)
	}
	return m
}

// rowFiller returns a function that writes the pixels of row y, from column x0 on,
// to dst, 3 bytes each.
func rowFiller(img image.Image) func(dst []uint8, x0, y int) {
	switch img := img.(type) {
	case *image.Gray:
		return func(dst []uint8, x0, y int) {
			src := img.Pix[img.PixOffset(x0, y):]
			for i := 0; i < len(dst); i += 3 {
				v := src[i/3]
				dst[i], dst[i+1], dst[i+2] = v, v, v
			}
		}
	case *image.NRGBA:
		return func(dst []uint8, x0, y int) {
			copy4(dst, img.Pix[img.PixOffset(x0, y):])
		}
	case *image.RGBA:
		if !img.Opaque() {
			break // its samples are premultiplied
		}
		return func(dst []uint8, x0, y int) {
			copy4(dst, img.Pix[img.PixOffset(x0, y):])
		}
	}
	return func(dst []uint8, x0, y int) {
		for i := 0; i < len(dst); i += 3 {
			dst[i], dst[i+1], dst[i+2] = opaque(img.At(x0+i/3, y))
		}
	}
}

// copy4 copies the first three of every four bytes of src until dst is full.
func copy4(dst, src []uint8) {
	for i := 0; i < len(dst); i += 3 {
		p := src[i/3*4:][:4]
		dst[i], dst[i+1], dst[i+2] = p[0], p[1], p[2]
	}
}

// opaque returns the colour without its alpha, 8 bits a sample.
func opaque(c color.Color) (r, g, b uint8) {
	switch c := c.(type) {
	case color.NRGBA:
		return c.R, c.G, c.B
	case color.NRGBA64:
		return uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8)
	}
	r16, g16, b16, a16 := c.RGBA()
	if a16 == 0xffff {
		return uint8(r16 >> 8), uint8(g16 >> 8), uint8(b16 >> 8)
	}
	n := color.NRGBA64Model.Convert(c).(color.NRGBA64)
	return uint8(n.R >> 8), uint8(n.G >> 8), uint8(n.B >> 8)
}
