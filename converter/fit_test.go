package converter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// target is a network of one convolution, a batch norm and a classifier of three
// classes, with a recipe for another project's names.
func target() converter.Target {
	return converter.Target{
		Graph: func(classes int) (*nn.Graph, error) {
			b := nn.NewBuilder(3, 1e-5, nn.ReLU())
			x := b.At("stem").ConvNormAct(b.Input(), 4)
			x = b.At("pool").Features(b.Flatten(b.GlobalAvgPool(x)))
			return b.Graph(b.At("head").Linear(x, classes))
		},
		Classes: 3,
		Sources: map[string]recipe.Source{
			"timm": {Recipe: func() recipe.Recipe {
				return recipe.Recipe{
					recipe.Drop("head.fc_norm.*"), recipe.Rename("conv1.*", "stem.conv.*"), recipe.Rename("bn1.*", "stem.bn.*"), recipe.Rename("fc.*", "head.*"),
				}
			}},
			"other": {Recipe: func() recipe.Recipe { return recipe.Recipe{recipe.Rename("backbone.**", "**")} }},
		},
	}
}

// weights returns the tensors that the target wants for a number of classes, renamed
// and changed.
func weights(t *testing.T, classes int, rename map[string]string, change func(*tensor.StateDict)) *tensor.StateDict {
	t.Helper()
	g, err := target().Graph(classes)
	if err != nil {
		t.Fatal(err)
	}
	sd := new(tensor.StateDict)
	for name, x := range synthetic(t, g).All() {
		to := name
		for from, prefix := range rename {
			if rest, ok := strings.CutPrefix(name, from); ok {
				to = prefix + rest
			}
		}
		if strings.HasPrefix(to, "-") {
			continue
		}
		if err := sd.Add(to, x); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(sd)
	}
	return sd
}

func TestFit(t *testing.T) {
	timm := map[string]string{"stem.conv.": "conv1.", "stem.bn.": "bn1.", "head.": "fc."}
	extra := func(sd *tensor.StateDict) {
		sd.Add("head.fc_norm.weight", tensor.FromFloat32s(tensor.Shape{4}, make([]float32, 4)))
	}
	tests := []struct {
		name    string
		sd      *tensor.StateDict
		recipe  string // asked for
		used    string
		classes int
	}{
		{"its own names", weights(t, 3, nil, nil), "", "", 3},
		{"another project's names", weights(t, 3, timm, nil), "", "timm", 3},
		{"another project's names, asked for", weights(t, 3, timm, extra), "timm", "timm", 3},
		{"fine-tuned to seven classes", weights(t, 7, nil, nil), "", "", 7},
		{"fine-tuned to one class", weights(t, 1, timm, nil), "", "timm", 1},
		{"without the optional counter", weights(t, 3, map[string]string{"stem.bn.num_batches_tracked": "-"}, nil), "", "", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := target()
			to.Recipe = tt.recipe
			f, err := to.Fit(tt.sd)
			if err != nil {
				t.Fatal(err)
			}
			if f.Recipe != tt.used || f.Classes != tt.classes || f.Bound.Graph.NumClasses() != tt.classes {
				t.Errorf("recipe %q, %d classes, graph of %d; want %q and %d", f.Recipe, f.Classes, f.Bound.Graph.NumClasses(), tt.used, tt.classes)
			}
			for _, n := range f.Names {
				if n.Fate != converter.Matched && n.Fate != converter.Renamed && n.Fate != converter.Dropped {
					t.Errorf("%+v", n)
				}
			}
		})
	}
}

