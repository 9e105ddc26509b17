package vision

import (
	"bytes"
	"errors"
	"image"
	"image/color"

	"golang.org/x/image/tiff"
)

func openTIFF(data []byte) (file, error) {
	config, err := tiff.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return file{}, err
	}
	// What x/image would take for something else.
	if c, _ := readField(data, tagCompression); c >= 2 && c <= 4 {
		return file{}, errors.New("tiff: images of fax machines (CCITT compression) are not supported")
	}
	if planar, _ := readField(data, tagPlanar); planar == 2 {
		return file{}, errors.New("tiff: a plane for each colour is not supported")
	}
	if order, _ := readField(data, tagFillOrder); order == 2 {
		return file{}, errors.New("tiff: bytes with their bits reversed are not supported")
	}
	return file{
		w: config.Width, h: config.Height,
		smallest:    config.Width / 8 * config.Height / 2731, // LZW puts up to 4096 bytes into 12 bits
		orientation: 1,
		pixels: func() (*Image, error) {
			img, err := tiff.Decode(bytes.NewReader(data))
			if err != nil {
				return nil, err
			}
			// A TIFF file has the fields of EXIF data. OpenCV heeds this one whatever it
			// is told about EXIF.
			return orient(fromTIFF(img), orientation(data)), nil
		},
	}, nil
}

// fromTIFF converts an image as libtiff does for OpenCV: colours are multiplied by an
// alpha that they are not multiplied by yet, and 16 bits are rounded to 8, in grey cut.
func fromTIFF(img image.Image) *Image {
	var rgb func(x, y int) (r, g, b uint8)
	switch img := img.(type) {
	case *image.Paletted:
		shift := 0 // a palette without numbers above 255 is taken for one of 8 bits
		for _, c := range img.Palette {
			if r, g, b, _ := c.RGBA(); max(r, g, b) > 255 {
				shift = 8
			}
		}
		rgb = func(x, y int) (r, g, b uint8) {
			r16, g16, b16, _ := img.Palette[img.ColorIndexAt(x, y)].RGBA()
			return uint8(r16 >> shift), uint8(g16 >> shift), uint8(b16 >> shift)
		}
	case *image.RGBA:
		rgb = func(x, y int) (r, g, b uint8) {
			c := img.RGBAAt(x, y)
			return c.R, c.G, c.B
		}
	case *image.NRGBA:
		rgb = func(x, y int) (r, g, b uint8) { return multiplied(img.NRGBAAt(x, y)) }
	case *image.RGBA64:
		rgb = func(x, y int) (r, g, b uint8) {
			c := img.RGBA64At(x, y)
			return to8(c.R), to8(c.G), to8(c.B)
		}
	case *image.NRGBA64:
		rgb = func(x, y int) (r, g, b uint8) {
			c := img.NRGBA64At(x, y)
			return multiplied(color.NRGBA{R: to8(c.R), G: to8(c.G), B: to8(c.B), A: to8(c.A)})
		}
	default: // grey
		return FromImage(img)
	}
	b := img.Bounds()
	m := newImage(b.Dx(), b.Dy())
	for y := range m.H {
		row := m.row(y)
		for x := range m.W {
			row[3*x], row[3*x+1], row[3*x+2] = rgb(b.Min.X+x, b.Min.Y+y)
		}
	}
	return m
}

func to8(v uint16) uint8 { return uint8((uint32(v) + 128) / 257) }

func multiplied(c color.NRGBA) (r, g, b uint8) {
	by := func(v uint8) uint8 { return uint8((int(v)*int(c.A) + 127) / 255) }
	return by(c.R), by(c.G), by(c.B)
}
