package nn_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// classify ends a graph the usual way.
func classify(b *nn.Builder, x nn.Value) (*nn.Graph, error) {
	x = b.Flatten(b.At("gap").GlobalAvgPool(x))
	return b.Graph(b.At("fc").Linear(b.At("neck").Features(x), 3))
}

// small is a graph with one of everything a state dict has to fit.
func small(t *testing.T) *nn.Graph {
	t.Helper()
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	x := b.At("stem").ConvNormAct(b.Input(), 8, nn.K(3), nn.Stride(2))
	keep, work := b.Halves(x)
	work = b.At("blocks", 0, "conv").Conv(work, 4, nn.Groups(2))
	g, err := classify(b, b.Concat(keep, work))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestBuilderNames(t *testing.T) {
	g := small(t)
	var names, paths, probes []string
	for _, p := range g.Params {
		names = append(names, p.Name)
	}
	for _, n := range g.Nodes {
		paths = append(paths, n.Path+" "+n.Op.Kind())
	}
	for _, p := range g.Probes {
		probes = append(probes, p.Path)
	}
	wantNames := []string{
		"stem.conv.weight", "stem.bn.weight", "stem.bn.bias", "stem.bn.running_mean", "stem.bn.running_var", "stem.bn.num_batches_tracked",
		"blocks.0.conv.weight", "fc.weight", "fc.bias",
	}
	wantPaths := []string{
		"stem.conv conv", "stem.bn batch_norm", "stem.activate relu", " slice", " slice", "blocks.0.conv conv", " cat",
		"gap adaptive_avg_pool2d", " flatten", "fc linear",
	}
	if d := cmp.Diff(wantNames, names); d != "" {
		t.Errorf("params (-want +got)\n%s", d)
	}
	if d := cmp.Diff(wantPaths, paths); d != "" {
		t.Errorf("nodes (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"stem", "neck"}, probes); d != "" {
		t.Errorf("probes (-want +got)\n%s", d)
	}
	// 8*3*9 + 8 + 8 + 4*2 + 3*8 + 3: running statistics do not count.
	if n := g.NumParams(); n != 267 {
		t.Errorf("%d parameters, want 267", n)
	}
	if n := g.NumClasses(); n != 3 {
		t.Errorf("%d classes, want 3", n)
	}
}

func TestBuilderErrors(t *testing.T) {
	tests := []struct {
		name  string
		build func(b *nn.Builder, x nn.Value) nn.Value
		want  string
	}{
		{"name twice", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").Conv(b.At("a").Conv(x, 4), 4)
		}, `nn: a: "a.weight" is wanted twice`},
		{"groups of the input", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a", 1).Conv(x, 4, nn.Groups(4)) },
			"nn: a.1: 4 groups do not divide 3 input and 4 output channels"},
		{"groups of the output", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 4, nn.Groups(3)) },
			"3 groups do not divide 3 input and 4 output channels"},
		{"no kernel", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 4, nn.K(0)) }, "kernel 0x0, stride 1, groups 1"},
		{"no stride", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 4, nn.Stride(0)) }, "stride 0"},
		{"no groups", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 4, nn.Groups(0)) }, "groups 0"},
		{"no dilation", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 4, nn.Dilation(0)) }, "dilation 0"},
		{"runs", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 3, nn.Groups(3), nn.Runs(2)) },
			"nn: a: 2 runs of channels do not divide 3 groups"},
		{"runs cut", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").CutRuns(x, 3, 1, 1)[0] },
			"nn: a: cannot cut 3 runs of 3 channels in [1 1]"},
		{"runs of a norm", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").LayerNormRuns(x, 2) },
			"nn: a: cannot normalise 3 channels in 2 runs"},
		{"no channels", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 0) }, "nn: a: conv makes 0 channels"},
		{"cut", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Cut(x, 1, 1)[1] }, "nn: a: cannot cut 3 channels in [1 1]"},
		{"odd halves", func(b *nn.Builder, x nn.Value) nn.Value { y, _ := b.At("a").Halves(x); return y }, "nn: a: cannot split 3 channels in 2"},
		{"no runs", func(b *nn.Builder, x nn.Value) nn.Value { b.At("a").Split(x, 0); return x }, "nn: a: cannot split 3 channels in 0"},
		{"unequal sum", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Add(x, b.At("b").Conv(x, 4)) },
			"nn: a: cannot add 3 and 4 channels"},
		{"factors", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Mul(x, b.At("b").Conv(x, 4)) },
			"nn: a: cannot multiply 3 channels by 4 factors"},
		{"transpose", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Transpose(x, 7, 2, 2) }, "nn: a: 3 channels are no grid of 2x2"},
		{"transpose of tokens that are joined", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").TransposeOf(x, 7, nn.Transpose{H: 1, W: 1, Join: 2})
		}, "nn: a: 3 channels are no grid of 1x1"},
		{"runs of a batch norm", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").BatchNormRuns(x, 2) },
			"nn: a: cannot normalise 3 channels in 2 runs"},
		{"unfold", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Unfold(x, nn.Unfold{K: 2}) }, "nn: a: windows of 2, stride 0, border 0"},
		{"shuffle", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Shuffle(x, 2) }, "nn: a: cannot shuffle 3 channels in 2 groups"},
		{"output twice", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").Output(b.Flatten(b.At("a").ConvNormAct(x, 4)))
		}, "nn: a: two values are declared as the output"},
		{"the first of two", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("second").Conv(b.At("first").Conv(x, 4, nn.K(0)), 4, nn.K(0))
		}, "nn: first: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := nn.NewBuilder(3, 1e-5, nn.ReLU())
			g, err := classify(b, tt.build(b, b.Input()))
			if err == nil || g != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q in it", err, tt.want)
			}
		})
	}
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	if _, err := b.Graph(b.Input()); err == nil || !strings.Contains(err.Error(), "features") {
		t.Errorf("without features: error = %v", err)
	}
}

