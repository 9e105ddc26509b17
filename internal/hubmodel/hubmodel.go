// Package hubmodel reads what a repository of a Hugging Face hub says of the model in it, as timm and transformers write
// it, and makes an entry of that: which network, which preprocessing, which classes.
//
// What a text says that would make another network, or other pixels, is an error that names it: nothing is guessed, and
// nothing is passed over.
package hubmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/vision"
)

// A Texts are the files of a repository that describe its model.
type Texts struct {
	Config    []byte // config.json
	Processor []byte // preprocessor_config.json; empty: there is none
}

// ErrOther is, by errors.Is, the error of a text that describes another network, or other pixels, than are computed here.
var ErrOther = errors.New("the repository describes another network, or other pixels, than are computed here")

// other is an error that is ErrOther.
type other struct{ text string }

func (e *other) Error() string        { return e.text }
func (e *other) Is(target error) bool { return target == ErrOther }

// otherf returns an error that is ErrOther.
func otherf(format string, args ...any) error { return &other{fmt.Sprintf(format, args...)} }

// config is what both projects write at the root of config.json.
type config struct {
	Architecture string `json:"architecture"` // timm's
	ModelType    string `json:"model_type"`   // transformers'
}

// Entry returns the entry of a model by the texts of its repository: all but its name, its address and, where transformers
// wrote it, its network, which the tensors and the settings tell. The error is ErrOther, one
// of registry.ErrUnknown for a network that is not known, or says what is no such text.
func Entry(t Texts) (*registry.Entry, error) {
	var c config
	var raw map[string]any
	for _, into := range []any{&c, &raw} {
		if err := json.Unmarshal(t.Config, into); err != nil {
			return nil, fmt.Errorf("config.json: %w", err)
		}
	}
	switch {
	case c.ModelType == "timm_wrapper":
		return nil, otherf("config.json: model_type timm_wrapper: a wrapper of transformers around a network of timm, " +
			"whose files are others: take the repository of timm itself")
	case c.Architecture != "":
		return timmEntry(t.Config, raw)
	case c.ModelType != "":
		return transformersEntry(t)
	}
	return nil, errors.New(`config.json: expected "architecture", as timm writes it, or "model_type", as transformers does`)
}

// timmText is config.json as timm writes it, with what older versions kept at its root.
type timmText struct {
	Architecture string          `json:"architecture"`
	NumClasses   *int            `json:"num_classes"`
	LabelNames   json.RawMessage `json:"label_names"`
	Labels       json.RawMessage `json:"labels"` // of old files
	Descriptions json.RawMessage `json:"label_descriptions"`
	timmCfg
	Pretrained *timmCfg `json:"pretrained_cfg"`
}

// timmCfg is a pretrained_cfg.
type timmCfg struct {
	InputSize     []int           `json:"input_size"`
	CropPct       *float64        `json:"crop_pct"`
	CropMode      string          `json:"crop_mode"`
	Interpolation string          `json:"interpolation"`
	Mean          []float64       `json:"mean"`
	Std           []float64       `json:"std"`
	NumClasses    *int            `json:"num_classes"`
	Licence       string          `json:"license"`
	LabelNames    json.RawMessage `json:"label_names"`
	Descriptions  json.RawMessage `json:"label_descriptions"`
}

func timmEntry(text []byte, raw map[string]any) (*registry.Entry, error) {
	var c timmText
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	cfg := c.timmCfg
	if c.Pretrained != nil {
		cfg = *c.Pretrained
	}
	family, arch, err := timmNetwork(c.Architecture, raw)
	if err != nil {
		return nil, err
	}
	e := &registry.Entry{Family: family, Arch: arch}
	if e.Input, err = timmInput(cfg); err != nil {
		return nil, err
	}
	e.Classes = 1000
	for _, n := range []*int{cfg.NumClasses, c.NumClasses} { // the root's wins
		if n != nil {
			e.Classes = *n
		}
	}
	if e.Classes < 1 {
		return nil, otherf("config.json: num_classes is %d: the network has no classifier", e.Classes)
	}
	names, descriptions := first(c.LabelNames, c.Labels, cfg.LabelNames), first(c.Descriptions, cfg.Descriptions)
	if e.ClassNames, err = classNames(names, descriptions, e.Classes); err != nil {
		return nil, err
	}
	if e.ClassNames == nil && e.Classes == 1000 {
		e.Labels = registry.LabelsImageNet // of timm's own repositories none has names
	}
	e.Weights.Licence, e.Weights.Recipe = strings.ToLower(cfg.Licence), "timm"
	e.Published.FLOPsConvention, e.Published.FLOPsSize = "timm", e.Input.Crop
	return e, nil
}

// timmNetwork returns the family and the architecture here of timm's name of a network, whose config.json must not change it.
func timmNetwork(architecture string, raw map[string]any) (family, of string, err error) {
	network, _, _ := strings.Cut(strings.ToLower(architecture), ".")
	if now, ok := backbone.Renamed()[network]; ok {
		network = now
	}
	var known []string
	for _, f := range backbone.All() {
		for _, arch := range slices.Sorted(maps.Keys(f.Sources)) {
			s, ok := f.Sources[arch]["timm"]
			if !ok {
				continue
			}
			known = append(known, s.Networks...)
			if !slices.Contains(s.Networks, network) {
				continue
			}
			settings := s.Settings
			if settings == nil {
				settings = pooled
			}
			if err := checkArgs(raw); err != nil {
				return "", "", err
			}
			if err := settings(raw); err != nil {
				return "", "", otherf("config.json: %v", err)
			}
			// DeiT's networks are ViT's: the plain name is the usual one.
			if family == "" || strings.HasPrefix(of, "deit-") {
				family, of = f.Name, arch
			}
		}
	}
	if family != "" {
		return family, of, nil
	}
	return "", "", fmt.Errorf("config.json: architecture %q: %w: %d networks of timm are known, zoo list 'timm/*' prints them",
		architecture, registry.ErrUnknown, len(known))
}

