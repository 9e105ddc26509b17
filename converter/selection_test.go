package converter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/internal/torchfile"
	"github.com/gozoo/zoo/tensor"
)

type dict = torchfile.Dict

// An item is a tensor with its name.
type item struct {
	name string
	t    tensor.Tensor
}

// marked returns weights of the target whose classifier's bias is a number, which tells
// afterwards whose they were.
func marked(t *testing.T, mark float32, rename map[string]string) *tensor.StateDict {
	t.Helper()
	sd := new(tensor.StateDict)
	for name, x := range weights(t, 3, rename, nil).All() {
		if strings.HasSuffix(name, "head.bias") || strings.HasSuffix(name, "fc.bias") {
			x = tensor.FromFloat32s(tensor.Shape{3}, []float32{mark, mark, mark})
		}
		if err := sd.Add(name, x); err != nil {
			t.Fatal(err)
		}
	}
	return sd
}

// markOf returns the mark of a fitted checkpoint.
func markOf(t *testing.T, f *converter.Fitted) float32 {
	t.Helper()
	bias, ok := f.Bound.StateDict().Lookup("head.bias")
	if !ok {
		t.Fatal("no classifier")
	}
	values, err := bias.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return values[0]
}

func parse(t *testing.T, value any) *converter.Checkpoint {
	t.Helper()
	c, err := converter.Parse("x.pth", torchfile.Bytes(value))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var adam = dict{"state", dict{"0", dict{"exp_avg", tensor.FromFloat32s(tensor.Shape{2}, []float32{1, 2})}}, "param_groups", torchfile.List{}}

// TestFitFile wants the right one of several state dicts, and the others said.
func TestFitFile(t *testing.T) {
	one, two := marked(t, 1, nil), marked(t, 2, nil)
	module := func(sd *tensor.StateDict) dict { return torchfile.Of(sd, "module.") }
	number := tensor.FromFloat32s(nil, []float32{9})
	tests := []struct {
		name   string
		file   any
		key    string
		mark   float32
		from   string // the key that was taken
		others string // keys, joined
	}{
		{"bare", one, "", 1, "", ""},
		{"beside an optimiser", dict{"model", one, "optimizer", adam, "epoch", 3}, "", 1, "model", ""},
		{"timm's average", dict{"state_dict", two, "state_dict_ema", one}, "", 1, "state_dict_ema", "state_dict"},
		{"timm's average, not asked for", dict{"state_dict", two, "state_dict_ema", one}, "state_dict", 2, "state_dict", "state_dict_ema"},
		{"torchvision's average", dict{"model", two, "model_ema", append(module(one), "n_averaged", count(t, 4))}, "", 1, "model_ema", "model"},
		{"no average yet", dict{"model", one, "model_ema", nil}, "", 1, "model", ""},
		{"an average that is empty", dict{"model", one, "model_ema", dict{}}, "", 1, "model", ""},
		{"MMEngine, which exchanges them", dict{"state_dict", one, "ema_state_dict", append(module(two), "steps", count(t, 4))}, "", 1, "state_dict", "ema_state_dict"},
		{"an average that nobody exchanges", dict{"model_state_dict", two, "ema_state_dict", one}, "", 1, "ema_state_dict", "model_state_dict"},
		{"BasicSR", dict{"params", two, "params_ema", one}, "", 1, "params_ema", "params"},
		{"state_dict before model", dict{"model", two, "state_dict", one}, "", 1, "state_dict", "model"},
		{"nested", dict{"state", dict{"model", one, "optimizers", adam}, "rng", torchfile.List{number}}, "", 1, "state/model", ""},
		{"an average inside its keeper", dict{"model", two, "model_ema", dict{"decay", 0.99, "module", one}}, "", 1, "model_ema/module", "model"},
		{"a key of its own", dict{"my_weights", one, "best", number, "optim", adam}, "", 1, "my_weights", ""},
		{"the only one that fits", dict{"generator", one, "critic", dict{"a.weight", number}}, "", 1, "", ""},
		{"a list", torchfile.List{one, dict{"lr", 0.1}}, "", 1, "0", ""},
		{"teacher and student", dict{"student", module(two), "teacher", module(one)}, "", 1, "teacher", "student"},
		{"the student, asked for", dict{"student", module(two), "teacher", module(one)}, "student", 2, "student", "teacher"},
		{"a key with dots", dict{"a.b", dict{"c/d", one}, "e", two}, "a.b/c/d", 1, "a.b/c/d", "e"},
		{"a prefix behind a key", dict{"state_dict", append(torchfile.Of(one, "t."), torchfile.Of(two, "s.")...)}, "state_dict/s", 2, "state_dict", ""},
		{"a prefix alone", dict{"state_dict", append(torchfile.Of(one, "t."), torchfile.Of(two, "s.")...)}, "t", 1, "state_dict", ""},
		{"an average by its prefix", append(torchfile.Of(two, "model."), torchfile.Of(one, "ema_model.")...), "", 1, "", "model"},
		{"MoCo", append(torchfile.Of(one, "module.encoder_q."), torchfile.Of(two, "module.encoder_k.")...), "", 1, "", "encoder_k"},
		{"the root beside its average", append(torchfile.Of(two), "ema", one), "", 1, "ema", "/"},
		{"the root, asked for", append(torchfile.Of(two), "ema", one), "/", 2, "", "ema"},
		{"a whole network", pickledNet(one), "", 1, "", ""},
		{"a whole network in DataParallel", torchfile.Module{Class: "torch.nn.DataParallel", Modules: dict{"module", pickledNet(one)}}, "", 1, "", ""},
		{"two whole networks", dict{"epoch", 1, "model", pickledNet(two), "model_ema", pickledNet(one)}, "", 1, "model_ema", "model"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := target().FitFile(parse(t, tt.file), tt.key)
			if err != nil {
				t.Fatal(err)
			}
			var others []string
			for _, o := range f.Selection.Others {
				others = append(others, o.Key)
			}
			if got := markOf(t, f); got != tt.mark || f.Selection.Key != tt.from || strings.Join(others, " ") != tt.others {
				t.Errorf("weights %v from %q, beside %q; want %v from %q, beside %q", got, f.Selection.Key, others, tt.mark, tt.from, tt.others)
			}
			said := strings.Join(f.Selection.Notices("x.pth"), "\n")
			for _, o := range others {
				if !strings.Contains(said, "--weights "+o) {
					t.Errorf("nothing says how to take %q:\n%s", o, said)
				}
			}
		})
	}
}