func TestShapes(t *testing.T) {
	tests := []struct {
		name  string
		build func(b *nn.Builder, x nn.Value) nn.Value
		in    tensor.Shape
		want  tensor.Shape
	}{
		// PyTorch's floor rule: (h + 2p - k)/s + 1.
		{"3x3", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 5, nn.K(3)) }, tensor.Shape{2, 3, 7, 9}, tensor.Shape{2, 5, 7, 9}},
		{"3x3 stride 2, even", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 5, nn.K(3), nn.Stride(2)) },
			tensor.Shape{1, 3, 8, 6}, tensor.Shape{1, 5, 4, 3}},
		{"3x3 stride 2, odd", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 5, nn.K(3), nn.Stride(2)) },
			tensor.Shape{1, 3, 7, 5}, tensor.Shape{1, 5, 4, 3}},
		{"7x7 stride 2", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 64, nn.K(7), nn.Stride(2)) },
			tensor.Shape{1, 3, 224, 225}, tensor.Shape{1, 64, 112, 113}},
		// TensorFlow's SAME rule: ceil(h/s).
		{"same 5x5 stride 2", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").Conv(x, 5, nn.K(5), nn.Stride(2), nn.Same())
		}, tensor.Shape{1, 3, 9, 8}, tensor.Shape{1, 5, 5, 4}},
		{"max pool", func(b *nn.Builder, x nn.Value) nn.Value { return b.MaxPool(x, 3, 2, 1) }, tensor.Shape{1, 3, 112, 7}, tensor.Shape{1, 3, 56, 4}},
		{"max pool leaves a rest", func(b *nn.Builder, x nn.Value) nn.Value { return b.MaxPool(x, 2, 2, 0) }, tensor.Shape{1, 3, 5, 4}, tensor.Shape{1, 3, 2, 2}},
		{"1x7", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 5, nn.Kernel(1, 7)) }, tensor.Shape{1, 3, 4, 9}, tensor.Shape{1, 5, 4, 9}},
		{"no border", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 5, nn.K(3), nn.Pad(0), nn.Bias()) },
			tensor.Shape{1, 3, 4, 9}, tensor.Shape{1, 5, 2, 7}},
		{"gate", func(b *nn.Builder, x nn.Value) nn.Value { return b.Mul(x, b.GlobalAvgPool(x)) }, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 3, 4, 9}},
		{"shuffle", func(b *nn.Builder, x nn.Value) nn.Value { return b.Shuffle(x, 3) }, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 3, 4, 9}},
		{"product", func(b *nn.Builder, x nn.Value) nn.Value { return b.Mul(x, x) }, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 3, 4, 9}},
		{"attention of a token and a grid", func(b *nn.Builder, x nn.Value) nn.Value {
			x = b.Prefix(b.Tokens(x), "class")
			bias := nn.ScoreBias{Table: "table", Index: "index", By: nn.ClassOffsets{H: 4, W: 9}}
			return b.At("a").AttentionOf(x, x, x, nn.Attention{Heads: 3, Bias: bias})
		}, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 37, 3}},
		{"rotary", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").Rotary(b.Prefix(b.Tokens(b.At("b").Conv(x, 4)), "c"), nn.Rotary{Dim: 2, Extra: 1, GridH: 4, GridW: 9})
		}, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 37, 4}},
		{"transpose", func(b *nn.Builder, x nn.Value) nn.Value { return b.Transpose(b.Tokens(x), 36, 1, 3) }, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 3, 36}},
		{"transpose to fewer tokens", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.TransposeOf(b.Tokens(x), 36, nn.Transpose{H: 1, W: 1, Join: 3})
		}, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 1, 108}},
		{"transpose and back", func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.TransposeOf(b.Tokens(b.At("a").Conv(x, 12)), 36, nn.Transpose{H: 2, W: 2, Join: 3})
			return b.At("b").BatchNormRuns(b.Image(b.TransposeOf(y, 4, nn.Transpose{H: 4, W: 9, Split: 3})), 4)
		}, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 12, 4, 9}},
		{"queries, keys and values", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").QKV(b.Tokens(x)) },
			tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 36, 9}},
		{"unfold", func(b *nn.Builder, x nn.Value) nn.Value { return b.Unfold(x, nn.Unfold{K: 3, Stride: 2, Pad: 1}) },
			tensor.Shape{2, 3, 5, 9}, tensor.Shape{2, 27, 3, 5}},
		{"patch position", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").PatchPosition(x, "table", 3) },
			tensor.Shape{2, 3, 6, 9}, tensor.Shape{2, 3, 6, 9}},
		{"positions of one size", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").ImagePosition(x, "table", 6) },
			tensor.Shape{2, 3, 6, 6}, tensor.Shape{2, 3, 6, 6}},
		{"neighbours", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").MaxRelative(x, b.AvgPool(x, nn.AvgPool{K: 2, Stride: 2}), nn.MaxRelative{Neighbours: 4, Dilation: 2, Table: "table", Nodes: 36, Among: 8})
		}, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 6, 4, 9}},
		{"unfold to the corner", func(b *nn.Builder, x nn.Value) nn.Value { return b.Unfold(x, nn.Unfold{K: 2, Stride: 2, Corner: true}) },
			tensor.Shape{2, 3, 5, 8}, tensor.Shape{2, 12, 3, 4}},
		{"norms", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("d").GroupNorm(b.At("c").ResponseNorm(b.At("b").LayerScale(b.At("a").LayerNorm(x))))
		}, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 3, 4, 9}},
		{"linear over pixels", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Linear(x, 5) }, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 5, 4, 9}},
		{"upsample", func(b *nn.Builder, x nn.Value) nn.Value { return b.Upsample(x, 4) }, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 3, 16, 36}},
		{"split", func(b *nn.Builder, x nn.Value) nn.Value { return b.Split(x, 3)[2] }, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 1, 4, 9}},
		{"cut", func(b *nn.Builder, x nn.Value) nn.Value { return b.Cut(x, 1, 2)[1] }, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 2, 4, 9}},
		{"tokens joined", func(b *nn.Builder, x nn.Value) nn.Value {
			x = b.Tokens(x)
			return b.Image(b.JoinTokens(b.FirstTokens(x, 5), x, 5))
		}, tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 3, 4, 9}},
		{"first tokens", func(b *nn.Builder, x nn.Value) nn.Value { return b.Image(b.FirstTokens(b.Tokens(x), 5)) },
			tensor.Shape{2, 3, 4, 9}, tensor.Shape{2, 3, 1, 5}},
		{"global pool", func(b *nn.Builder, x nn.Value) nn.Value { return b.GlobalAvgPool(x) }, tensor.Shape{4, 3, 5, 6}, tensor.Shape{4, 3, 1, 1}},
		{"concat", func(b *nn.Builder, x nn.Value) nn.Value { return b.Concat(x, b.At("a").Conv(x, 5), x) }, tensor.Shape{1, 3, 2, 2}, tensor.Shape{1, 11, 2, 2}},
		{"halves", func(b *nn.Builder, x nn.Value) nn.Value { _, y := b.Halves(b.At("a").Conv(x, 6)); return y }, tensor.Shape{1, 3, 2, 4}, tensor.Shape{1, 3, 2, 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := nn.NewBuilder(3, 1e-5, nn.ReLU())
			x := b.At("here").Output(tt.build(b, b.Input()))
			g, err := classify(b, x)
			if err != nil {
				t.Fatal(err)
			}
			shapes, err := g.Shapes(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := shapes[g.Probes[0].Value]; !got.Equal(tt.want) {
				t.Errorf("shape of %v = %v, want %v", tt.in, got, tt.want)
			}
			if got := shapes[g.Logits]; !got.Equal(tensor.Shape{tt.in[0], 3}) {
				t.Errorf("logits %v", got)
			}
		})
	}
}

