package converter_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// check runs testdata/check.py by the Python that ZOO_PYTHON names.
func check(t *testing.T, args ...string) {
	t.Helper()
	python := os.Getenv("ZOO_PYTHON")
	if python == "" {
		t.Skip("ZOO_PYTHON names no Python with the readers to compare with")
	}
	out, err := exec.Command(python, append([]string{filepath.Join("testdata", "check.py")}, args...)...).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// TestOthersRead wants the readers of others to find what torch.save saved in every
// format, as it is, compressed and cast.
func TestOthersRead(t *testing.T) {
	for _, source := range []string{"zip.pth", "legacy.pth", "zip-dtypes.pth", "zip-views.pth", "zip-new-dtypes.pth", "zip-objects.pth", "zip-module.pth", "reference.safetensors"} {
		casts := []tensor.DType{tensor.Invalid}
		if strings.Contains(source, "dtypes") {
			casts = append(casts, tensor.F32, tensor.F16, tensor.BF16)
		}
		for _, d := range casts {
			t.Run(fmt.Sprint(source, " as ", d), func(t *testing.T) {
				source := filepath.Join("testdata", source)
				sd, err := stateDict(t, source)
				if err != nil {
					t.Fatal(err)
				}
				args := []string{source}
				dir := t.TempDir()
				for _, file := range []string{"out.safetensors", "out.pth", "out.npz", "out.safetensors.zst", "out.pth.zst", "out.npz.zst"} {
					format, _ := converter.FormatOf(file)
					if format == converter.NPZ && !numpyReads(sd, d) {
						continue
					}
					path := filepath.Join(dir, file)
					if err := converter.Write(t.Context(), path, sd, converter.Output{Format: format, DType: d, Provenance: provenance}); err != nil {
						t.Fatal(err)
					}
					args = append(args, path)
				}
				if d != tensor.Invalid {
					args = append(args, "--dtype", map[tensor.DType]string{tensor.F32: "f32", tensor.F16: "f16", tensor.BF16: "bf16"}[d])
				}
				check(t, args...)
			})
		}
	}
}

// numpyReads reports whether numpy has all types of sd, cast to d.
func numpyReads(sd *tensor.StateDict, d tensor.DType) bool {
	for _, x := range sd.All() {
		got := x.DType()
		if got.IsFloat() && d != tensor.Invalid {
			got = d
		}
		switch got {
		case tensor.BF16, tensor.F8E4M3, tensor.F8E4M3UZ, tensor.F8E5M2, tensor.F8E5M2UZ, tensor.F8E8M0:
			return false
		}
	}
	return true
}

// everyOp returns a network of every operator, as wide as is enough to tell.
func everyOp(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-3, nn.ReLU())
	x := b.At("stem").ConvNormAct(b.Input(), 8, nn.K(3), nn.Stride(2), nn.Same())
	for i, act := range []nn.Act{nn.LeakyReLU(0.1), nn.ReLU6(), nn.SiLU(), nn.HardSwish(), nn.GELU(), nn.QuickGELU(), nn.GELUTanh(), nn.Tanh()} {
		at := b.At("blocks", i).WithAct(act)
		x = at.Add(x, at.ConvNormAct(x, 8, nn.K(3), nn.Groups(2), nn.Bias()))
	}
	for i, gate := range []nn.Act{nn.Sigmoid(), nn.HardSigmoid()} {
		at := b.At("gates", i).WithAct(gate)
		x = at.Mul(x, at.Act(at.Conv(at.GlobalAvgPool(x), 8, nn.Bias())))
	}
	x = b.Upsample(x, 2)
	first, second := b.Halves(x)
	x = b.At("join").BatchNorm(b.Concat(second, b.MaxPool(first, 3, 1, 1), x))
	x = b.AvgPool(x, nn.AvgPool{K: 2, Stride: 2, Ceil: true})
	x = b.AvgPool(x, nn.AvgPool{K: 3, Stride: 2, Pad: 1, CountPad: true})
	x = b.At("heads").Conv(x, 16, nn.K(3), nn.Groups(8), nn.Runs(2), nn.Bias())
	x = b.At("norm").LayerNorm(b.Shuffle(b.At("runs").LayerNormRuns(x, 2), 4))
	x = b.At("unfold").Linear(b.Unfold(x, nn.Unfold{K: 3, Stride: 1, Pad: 1}), 8)
	x = b.At("unfold").PatchPosition(b.PadTo(x, 3, 0), "table", 3)
	y := b.MaxPool(x, 2, 2, 0)
	x = b.At("graph").Linear(b.MaxRelative(x, y, nn.MaxRelative{Neighbours: 2, Dilation: 2}), 8)
	y = b.At("known").Conv(b.Upsample(b.GlobalAvgPool(x), 4), 8, nn.K(3))
	y = b.At("known").ImagePosition(y, "table", 4)
	graph := nn.MaxRelative{Neighbours: 3, Dilation: 2, Table: "graph", Nodes: 16, Among: 16}
	x = b.Mul(x, b.GlobalAvgPool(b.At("known", "linear").Linear(b.At("known").MaxRelative(y, y, graph), 8)))
	x = b.At("squares").Linear(b.Unfold(x, nn.Unfold{K: 3, Stride: 3, PixelFirst: true}), 8)
	x = b.At("merge").Linear(b.Upsample(b.Unfold(x, nn.Unfold{K: 2, Stride: 2, Corner: true}), 2), 16)
	x = b.At("response").ResponseNorm(b.At("pointwise").Linear(x, 24))
	x = b.At("group").GroupNorm(x)
	x = b.At("scale").LayerScale(b.Shuffle(x, 3))
	x = b.Add(x, b.At("position").Conv(b.FourierPosition(x, 5), 24))
	x = b.Tokens(b.At("patches").Conv(x, 24, nn.K(2), nn.Stride(2), nn.Corner()))
	x = b.At("tokens").Position(b.At("tokens").Prefix(x, "first", "second"), "table", 2, 3, 5)
	qkv := b.Split(b.At("qkv").Linear(b.At("attention").LayerNorm(x), 72), 3)
	x = b.Add(x, b.At("tokens", "scale").LayerScale(b.Attention(qkv[0], qkv[1], qkv[2], 3)))
	for i, a := range []nn.ChannelAttention{{Heads: 3, Unit: true, Temper: "factors"}, {Heads: 2, Scale: 0.2}} {
		at := b.At("channels", i)
		y := at.Split(at.At("qkv").Linear(at.At("norm").LayerNorm(x), 72), 3)
		x = b.Add(x, at.ChannelAttention(y[0], y[1], y[2], a))
	}
	x = b.Add(x, b.JoinTokens(b.At("class").Attention(b.FirstTokens(x, 2), x, x, 2), b.Tokens(b.Image(x)), 2))
	qkv = b.Split(b.At("queries").QKV(x), 3)
	x = b.Add(x, b.Mul(b.WithAct(nn.SiLU()).Act(b.Attention(qkv[0], qkv[1], qkv[2], 3)), qkv[2]))
	y = b.Add(b.Token(x, 1), b.GlobalMean(x))
	image := b.Image(x)
	keys := b.Tokens(b.At("fewer").Conv(image, 24, nn.K(3), nn.Stride(2)))
	x = b.Tokens(image)
	x = b.Add(x, b.At("far").DecomposedAttention(x, keys, keys, 3, 9, 7))
	z := b.Tokens(b.At("grid").Conv(b.Upsample(b.GlobalAvgPool(b.Image(x)), 2), 24, nn.K(3)))
	z = b.At("turned").Rotary(b.Prefix(z, "grid.first"), b.At("rope").RotaryTables(nn.Rotary{Dim: 12, Extra: 1, GridH: 2, GridW: 2}))
	z = b.At("turned", "plain").Rotary(b.Tokens(b.Image(z)), nn.Rotary{Dim: 24, GridH: 2, GridW: 2})
	y = b.Add(y, b.GlobalMean(b.Transpose(b.At("swapped").Linear(b.Transpose(z, 4, 1, 24), 6), 24, 2, 3)))
	z = b.At("sets", "norm").BatchNormRuns(b.Tokens(b.At("few").Conv(b.Upsample(b.GlobalAvgPool(b.Image(x)), 2), 24, nn.K(3))), 4) // of 2 x 2 pixels
	z = b.Tokens(b.At("sets").Conv(b.Image(b.TransposeOf(z, 4, nn.Transpose{H: 2, W: 4, Join: 3})), 12, nn.Groups(3)))
	z = b.At("sets", "after").BatchNormRuns(b.Image(b.TransposeOf(z, 8, nn.Transpose{H: 2, W: 2, Split: 3})), 8)
	y = b.Add(y, b.Flatten(b.GlobalAvgPool(z)))
	x = b.At("last").LayerNorm(b.Flatten(b.GlobalAvgPool(b.At("image").Conv(b.Image(x), 24, nn.K(3)))))
	y = b.At("pool").Features(y)
	x = b.Features(b.At("neck").PlainBatchNorm(b.Concat(x, y)))
	return b.Graph(b.Scale(b.Add(b.At("fc").Linear(x, classes), b.At("second").Linear(y, classes)), 0.25))
}

