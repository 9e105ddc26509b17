package hubmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/vision"
)

// classifiers are the classes of transformers that hold a network with its classifier, and nothing else, of families
// that have recipes for its names.
var classifiers = []string{
	"ConvNextForImageClassification", "ConvNextV2ForImageClassification", "DeiTForImageClassificationWithTeacher",
	"EfficientNetForImageClassification",
	"MobileNetV2ForImageClassification", "RegNetForImageClassification", "ResNetForImageClassification",
	"SwinForImageClassification", "ViTForImageClassification",
}

// transformersText is config.json as transformers writes it, as far as all networks have the same keys.
type transformersText struct {
	Architectures []string          `json:"architectures"`
	ID2Label      map[string]string `json:"id2label"`
	NumLabels     *int              `json:"num_labels"`
	Channels      *int              `json:"num_channels"`
	ProblemType   string            `json:"problem_type"`
}

// transformersEntry returns all of an entry but its network, which the tensors and the settings tell.
func transformersEntry(t Texts) (*registry.Entry, error) {
	var c transformersText
	if err := json.Unmarshal(t.Config, &c); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	switch {
	case len(c.Architectures) != 1 || !slices.Contains(classifiers, c.Architectures[0]):
		return nil, fmt.Errorf("config.json: architectures %q: %w: known of transformers are %s",
			c.Architectures, registry.ErrUnknown, strings.Join(classifiers, ", "))
	case c.Channels != nil && *c.Channels != 3:
		return nil, otherf("config.json: num_channels is %d, and images have 3", *c.Channels)
	case c.ProblemType != "" && c.ProblemType != "single_label_classification":
		return nil, otherf("config.json: problem_type is %q: expected one class for each picture", c.ProblemType)
	case len(t.Processor) == 0:
		return nil, errors.New("preprocessor_config.json: missing: without it nobody can say what pixels the network wants")
	}
	e := &registry.Entry{Classes: 2} // transformers' default
	if c.NumLabels != nil {
		e.Classes = *c.NumLabels
	}
	if len(c.ID2Label) > 0 {
		e.Classes = len(c.ID2Label)
		names, err := json.Marshal(c.ID2Label)
		if err == nil {
			e.ClassNames, err = classNames(names, nil, e.Classes)
		}
		if err != nil {
			return nil, errors.New(strings.ReplaceAll(err.Error(), "label_names", "id2label"))
		}
		if !slices.ContainsFunc(e.ClassNames, func(s string) bool { return !strings.HasPrefix(s, "LABEL_") }) {
			e.ClassNames = nil // which it writes where nobody named any
		}
	}
	var err error
	if e.Input, err = processorInput(t.Processor); err != nil {
		return nil, err
	}
	e.Weights.Recipe = "transformers"
	e.Published.FLOPsConvention, e.Published.FLOPsSize = "fvcore", e.Input.Crop
	return e, nil
}

// processor is a preprocessor_config.json, of this version of transformers and of older ones.
type processor struct {
	Type      string          `json:"image_processor_type"`
	Extractor string          `json:"feature_extractor_type"`
	Resize    *bool           `json:"do_resize"`
	Rescale   *bool           `json:"do_rescale"`
	Normalize *bool           `json:"do_normalize"`
	Factor    *float64        `json:"rescale_factor"`
	Size      json.RawMessage `json:"size"`
	Resample  *int            `json:"resample"`
	CropPct   *float64        `json:"crop_pct"`
	Mean      []float64       `json:"image_mean"`
	Std       []float64       `json:"image_std"`
}

// harmless are keys of a preprocessor_config.json that change no pixel of a picture of three channels, beside those of processor.
var harmless = map[string]bool{
	"image_processor_type": true, "feature_extractor_type": true, "processor_class": true,
	"do_resize": true, "do_rescale": true, "do_normalize": true,
	"rescale_factor": true, "size": true, "resample": true, "crop_pct": true, "image_mean": true, "image_std": true, "do_convert_rgb": true,
	"data_format": true, "input_data_format": true, "default_to_square": true, "size_divisor": true, "return_tensors": true, "device": true,
	"disable_grouping": true, "_valid_processor_keys": true, "_processor_class": true, "auto_map": true, "crop_size": true,
}