// pooled checks that the features of a network are the mean of the last image, which leaves no trace in tensors.
func pooled(raw map[string]any) error {
	args, _ := raw["model_args"].(map[string]any)
	for _, of := range []map[string]any{raw, args} {
		if pool, ok := of["global_pool"]; ok && pool != "avg" {
			return fmt.Errorf(`"global_pool" is %v, and this network wants avg`, pool)
		}
	}
	return nil
}

// checkArgs refuses arguments that timm made the network with and that change what it computes, by name.
func checkArgs(raw map[string]any) error {
	args, ok := raw["model_args"].(map[string]any)
	if !ok {
		if raw["model_args"] != nil {
			return errors.New(`config.json: "model_args" is no object`)
		}
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(args)) {
		switch v := args[key]; key {
		case "num_classes", "img_size", "global_pool", "drop_rate", "drop_path_rate", "drop_block_rate",
			"attn_drop_rate", "proj_drop_rate", "pos_drop_rate", "patch_drop_rate":
		case "in_chans":
			if v != 3.0 {
				return otherf(`config.json: "in_chans" of "model_args" is %v, and images have 3`, v)
			}
		default:
			return otherf(`config.json: %q of "model_args" is %v, and what that changes is not known`, key, v)
		}
	}
	return nil
}

// timmInput returns the preprocessing of a pretrained_cfg: that of timm's create_transform for evaluation.
func timmInput(c timmCfg) (p vision.Pipeline, err error) {
	side := 224
	switch in := c.InputSize; {
	case len(in) == 0:
	case len(in) != 3 || in[0] != 3:
		return p, otherf("config.json: input_size is %v: expected 3 channels, a height and a width", in)
	case in[1] != in[2]:
		return p, otherf("config.json: input_size is %v: expected a square", in)
	default:
		side = in[1]
	}
	crop := 0.875
	if c.CropPct != nil {
		crop = *c.CropPct
	}
	if !(crop > 0 && crop <= 1) {
		return p, otherf("config.json: crop_pct is %v: expected more than 0 and at most 1", crop)
	}
	r := vision.Resize{Kind: vision.ResizeShort, Edge: int(math.Floor(float64(side) / crop)), Backend: vision.BackendPillow}
	switch c.CropMode {
	case "", "center":
	case "squash":
		r.Kind = vision.ResizeBoth
	default:
		return p, otherf("config.json: crop_mode is %q: expected \"center\" or \"squash\"", c.CropMode)
	}
	switch c.Interpolation {
	case "", "bicubic":
		r.Interpolation = vision.Bicubic
	case "bilinear":
		r.Interpolation = vision.Bilinear
	default:
		return p, otherf("config.json: interpolation is %q: expected \"bicubic\" or \"bilinear\"", c.Interpolation)
	}
	p = vision.Pipeline{Resize: r, Crop: side, Order: vision.RGB, EXIF: vision.EXIFIgnore}
	both, err := levels("config.json", [2]statistic{
		{"mean", c.Mean, []float64{0.485, 0.456, 0.406}}, {"std", c.Std, []float64{0.229, 0.224, 0.225}},
	})
	p.Mean, p.Std = both[0], both[1]
	return p, err
}

// A statistic is a mean or a deviation of each channel, of values from 0 to 1, with its key and what it is where nothing is said.
type statistic struct {
	key             string
	said, byDefault []float64
}

// levels returns statistics of a text as those of bytes, rounded as rows have them.
func levels(file string, all [2]statistic) (out [2][3]float32, err error) {
	for i, s := range all {
		if len(s.said) == 0 {
			s.said = s.byDefault
		}
		if len(s.said) != 3 {
			return out, otherf("%s: %s is %v: expected three numbers", file, s.key, s.said)
		}
		for c, x := range s.said {
			out[i][c] = float32(math.Round(255e6*x) / 1e6)
		}
	}
	return out, nil
}

// first returns the first text that says something.
func first(texts ...json.RawMessage) json.RawMessage {
	for _, t := range texts {
		if len(t) > 0 && string(t) != "null" {
			return t
		}
	}
	return nil
}

// classNames returns the names of classes: of a list, or of an object from numbers to names; nil where there are none. A name that
// is described is given by what describes it.
func classNames(names, descriptions json.RawMessage, classes int) ([]string, error) {
	if names == nil {
		return nil, nil
	}
	var list []string
	if err := json.Unmarshal(names, &list); err != nil {
		var numbered map[string]string
		if json.Unmarshal(names, &numbered) != nil {
			return nil, errors.New("config.json: label_names: expected a list of names, or an object from numbers to names")
		}
		list = make([]string, len(numbered))
		for key, name := range numbered {
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(list) || strconv.Itoa(i) != key {
				return nil, fmt.Errorf("config.json: label_names: expected numbers from 0 to %d, found %.40q", len(list)-1, key)
			}
			list[i] = name
		}
	}
	if len(list) != classes {
		return nil, fmt.Errorf("config.json: label_names: expected %d names as num_classes says, found %d", classes, len(list))
	}
	var described map[string]string
	if descriptions != nil && json.Unmarshal(descriptions, &described) != nil {
		return nil, errors.New("config.json: label_descriptions: expected an object from names to texts")
	}
	for i, name := range list {
		if text := described[name]; text != "" {
			list[i] = text
		}
	}
	return list, nil
}