// count returns the counter of an average.
func count(t *testing.T, n byte) tensor.Tensor {
	t.Helper()
	x, err := tensor.New(tensor.I64, nil, []byte{n, 0, 0, 0, 0, 0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// pickledNet returns the pickled module whose state dict is sd, and which has a buffer that
// state dicts leave out.
func pickledNet(sd *tensor.StateDict) torchfile.Module {
	m := torchfile.Module{Class: "mine.Net", Transient: []string{"cache"},
		Buffers: dict{"cache", tensor.FromFloat32s(tensor.Shape{1}, []float32{0}), "none", nil}}
	children := map[string]*torchfile.Module{}
	var order []string
	for name, x := range sd.All() {
		i := strings.LastIndexByte(name, '.')
		child := children[name[:i]]
		if child == nil {
			child = &torchfile.Module{Class: "torch.nn.Layer"}
			children[name[:i]] = child
			order = append(order, name[:i])
		}
		child.Parameters = append(child.Parameters, name[i+1:], x)
	}
	stem := torchfile.Module{Class: "torch.nn.Sequential"}
	for _, path := range order {
		if inner, ok := strings.CutPrefix(path, "stem."); ok {
			stem.Modules = append(stem.Modules, inner, *children[path])
		} else {
			m.Modules = append(m.Modules, path, *children[path])
		}
	}
	m.Modules = append(m.Modules, "stem", stem)
	return m
}

// TestEdits wants what training leaves in names and tensors undone, where the network's are
// left, and said.
func TestEdits(t *testing.T) {
	plain := map[string]string{}
	linear := func(rows, columns int) tensor.Tensor {
		return tensor.FromFloat32s(tensor.Shape{rows, columns}, slices.Repeat([]float32{0.5}, rows*columns))
	}
	vector := func(n int) tensor.Tensor { return tensor.FromFloat32s(tensor.Shape{n}, make([]float32, n)) }
	timm := map[string]string{"stem.conv.": "conv1.", "stem.bn.": "bn1.", "head.": "fc."}
	with := func(sd *tensor.StateDict, more ...item) *tensor.StateDict {
		for _, m := range more {
			if err := sd.Add(m.name, m.t); err != nil {
				t.Fatal(err)
			}
		}
		return sd
	}
	prefixed := func(sd *tensor.StateDict, prefix string) *tensor.StateDict {
		out := new(tensor.StateDict)
		for name, x := range sd.All() {
			with(out, item{prefix + name, x})
		}
		return out
	}
	renamed := func(names map[string]string) *tensor.StateDict { return weights(t, 3, names, nil) }
	headless := func(more ...item) *tensor.StateDict { return with(renamed(map[string]string{"head.": "-"}), more...) }
	tests := []struct {
		name    string
		sd      *tensor.StateDict
		says    []string
		classes int
	}{
		{"a prefix", prefixed(renamed(plain), "model."), []string{`the prefix "model."`}, 3},
		{"a prefix before another project's names", prefixed(renamed(timm), "backbone.timm_model."), []string{`the prefix "backbone.timm_model."`}, 3},
		{"beside a loss and a metric", with(prefixed(renamed(plain), "net."), item{"criterion.weight", vector(3)}, item{"val_acc.tp", vector(3)}),
			[]string{`the prefix "net."`, `2 tensors left out: "criterion.weight", "val_acc.tp"`}, 3},
		{"a loss beside its own names", with(renamed(plain), item{"criterion.weight", vector(3)}), []string{`1 tensor left out: "criterion.weight"`}, 3},
		{"wrappers within names", renamed(map[string]string{"stem.": "stem._checkpoint_wrapped_module.", "head.": "head._orig_mod."}), nil, 3},
		{"DataParallel within names", renamed(map[string]string{"stem.": "stem.module."}), []string{`the wrapper "module"`}, 3},
		{"average and counter below a prefix", with(prefixed(renamed(plain), "ema.module."), item{"ema.n_averaged", count(t, 1)}), []string{`"ema.n_averaged"`}, 3},
		{"mmcv's buffers", with(renamed(plain), item{"ema_head_weight", linear(3, 4)}, item{"ema_head_bias", vector(3)}), []string{`2 tensors left out: "ema_head_weight", "ema_head_bias"`}, 3},
		{"a Sequential for a classifier", renamed(map[string]string{"head.": "head.1."}), []string{`the classifier is "head.1"`}, 3},
		{"the same, with another project's names", renamed(map[string]string{"stem.conv.": "conv1.", "stem.bn.": "bn1.", "head.": "fc.2."}), []string{`the classifier is "fc.2"`}, 3},
		{"a Sequential of one", renamed(map[string]string{"head.": "classifier.0."}), []string{`the classifier is "classifier.0"`}, 3},
		{"a classifier beside the network", headlessBeside(t, item{"classifier.weight", linear(5, 4)}, item{"classifier.bias", vector(5)}),
			[]string{`the prefix "net."`, `the classifier is "classifier"`}, 5},
		{"a classifier without a bias", headless(item{"head.weight", linear(7, 4)}), []string{"no bias"}, 7},
		{"another one, without a bias", headless(item{"fc.1.weight", linear(7, 4)}), []string{"no bias", `"fc.1"`}, 7},
		{"none", headless(), []string{"no classifier"}, 0},
		{"a projection", headless(item{"head.0.weight", linear(4, 4)}, item{"head.0.bias", vector(4)}), []string{"no classifier", `"head.0.weight"`}, 0},
		{"two layers", headless(item{"head.0.weight", linear(9, 4)}, item{"head.2.weight", linear(2, 9)}), []string{"no classifier", `"head.2.weight"`}, 0},
		{"what contrastive training has", headless(item{"projector.0.weight", linear(9, 4)}, item{"queue", linear(9, 9)}), []string{"no classifier", `"queue"`}, 0},
		{"MoCo's first layer", prefixed(headless(item{"fc.0.weight", linear(9, 4)}), "encoder_q."), []string{"no classifier", `"encoder_q."`}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := target().Fit(tt.sd)
			if err != nil {
				t.Fatal(err)
			}
			if f.Classes != tt.classes || f.Selection.NoClassifier != (tt.classes == 0) || f.Bound.Graph.NumClasses() != tt.classes {
				t.Errorf("%d classes, want %d", f.Classes, tt.classes)
			}
			said := strings.Join(f.Selection.Notices("x.pth"), "\n")
			for _, text := range tt.says {
				if !strings.Contains(said, text) {
					t.Errorf("no %q in:\n%s", text, said)
				}
			}
			account(t, tt.sd, f)
		})
	}
}

// headlessBeside returns a network without a classifier below a prefix, and tensors beside it.
func headlessBeside(t *testing.T, more ...item) *tensor.StateDict {
	return weights(t, 3, map[string]string{"stem.": "net.stem.", "head.": "-"}, func(sd *tensor.StateDict) {
		for _, m := range more {
			if err := sd.Add(m.name, m.t); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// account wants one line for each tensor of the file, and each tensor of the network from the
// file's, or zeros.
func account(t *testing.T, sd *tensor.StateDict, f *converter.Fitted) {
	t.Helper()
	lines := map[string]converter.Explained{}
	to := map[string]bool{}
	for _, n := range f.Names {
		if n.Fate == converter.Missing || n.Fate == converter.Unexpected || n.Fate == converter.Misshapen {
			t.Errorf("%+v", n)
		}
		if n.Fate == converter.Zeroed {
			to[n.To] = true
			continue
		}
		if _, twice := lines[n.Name]; twice {
			t.Errorf("%q is explained twice", n.Name)
		}
		lines[n.Name] = n
		to[n.To] = true
	}
	for _, name := range sd.Names() {
		if _, ok := lines[name]; !ok {
			t.Errorf("nothing says what became of %q", name)
		}
	}
	for _, p := range f.Bound.Graph.Params {
		if !to[p.Name] && !p.Optional {
			t.Errorf("nothing says where %q comes from", p.Name)
		}
	}
}

// TestMasks wants the products of weights and masks, in each type, to the bit.
func TestMasks(t *testing.T) {
	sd := new(tensor.StateDict)
	want := map[string][]float32{}
	for name, x := range weights(t, 3, nil, nil).All() {
		if !strings.HasSuffix(name, "weight") || strings.Contains(name, "bn") {
			sd.Add(name, x)
			continue
		}
		values, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		mask := make([]float32, len(values))
		for i := range mask {
			mask[i] = float32(i % 2)
			want[name] = append(want[name], values[i]*mask[i])
		}
		sd.Add(name+"_mask", tensor.FromFloat32s(x.Shape(), mask))
		sd.Add(name+"_orig", x)
	}
	f, err := target().Fit(sd)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != 2 || len(f.Selection.Multiplied) != 2 {
		t.Errorf("%d weights have masks, %q were multiplied", len(want), f.Selection.Multiplied)
	}
	for name, values := range want {
		x, _ := f.Bound.StateDict().Lookup(name)
		got, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(values, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	account(t, sd, f)
}

// TestFitFileErrors wants files that cannot be decided, or undone, refused with what helps.
func TestFitFileErrors(t *testing.T) {
	one, two := marked(t, 1, nil), marked(t, 2, nil)
	linear := tensor.FromFloat32s(tensor.Shape{2, 3}, make([]float32, 6))
	without := func(name string, more ...item) dict {
		var d dict
		for other, x := range one.All() {
			if other != name {
				d = append(d, other, x)
			}
		}
		for _, m := range more {
			d = append(d, m.name, m.t)
		}
		return d
	}
	x := tensor.FromFloat32s(tensor.Shape{1}, []float32{1})
	empty := tensor.FromFloat32s(tensor.Shape{0}, nil)
	bytes, err := tensor.New(tensor.I8, tensor.Shape{4, 3, 1, 1}, make([]byte, 12))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		file   any
		key    string
		option bool
		want   []string
	}{
		{"two under keys of their own", dict{"a", one, "b", two}, "", false, []string{"2 networks that fit", "--weights a, --weights b"}},
		{"two by their prefixes", append(torchfile.Of(one, "a."), torchfile.Of(two, "b.")...), "", false, []string{"--weights a, --weights b"}},
		{"another than the known key's", dict{"model", dict{"w", x}, "mine", one}, "", false, []string{"--weights mine"}},
		{"a layer that follows", append(torchfile.Of(one, "model."), "last.weight", linear), "", false, []string{`"last" (2,3)`, "--weights model takes the network alone"}},
		{"an unknown key", dict{"model", one, "optimizer", adam}, "mode", true, []string{`no weights under "mode"`, `"model" (8 tensors)`}},
		{"optimiser state", dict{"model", one, "optimizer", adam}, "optimizer/state/0", true, []string{`"model" (8 tensors)`}},
		{"an unknown prefix", dict{"model", one}, "model/teacher", true, []string{`names begin with "stem" (6), "head" (2)`}},
		{"an optimiser alone", dict{"optimizer", adam}, "", false, []string{"state of training"}},
		{"a part of ZeRO", dict{"module", without("head.weight", item{"head.weight", empty}), "ds_version", "0.14"}, "", false, []string{"zero_to_fp32.py"}},
		{"an optimiser of ZeRO", dict{"optimizer_state_dict", adam, "ds_version", "0.14"}, "", false, []string{"zero_to_fp32.py"}},
		{"empty tensors", dict{"model", without("head.weight", item{"head.weight", empty})}, "", false, []string{"is empty"}},
		{"a weight norm", without("stem.conv.weight", item{"stem.conv.weight_g", x}, item{"stem.conv.weight_v", x}), "", false, []string{"remove_weight_norm"}},
		{"a parametrization", without("stem.conv.weight", item{"stem.conv.parametrizations.weight.original0", x}), "", false, []string{"remove_parametrizations"}},
		{"a spectral norm", without("stem.conv.weight", item{"stem.conv.weight_orig", x}, item{"stem.conv.weight_u", x}), "", false, []string{"remove_spectral_norm"}},
		{"FSDP's flat parameters", dict{"_fsdp_wrapped_module._flat_param", x}, "", false, []string{"FULL_STATE_DICT"}},
		{"quantised", without("stem.conv.weight", item{"stem.conv.weight", bytes}, item{"stem.conv.weight_scale", x}), "", false, []string{"dequantise"}},
		{"integers", without("stem.conv.weight", item{"stem.conv.weight", bytes}), "", false, []string{"dequantise"}},
		{"numbers of a Sequential", dict{"model", dict{"0.0.weight", x, "1.8.weight", x}}, "", false, []string{"begins with a number"}},
		{"another network's, with a prefix", torchfile.Of(one, "model.x."), "nothing", true, []string{`every name begins with "model"`}},
		{"another network behind a prefix", dict{"net.a.weight", x, "net.b.weight", x}, "", false, []string{`every name begins with "net."`}},
		{"names that become one", dict{"module.w", x, "w", x}, "", false, []string{`two tensors have the name "w"`}},
		{"a wrapper without a name", dict{"module.", x}, "", false, []string{"without its wrapper it has no name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := target().FitFile(parse(t, tt.file), tt.key)
			if err == nil {
				t.Fatal("it fits")
			}
			if errors.Is(err, option.Err) != tt.option {
				t.Errorf("an option is to blame: %v, want %v: %v", !tt.option, tt.option, err)
			}
			for _, text := range tt.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("no %q in: %v", text, err)
				}
			}
		})
	}
}

// TestSelect wants names without wrappers, and what a key takes, without a network.
func TestSelect(t *testing.T) {
	x := tensor.FromFloat32s(tensor.Shape{1}, []float32{1})
	tests := []struct {
		name, key string
		file      any
		want      string
	}{
		{"as they are", "", dict{"w", x, "a.module.b", x}, "w a.module.b"},
		{"wrappers in front", "", dict{"module.w", x, "_orig_mod.module.v", x}, "w v"},
		{"wrappers that are no layer's names", "", dict{"a._orig_mod.w", x, "b._fsdp_wrapped_module.c", x}, "a.w b.c"},
		{"an average with its counter", "", dict{"module.w", x, "n_averaged", count(t, 1)}, "w"},
		{"a tensor of that name", "", dict{"w", x, "n_averaged", count(t, 1)}, "w n_averaged"},
		{"several mappings", "", dict{"a", dict{"w", x}, "b", dict{"w", x}}, "a.w b.w"},
		{"one of them", "b", dict{"a", dict{"w", x}, "b", dict{"v", x}}, "v"},
		{"by a prefix", "a/b", dict{"a.b.w", x, "c.w", x}, "w"},
		{"by a wrapper", "module", dict{"module.w", x}, "w"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := parse(t, tt.file).Select(tt.key)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(s.StateDict.Names(), " ")); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			if lines := len(s.Names); lines != s.StateDict.Len()+len(s.LeftOut) {
				t.Errorf("%d lines for %d tensors and %d left out", lines, s.StateDict.Len(), len(s.LeftOut))
			}
		})
	}
}

// ExampleSelection shows how to say what was taken.
func ExampleSelection_Notices() {
	s := converter.Selection{Key: "state_dict_ema", Prefix: "model.", Others: []converter.Weights{{Key: "state_dict", Tensors: 122}}}
	fmt.Println(strings.Join(s.Notices("mine.pth"), "\n"))
	// Output:
	// mine.pth: the weights are "state_dict_ema/model"; tensors of the same names are under "state_dict" (--weights state_dict)
	// mine.pth: names without the prefix "model."
}
