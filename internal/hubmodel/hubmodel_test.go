package hubmodel_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/hubmodel"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/vision"
)

// object is a JSON text that is changed before it is read.
type object = map[string]any

func text(t testing.TB, o object) []byte {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// of returns an object with some keys changed.
func of(o, changes object) object {
	out := maps.Clone(o)
	maps.Copy(out, changes)
	return out
}

// resnet50 is the shape of timm's own config.json of resnet50.a1_in1k.
func resnet50(root, cfg object) object {
	return of(object{
		"architecture": "resnet50", "num_classes": 1000, "num_features": 2048, "global_pool": "avg",
		"model_args": object{"num_classes": 1000, "in_chans": 3, "global_pool": "avg"},
		"pretrained_cfg": of(object{
			"tag": "a1_in1k", "input_size": []int{3, 224, 224}, "test_input_size": []int{3, 288, 288}, "fixed_input_size": false, "interpolation": "bicubic",
			"crop_pct": 0.95, "test_crop_pct": 1.0, "crop_mode": "center", "mean": []float64{0.485, 0.456, 0.406}, "std": []float64{0.229, 0.224, 0.225},
			"num_classes": 1000, "first_conv": "conv1", "classifier": "fc", "license": "apache-2.0",
		}, cfg),
	}, root)
}

// imagenet are ImageNet's mean and deviation, of bytes.
var imagenet = [2][3]float32{{123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}}

func pipeline(kind string, edge, crop int, filter vision.Filter, levels [2][3]float32) vision.Pipeline {
	return vision.Pipeline{Resize: vision.Resize{Kind: kind, Edge: edge, Interpolation: filter, Backend: vision.BackendPillow}, Crop: crop,
		Mean: levels[0], Std: levels[1], Order: vision.RGB, EXIF: vision.EXIFIgnore}
}

// down returns a pipeline whose crops begin where transformers' do.
func down(p vision.Pipeline) vision.Pipeline {
	p.Middle = vision.MiddleDown
	return p
}

// facts are what is compared of an entry.
type facts struct {
	Family, Arch string
	Classes      int
	Labels       registry.Labels
	ClassNames   []string
	Input        vision.Pipeline
}

func TestTimm(t *testing.T) {
	half := [2][3]float32{{127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}}
	for _, tt := range []struct {
		name   string
		config object
		want   facts
	}{
		{"as timm has it", resnet50(nil, nil), facts{Family: "resnet", Arch: "resnet50", Classes: 1000, Labels: registry.LabelsImageNet,
			Input: pipeline(vision.ResizeShort, 235, 224, vision.Bicubic, imagenet)}},
		{"squashed, bilinear, other statistics", resnet50(nil, object{"crop_mode": "squash", "interpolation": "bilinear", "crop_pct": 1.0, "input_size": []int{3, 288, 288},
			"mean": []float64{.5, .5, .5}, "std": []float64{.5, .5, .5}}), facts{Family: "resnet", Arch: "resnet50", Classes: 1000, Labels: registry.LabelsImageNet,
			Input: pipeline(vision.ResizeBoth, 288, 288, vision.Bilinear, half)}},
		{"fine-tuned, with names", resnet50(object{"num_classes": 2, "label_names": []string{"cat", "dog"}}, nil), facts{Family: "resnet", Arch: "resnet50", Classes: 2,
			ClassNames: []string{"cat", "dog"}, Input: pipeline(vision.ResizeShort, 235, 224, vision.Bicubic, imagenet)}},
		{"names by number, described", resnet50(object{"num_classes": 2, "label_names": object{"1": "n2", "0": "n1"}, "label_descriptions": object{"n2": "a dog"}}, nil),
			facts{Family: "resnet", Arch: "resnet50", Classes: 2, ClassNames: []string{"n1", "a dog"}, Input: pipeline(vision.ResizeShort, 235, 224, vision.Bicubic, imagenet)}},
		{"an old file, all at its root", object{"architecture": "resnet18", "num_classes": 3, "labels": []string{"a", "b", "c"}}, facts{Family: "resnet", Arch: "resnet18", Classes: 3,
			ClassNames: []string{"a", "b", "c"}, Input: pipeline(vision.ResizeShort, 256, 224, vision.Bicubic, imagenet)}},
		{"a tag and an old name", resnet50(object{"architecture": "resnet50.tv_in1k"}, nil), facts{Family: "resnet", Arch: "resnet50", Classes: 1000, Labels: registry.LabelsImageNet,
			Input: pipeline(vision.ResizeShort, 235, 224, vision.Bicubic, imagenet)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := hubmodel.Entry(hubmodel.Texts{Config: text(t, tt.config)})
			if err != nil {
				t.Fatal(err)
			}
			got := facts{Family: e.Family, Arch: e.Arch, Classes: e.Classes, Labels: e.Labels, ClassNames: e.ClassNames, Input: e.Input}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestTimmRefuses wants what makes another network or other pixels refused by name.
func TestTimmRefuses(t *testing.T) {
	args := func(changes object) object { return object{"model_args": of(object{"num_classes": 1000}, changes)} }
	for _, tt := range []struct {
		name   string
		config object
		is     error
		text   string
	}{
		{"architecture", resnet50(object{"architecture": "resnet51"}, nil), registry.ErrUnknown, `"resnet51"`},
		{"one that looks like it", resnet50(object{"architecture": "resnetblur50"}, nil), registry.ErrUnknown, `"resnetblur50"`},
		{"argument", resnet50(args(object{"output_stride": 8}), nil), hubmodel.ErrOther, `"output_stride" of "model_args" is 8`},
		{"argument of a layer", resnet50(args(object{"act_layer": "silu"}), nil), hubmodel.ErrOther, `"act_layer"`},
		{"channels", resnet50(args(object{"in_chans": 4}), nil), hubmodel.ErrOther, `"in_chans"`},
		{"pool", resnet50(args(object{"global_pool": "max"}), nil), hubmodel.ErrOther, `"global_pool" is max`},
		{"pool at the root", resnet50(object{"global_pool": "catavgmax"}, nil), hubmodel.ErrOther, `"global_pool" is catavgmax`},
		{"no classifier", resnet50(object{"num_classes": 0}, nil), hubmodel.ErrOther, "no classifier"},
		{"names of other classes", resnet50(object{"label_names": []string{"cat"}}, nil), nil, "expected 1000 names"},
		{"numbers that are none", resnet50(object{"num_classes": 1, "label_names": object{"01": "cat"}}, nil), nil, `found "01"`},
		{"a number twice", resnet50(object{"num_classes": 2, "label_names": object{"1": "cat", "2": "dog"}}, nil), nil, `found "2"`},
		{"channels of the input", resnet50(nil, object{"input_size": []int{1, 224, 224}}), hubmodel.ErrOther, "input_size is [1 224 224]"},
		{"no square", resnet50(nil, object{"input_size": []int{3, 224, 288}}), hubmodel.ErrOther, "expected a square"},
		{"crop", resnet50(nil, object{"crop_pct": 1.15}), hubmodel.ErrOther, "crop_pct is 1.15"},
		{"crop mode", resnet50(nil, object{"crop_mode": "border"}), hubmodel.ErrOther, `crop_mode is "border"`},
		{"interpolation", resnet50(nil, object{"interpolation": "lanczos"}), hubmodel.ErrOther, `interpolation is "lanczos"`},
		{"mean", resnet50(nil, object{"mean": []float64{0.5}}), hubmodel.ErrOther, "mean is [0.5]"},
		{"wrapper", object{"model_type": "timm_wrapper", "architecture": "resnet50"}, hubmodel.ErrOther, "timm_wrapper"},
		{"no such text", object{"name": "x"}, nil, "expected \"architecture\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := hubmodel.Entry(hubmodel.Texts{Config: text(t, tt.config)})
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%+v, %v: want %v with %q", e, err, tt.is, tt.text)
			}
		})
	}
}

// vit is the shape of transformers' own files of a ViTForImageClassification.
func vit(config, processor object) hubmodel.Texts {
	c, _ := json.Marshal(of(object{"architectures": []string{"ViTForImageClassification"}, "model_type": "vit", "hidden_size": 192, "num_channels": 3,
		"id2label": object{"0": "cat", "1": "dog"}}, config))
	p, _ := json.Marshal(of(object{"image_processor_type": "ViTImageProcessor", "do_resize": true, "do_rescale": true, "do_normalize": true, "resample": 2,
		"rescale_factor": 0.00392156862745098, "size": object{"height": 224, "width": 224}, "image_mean": []float64{.5, .5, .5}, "image_std": []float64{.5, .5, .5}}, processor))
	return hubmodel.Texts{Config: c, Processor: p}
}

func TestTransformers(t *testing.T) {
	half := [2][3]float32{{127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}}
	convnext := object{"image_processor_type": "ConvNextImageProcessorFast", "size": object{"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3}
	for _, tt := range []struct {
		name  string
		texts hubmodel.Texts
		input vision.Pipeline
		names []string
	}{
		{"ViT's", vit(nil, nil), pipeline(vision.ResizeBoth, 224, 224, vision.Bilinear, half), []string{"cat", "dog"}},
		{"an old one's", vit(object{"id2label": object{"0": "LABEL_0", "1": "LABEL_1"}}, object{"image_processor_type": nil, "feature_extractor_type": "ViTFeatureExtractor", "size": 384}),
			pipeline(vision.ResizeBoth, 384, 384, vision.Bilinear, half), nil},
		{"ConvNeXt's", vit(nil, convnext), down(pipeline(vision.ResizeShort, 256, 224, vision.Bicubic, half)), []string{"cat", "dog"}},
		{"ConvNeXt's, large", vit(nil, of(convnext, object{"size": object{"shortest_edge": 384}})), pipeline(vision.ResizeBoth, 384, 384, vision.Bicubic, half), []string{"cat", "dog"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := hubmodel.Entry(tt.texts)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.input, e.Input); d != "" || e.Classes != 2 || e.Arch != "" || e.Weights.Recipe != "transformers" {
				t.Errorf("%+v (-want +got):\n%s", e, d)
			}
			if d := cmp.Diff(tt.names, e.ClassNames); d != "" {
				t.Errorf("names (-want +got):\n%s", d)
			}
		})
	}
	for _, tt := range []struct {
		name  string
		texts hubmodel.Texts
		is    error
		text  string
	}{
		{"another class", vit(object{"architectures": []string{"ViTModel"}}, nil), registry.ErrUnknown, `["ViTModel"]`},
		{"channels", vit(object{"num_channels": 1}, nil), hubmodel.ErrOther, "num_channels is 1"},
		{"several classes at once", vit(object{"problem_type": "multi_label_classification"}, nil), hubmodel.ErrOther, "problem_type"},
		{"no processor", hubmodel.Texts{Config: vit(nil, nil).Config}, nil, "preprocessor_config.json: missing"},
		{"another processor", vit(nil, object{"image_processor_type": "BitImageProcessor"}), hubmodel.ErrOther, "BitImageProcessor"},
		{"padding", vit(nil, object{"do_pad": true}), hubmodel.ErrOther, `"do_pad" is true`},
		{"crop", vit(nil, object{"do_center_crop": true}), hubmodel.ErrOther, `"do_center_crop"`},
		{"no resize", vit(nil, object{"do_resize": false}), hubmodel.ErrOther, "do_resize"},
		{"other values", vit(nil, object{"rescale_factor": 1.0}), hubmodel.ErrOther, "divided by 255"},
		{"filter", vit(nil, object{"resample": 1}), hubmodel.ErrOther, "resample is 1"},
		{"no square", vit(nil, object{"size": object{"height": 224, "width": 288}}), hubmodel.ErrOther, "size is"},
		{"an edge of another kind", vit(nil, object{"size": object{"shortest_edge": 224}}), hubmodel.ErrOther, "size is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := hubmodel.Entry(tt.texts)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%+v, %v: want %v with %q", e, err, tt.is, tt.text)
			}
		})
	}
}

// FuzzEntry reads any texts: what comes of them is an error, or an entry whose input and classes can be.
func FuzzEntry(f *testing.F) {
	f.Add(text(f, resnet50(nil, nil)), []byte(nil))
	v := vit(nil, nil)
	f.Add(v.Config, v.Processor)
	f.Fuzz(func(t *testing.T, config, processor []byte) {
		e, err := hubmodel.Entry(hubmodel.Texts{Config: config, Processor: processor})
		if err == nil && (e.Classes < 1 || e.Input.Crop < 1 || e.ClassNames != nil && len(e.ClassNames) != e.Classes) {
			t.Errorf("%+v", e)
		}
	})
}