// windows returns a network of attentions within windows: not shifted, and shifted with a bias; and of filters of whole images.
func windows(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-3, nn.ReLU())
	x := b.At("stem").Conv(b.Input(), 24, nn.K(3), nn.Stride(2))
	x = b.CropLike(b.PadTo(x, 5, 0), x)
	x = b.At("filter").GlobalFilter(x, "of", 4, 9)
	y := b.At("larger").Conv(b.ResizeTo(x, 7), 24, nn.K(3), nn.Dilation(2))
	x = b.ResizeLike(b.At("larger").GlobalFilter(y, "filter", 7, 1), x)
	for i, a := range []nn.Attention{
		{Heads: 2, Window: nn.Window{Side: 3}},
		{Heads: 3, Window: nn.Window{Side: 4, Shift: 1, Hide: -100}, Bias: nn.ScoreBias{Table: "table", Index: "index", By: nn.Offsets{H: 4, W: 4}}},
		{Heads: 3, Window: nn.Window{Side: 4}, Bias: nn.ScoreBias{Table: "table", HeadsFirst: true, By: nn.Apart{H: 4, W: 4}}},
		{Heads: 2, Window: nn.Window{Side: 3, Grid: true}},
		{Heads: 3, Window: nn.Window{Side: 17, Shift: 3, Hide: -100}},
		{Heads: 2, Window: nn.Window{Side: 17, Shift: 3, Hide: -2, Single: true}},
		{Heads: 2, Window: nn.Window{Side: 7, Hide: -2, Padded: true}},
	} {
		at := b.At(i)
		tokens := at.Tokens(at.At("norm").LayerNorm(x))
		padded := at.PadTo(tokens, a.Window.Side, 1)
		all, part := at.At("qkv").PlainLinear(padded, 3*x.C), x.C/a.Heads
		qkv := at.Split(all, 3)
		if a.Bias.HeadsFirst {
			qkv = at.CutRuns(all, a.Heads, part, part, part)
		}
		if a.Window.Single { // of angles, with a bias that is computed
			qkv[0], qkv[1] = at.At("q").Unit(qkv[0], a.Heads, "temper"), at.At("k").Unit(qkv[1], a.Heads, "")
			of := nn.Continuous{Module: "mlp", Coords: "coords", Hidden: 8, Offsets: nn.Offsets{H: 17, W: 17}, Trained: 5}
			a.Scale, a.Bias = 1, nn.ScoreBias{By: of.Offsets, Index: "index", Of: of}
		}
		if padded = tokens; a.Window.Padded {
			padded = at.PaddedAttention(qkv[0], qkv[1], qkv[2], tokens, a)
		} else {
			padded = at.AttentionOf(qkv[0], qkv[1], qkv[2], a)
		}
		x = at.Image(at.Add(tokens, at.CropLike(padded, tokens)))
	}
	x = b.At("grid").Conv(b.Upsample(b.GlobalAvgPool(x), 3), x.C, nn.K(3))
	x = b.Prefix(b.Tokens(x), "class")
	qkv := b.Split(b.At("whole").QKV(x), 3)
	bias := nn.ScoreBias{Table: "table", Index: "index", By: nn.ClassOffsets{H: 3, W: 3}}
	x = b.Add(x, b.At("whole").AttentionOf(qkv[0], qkv[1], qkv[2], nn.Attention{Heads: 3, Bias: bias}))
	return b.Graph(b.At("fc").Linear(b.At("pool").Features(b.GlobalMean(x)), classes))
}

