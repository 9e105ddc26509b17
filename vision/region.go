package vision

import "fmt"

// A Region is a rectangle of a picture, in its pixels. Pixel 0 of a row lies between 0 and 1, so that
// borders may run through pixels.
type Region struct {
	X float64 `json:"x"` // left border
	Y float64 `json:"y"` // upper border
	W float64 `json:"width"`
	H float64 `json:"height"`
}

// Region returns the part of a w by h picture that the network sees: what Pixels resizes and crops. The
// picture is upright as DecodeOptions of the pipeline has it. Where the picture is scaled by different
// factors across and down, or not cropped, so is the region. It reaches beyond the picture only
// where Fill adds to it.
func (p Pipeline) Region(w, h int) (Region, error) {
	if err := p.Check(); err != nil {
		return Region{}, err
	}
	if w < 1 || h < 1 {
		return Region{}, fmt.Errorf("vision: image: expected sides of at least 1, found %dx%d", w, h)
	}
	g := p.geometry(w, h)
	x, y := float64(g.part.w)/float64(g.w), float64(g.part.h)/float64(g.h) // pixels of the picture for one of the scaled part
	return Region{
		X: float64(g.part.x) + x*float64(g.crop.x), Y: float64(g.part.y) + y*float64(g.crop.y),
		W: x * float64(g.crop.w), H: y * float64(g.crop.h),
	}, nil
}

// geometry is what becomes of a picture: a part of it is scaled to w by h pixels, of which crop is left.
type geometry struct {
	part window // of the picture
	w, h int
	crop window // of the scaled part; reaches beyond it where that is filled up
}

// seen returns what there is of the crop.
func (g geometry) seen() window {
	x, y := max(g.crop.x, 0), max(g.crop.y, 0)
	return window{x, y, min(g.crop.x+g.crop.w, g.w) - x, min(g.crop.y+g.crop.h, g.h) - y}
}

// geometry returns what becomes of a w by h picture.
func (p Pipeline) geometry(w, h int) geometry {
	g := geometry{part: window{0, 0, w, h}, w: w, h: h}
	switch r := p.Resize; r.Kind {
	case ResizeShort:
		g.w, g.h = ShortEdge(w, h, r.Edge)
	case ResizeLong:
		g.w, g.h = LongEdge(w, h, r.Edge)
	case ResizeBoth:
		g.w, g.h = r.Edge, r.Edge
	case ResizeEfficientNet:
		x, y, side := EfficientNetCrop(w, h, r.Edge, r.Padding)
		g.part = window{x, y, min(side, w-x), min(side, h-y)}
		g.w, g.h = r.Edge, r.Edge
	}
	g.crop = window{0, 0, g.w, g.h}
	span := cropSpan
	switch {
	case p.Fills():
		span = frameSpan
	case p.Middle == MiddleDown:
		span = downSpan
	}
	if p.Crop > 0 {
		g.crop.x, g.crop.w = span(g.w, p.Crop)
		g.crop.y, g.crop.h = span(g.h, p.Crop)
	}
	return g
}
