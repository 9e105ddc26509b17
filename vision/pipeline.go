package vision

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kinds of a Resize.
const (
	ResizeNone  = "none"  // the image as it is
	ResizeShort = "short" // the shorter edge becomes Edge; see ShortEdge
	ResizeLong  = "long"  // the longer edge becomes Edge; see LongEdge
	ResizeBoth  = "both"  // both edges become Edge, the ratio is not kept
	// ResizeEfficientNet cuts the middle out first, then makes both edges of it Edge; see
	// EfficientNetCrop.
	ResizeEfficientNet = "efficientnet-center-crop"
)

// A Resize says how an image is scaled before the crop.
type Resize struct {
	Kind string `toml:"kind" json:"kind"` // one of the constants

	// The rest is zero for ResizeNone.
	Edge          int    `toml:"edge" json:"edge"`                   // pixels
	Padding       int    `toml:"padding" json:"padding"`             // pixels of Edge left out around; ResizeEfficientNet only
	Interpolation Filter `toml:"interpolation" json:"interpolation"` // one that the backend has
	Backend       string `toml:"backend" json:"backend"`             // whose arithmetic: BackendPillow or BackendOpenCV
}

// Orders of channels, what becomes of an image file's EXIF orientation, and what of a crop that is larger
// than the image.
const (
	RGB        = "rgb"
	BGR        = "bgr"
	EXIFApply  = "apply"
	EXIFIgnore = "ignore"
	FillNone   = "none"  // it becomes smaller, as mmpretrain has it
	FillBlack  = "black" // torchvision's CenterCrop
	FillMean   = "mean"  // the colour next to Mean: timm's crop mode "border"
	MiddleEven = "even"  // half a pixel left of the crop goes to the even number: see CenterCrop
	MiddleDown = "down"  // it is cut, as transformers does
)

// A Pipeline is the test-time preprocessing of a network, in the order of
// mmpretrain, timm and torchvision: resize, crop the centre, order of channels,
// (x * Scale - Mean) / Std. The keys are those of a row's input in zoo.toml.
type Pipeline struct {
	Resize Resize `toml:"resize" json:"resize"`
	Crop   int    `toml:"crop" json:"crop"` // side of the square, pixels; 0 means no crop
	// Fill says what becomes of an image that has too few pixels for the crop: FillNone, which empty means
	// too, FillBlack or FillMean.
	Fill string `toml:"fill" json:"fill"`
	// Middle says where a crop begins whose margins cannot be equal: MiddleEven, which empty means too, or MiddleDown,
	// for images that have enough pixels alone.
	Middle string `toml:"middle" json:"middle"`
	// Scale is what levels of 0 to 255 are multiplied by, in float64 and then rounded to float32: 1, which 0
	// means too, or 1./255, which is how torchvision divides by 255, bit for bit.
	Scale float64    `toml:"scale" json:"scale"`
	Mean  [3]float32 `toml:"mean" json:"mean"` // of scaled levels, in the order of channels
	Std   [3]float32 `toml:"std" json:"std"`
	Order string     `toml:"order" json:"order"` // of the network's channels: RGB, which empty means too, or BGR
	// EXIF says how the network's images are to be decoded: EXIFApply, which empty means
	// too, or EXIFIgnore. An image that is decoded already is not turned.
	EXIF string `toml:"exif" json:"exif"`
}

// DecodeOptions returns the options of Decode for images of this pipeline.
func (p Pipeline) DecodeOptions() DecodeOptions {
	return DecodeOptions{IgnoreEXIF: p.EXIF == EXIFIgnore}
}

