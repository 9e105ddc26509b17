package vision

import (
	"fmt"
	"math"
)

// Kinds and backends of a Resize.
const (
	ResizeNone      = "none"       // the image as it is
	ResizeShortEdge = "short-edge" // see ShortEdge
	BackendPillow   = "pillow"     // see ResizePillow
)

// A Resize says how an image is scaled before the crop.
type Resize struct {
	Kind string // ResizeNone or ResizeShortEdge

	// The rest is zero for ResizeNone.
	Edge          int    // pixels
	Interpolation Filter // Bilinear or Bicubic
	Backend       string // whose arithmetic: BackendPillow
}

// A Pipeline is the test-time preprocessing of a network, in the order of
// mmpretrain: resize, crop the centre, order of channels, (x - Mean) / Std.
type Pipeline struct {
	Resize Resize
	Crop   int        // side of the square, pixels; 0 means no crop
	Mean   [3]float32 // in levels of 0 to 255, in channel order
	Std    [3]float32
	BGR    bool // the network wants blue first
	// IgnoreEXIF is what the network's images are to be decoded with; see
	// DecodeOptions. An image that is decoded already is not turned.
	IgnoreEXIF bool
}

// DecodeOptions returns the options of Decode for images of this pipeline.
func (p Pipeline) DecodeOptions() DecodeOptions {
	return DecodeOptions{IgnoreEXIF: p.IgnoreEXIF}
}

// Check returns an error that names the first number that Apply could not work
// with.
func (p Pipeline) Check() error {
	if err := p.check(); err != nil {
		return fmt.Errorf("vision: pipeline: %w", err)
	}
	return nil
}

func (p Pipeline) check() error {
	switch r := p.Resize; r.Kind {
	case ResizeNone:
		if r != (Resize{Kind: ResizeNone}) {
			return fmt.Errorf("resize: expected no edge, interpolation and backend for kind %q, found %+v", r.Kind, r)
		}
	case ResizeShortEdge:
		if r.Edge < 1 || r.Edge > maxEdge {
			return fmt.Errorf("resize: expected an edge of 1 to %d, found %d", maxEdge, r.Edge)
		}
		if weight, _ := r.Interpolation.kernel(); weight == nil {
			return fmt.Errorf("resize: expected the interpolation %q or %q, found %q", Bilinear, Bicubic, r.Interpolation)
		}
		if r.Backend != BackendPillow {
			return fmt.Errorf("resize: expected the backend %q, found %q, whose arithmetic is not implemented", BackendPillow, r.Backend)
		}
	default:
		return fmt.Errorf("resize: expected the kind %q or %q, found %q", ResizeNone, ResizeShortEdge, r.Kind)
	}
	if p.Crop < 0 || p.Crop > maxEdge {
		return fmt.Errorf("crop: expected 0 to %d, found %d", maxEdge, p.Crop)
	}
	for c := range 3 {
		if m, s := p.Mean[c], p.Std[c]; !finite(m) || !finite(s) || s <= 0 {
			return fmt.Errorf("channel %d: expected a finite mean and a std above 0, found %v and %v", c, m, s)
		}
	}
	return nil
}

// maxEdge bounds the sides of what a network is fed, so that no product overflows.
const maxEdge = 1 << 14

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// Pixels returns what the network sees of an image: resized and cropped, in RGB
// whatever the pipeline's channel order. It may be the image itself.
func (p Pipeline) Pixels(img *Image) (*Image, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if err := img.check(); err != nil {
		return nil, err
	}
	w, h := img.W, img.H
	if p.Resize.Kind == ResizeShortEdge {
		w, h = ShortEdge(w, h, p.Resize.Edge)
	}
	win := window{0, 0, w, h}
	if p.Crop > 0 {
		win.x, win.w = cropSpan(w, p.Crop)
		win.y, win.h = cropSpan(h, p.Crop)
	}
	if win.w > MaxPixels/win.h {
		return nil, fmt.Errorf("vision: pipeline: image of %dx%d: %w", img.W, img.H, &SizeError{win.w, win.h, MaxPixels})
	}
	switch {
	case p.Resize.Kind == ResizeShortEdge:
		return resizeWindow(img, w, h, p.Resize.Interpolation, win), nil
	case p.Crop > 0:
		return cut(img, win.x, win.y, win.w, win.h), nil
	}
	return img, nil
}

// Apply returns the network's input (3,H,W) for an image, and H and W.
func (p Pipeline) Apply(img *Image) (input []float32, h, w int, err error) {
	pixels, err := p.Pixels(img)
	if err != nil {
		return nil, 0, 0, err
	}
	return p.Normalize(pixels), pixels.H, pixels.W, nil
}