// related returns a network of attentions whose channels lie head by head, with a bias by how far pixels are
// apart: of all pixels, and of every other one as queries.
func related(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-3, nn.HardSwish())
	x := b.At("stem").Conv(b.Input(), 24, nn.K(3), nn.Stride(2))
	x = b.At("tall").Conv(b.Upsample(b.GlobalAvgPool(b.CutRuns(x, 3, 2, 6)[1]), 10), 24, nn.Kernel(3, 7), nn.Pad(1))
	for i, by := range []nn.Apart{{H: 10, W: 6}, {H: 10, W: 6, Stride: 2}} {
		at := b.At(i)
		a := nn.Attention{Heads: 3, Bias: nn.ScoreBias{Table: "table", HeadsFirst: i == 1, Index: "index", By: by}}
		qkv := at.CutRuns(at.At("norm").BatchNorm(at.At("qkv").PlainLinear(at.Tokens(x), 3*25)), 3, 8, 8, 9)
		q := at.Tokens(at.Unfold(at.Image(qkv[0]), nn.Unfold{K: 1, Stride: 1 + i}))
		x = at.Image(at.At("plain").PlainBatchNorm(at.Act(at.AttentionOf(q, qkv[1], qkv[2], a))))
	}
	return b.Graph(b.At("fc").Linear(b.At("pool").Features(b.Flatten(b.GlobalAvgPool(x))), classes))
}