func TestExplain(t *testing.T) {
	f32 := func(shape ...int) tensor.Tensor {
		n, _ := tensor.Shape(shape).Numel()
		return tensor.FromFloat32s(shape, make([]float32, n))
	}
	count, err := tensor.New(tensor.I64, nil, make([]byte, 8))
	if err != nil {
		t.Fatal(err)
	}
	sd := new(tensor.StateDict)
	for _, e := range []struct {
		name string
		x    tensor.Tensor
	}{
		{"conv1.weight", f32(4, 3, 3, 3)}, {"head.fc_norm.bias", f32(4)}, {"stem.bn.weight", f32(4)}, {"bn1.bias", f32(4)},
		{"bn1.running_mean", count}, {"fc.weight", f32(3, 5)}, {"fc.bias", f32(3)}, {"extra", f32(2)},
	} {
		if err := sd.Add(e.name, e.x); err != nil {
			t.Fatal(err)
		}
	}
	to := target()
	to.Recipe = "timm"
	_, err = to.Fit(sd)
	var fit *converter.FitError
	if !errors.As(err, &fit) {
		t.Fatalf("error %v, want a FitError", err)
	}
	want := []converter.Explained{
		{Fate: converter.Misshapen, Name: "conv1.weight", To: "stem.conv.weight", Rule: "conv1.* -> stem.conv.*", Found: "F32 (4,3,3,3)", Want: "F32 (4,3,1,1)"},
		{Fate: converter.Dropped, Name: "head.fc_norm.bias", Rule: "drop head.fc_norm.*", Found: "F32 (4)"},
		{Fate: converter.Matched, Name: "stem.bn.weight", To: "stem.bn.weight", Found: "F32 (4)", Want: "F32 (4)"},
		{Fate: converter.Renamed, Name: "bn1.bias", To: "stem.bn.bias", Rule: "bn1.* -> stem.bn.*", Found: "F32 (4)", Want: "F32 (4)"},
		{Fate: converter.Misshapen, Name: "bn1.running_mean", To: "stem.bn.running_mean", Rule: "bn1.* -> stem.bn.*", Found: "I64 ()", Want: "F32 (4)"},
		{Fate: converter.Misshapen, Name: "fc.weight", To: "head.weight", Rule: "fc.* -> head.*", Found: "F32 (3,5)", Want: "F32 (3,4)"},
		{Fate: converter.Renamed, Name: "fc.bias", To: "head.bias", Rule: "fc.* -> head.*", Found: "F32 (3)", Want: "F32 (3)"},
		{Fate: converter.Unexpected, Name: "extra", To: "extra", Found: "F32 (2)"},
		{Fate: converter.Missing, To: "stem.bn.running_var", Want: "F32 (4)"},
	}
	if diff := cmp.Diff(want, fit.Names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, text := range []string{`renamed by recipe "timm"`, "1 missing, 1 unexpected, 3 misshapen", `"stem.bn.running_var"`, `"extra"`, "expected F32 (4,3,1,1), found F32 (4,3,3,3)"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("no %q in:\n%v", text, err)
		}
	}
}

func TestFitErrors(t *testing.T) {
	drop := map[string]string{"head.": "-"}
	tests := []struct {
		name   string
		sd     *tensor.StateDict
		recipe string
		want   string
		recip  string // the recipe that came closest
	}{
		{"a head of another width", weights(t, 3, drop, func(sd *tensor.StateDict) {
			sd.Add("head.weight", tensor.FromFloat32s(tensor.Shape{3, 9}, make([]float32, 27)))
			sd.Add("head.bias", tensor.FromFloat32s(tensor.Shape{3}, make([]float32, 3)))
		}), "", "expected F32 (3,4), found F32 (3,9)", ""},
		{"a head whose parts differ", weights(t, 3, drop, func(sd *tensor.StateDict) {
			sd.Add("head.weight", tensor.FromFloat32s(tensor.Shape{7, 4}, make([]float32, 28)))
			sd.Add("head.bias", tensor.FromFloat32s(tensor.Shape{3}, make([]float32, 3)))
		}), "", "expected F32 (7), found F32 (3)", ""},
		{"the closest recipe is told of", weights(t, 3, map[string]string{"stem.conv.": "conv1.", "stem.bn.": "bn1.", "head.": "-"}, func(sd *tensor.StateDict) {
			sd.Add("fc.weight", tensor.FromFloat32s(tensor.Shape{3, 9}, make([]float32, 27)))
			sd.Add("fc.bias", tensor.FromFloat32s(tensor.Shape{3}, make([]float32, 3)))
		}), "", `renamed by recipe "timm"`, "timm"},
		{"a recipe that is not known", weights(t, 3, nil, nil), "keras", `no recipe "keras": known are ["other" "timm"]`, ""},
		{"a recipe named as a form", weights(t, 3, nil, nil), "(deploy form)", `no recipe "(deploy form)"`, ""},
		{"two names that become one", weights(t, 3, nil, func(sd *tensor.StateDict) {
			sd.Add("fc.bias", tensor.FromFloat32s(tensor.Shape{3}, make([]float32, 3)))
		}), "timm", `both become "head.bias"`, "timm"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := target()
			to.Recipe = tt.recipe
			_, err := to.Fit(tt.sd)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q in it", err, tt.want)
			}
			if fit := (*converter.FitError)(nil); errors.As(err, &fit) && fit.Recipe != tt.recip {
				t.Errorf("recipe %q, want %q", fit.Recipe, tt.recip)
			}
		})
	}
}