// String returns the preprocessing in one line.
func (p Pipeline) String() string {
	resize := "no resize"
	switch r := p.Resize; r.Kind {
	case ResizeNone, "":
	case ResizeEfficientNet:
		resize = fmt.Sprintf("%s %d of %d, %s", r.Kind, r.Edge, r.Edge+r.Padding, r.Method())
	case ResizeBoth:
		resize = fmt.Sprintf("%s edges %d %s", r.Kind, r.Edge, r.Method())
	default:
		resize = fmt.Sprintf("%s edge %d %s", r.Kind, r.Edge, r.Method())
	}
	order := cmp.Or(p.Order, RGB)
	if scale := p.scale(); scale != 1 {
		order += fmt.Sprintf(", levels of 0 to %.6g", 255*scale)
	}
	crop := strconv.Itoa(p.Crop)
	if p.Fills() {
		crop += " filled up with " + p.Fill
	}
	if p.Middle == MiddleDown {
		crop += " (half pixels cut)"
	}
	return fmt.Sprintf("%s, centre crop %s, %s, mean %s, std %s, EXIF orientation: %s",
		resize, crop, order, floats(p.Mean), floats(p.Std), cmp.Or(p.EXIF, EXIFApply))
}

// Method returns the interpolation and whose it is, such as "bicubic (pillow)".
func (r Resize) Method() string {
	if r.Kind == ResizeNone {
		return "no resize"
	}
	return fmt.Sprintf("%s (%s)", r.Interpolation, r.Backend)
}

func floats(x [3]float32) string {
	var s []string
	for _, v := range x {
		s = append(s, strconv.FormatFloat(float64(v), 'g', -1, 32))
	}
	return strings.Join(s, " ")
}

// A PipelineError names the first number of a Pipeline that Apply cannot work with.
type PipelineError struct {
	Key    string // as in zoo.toml, such as "resize.edge"
	Reason string
}

// Error returns key and reason.
func (e *PipelineError) Error() string {
	return fmt.Sprintf("vision: pipeline: %s: %s", e.Key, e.Reason)
}

func badPipeline(key, format string, args ...any) error {
	return &PipelineError{key, fmt.Sprintf(format, args...)}
}

// Check returns a *PipelineError for a pipeline that Apply cannot work with.
func (p Pipeline) Check() error {
	if err := p.Resize.check(); err != nil {
		return err
	}
	if p.Crop < 0 || p.Crop > maxEdge {
		return badPipeline("crop", "expected 0 to %d, found %d", maxEdge, p.Crop)
	}
	if p.Fills() && p.Fill != FillBlack && p.Fill != FillMean {
		return badPipeline("fill", "expected %q, %q or %q, found %q", FillNone, FillBlack, FillMean, p.Fill)
	}
	if p.Middle != "" && p.Middle != MiddleEven && (p.Middle != MiddleDown || p.Fills()) {
		return badPipeline("middle", "expected %q or, without fill, %q, found %q", MiddleEven, MiddleDown, p.Middle)
	}
	for c := range 3 {
		if m, s := p.Mean[c], p.Std[c]; !finite(m) || !finite(s) || s <= 0 {
			return badPipeline("mean, std", "channel %d: expected a finite mean and a std above 0, found %v and %v", c, m, s)
		}
	}
	if s := p.scale(); math.IsNaN(s) || s <= 0 || s > maxScale {
		return badPipeline("scale", "expected a number above 0 and up to %v, such as 1 or %v, found %v", maxScale, 1./255, s)
	}
	if p.Order != "" && p.Order != RGB && p.Order != BGR {
		return badPipeline("order", "expected %q or %q, found %q", RGB, BGR, p.Order)
	}
	if p.EXIF != "" && p.EXIF != EXIFApply && p.EXIF != EXIFIgnore {
		return badPipeline("exif", "expected %q or %q, found %q", EXIFApply, EXIFIgnore, p.EXIF)
	}
	return nil
}