// TestONNXRuntime wants networks that were exported to compute the engine's logits
// elsewhere, for any number of images. ZOO_LONG=1 makes it every network, in place of
// the smallest of each family.
func TestONNXRuntime(t *testing.T) {
	type export struct {
		network
		dtype tensor.DType
	}
	exports := []export{
		{network{name: "every operator", graph: everyOp}, tensor.Invalid},
		{network{name: "windows", graph: windows}, tensor.Invalid},
		{network{name: "related", graph: related}, tensor.Invalid},
	}
	types := map[string]tensor.DType{"cspdarknet-nano": tensor.F32, "cspresnet-nano": tensor.F16, "cspresnext-nano": tensor.BF16}
	var more []network
	for _, n := range networks() {
		if d, ok := types[n.name]; ok {
			exports = append(exports, export{n, d})
		}
	}
	switch {
	case os.Getenv("ZOO_LONG") != "":
		more = networks()
	case !testing.Short():
		more = smallest(t)
	}
	for _, n := range more {
		exports = append(exports, export{n, tensor.Invalid})
	}
	for _, e := range exports {
		t.Run(fmt.Sprint(e.name, " ", e.dtype), func(t *testing.T) {
			if os.Getenv("ZOO_PYTHON") == "" {
				check(t)
			}
			g := graphOf(t, e.network)
			sd := weightsOf(t, e.network)
			dir := t.TempDir()
			source, exported, run := filepath.Join(dir, "in.safetensors"), filepath.Join(dir, "out.onnx"), filepath.Join(dir, "run.safetensors")
			if err := converter.Write(t.Context(), source, sd, converter.Output{DType: e.dtype}); err != nil {
				t.Fatal(err)
			}
			if err := converter.Write(t.Context(), exported, sd, converter.Output{Format: converter.ONNX, DType: e.dtype, Graph: g, Provenance: provenance}); err != nil {
				t.Fatal(err)
			}
			cast, err := stateDict(t, source) // so that both compute with the same weights
			if err != nil {
				t.Fatal(err)
			}
			record, err := computed(g, cast, inputFor(t, g))
			if err != nil {
				t.Fatal(err)
			}
			if spread := spreadOf(t, record); spread < 1e-3 {
				t.Fatalf("two images' logits differ by %.1e of the largest: too little to tell mistakes", spread)
			}
			if err := safetensors.WriteFile(run, record, nil); err != nil {
				t.Fatal(err)
			}
			args := []string{source, exported, "--run", run, "--tolerance", "1e-5"}
			for _, p := range g.Params {
				if p.Optional || p.Same != "" {
					args = append(args, "--unread", p.Name)
				}
			}
			check(t, args...)
		})
	}
}

// computed returns a synthetic input of the given shape and the engine's logits.
func computed(g *nn.Graph, sd *tensor.StateDict, shape tensor.Shape) (*tensor.StateDict, error) {
	bound, err := nn.Bind(g, sd)
	if err != nil {
		return nil, err
	}
	input, err := golden.SyntheticInput(shape, 0)
	if err != nil {
		return nil, err
	}
	plan, err := engine.Compile(bound, shape, engine.Options{Precision: engine.Highest})
	if err != nil {
		return nil, err
	}
	logits := make([]float32, shape[0]*g.NumClasses())
	if err := plan.NewSession().Run(logits, input); err != nil {
		return nil, err
	}
	record := new(tensor.StateDict)
	if err := record.Add("input", tensor.FromFloat32s(shape, input)); err != nil {
		return nil, err
	}
	return record, record.Add("logits", tensor.FromFloat32s(tensor.Shape{shape[0], g.NumClasses()}, logits))
}

// synthetic returns the weights that a graph wants, made from a seed.
func synthetic(t *testing.T, g *nn.Graph) *tensor.StateDict {
	t.Helper()
	sd, err := golden.SyntheticState(g.Params, golden.Synthetic(0))
	if err != nil {
		t.Fatal(err)
	}
	return sd
}
