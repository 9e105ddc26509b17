package vision

import (
	"fmt"
	"math"
)

// Kinds of a Resize.
const (
	ResizeNone      = "none"       // the image as it is
	ResizeShortEdge = "short-edge" // the shorter edge becomes Edge; see ShortEdge
	ResizeBoth      = "both"       // both edges become Edge, the ratio is not kept
	// ResizeEfficientNet cuts the middle out first, then makes both edges of it Edge; see
	// EfficientNetCrop.
	ResizeEfficientNet = "efficientnet-center-crop"
)

// A Resize says how an image is scaled before the crop.
type Resize struct {
	Kind string // one of the constants

	// The rest is zero for ResizeNone.
	Edge          int    // pixels
	Padding       int    // pixels of Edge left out around; ResizeEfficientNet only
	Interpolation Filter // one that the backend has
	Backend       string // whose arithmetic: BackendPillow or BackendOpenCV
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
	if err := p.Resize.check(); err != nil {
		return fmt.Errorf("resize: %w", err)
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

func (r Resize) check() error {
	switch r.Kind {
	case ResizeNone:
		if r != (Resize{Kind: ResizeNone}) {
			return fmt.Errorf("expected no edge, padding, interpolation and backend for kind %q, found %+v", r.Kind, r)
		}
		return nil
	case ResizeShortEdge, ResizeBoth, ResizeEfficientNet:
	default:
		return fmt.Errorf("expected the kind %q, %q, %q or %q, found %q",
			ResizeNone, ResizeShortEdge, ResizeBoth, ResizeEfficientNet, r.Kind)
	}
	if r.Edge < 1 || r.Edge > maxEdge {
		return fmt.Errorf("expected an edge of 1 to %d, found %d", maxEdge, r.Edge)
	}
	if r.Padding < 0 || r.Padding > maxEdge || r.Padding > 0 && r.Kind != ResizeEfficientNet {
		return fmt.Errorf("expected a padding of 0 to %d, and 0 for kinds other than %q, found %d for %q",
			maxEdge, ResizeEfficientNet, r.Padding, r.Kind)
	}
	return checkFilter(r.Backend, r.Interpolation)
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
	r := p.Resize
	w, h := img.W, img.H
	switch r.Kind {
	case ResizeShortEdge:
		w, h = ShortEdge(w, h, r.Edge)
	case ResizeBoth:
		w, h = r.Edge, r.Edge
	case ResizeEfficientNet:
		x, y, side := EfficientNetCrop(w, h, r.Edge, r.Padding)
		img = cut(img, x, y, min(side, w-x), min(side, h-y))
		w, h = r.Edge, r.Edge
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
	case r.Kind != ResizeNone:
		return resizeWindow(img, w, h, r.Backend, r.Interpolation, win), nil
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