func TestShapesRefused(t *testing.T) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	x := b.At("stage").Conv(b.Input(), 4, nn.K(7), nn.Stride(2))
	x = b.At("pool").MaxPool(x, 3, 2, 0)
	g, err := classify(b, x)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		in   tensor.Shape
		want string
	}{
		{tensor.Shape{1, 4, 64, 64}, "expected (N,3,H,W)"},
		{tensor.Shape{3, 64, 64}, "expected (N,3,H,W)"},
		{tensor.Shape{0, 3, 64, 64}, "expected (N,3,H,W)"},
		{tensor.Shape{1, 3, 0, 64}, "expected (N,3,H,W)"},
		{tensor.Shape{1, 3, 64, -1}, "expected (N,3,H,W)"},
		{nil, "expected (N,3,H,W)"},
		{tensor.Shape{1, 3, 64, 3}, "nn: pool (max_pool2d) for network input (1,3,64,3): input of 2 with border 0+0 is smaller than the kernel 3"},
		{tensor.Shape{1 << 22, 3, 1 << 20, 1 << 20}, "nn: stage (conv)"},
	}
	for _, tt := range tests {
		if _, err := g.Shapes(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: error = %v, want %q in it", tt.in, err, tt.want)
		}
	}
}

// TestPositionsOfOneGrid: positions that are resized take images of any size, others of one alone.
func TestPositionsOfOneGrid(t *testing.T) {
	p := nn.Position{Name: "table", C: 8, GridH: 4, GridW: 3}
	in := nn.Size{N: 2, C: 8, H: 3, W: 4, Tokens: true}
	if s, err := p.Size(in); err != nil || s != in {
		t.Errorf("resized: %v, %v", s, err)
	}
	p.Exact = true
	if s, err := p.Size(in); err == nil || !strings.Contains(err.Error(), "expected a grid of 4 x 3") {
		t.Errorf("another grid: %v, %v", s, err)
	}
	in.H, in.W = 4, 3
	if s, err := p.Size(in); err != nil || s != in {
		t.Errorf("its own: %v, %v", s, err)
	}
}

