package model

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"github.com/gozoo/zoo/vision"
)

// CAMOpacity is how much a CAM covers of what it lies over, unless told otherwise.
const CAMOpacity = 0.5

// Image returns the pixels that the network saw, resized and cropped, with the map laid over them at
// CAMOpacity: see Over.
func (c *CAM) Image() image.Image { return c.Crop(CAMOpacity) }

// Crop returns the pixels that the network saw, resized and cropped, with the map laid over them: see
// Over. It panics where the opacity is not 0 to 1.
func (c *CAM) Crop(opacity float64) image.Image {
	return c.over(c.seen, vision.Region{W: float64(c.seen.W), H: float64(c.seen.H)}, opacity)
}

// Over returns the picture that the map was computed of with the map laid over the region that the
// network saw; what lies outside of it stays as it is. Within, opacity is the share, 0 to 1, that the
// map's colour has of a pixel's: black where a place speaks against the class or not at all, then
// red, yellow, and white where it speaks for the class most. The picture may have been scaled since. It is
// read when the result's pixels are. Over panics where the opacity is not 0 to 1.
func (c *CAM) Over(picture image.Image, opacity float64) image.Image {
	p := vision.FromImage(picture)
	x, y := float64(p.W)/float64(c.size.X), float64(p.H)/float64(c.size.Y)
	return c.over(p, vision.Region{X: c.Region.X * x, Y: c.Region.Y * y, W: c.Region.W * x, H: c.Region.H * y}, opacity)
}

// over lays the map over a region of an image.
func (c *CAM) over(img *vision.Image, r vision.Region, opacity float64) image.Image {
	if !(opacity >= 0 && opacity <= 1) {
		panic(fmt.Sprintf("model: opacity %v of a class activation map: expected 0 to 1", opacity))
	}
	o := &overlay{Image: img, cam: c, opacity: opacity, columns: spots(img.W, r.X, r.W, c.W), rows: spots(img.H, r.Y, r.H, c.H)}
	for _, v := range c.Values {
		o.most = max(o.most, v)
	}
	return o
}

// An overlay is an image under a CAM. Its pixels are computed when they are asked for: a photograph is
// large, and written once.
type overlay struct {
	*vision.Image
	cam           *CAM
	opacity       float64
	most          float32 // of the map; 0 where nothing speaks for the class
	columns, rows []spot  // of each column and row of the image
}

// At returns the colour of a pixel, as a color.RGBA.
func (o *overlay) At(x, y int) color.Color {
	if !(image.Point{X: x, Y: y}).In(o.Bounds()) {
		return color.RGBA{}
	}
	p := o.Pix[3*(y*o.W+x):][:3]
	column, row := o.columns[x], o.rows[y]
	share := o.opacity * column.share * row.share
	if share == 0 {
		return color.RGBA{p[0], p[1], p[2], 255}
	}
	heat := 0.0
	if o.most > 0 {
		heat = max(0, o.cam.at(column, row)/float64(o.most))
	}
	r, g, b := glow(heat)
	mix := func(pixel uint8, light float64) uint8 {
		return uint8(math.Round((1-share)*float64(pixel) + share*255*light))
	}
	return color.RGBA{mix(p[0], r), mix(p[1], g), mix(p[2], b), 255}
}

// A spot is where a column of an image lies in a map: between two of its columns. Rows alike.
type spot struct {
	low, high int     // columns of the map
	part      float64 // of the second, 0 to 1
	share     float64 // of the pixel that lies under the map, 0 to 1
}

// spots returns the spot of each of n columns. A map of that many places lies over size pixels from start on.
func spots(n int, start, size float64, places int) []spot {
	out := make([]spot, n)
	for i := range out {
		s := &out[i]
		s.share = min(max(min(float64(i+1), start+size)-max(float64(i), start), 0), 1)
		at := (float64(i)+0.5-start)*float64(places)/size - 0.5
		at = min(max(at, 0), float64(places-1))
		s.low = int(at)
		s.high, s.part = min(s.low+1, places-1), at-float64(s.low)
	}
	return out
}

// at returns the map at a spot, interpolated between its places.
func (c *CAM) at(x, y spot) float64 {
	v := func(y, x int) float64 { return float64(c.Values[y*c.W+x]) }
	top := v(y.low, x.low)*(1-x.part) + v(y.low, x.high)*x.part
	bottom := v(y.high, x.low)*(1-x.part) + v(y.high, x.high)*x.part
	return top*(1-y.part) + bottom*y.part
}

// glow returns the colour, each part 0 to 1, of heat from 0 to 1: black, red, yellow,
// white.
func glow(heat float64) (r, g, b float64) {
	part := func(from float64) float64 { return min(max(3*heat-from, 0), 1) }
	return part(0), part(1), part(2)
}