func (r Resize) check() error {
	switch r.Kind {
	case ResizeNone:
		if r != (Resize{Kind: ResizeNone}) {
			return badPipeline("resize", "kind %q takes no edge, padding, interpolation and backend", r.Kind)
		}
		return nil
	case ResizeShort, ResizeLong, ResizeBoth, ResizeEfficientNet:
	default:
		return badPipeline("resize.kind", "expected %q, %q, %q, %q or %q, found %q",
			ResizeNone, ResizeShort, ResizeLong, ResizeBoth, ResizeEfficientNet, r.Kind)
	}
	if r.Edge < 1 || r.Edge > maxEdge {
		return badPipeline("resize.edge", "expected 1 to %d, found %d", maxEdge, r.Edge)
	}
	if r.Padding < 0 || r.Padding > maxEdge || r.Padding > 0 && r.Kind != ResizeEfficientNet {
		return badPipeline("resize.padding", "expected 0 to %d, and 0 for kinds other than %q, found %d for %q", maxEdge,
			ResizeEfficientNet, r.Padding, r.Kind)
	}
	if r.Backend != BackendPillow && r.Backend != BackendOpenCV {
		return badPipeline("resize.backend", "expected %q or %q, found %q", BackendPillow, BackendOpenCV, r.Backend)
	}
	if err := checkFilter(r.Backend, r.Interpolation); err != nil {
		return badPipeline("resize.interpolation", "%v", err)
	}
	return nil
}

const (
	maxEdge  = 1 << 14 // bounds the sides of what a network is fed, so that no product overflows
	maxScale = 1 << 16 // so that scaled levels are finite
)

// scale returns what levels are multiplied by.
func (p Pipeline) scale() float64 { return cmp.Or(p.Scale, 1) }

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// Load decodes an image file and returns what the network sees of it: Pixels of what
// DecodeContext returns. The room in the budget is kept until both are done.
func (p Pipeline) Load(ctx context.Context, data []byte, o DecodeOptions) (*Image, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	img, release, err := decode(ctx, data, o, p.memory)
	if err != nil {
		return nil, fmt.Errorf("vision: decode: %w", err)
	}
	defer release()
	return p.Pixels(img)
}

// memory returns how many bytes Pixels takes at most for an image of that size, but for
// what it returns and a few rows.
func (p Pipeline) memory(w, h int) int64 {
	g := p.geometry(w, h)
	switch seen := g.seen(); {
	case p.Resize.Kind == ResizeEfficientNet:
		return 3 * int64(g.part.w) * int64(g.part.h)
	case seen != g.crop:
		return 3 * int64(seen.w) * int64(seen.h)
	}
	return 0
}

// Pixels returns what the network sees of an image: resized and cropped, in RGB
// whatever the pipeline's channel order. It may be the image itself.
func (p Pipeline) Pixels(img *Image) (*Image, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if err := img.check(); err != nil {
		return nil, err
	}
	g := p.geometry(img.W, img.H)
	if g.crop.w > MaxPixels/g.crop.h {
		return nil, fmt.Errorf("vision: pipeline: image of %dx%d: %w", img.W, img.H, &SizeError{g.crop.w, g.crop.h, MaxPixels})
	}
	if p.Resize.Kind == ResizeEfficientNet {
		img = cut(img, g.part.x, g.part.y, g.part.w, g.part.h)
	}
	seen := g.seen()
	switch {
	case p.Resize.Kind != ResizeNone:
		img = resizeWindow(img, g.w, g.h, p.Resize.Backend, p.Resize.Interpolation, seen)
	case p.Crop > 0:
		img = cut(img, seen.x, seen.y, seen.w, seen.h)
	}
	if seen != g.crop {
		img = frame(img, seen.x-g.crop.x, seen.y-g.crop.y, g.crop.w, g.crop.h, p.fill())
	}
	return img, nil
}

// Fills reports whether images that are smaller than the crop are filled up.
func (p Pipeline) Fills() bool { return p.Fill != "" && p.Fill != FillNone }

// fill returns the colour that images are filled up with. That of FillMean is the level next to each
// channel's mean, of two the even one.
func (p Pipeline) fill() (rgb [3]uint8) {
	if p.Fill == FillBlack {
		return rgb
	}
	for c, m := range p.Mean {
		if p.Order == BGR {
			c = 2 - c
		}
		rgb[c] = uint8(min(max(math.RoundToEven(float64(m)/p.scale()), 0), 255))
	}
	return rgb
}

// Apply returns the network's input (3,H,W) for an image, and H and W.
func (p Pipeline) Apply(img *Image) (input []float32, h, w int, err error) {
	pixels, err := p.Pixels(img)
	if err != nil {
		return nil, 0, 0, err
	}
	return p.Normalize(pixels), pixels.H, pixels.W, nil
}