// TestAvgPoolWindows compares with torch.nn.AvgPool2d of torch 2.15.
func TestAvgPoolWindows(t *testing.T) {
	for _, tt := range []struct {
		in, k, stride, pad int
		ceil               bool
		want               int
	}{
		{5, 2, 2, 0, true, 3}, {5, 2, 2, 0, false, 2}, {4, 2, 2, 0, true, 2}, {1, 2, 2, 0, true, 1}, {7, 3, 2, 1, true, 4}, {7, 3, 2, 1, false, 4},
		{8, 3, 2, 1, true, 5}, {6, 3, 2, 0, true, 3}, {3, 3, 1, 1, false, 3}, {2, 3, 3, 1, true, 1}, {4, 2, 3, 1, true, 2},
	} {
		op := nn.AvgPool{K: tt.k, Stride: tt.stride, Pad: tt.pad, Ceil: tt.ceil}
		got, err := op.Size(nn.Size{N: 2, C: 3, H: tt.in, W: 5})
		if err != nil || got.H != tt.want {
			t.Errorf("%+v: %v, %v, want %d rows", tt, got, err, tt.want)
		}
	}
	if s, err := (nn.AvgPool{K: 3, Stride: 2}).Size(nn.Size{N: 1, C: 1, H: 2, W: 2}); err == nil {
		t.Errorf("a window larger than the input gives %v", s)
	}
}

// TestSamePads holds the rule against TensorFlow's documented examples: with an
// odd border the extra row goes to the bottom.
func TestSamePads(t *testing.T) {
	tests := []struct{ in, k, stride, before, after int }{
		{224, 3, 2, 0, 1}, {225, 3, 2, 1, 1}, {112, 5, 2, 1, 2}, {7, 5, 1, 2, 2}, {8, 1, 2, 0, 0}, {1, 3, 2, 1, 1}, {13, 6, 5, 1, 2},
	}
	for _, tt := range tests {
		c := nn.Conv{In: 1, Out: 1, KH: tt.k, KW: 3, StrideH: tt.stride, StrideW: 1, Groups: 1, Pad: nn.Padding{Same: true}}
		top, bottom, left, right := c.Pads(tt.in, 10)
		if top != tt.before || bottom != tt.after || left != 1 || right != 1 {
			t.Errorf("%+v: pads %d %d, and %d %d, want 1 1", tt, top, bottom, left, right)
		}
	}
}