// processorInput returns the preprocessing that a preprocessor_config.json describes, computed as with transformers' Pillow backend.
func processorInput(text []byte) (p vision.Pipeline, err error) {
	var raw map[string]any
	var c processor
	for _, into := range []any{&raw, &c} {
		if err := json.Unmarshal(text, into); err != nil {
			return p, fmt.Errorf("preprocessor_config.json: %w", err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if v := raw[key]; !harmless[key] && v != nil && v != false {
			return p, otherf("preprocessor_config.json: %q is %v, and what that changes is not known", key, v)
		}
	}
	on := func(b *bool) bool { return b == nil || *b }
	switch {
	case !on(c.Resize):
		return p, otherf("preprocessor_config.json: do_resize is false: pictures of any size are not taken")
	case !on(c.Rescale) || c.Factor != nil && math.Abs(*c.Factor*255-1) > 1e-6:
		return p, otherf("preprocessor_config.json: pixels are not divided by 255")
	}
	kind := c.Type
	if kind == "" {
		kind = c.Extractor
	}
	for _, suffix := range []string{"Fast", "Pil"} {
		kind = strings.TrimSuffix(kind, suffix)
	}
	r := vision.Resize{Backend: vision.BackendPillow}
	var resample int
	switch kind {
	case "ViTImageProcessor", "ViTFeatureExtractor":
		resample = 2
		r.Kind = vision.ResizeBoth
		if r.Edge, err = side(c.Size, 224, "height", "width"); err != nil {
			return p, err
		}
		p.Crop = r.Edge
	case "ConvNextImageProcessor", "ConvNextFeatureExtractor":
		resample = 3
		if p.Crop, err = side(c.Size, 384, "shortest_edge"); err != nil {
			return p, err
		}
		crop := 224.0 / 256
		if c.CropPct != nil {
			crop = *c.CropPct
		}
		if !(crop > 0 && crop <= 1) {
			return p, otherf("preprocessor_config.json: crop_pct is %v: expected more than 0 and at most 1", crop)
		}
		r.Kind, r.Edge = vision.ResizeBoth, p.Crop
		if p.Crop < 384 {
			r.Kind, r.Edge, p.Middle = vision.ResizeShort, int(float64(p.Crop)/crop), vision.MiddleDown
		}
	default:
		return p, otherf("preprocessor_config.json: image_processor_type %q: known are ViTImageProcessor and ConvNextImageProcessor", kind)
	}
	if c.Resample != nil {
		resample = *c.Resample
	}
	filters := map[int]vision.Filter{2: vision.Bilinear, 3: vision.Bicubic}
	var known bool
	if r.Interpolation, known = filters[resample]; !known {
		return p, otherf("preprocessor_config.json: resample is %d: expected 2 (bilinear) or 3 (bicubic)", resample)
	}
	p.Resize, p.Order, p.EXIF = r, vision.RGB, vision.EXIFIgnore
	if !on(c.Normalize) {
		p.Std = [3]float32{255, 255, 255}
		return p, nil
	}
	half := []float64{0.5, 0.5, 0.5} // of both kinds
	both, err := levels("preprocessor_config.json", [2]statistic{{"image_mean", c.Mean, half}, {"image_std", c.Std, half}})
	p.Mean, p.Std = both[0], both[1]
	return p, err
}

// side returns the side of a square: a number, or an object whose keys have the same one.
func side(text json.RawMessage, byDefault int, keys ...string) (int, error) {
	if len(text) == 0 || string(text) == "null" {
		return byDefault, nil
	}
	var n int
	if json.Unmarshal(text, &n) == nil && n > 0 {
		return n, nil
	}
	var sides map[string]*int
	if json.Unmarshal(text, &sides) == nil {
		for _, key := range keys {
			if v := sides[key]; v == nil || *v < 1 || n > 0 && *v != n {
				n = -1
				break
			} else {
				n = *v
			}
		}
		for key, v := range sides {
			if v != nil && !slices.Contains(keys, key) {
				n = -1
			}
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, otherf("preprocessor_config.json: size is %s: expected a number, or %s of one number", text, strings.Join(keys, " and "))
}
