package metrics_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// network has one of every operator that a CSPNet has; TestCount works out by hand
// what they cost on an image of 8x8.
func network(t *testing.T) *nn.Graph {
	t.Helper()
	b := nn.NewBuilder(3, 1e-5, nn.LeakyReLU(0.01))
	x := b.At("stem").ConvNormAct(b.Input(), 8, nn.K(3), nn.Stride(2)) // (1,8,4,4)
	x = b.At("pool").MaxPool(x, 3, 2, 1)                               // (1,8,2,2)
	keep, work := b.Halves(x)                                          // (1,4,2,2)
	work = b.Add(work, b.At("conv").Conv(work, 4, nn.K(3), nn.Groups(2)))
	x = b.Concat(keep, work)
	x = b.At("neck").Features(b.Flatten(b.At("gap").GlobalAvgPool(x))) // (1,8)
	g, err := b.Graph(b.At("fc").Linear(x, 5))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestCount(t *testing.T) {
	const (
		stem  = 8 * 4 * 4 * 3 * 9 // output elements times products of each: 3456
		conv  = 4 * 2 * 2 * 2 * 9 // two groups of two channels: 288
		bn    = 2 * 8 * 4 * 4
		act   = 8 * 4 * 4
		pool  = 8 * 4 * 4 // of the input
		gap   = 8 * 2 * 2
		fc    = 8 * 5
		total = stem + conv + bn + gap
	)
	tests := []struct {
		convention metrics.Convention
		scope      metrics.Scope
		flops      int64
		operators  []metrics.OperatorCost
	}{
		{metrics.MMCVLegacy, metrics.WithoutClassifier, total + act + pool, []metrics.OperatorCost{
			{Kind: "conv", FLOPs: stem + conv}, {Kind: "batch_norm", FLOPs: bn}, {Kind: "leaky_relu", FLOPs: act},
			{Kind: "max_pool2d", FLOPs: pool}, {Kind: "adaptive_avg_pool2d", FLOPs: gap},
		}},
		{metrics.MMEngine, metrics.WithoutClassifier, total, []metrics.OperatorCost{
			{Kind: "conv", FLOPs: stem + conv}, {Kind: "batch_norm", FLOPs: bn}, {Kind: "adaptive_avg_pool2d", FLOPs: gap},
		}},
		{metrics.MMEngineTrain, metrics.WithoutClassifier, total + bn/2*3, []metrics.OperatorCost{
			{Kind: "conv", FLOPs: stem + conv}, {Kind: "batch_norm", FLOPs: 5 * 8 * 4 * 4}, {Kind: "adaptive_avg_pool2d", FLOPs: gap},
		}},
		{metrics.FVCore, metrics.WholeForward, total + fc, []metrics.OperatorCost{
			{Kind: "conv", FLOPs: stem + conv}, {Kind: "batch_norm", FLOPs: bn}, {Kind: "linear", FLOPs: fc}, {Kind: "adaptive_avg_pool2d", FLOPs: gap},
		}},
	}
	g := network(t)
	for _, tt := range tests {
		t.Run(string(tt.convention), func(t *testing.T) {
			cost, err := metrics.Count(g, tensor.Shape{1, 3, 8, 8}, tt.convention)
			if err != nil {
				t.Fatal(err)
			}
			var params, macs int64
			for _, l := range cost.Layers {
				params += l.Params
				macs += l.MACs
			}
			if cost.FLOPs != tt.flops || cost.Scope != tt.scope || cost.HeadFLOPs != fc {
				t.Errorf("%d FLOPs %s, classifier %d; want %d %s, %d", cost.FLOPs, cost.Scope, cost.HeadFLOPs, tt.flops, tt.scope, fc)
			}
			if want := int64(8*3*9 + 2*8 + 4*2*9 + 8*5 + 5); cost.Params != want || params != want {
				t.Errorf("%d parameters, %d in layers, want %d", cost.Params, params, want)
			}
			if macs != stem+conv+fc {
				t.Errorf("%d MACs in layers, want %d", macs, stem+conv+fc)
			}
			if d := cmp.Diff(tt.operators, cost.ByOperator); d != "" {
				t.Errorf("operators (-want +got)\n%s", d)
			}
			if last := cost.Layers[len(cost.Layers)-1]; last.Path != "fc" || !last.Head || cost.Layers[0].Head {
				t.Errorf("layers %+v … %+v: want only the last in the classifier", cost.Layers[0], last)
			}
		})
	}
	if macs, err := metrics.MACs(g, tensor.Shape{1, 3, 8, 8}); err != nil || macs != stem+conv+fc {
		t.Errorf("MACs = %d, %v, want %d", macs, err, stem+conv+fc)
	}
}

// TestClassifierInBackbone checks that every convention counts a classifier that the
// reference has in its backbone, and says so.
func TestClassifierInBackbone(t *testing.T) {
	input := tensor.Shape{1, 3, 8, 8}
	whole := *network(t)
	whole.ClassifierInBackbone = true
	for _, c := range metrics.Conventions() {
		outside, err := metrics.Count(network(t), input, c)
		if err != nil {
			t.Fatal(err)
		}
		inside, err := metrics.Count(&whole, input, c)
		if err != nil {
			t.Fatal(err)
		}
		want := outside.FLOPs
		if outside.Scope == metrics.WithoutClassifier {
			want += 8 * 5
		}
		if inside.FLOPs != want || inside.HeadFLOPs != 8*5 || inside.Scope != metrics.WholeForward {
			t.Errorf("%s: %d FLOPs %s, classifier %d; want %d %s, 40", c, inside.FLOPs, inside.Scope, inside.HeadFLOPs, want, metrics.WholeForward)
		}
	}
	r, err := metrics.NewRow("whole", metrics.Published{Convention: metrics.MMCVLegacy, Input: input}, &whole)
	if err != nil || r.Scope != metrics.WholeForward {
		t.Errorf("row of scope %q, %v, want %q", r.Scope, err, metrics.WholeForward)
	}
}

// TestTwoHeads counts both of two classifiers, and a norm before one, as the classifier.
func TestTwoHeads(t *testing.T) {
	b := nn.NewBuilder(3, 1e-5, nn.ReLU())
	x := b.Flatten(b.GlobalAvgPool(b.Input()))
	x, y := b.At("neck").Features(x), b.At("neck").Features(b.At("more").Linear(x, 4))
	y = b.At("dist").BatchNorm(y)
	g, err := b.Graph(b.Add(b.At("head").Linear(x, 5), b.At("dist", "l").Linear(y, 5)))
	if err != nil {
		t.Fatal(err)
	}
	const pool, more, head = 3 * 8 * 8, 3 * 4, 3*5 + 2*4 + 4*5
	for c, want := range map[metrics.Convention]int64{metrics.MMEngine: pool + more, metrics.FVCore: pool + more + head} {
		cost, err := metrics.Count(g, tensor.Shape{1, 3, 8, 8}, c)
		if err != nil || cost.FLOPs != want || cost.HeadFLOPs != head {
			t.Errorf("%s: %d FLOPs, classifiers %d, %v; want %d and %d", c, cost.FLOPs, cost.HeadFLOPs, err, want, head)
		}
	}
}

// TestOperators counts single operators on 4 channels of 6x6, by the rules of mmcv
// 2.1 and mmengine 0.10.
func TestOperators(t *testing.T) {
	const in = 4 * 6 * 6
	tests := []struct {
		name             string
		add              func(b *nn.Builder, x nn.Value) nn.Value
		legacy, mmengine int64
	}{
		{"convolution with bias", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 5, nn.K(3), nn.Bias()) }, 5*36*4*9 + 5*36, 5 * 36 * 4 * 9},
		{"TensorFlow's border", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 5, nn.K(3), nn.Same()) }, 0, 5 * 36 * 4 * 9},
		{"that border added before", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Conv(x, 5, nn.K(3), nn.SameBefore()) }, 5 * 36 * 4 * 9, 5 * 36 * 4 * 9},
		{"average pool", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").AvgPool(x, nn.AvgPool{K: 2, Stride: 2}) }, in, 0},
		{"average pool as a function", func(b *nn.Builder, x nn.Value) nn.Value { return b.AvgPool(x, nn.AvgPool{K: 2, Stride: 2}) }, 0, 0},
		{"max pool as a function", func(b *nn.Builder, x nn.Value) nn.Value { return b.MaxPool(x, 2, 2, 0) }, 0, 0},
		{"relu", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").WithAct(nn.ReLU()).Act(x) }, in, 0},
		{"relu as a function", func(b *nn.Builder, x nn.Value) nn.Value { return b.WithAct(nn.ReLU()).Act(x) }, 0, 0},
		{"sigmoid", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").WithAct(nn.Sigmoid()).Act(x) }, 0, 0},
		{"hardsigmoid", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").WithAct(nn.HardSigmoid()).Act(x) }, 0, 0},
		{"silu", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").WithAct(nn.SiLU()).Act(x) }, 0, 0},
		{"hardswish", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").WithAct(nn.HardSwish()).Act(x) }, 0, 0},
		{"gelu", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").WithAct(nn.GELU()).Act(x) }, 0, 0},
		{"layer norm", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").LayerNorm(x) }, 2 * in, 5 * in},
		{"layer norm of runs", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").LayerNormRuns(x, 2) }, 2 * in, 5 * in},
		{"layer norm of images", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").LayerNorm2d(x) }, 0, 5 * in},
		{"group norm", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").GroupNorm(x) }, 2 * in, 5 * in},
		{"layer norm written out", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").WrittenLayerNorm(x) }, 0, 0},
		{"batch norm without weights", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").PlainBatchNorm(x) }, in, in},
		{"attention", func(b *nn.Builder, x nn.Value) nn.Value {
			x = b.Prefix(b.Tokens(x), "token")
			return b.At("a").Attention(x, x, x, 2)
		}, 0, 2 * 37 * 37 * 4},
		{"channel attention", func(b *nn.Builder, x nn.Value) nn.Value {
			x = b.Prefix(b.Tokens(x), "token")
			return b.At("a").ChannelAttention(x, x, x, nn.ChannelAttention{Heads: 2, Unit: true, Temper: "factors"})
		}, 0, 2 * 37 * 4 * 2},
		{"neighbours", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").MaxRelative(x, b.MaxPool(x, 2, 2, 0), nn.MaxRelative{Neighbours: 2, Dilation: 1})
		}, 0, 9 * in},
		{"positions", func(b *nn.Builder, x nn.Value) nn.Value { return b.FourierPosition(x, 8) }, 0, 0},
		{"first tokens joined", func(b *nn.Builder, x nn.Value) nn.Value {
			x = b.Tokens(x)
			return b.JoinTokens(b.FirstTokens(x, 2), x, 2)
		}, 0, 0},
		{"attention with terms of rows and columns", func(b *nn.Builder, x nn.Value) nn.Value {
			y := b.Tokens(b.MaxPool(x, 2, 2, 0))
			return b.At("a").DecomposedAttention(b.Tokens(x), y, y, 2, 9, 9)
		}, 0, 36 * (2*9*4 + (3+3)*4)},
		{"layer scale", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").LayerScale(x) }, 0, 0},
		{"scale", func(b *nn.Builder, x nn.Value) nn.Value { return b.Scale(x, 0.5) }, 0, 0},
		{"response norm", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").ResponseNorm(x) }, 0, 0},
		{"linear layer as a function", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").LinearOf(x, nn.Linear{Out: 7, Function: true})
		}, 0, 7 * in},
		{"patch position", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").PatchPosition(x, "table", 3) }, 0, 0},
		{"linear over pixels", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Linear(x, 7) }, 7 * in, 7 * in},
		{"batch norm of tokens", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").BatchNorm(b.Tokens(x)) }, 2 * in, 2 * in},
		{"mean", func(b *nn.Builder, x nn.Value) nn.Value { return b.GlobalMean(x) }, 0, 0},
		{"shuffle", func(b *nn.Builder, x nn.Value) nn.Value { return b.Shuffle(x, 2) }, 0, 0},
		{"queries, keys and values", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").QKV(b.Tokens(x)) }, 0, 12 * in},
		{"average of tokens", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").GlobalAvgPool(b.Tokens(x)) }, in, 0},
		{"rotary", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").Rotary(b.Tokens(x), nn.Rotary{Dim: 2, GridH: 6, GridW: 6})
		}, 0, 0},
		{"runs cut", func(b *nn.Builder, x nn.Value) nn.Value { return b.CutRuns(x, 2, 1, 1)[1] }, 0, 0},
		{"transpose", func(b *nn.Builder, x nn.Value) nn.Value { return b.Transpose(b.Tokens(x), 36, 2, 2) }, 0, 0},
		{"batch norm of runs", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").BatchNormRuns(x, 2) }, 2 * in, 2 * in},
		{"product", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Mul(x, x) }, 0, 0},
		{"unfold", func(b *nn.Builder, x nn.Value) nn.Value {
			return b.At("a").Unfold(x, nn.Unfold{K: 3, Stride: 2, Pad: 1})
		}, 0, 0},
		{"filter", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").GlobalFilter(x, "filter", 6, 4) }, 0, 0},
		{"filter of another size", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").GlobalFilter(x, "filter", 7, 4) }, 0, 4 * 4 * 6 * 4 * 2},
		{"upsample", func(b *nn.Builder, x nn.Value) nn.Value { return b.At("a").Upsample(x, 2) }, 4 * in, 4 * in},
		{"resized", func(b *nn.Builder, x nn.Value) nn.Value { return b.ResizeLike(b.ResizeTo(x, 8), x) }, 0, 4*4*8*8 + 4*in},
		{"resized to its own size", func(b *nn.Builder, x nn.Value) nn.Value { return b.ResizeLike(b.ResizeTo(x, 3), x) }, 0, 0},
		{"gate", func(b *nn.Builder, x nn.Value) nn.Value { return b.Mul(x, b.At("a").GlobalAvgPool(x)) }, in, in},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := nn.NewBuilder(4, 1e-5, nn.ReLU())
			x := b.At("features").Features(tt.add(b, b.Input()))
			g, err := b.Graph(x)
			if err != nil {
				t.Fatal(err)
			}
			for c, want := range map[metrics.Convention]int64{metrics.MMCVLegacy: tt.legacy, metrics.MMEngine: tt.mmengine, metrics.FVCore: tt.mmengine} {
				cost, err := metrics.Count(g, tensor.Shape{1, 4, 6, 6}, c)
				if err != nil || cost.FLOPs != want {
					t.Errorf("%s: %d FLOPs, %v, want %d", c, cost.FLOPs, err, want)
				}
			}
		})
	}
}

func TestCountRefuses(t *testing.T) {
	g := network(t)
	odd := *g
	odd.Nodes = append([]nn.Node(nil), g.Nodes...)
	for i, n := range odd.Nodes {
		if n.Path == "stem.activate" {
			odd.Nodes[i].Op = nn.Act{Func: 250}
		}
	}
	square := tensor.Shape{1, 3, 8, 8}
	tests := []struct {
		name       string
		g          *nn.Graph
		input      tensor.Shape
		convention metrics.Convention
		want       string
	}{
		{"batch", g, tensor.Shape{2, 3, 8, 8}, metrics.MMEngine, "batch of 1"},
		{"channels", g, tensor.Shape{1, 1, 8, 8}, metrics.MMEngine, "expected (N,3,H,W)"},
		{"convention", g, square, "mmcv", `unknown FLOPs convention "mmcv": known are fvcore, mmcv-legacy, mmengine, mmengine-train`},
		{"no rule", &odd, square, metrics.MMCVLegacy, "stem.activate (activation(250)) for input (1,3,8,8): mmcv-legacy has no rule for activation(250)"},
		{"no rule either", &odd, square, metrics.FVCore, "fvcore has no rule"},
		{"overflow", g, tensor.Shape{1, 3, math.MaxInt32, 1 << 28}, metrics.MMEngine, "stem"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := metrics.Count(tt.g, tt.input, tt.convention)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "metrics: ") {
				t.Errorf("error = %v, want %q in it", err, tt.want)
			}
		})
	}
	if _, err := metrics.ParseConvention("fvcore"); err != nil {
		t.Error(err)
	}
	if _, err := metrics.ParseConvention("FVCore"); err == nil {
		t.Error("ParseConvention takes a name in other case")
	}
}
