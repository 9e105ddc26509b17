package model

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"reflect"

	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

// An Input is what a network is shown: Image, Encoded and Tensor make one. An Input of
// Encoded can be used once.
type Input struct {
	image  image.Image
	reader io.Reader
	values []float32
	shape  tensor.Shape // of values; nil for an image
}

// Image returns the Input of a decoded image, which goes through the model's pipeline. One
// from vision.Decode has the reference's pixels; others are read through their At method.
func Image(img image.Image) Input { return Input{image: img} }

// Encoded returns the Input of an image file: a JPEG, PNG, WebP, BMP or TIFF. It is read
// to its end when the Input is used, and decoded once it is the call's turn. The largest
// number of pixels is the model's, Options.MaxPixels.
func Encoded(r io.Reader) Input { return Input{reader: r} }

// Tensor returns the Input of N images that are preprocessed already: values of shape
// (N,C,H,W), row-major. They are not changed, and not kept.
func Tensor(shape tensor.Shape, values []float32) Input { return Input{values: values, shape: shape} }

// Images returns the Input of each image.
func Images(images ...image.Image) []Input {
	out := make([]Input, len(images))
	for i, img := range images {
		out[i] = Image(img)
	}
	return out
}

// errNoImage says that there is no image where one was expected.
var errNoImage = errors.New("model: expected an image, found nil")

// A source is one image of an Input: encoded bytes, a decoded image, or values.
type source struct {
	encoded []byte // of an image file
	image   image.Image
	values  []float32 // (C,H,W)
	h, w    int       // of values
}

// sources returns the images of inputs in order. Readers are read to their ends.
func (m *Model) sources(inputs []Input) ([]source, error) {
	var out []source
	for _, in := range inputs {
		var one source
		switch {
		case in.shape != nil:
			n, err := m.checkTensor(in)
			if err != nil {
				return nil, err
			}
			size := len(in.values) / n
			for j := range n {
				out = append(out, source{values: in.values[j*size:][:size], h: in.shape[2], w: in.shape[3]})
			}
			continue
		case m.pipeline == (vision.Pipeline{}):
			return nil, option.Errorf("Pipeline", "model: %s has no pipeline: it takes tensors only", m.name)
		case in.reader != nil:
			data, err := m.readAll(in.reader)
			if err != nil {
				return nil, err
			}
			one.encoded = data
		case isNil(in.image):
			return nil, errNoImage
		default:
			one.image = in.image
		}
		out = append(out, one)
	}
	return out, nil
}

// isNil reports whether there is no image: none at all, or a nil pointer to one.
func isNil(img image.Image) bool {
	if img == nil {
		return true
	}
	v := reflect.ValueOf(img)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// checkTensor returns how many images a Tensor holds.
func (m *Model) checkTensor(in Input) (int, error) {
	bad := func(format string, args ...any) (int, error) {
		return 0, &nn.InputError{Input: in.shape, Err: fmt.Errorf("model: input %v: "+format, append([]any{in.shape}, args...)...)}
	}
	if s := in.shape; len(s) != 4 || s[0] < 1 || s[1] != m.Graph().Channels || s[2] < 1 || s[3] < 1 {
		return bad("expected (N,%d,H,W)", m.Graph().Channels)
	}
	if n, err := in.shape.Numel(); err != nil || n != len(in.values) {
		return bad("expected as many values, found %d", len(in.values))
	}
	return in.shape[0], nil
}

// readAll returns all bytes of an image file, of which there must not be more than the
// largest image has.
func (m *Model) readAll(r io.Reader) ([]byte, error) {
	limit := vision.MaxBytes(m.maxPixels)
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("expected at most %d bytes, found more", limit)
	}
	if err != nil {
		return nil, fmt.Errorf("model: image: %w", err)
	}
	return data, nil
}

// A prepared image is ready to be written into a network's input.
type prepared struct {
	source
	pixels *vision.Image // nil for values
}

// prepare decodes, resizes and crops.
func (m *Model) prepare(ctx context.Context, s source) (prepared, error) {
	p := prepared{source: s}
	if s.values != nil {
		return p, nil
	}
	var err error
	if s.encoded != nil {
		p.pixels, err = m.pipeline.Load(ctx, s.encoded, m.DecodeOptions())
	} else {
		p.pixels, err = m.pipeline.Pixels(vision.FromImage(s.image))
	}
	if err != nil {
		return p, err
	}
	p.h, p.w = p.pixels.H, p.pixels.W
	return p, nil
}

// write writes the image to dst, (C,H,W).
func (p *prepared) write(m *Model, dst []float32) {
	if p.values != nil {
		copy(dst, p.values)
	} else {
		m.pipeline.NormalizeTo(dst, p.pixels)
	}
}

// check returns an *nn.InputError for a tensor that is no number somewhere.
func (p *prepared) check(m *Model) error {
	for i, x := range p.values {
		if x-x != 0 {
			shape := tensor.Shape{1, m.Graph().Channels, p.h, p.w}
			return &nn.InputError{Input: shape, Err: fmt.Errorf("model: input %v: value %d is %v: expected finite numbers", shape, i, x)}
		}
	}
	return nil
}
