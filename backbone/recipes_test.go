package backbone_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/bigtest"
	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/internal/recipetest"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
)

// A foreign is a network of another project under synthetic weights, from
// golden/gen/foreign.py: its state dict by that project's names, and its logits.
type foreign struct {
	file    string
	project string
	network string
	lines   []string // of the state dict: "name dtype shape"
	config  string   // config.json, of transformers
	tables  string   // that the network computes, of its state dict
	golden  *golden.Golden
}

// foreigns returns all of golden/foreign.
func foreigns(t *testing.T) []foreign {
	t.Helper()
	return foreignsIn(t, filepath.Join("..", "golden", "foreign", "*.zst"))
}

// foreignsIn returns those of files that match a pattern.
func foreignsIn(t *testing.T, pattern string) []foreign {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no foreign goldens: %v", err)
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	var all []foreign
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := decoder.DecodeAll(data, nil)
		if err != nil {
			t.Fatal(err)
		}
		file, err := safetensors.Parse(path, plain)
		if err != nil {
			t.Fatal(err)
		}
		g, err := golden.Parse(strings.TrimSuffix(filepath.Base(path), ".zst"), plain)
		if err != nil {
			t.Fatal(err)
		}
		meta := file.Metadata()
		all = append(all, foreign{filepath.Base(path), meta["project"], meta["network"], strings.Split(meta["state_dict"], "\n"), meta["config"], meta["tables"], g})
	}
	return all
}

