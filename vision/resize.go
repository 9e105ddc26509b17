package vision

import "fmt"

// A Filter is an interpolation, named as in zoo.toml.
type Filter string

// The filters. How they are computed is a matter of the backend.
const (
	Bilinear Filter = "bilinear" // between the 2 nearest pixels of a row or column
	Bicubic  Filter = "bicubic"  // between the 4 nearest
	Area     Filter = "area"     // mean of the pixels that a pixel covers; BackendOpenCV only
)

// Backends: whose arithmetic a resize has. They differ in more than rounding: shrinking,
// Pillow widens the filters (antialiasing) and OpenCV does not.
const (
	BackendPillow = "pillow" // see ResizePillow
	BackendOpenCV = "cv2"    // see ResizeOpenCV
)

// A window is a rectangle of pixels of the scaled image.
type window struct{ x, y, w, h int }

// ResizePillow returns the image scaled to w by h pixels, byte for byte as Pillow's
// Image.resize does it since version 13: when shrinking, the filter is widened by the
// ratio (antialiasing); the width is scaled first, then the height, with weights of 22
// bits, each pass rounded to bytes; a side that stays is not touched. Where the height
// loses more than twice the pixels that the width does, it comes first. The cubic is Keys'
// with a = -0.5. It panics when w or h is below 1 or the filter is not Bilinear or Bicubic.
func ResizePillow(img *Image, w, h int, f Filter) *Image {
	mustResize(w, h, BackendPillow, f)
	return resizePillow(img, w, h, f, window{0, 0, w, h})
}

// ResizeOpenCV returns the image scaled to w by h pixels, byte for byte as OpenCV's
// cv2.resize does it. Pixels are aligned by their centres, the outermost are repeated
// beyond the edge, and nothing is antialiased but by Area.
//
//   - Bilinear has OpenCV's fixed point: weights of 11 bits. Shrinking to exactly half of
//     both sides is the mean of four pixels.
//   - Bicubic (Keys' cubic, a = -0.75) is on x86-64 computed by Intel's IPP, which
//     OpenCV's packages for Python hold: in float32, rows first. This is what a processor
//     with AVX-512 gives; on one with AVX2 only, IPP itself differs by one level in three
//     bytes of a million, and OpenCV built without IPP in four of a hundred. For images
//     with a side below 4, which IPP does not take, it is OpenCV's own arithmetic.
//   - Area shrinks in float32 by the shares of the pixels covered. Where a side grows it
//     is a kind of bilinear interpolation, as in OpenCV.
//
// It panics when w or h is below 1 or the filter is not one of the constants.
func ResizeOpenCV(img *Image, w, h int, f Filter) *Image {
	mustResize(w, h, BackendOpenCV, f)
	return resizeOpenCV(img, w, h, f, window{0, 0, w, h})
}

// resizeWindow returns the pixels of the scaled image inside of the window, without
// computing the others.
func resizeWindow(img *Image, w, h int, backend string, f Filter, win window) *Image {
	if backend == BackendOpenCV {
		return resizeOpenCV(img, w, h, f, win)
	}
	return resizePillow(img, w, h, f, win)
}

// checkFilter returns an error for a filter that a backend does not have.
func checkFilter(backend string, f Filter) error {
	filters := []Filter{Bilinear, Bicubic}
	switch backend {
	case BackendPillow:
	case BackendOpenCV:
		filters = append(filters, Area)
	default:
		return fmt.Errorf("expected the backend %q or %q, found %q", BackendPillow, BackendOpenCV, backend)
	}
	for _, known := range filters {
		if f == known {
			return nil
		}
	}
	return fmt.Errorf("expected an interpolation of %q out of %q, found %q", backend, filters, f)
}

func mustResize(w, h int, backend string, f Filter) {
	if err := checkFilter(backend, f); err != nil {
		panic("vision: resize: " + err.Error())
	}
	if w < 1 || h < 1 {
		panic(fmt.Sprintf("vision: resize: expected positive sides, found %dx%d", w, h))
	}
}
