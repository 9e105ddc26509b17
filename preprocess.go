package zoo

import (
	"fmt"
	"io/fs"

	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/vision"
)

// Preprocessing returns the named model's test-time preprocessing.
func (z *Zoo) Preprocessing(name string) (vision.Pipeline, error) {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return vision.Pipeline{}, err
	}
	return pipeline(entry)
}

// pipeline returns an entry's preprocessing in the words of the package vision.
func pipeline(entry *registry.Entry) (vision.Pipeline, error) {
	in := &entry.Input
	p := vision.Pipeline{
		Resize:     vision.Resize{Kind: vision.ResizeNone},
		Crop:       in.Crop,
		BGR:        in.Order == registry.BGR,
		IgnoreEXIF: in.EXIF == registry.EXIFIgnore,
	}
	if r := in.Resize; r.Kind != registry.ResizeNone {
		kind, ok := resizeKinds[r.Kind]
		if !ok {
			return p, fmt.Errorf("zoo: entry %q: no rule is implemented for resizing of kind %q", entry.Name, r.Kind)
		}
		p.Resize = vision.Resize{Kind: kind, Edge: r.Edge, Padding: r.Padding, Interpolation: vision.Filter(r.Interpolation), Backend: r.Backend}
	}
	for c := range p.Mean {
		p.Mean[c], p.Std[c] = float32(in.Mean[c]), float32(in.Std[c])
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("zoo: entry %q: %w", entry.Name, err)
	}
	return p, nil
}

// resizeKinds maps the registry's words for kinds of resizing to those of package vision.
var resizeKinds = map[string]string{
	registry.ResizeShort:        vision.ResizeShortEdge,
	registry.ResizeBoth:         vision.ResizeBoth,
	registry.ResizeEfficientNet: vision.ResizeEfficientNet,
}

// interpolation says how an entry's images are resized, and by whose rules.
func interpolation(entry *registry.Entry) string {
	r := entry.Input.Resize
	if r.Kind == registry.ResizeNone {
		return "no resize"
	}
	return fmt.Sprintf("%s (%s)", r.Interpolation, r.Backend)
}

// decoder is what makes pixels of image files, for reports.
const decoder = "decoded as libjpeg-turbo does"

// preprocess reads one image of a file system into a network input (C,H,W).
func (m *Model) preprocess(images fs.FS, name string) (input []float32, h, w int, err error) {
	if m.noPixels != nil {
		return nil, 0, 0, m.noPixels
	}
	data, err := fs.ReadFile(images, name)
	if err != nil {
		return nil, 0, 0, err
	}
	img, err := vision.Decode(data, m.pipeline.DecodeOptions())
	if err != nil {
		return nil, 0, 0, fmt.Errorf("%s: %w", name, err)
	}
	return m.pipeline.Apply(img)
}