// stateDict returns the network's synthetic weights by its own names.
func (f foreign) stateDict(t *testing.T) *tensor.StateDict {
	t.Helper()
	tables := f.computed(t)
	var sd tensor.StateDict
	for _, line := range f.lines {
		var name, dtype, size string
		if _, err := fmt.Sscan(line, &name, &dtype, &size); err != nil {
			t.Fatalf("%s: %q: %v", f.file, line, err)
		}
		var shape tensor.Shape
		for _, d := range strings.FieldsFunc(size, func(r rune) bool { return r == 'x' || r == '-' }) {
			var n int
			if _, err := fmt.Sscan(d, &n); err != nil {
				t.Fatalf("%s: %q: %v", f.file, line, err)
			}
			shape = append(shape, n)
		}
		if numbers, ok := tables[name]; ok {
			x, err := tensor.FromFloat32s(shape, numbers), error(nil)
			if dtype == "int64" {
				x, err = integers(shape, numbers)
			}
			if err == nil {
				err = sd.Add(name, x)
			}
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		x, err := golden.SyntheticTensor(name, map[string]tensor.DType{"float32": tensor.F32, "int64": tensor.I64}[dtype], shape, f.golden.Weights)
		if err == nil {
			err = sd.Add(name, x)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return &sd
}

// integers returns a tensor of whole numbers.
func integers(shape tensor.Shape, numbers []float32) (tensor.Tensor, error) {
	var data []byte
	for _, n := range numbers {
		data = binary.LittleEndian.AppendUint64(data, uint64(n))
	}
	return tensor.New(tensor.I64, shape, data)
}

// computed returns the numbers of the tables that the network computes itself, by name.
func (f foreign) computed(t *testing.T) map[string][]float32 {
	t.Helper()
	out := make(map[string][]float32)
	if f.tables == "" {
		return out
	}
	var tables []struct {
		Numbers []float32
		Names   []string
	}
	if err := json.Unmarshal([]byte(f.tables), &tables); err != nil {
		t.Fatalf("%s: %v", f.file, err)
	}
	for _, table := range tables {
		for _, name := range table.Names {
			out[name] = table.Numbers
		}
	}
	return out
}

// entry returns the row of the model that the network is for, or one of the architecture of that
// name, where no row is.
func (f foreign) entry(t *testing.T) *registry.Entry {
	t.Helper()
	for _, e := range catalogue(t) {
		if e.Name == f.golden.Model {
			return e
		}
	}
	family, err := backbone.Find(f.golden.Model)
	if err != nil {
		t.Fatalf("%s: model %q is not in the catalogue, and no architecture: %v", f.file, f.golden.Model, err)
	}
	return &registry.Entry{Name: f.golden.Model, Family: family.Name, Arch: f.golden.Model, Classes: 1000}
}

// source returns what is known of the network's project.
func (f foreign) source(t *testing.T) recipe.Source {
	t.Helper()
	entry := f.entry(t)
	family, err := backbone.ByName(entry.Family)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := family.Sources[entry.Arch][f.project]
	if !ok {
		t.Fatalf("%s: %s has no source %s", f.file, entry.Arch, f.project)
	}
	return s
}

// bind renames the network's weights by the recipe of its project and binds them
// to the graph of the model that they are for.
func (f foreign) bind(t *testing.T) *nn.Bound {
	t.Helper()
	r := f.source(t).Recipe()
	sd, changes, err := r.Apply(f.stateDict(t))
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, c := range changes {
		if c.Rule != nil {
			used[c.Rule.From] = true
		}
	}
	for _, rule := range r {
		if !used[rule.From] && !rule.Former {
			t.Errorf("%s: rule %q renames nothing", f.file, rule)
		}
	}
	bound, err := nn.Bind(build(t, f.entry(t)), sd)
	if err != nil {
		t.Fatalf("%s: %v", f.file, err)
	}
	return bound
}

// logits computes the golden's input by the graph of the model that the network is for.
func (f foreign) logits(t *testing.T) []float32 {
	t.Helper()
	g := f.golden
	plan, err := engine.Compile(f.bind(t), g.Shape, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	input, err := g.NetworkInput()
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]float32, g.Shape[0]*plan.Classes())
	if err := plan.NewSession().Run(logits, input); err != nil {
		t.Fatal(err)
	}
	return logits
}

// settings returns the config.json of a network of transformers, changed under some keys.
func (f foreign) settings(t *testing.T, changes map[string]any) map[string]any {
	t.Helper()
	var config map[string]any
	if err := json.Unmarshal([]byte(f.config), &config); err != nil {
		t.Fatalf("%s: %v", f.file, err)
	}
	maps.Copy(config, changes)
	return config
}

// TestSettings checks that the config.json of each golden is taken, and that one which
// makes another network of the same tensors is not.
func TestSettings(t *testing.T) {
	others := map[string][]map[string]any{
		"resnet50":        {{"hidden_act": "gelu"}, {"downsample_in_first_stage": true}, {"downsample_in_bottleneck": true}},
		"regnetx_004":     {{"hidden_act": "silu"}, {"downsample_in_first_stage": false}},
		"regnety_002":     {{"hidden_act": "silu"}, {"downsample_in_first_stage": false}},
		"convnext_tiny":   {{"hidden_act": "relu"}, {"layer_norm_eps": 1e-3}, {"layer_norm_eps": "1e-6"}},
		"convnextv2_atto": {{"hidden_act": "gelu_new"}, {"layer_norm_eps": 1e-5}},
		"efficientnet_b0": {
			{"hidden_act": "relu"}, {"batch_norm_eps": 1e-5}, {"depthwise_padding": []any{5.0}}, {"depthwise_padding": "all"},
			{"image_size": 240.0}, {"image_size": 225.0}, {"image_size": nil}, {"pooling_type": "max"}, {"squeeze_expansion_ratio": 0.5},
		},
		"vit_tiny": {
			{"hidden_act": "quick_gelu"}, {"layer_norm_eps": 1e-6}, {"num_attention_heads": 6.0}, {"num_attention_heads": nil},
		},
		"poolformer_s12": {
			{"hidden_act": "relu"}, {"pool_size": 5.0}, {"use_layer_scale": false}, {"strides": []any{2.0, 2.0, 2.0, 2.0}}, {"padding": "same"},
		},
		"vit_tiny_eps1e-6": {{"layer_norm_eps": nil}, {"layer_norm_eps": 1e-5}},
		"swin_tiny":        {{"hidden_act": "relu"}, {"layer_norm_eps": 1e-6}, {"window_size": 12.0}, {"num_heads": []any{3.0, 6.0, 12.0, 12.0}}},
		"mobilenet_v2":     {{"tf_padding": true}, {"tf_padding": nil}, {"layer_norm_eps": 1e-3}, {"layer_norm_eps": nil}, {"hidden_act": "relu"}, {"output_stride": 16.0}},
	}
	for _, f := range foreigns(t) {
		if f.project != "transformers" {
			continue
		}
		s := f.source(t)
		if err := s.Settings(f.settings(t, nil)); err != nil {
			t.Errorf("%s: %v", f.network, err)
		}
		for _, change := range others[f.network] {
			if s.Settings(f.settings(t, change)) == nil {
				t.Errorf("%s: %v is taken", f.network, change)
			}
		}
	}
	// At 240 pixels the fourth stage's first block, the eleventh after the first, halves 15 rows.
	b1, err := backbone.Find("efficientnet-b1")
	if err != nil {
		t.Fatal(err)
	}
	s := b1.Sources["efficientnet-b1"]["transformers"]
	for _, tt := range []struct {
		padding []any
		taken   bool
	}{{[]any{16.0}, true}, {[]any{}, false}, {[]any{16.0, 2.0}, false}, {[]any{1.0, 16.0}, true}} {
		config := map[string]any{"image_size": 240.0, "depthwise_padding": tt.padding}
		if err := s.Settings(config); (err == nil) != tt.taken {
			t.Errorf("efficientnet-b1 with depthwise_padding %v: %v", tt.padding, err)
		}
	}
}

// TestTimmSettings wants the config.json of timm's Vision Transformers to say what the graphs do.
func TestTimmSettings(t *testing.T) {
	f, err := backbone.ByName("vision_transformer")
	if err != nil {
		t.Fatal(err)
	}
	args := func(pairs map[string]any) map[string]any {
		return map[string]any{"architecture": "x", "model_args": pairs}
	}
	for _, tt := range []struct {
		config      map[string]any
		token, mean bool // whether networks of either are made
	}{
		{map[string]any{"architecture": "x"}, true, true},
		{map[string]any{"global_pool": "token"}, true, false},
		{map[string]any{"global_pool": "avg"}, false, true},
		{args(map[string]any{"global_pool": "avg", "num_classes": 3.0}), false, true},
		{args(map[string]any{"img_size": 384.0, "drop_path_rate": 0.1, "proj_drop_rate": 0.1}), true, true},
		{args(map[string]any{"num_heads": 12.0}), false, false},
		{args(map[string]any{"act_layer": "quick_gelu"}), false, false},
	} {
		for arch, want := range map[string]bool{"deit-small": tt.token, "deit3-small-p16": tt.token, "vit-base-p32-clip-eps1e-5": tt.token, "vit-base-p16-mean": tt.mean} {
			s := f.Sources[arch]["timm"]
			if err := s.Settings(tt.config); (err == nil) != want {
				t.Errorf("%s with %v: %v", arch, tt.config, err)
			}
		}
	}
}

// TestRecipes checks that renamed foreign weights fit strictly and give the logits
// that the other project's network computes with them.
func TestRecipes(t *testing.T) {
	if testing.Short() {
		t.Skip("computes dozens of networks")
	}
	for _, f := range foreigns(t) {
		t.Run(f.file, func(t *testing.T) {
			bigtest.Alone(t)
			v, err := f.golden.Judge(tensor.Highest, golden.Run{Logits: f.logits(t)})
			if err != nil {
				t.Fatal(err)
			}
			if !v.Pass {
				t.Error(v)
			}
			t.Log(v)
		})
	}
}

// TestRecipesProven checks that each family's recipes for a project have a golden, and
// that every recipe is well formed and names all of its network: what it renames
// each wanted tensor from is another name for each, and leads back to the tensor.
func TestRecipesProven(t *testing.T) {
	proven := make(map[string]bool)
	for _, f := range foreigns(t) {
		proven[f.entry(t).Family+" "+f.project] = true
	}
	for _, f := range backbone.All() {
		for arch, projects := range f.Sources {
			if _, ok := f.Archs[arch]; !ok {
				t.Errorf("%s: recipes for %q, which is no architecture", f.Name, arch)
				continue
			}
			for project, source := range projects {
				r := source.Recipe()
				if !proven[f.Name+" "+project] {
					t.Errorf("%s: no golden proves a recipe for %s", f.Name, project)
				}
				if err := r.Check(); err != nil {
					t.Errorf("%s: %s: %v", arch, project, err)
				}
				leadsBack(t, f, arch, r)
			}
		}
	}
}

// leadsBack applies a recipe to what it would rename each wanted tensor from.
func leadsBack(t *testing.T, f *backbone.Family, arch string, r recipe.Recipe) {
	t.Helper()
	g, err := f.Graph(arch, 10)
	if err != nil {
		t.Fatal(err)
	}
	x, err := tensor.New(tensor.F32, tensor.Shape{0}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wanted tensor.StateDict
	for _, p := range g.Params {
		if err := wanted.Add(p.Name, x); err != nil {
			t.Fatal(err)
		}
	}
	for _, former := range []bool{false, true} {
		foreign, err := recipetest.Inverse(r, &wanted, former)
		if err != nil {
			t.Errorf("%s: %v", arch, err)
			return
		}
		back, _, err := r.Apply(foreign)
		if err != nil {
			t.Errorf("%s: %v", arch, err)
			return
		}
		if d := cmp.Diff(wanted.Names(), back.Names()); d != "" {
			t.Errorf("%s: there and back (-want +got)\n%s", arch, d)
		}
	}
}

// TestTimmTables compares the recipes of the CSPNets with the tables of facts, name
// by name: shapes alone would not tell two equal convolutions apart.
func TestTimmTables(t *testing.T) {
	for arch, file := range map[string]string{"cspdarknet53": "cspdarknet50.tsv", "cspresnet50": "cspresnet50.tsv", "cspresnext50": "cspresnext50.tsv"} {
		t.Run(arch, func(t *testing.T) {
			family, err := backbone.ByName("cspnet")
			if err != nil {
				t.Fatal(err)
			}
			r, err := family.Recipe(arch, "timm")
			if err != nil {
				t.Fatal(err)
			}
			want := make(map[string]string)
			var sd tensor.StateDict
			for _, row := range table(t, facts(t, "timm", file)) {
				want[row["timm_key"]] = row["mmpretrain_key"]
				x, err := tensor.New(tensor.F32, tensor.Shape{0}, nil)
				if err == nil {
					err = sd.Add(row["timm_key"], x)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			_, changes, err := r.Apply(&sd)
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]string)
			for _, c := range changes {
				got[c.From] = c.To
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}
