package metrics_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// archs maps the model names of the tables of facts to architectures.
var archs = map[string]string{"cspdarknet50": "cspdarknet53", "cspresnet50": "cspresnet50", "cspresnext50": "cspresnext50"}

// modules maps the class names of PyTorch's modules to operators.
var modules = map[string]string{
	"Conv2d": "conv", "BatchNorm2d": "batch_norm", "LeakyReLU": "leaky_relu", "MaxPool2d": "max_pool2d",
	"AdaptiveAvgPool2d": "adaptive_avg_pool2d", "Linear": "linear",
}

// counters maps the counters of the tables to conventions.
var counters = map[string]metrics.Convention{"legacy": metrics.MMCVLegacy, "mmengine": metrics.MMEngine}

// facts returns the lines of a table of facts, without its header, and skips the
// test where it is not there.
func facts(t *testing.T, file string) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "facts", file))
	if err != nil {
		t.Skipf("no facts to compare with: %v", err)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

func cspnet(t *testing.T, model string) *nn.Graph {
	t.Helper()
	f, err := backbone.ByName("cspnet")
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Graph(archs[model], 1000)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func count(t *testing.T, g *nn.Graph, size string, c metrics.Convention) metrics.Cost {
	t.Helper()
	n, err := strconv.Atoi(size)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := metrics.Count(g, tensor.Shape{1, 3, n, n}, c)
	if err != nil {
		t.Fatal(err)
	}
	return cost
}

// dimensions writes a shape as 1x3x224x224.
func dimensions(s tensor.Shape) string {
	var parts []string
	for _, d := range s {
		parts = append(parts, strconv.Itoa(d))
	}
	return strings.Join(parts, "x")
}

// TestLayers compares every executed module of the three CSPNets, in order: path,
// kind, shapes, parameters and FLOPs by both counters.
func TestLayers(t *testing.T) {
	type key struct{ model, size string }
	want := make(map[key][]string)
	for _, r := range facts(t, "cspnet_layers.tsv") {
		k := key{r[0], r[1]}
		want[k] = append(want[k], strings.Join(append([]string{r[3], modules[r[4]]}, r[5:]...), " "))
	}
	if len(want) != 6 {
		t.Fatalf("%d networks and sizes, want 6", len(want))
	}
	for k, lines := range want {
		t.Run(k.model+"/"+k.size, func(t *testing.T) {
			g := cspnet(t, k.model)
			mmengine, legacy := count(t, g, k.size, metrics.MMEngine), count(t, g, k.size, metrics.MMCVLegacy)
			var got []string
			for i, l := range mmengine.Layers {
				if l.Path == "" { // slices, sums and concatenations are no modules
					continue
				}
				switch l.Kind {
				case "add", "cat", "slice", "flatten":
					if l.FLOPs != 0 || legacy.Layers[i].FLOPs != 0 || l.Params != 0 {
						t.Errorf("%s (%s) costs something", l.Path, l.Kind)
					}
					continue
				}
				got = append(got, fmt.Sprint(l.Path, " ", l.Kind, " ", dimensions(l.In[0]), " ", dimensions(l.Out), " ", l.Params, " ", l.FLOPs, " ", legacy.Layers[i].FLOPs))
			}
			if d := cmp.Diff(lines, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestBreakdown compares FLOPs by operator and by stage.
func TestBreakdown(t *testing.T) {
	compared := 0
	for _, r := range facts(t, "cspnet_flops_breakdown.tsv") {
		model, size, counter, scope, operator := r[0], r[1], r[2], r[3], r[4]
		if kind, ok := modules[operator]; ok {
			operator = kind
		}
		cost := count(t, cspnet(t, model), size, counters[counter])
		var got int64
		switch {
		case strings.HasPrefix(scope, "TOTAL extract_feat"):
			got = cost.FLOPs
			if got == 0 || cost.Scope != metrics.WithoutClassifier {
				t.Errorf("%s: %d FLOPs %s", model, got, cost.Scope)
			}
		default:
			for _, l := range cost.Layers {
				if operator != "all" && l.Kind != operator {
					continue
				}
				if scope == "TOTAL with head" || scope == "whole model incl. head" || strings.HasPrefix(l.Path+".", scope+".") {
					got += l.FLOPs
				}
			}
		}
		compared++
		if strconv.FormatInt(got, 10) != r[5] {
			t.Errorf("%s at %s, %s, %s, %s: %d, want %s", model, size, counter, scope, operator, got, r[5])
		}
	}
	if compared < 200 {
		t.Errorf("compared %d figures", compared)
	}
}

// TestPublished checks that the rows of the three CSPNets reproduce, and that the
// reference's newer counter would not have.
func TestPublished(t *testing.T) {
	tests := []struct {
		model         string
		params, flops string
		exact, legacy int64
		mmengine      int64
		fvcore        int64
		training      int64 // three more for each of batch norm's elements
	}{
		{"cspdarknet50", "27.64", "5.04", 27642184, 5040204288, 5027334144, 5028358144, 5027334144 + 25740288*3/2},
		{"cspresnet50", "21.62", "3.48", 21616168, 3483493888, 3475390464, 3476414464, 3475390464 + 17611776*3/2},
		{"cspresnext50", "20.57", "3.11", 20569896, 3108202496, 3096762368, 3098810368, 3096762368 + 24285184*3/2},
	}
	for _, tt := range tests {
		t.Run(tt.model, func(t *testing.T) {
			r, err := metrics.NewRow(tt.model, metrics.Published{
				Params: tt.params, FLOPs: tt.flops, Convention: metrics.MMCVLegacy, Input: tensor.Shape{1, 3, 224, 224},
				Top1: "80", Top5: "95", Images: 50000,
			}, cspnet(t, tt.model))
			if err != nil {
				t.Fatal(err)
			}
			if r.Params.Exact != tt.exact || r.FLOPs.Exact != tt.legacy || r.Counts() != metrics.Rounded || r.Accuracy() != metrics.NotMeasured {
				t.Errorf("%+v", r)
			}
			norms, pool := (tt.training-tt.mmengine)/3*2, int64(7*7*r.HeadFLOPs/1000)
			want := []metrics.Total{
				{Convention: metrics.FVCore, Scope: metrics.WholeForward, FLOPs: tt.fvcore},
				{Convention: metrics.MMCVLegacy, Scope: metrics.WithoutClassifier, FLOPs: tt.legacy},
				{Convention: metrics.MMEngine, Scope: metrics.WithoutClassifier, FLOPs: tt.mmengine},
				{Convention: metrics.MMEngineTrain, Scope: metrics.WithoutClassifier, FLOPs: tt.training},
				{Convention: metrics.Timm, Scope: metrics.WholeForward, FLOPs: tt.fvcore}, // without gates
				{Convention: metrics.Torchvision, Scope: metrics.WholeForward, FLOPs: tt.fvcore - norms - pool},
			}
			if d := cmp.Diff(want, r.Totals); d != "" {
				t.Errorf("totals (-want +got)\n%s", d)
			}
		})
	}
}
