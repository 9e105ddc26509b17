package vision_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/vision"
)

// imageNet is a preprocessing whose defaults are left out, as rows do.
var imageNet = vision.Pipeline{
	Resize: vision.Resize{Kind: vision.ResizeShort, Edge: 256, Interpolation: "bicubic", Backend: vision.BackendPillow},
	Crop:   224, Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375},
}

const imageNetJSON = `{"resize":{"kind":"short","edge":256,"padding":0,"interpolation":"bicubic","backend":"pillow"},"crop":224,` +
	`"order":"rgb","scale":1,"mean":[123.675,116.28,103.53],"std":[58.395,57.12,57.375],"exif":"apply"}`

func TestPipelineJSON(t *testing.T) {
	text, err := json.Marshal(imageNet)
	if err != nil || string(text) != imageNetJSON {
		t.Errorf("%v\n%s\nwant\n%s", err, text, imageNetJSON)
	}
	var got vision.Pipeline
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := imageNet
	want.Order, want.EXIF = vision.RGB, vision.EXIFApply
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPipelineJSONRefused(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"a key is missing", `"crop":224,`, ``, `a key "crop"`},
		{"a key is null", `"crop":224`, `"crop":null,"other":1`, `"other"`},
		{"a key of a later version", `"crop":224`, `"crop":224,"gamma":2`, "gamma"},
		{"no scale", `"scale":1`, `"scale":0`, "above 0"},
		{"a negative scale", `"scale":1`, `"scale":-1`, "above 0"},
		{"an unknown fill", `"crop":224`, `"crop":224,"fill":"white"`, "fill: expected"},
		{"a std of 0", `57.12`, `0`, "std above 0"},
		{"two channels", `57.12,`, ``, "three channels"},
		{"four channels", `57.12,`, `57.12,1,`, "three channels"},
		{"an unknown resize", `"short"`, `"width"`, "resize.kind"},
		{"no object", imageNetJSON, `[]`, "pipeline as JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(imageNetJSON, tt.old, tt.new, 1)
			var p vision.Pipeline
			if err := json.Unmarshal([]byte(text), &p); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: error %v, want one about %q", text, err, tt.want)
			}
		})
	}
}

// Keys that a preprocessing gained are written where it is another one by them.
func TestPipelineJSONGained(t *testing.T) {
	p := imageNet
	p.Fill = vision.FillNone
	if text, err := json.Marshal(p); err != nil || string(text) != imageNetJSON {
		t.Errorf("%v\n%s\nwant\n%s", err, text, imageNetJSON)
	}
	p.Fill, p.Scale = vision.FillMean, 1./255
	text, err := json.Marshal(p)
	want := strings.NewReplacer(`224,`, `224,"fill":"mean",`, `"scale":1`, `"scale":0.00392156862745098`).Replace(imageNetJSON)
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
	var got vision.Pipeline
	if err := json.Unmarshal(text, &got); err != nil || got.Fill != p.Fill || got.Scale != p.Scale {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is taken can be applied, and comes back from what is written of it.
func FuzzPipelineJSON(f *testing.F) {
	f.Add([]byte(imageNetJSON))
	f.Add([]byte(strings.Replace(imageNetJSON, "short", "efficientnet-center-crop", 1)))
	f.Add([]byte(strings.NewReplacer(`"short"`, `"long"`, `224,`, `300,"fill":"mean",`, `"scale":1`, `"scale":0.0039`).Replace(imageNetJSON)))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p, again vision.Pipeline
		if json.Unmarshal(text, &p) != nil {
			return
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		twice, err := json.Marshal(again)
		if err != nil || string(twice) != string(written) {
			t.Fatalf("%s, then %s: %v", written, twice, err)
		}
	})
}
