package backbone

import (
	"math"

	"github.com/gozoo/zoo/nn"
)

// EfficientNet-Lite: arXiv:1905.11946 without squeeze-excitation and with ReLU6,
// as TensorFlow published it (tpu/models/official/efficientnet/lite). Borders
// follow TensorFlow's SAME rule and batch norm has eps 1e-3.
//
// State dict names are those of the EfficientNet-PyTorch package, in which the
// published PyTorch files are written; they need no recipe.
// Trap: when scaled, the stem, the head and the repeats of the first and of the
// last stage stay as they are.
var efficientNet = Family{
	Name: "efficientnet",
	Archs: map[string]func(classes int) (*nn.Graph, error){
		"efficientnet-lite0": effLite{width: 1.0, depth: 1.0}.graph,
		"efficientnet-lite1": effLite{width: 1.0, depth: 1.1}.graph,
		"efficientnet-lite2": effLite{width: 1.1, depth: 1.2}.graph,
	},
}

// effLite holds the two numbers that tell the Lite networks apart.
type effLite struct {
	width, depth float64
}

// effStages are the stages of EfficientNet-B0 before scaling.
var effStages = []struct {
	expand, k, stride, out, repeats int
}{
	{1, 3, 1, 16, 1},
	{6, 3, 2, 24, 2},
	{6, 5, 2, 40, 2},
	{6, 3, 2, 80, 3},
	{6, 5, 1, 112, 3},
	{6, 5, 2, 192, 4},
	{6, 3, 1, 320, 1},
}

const (
	effStem = 32
	effHead = 1280
)

func (e effLite) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-3, nn.ReLU6())
	x := b.At("_conv_stem").Conv(b.Input(), effStem, nn.K(3), nn.Stride(2), nn.Same())
	x = b.At("_swish").Act(b.At("_bn0").BatchNorm(x)) // (N,32,H/2,W/2)
	block := 0
	for i, s := range effStages {
		repeats := s.repeats
		if i > 0 && i < len(effStages)-1 {
			repeats = int(math.Ceil(e.depth * float64(repeats)))
		}
		out := makeDivisible(float64(s.out)*e.width, 8)
		for j := range repeats {
			stride := s.stride
			if j > 0 {
				stride = 1
			}
			x = effBlock(b.At("_blocks", block), x, s.expand, s.k, stride, out)
			block++
		}
	}
	x = b.At("_conv_head").Conv(x, effHead)
	x = b.At("_swish").Act(b.At("_bn1").BatchNorm(x)) // (N,1280,H/32,W/32)
	x = b.Flatten(b.At("_avg_pooling").GlobalAvgPool(x))
	x = b.At("_avg_pooling").Features(x)
	return b.Graph(b.At("_fc").Linear(x, classes))
}

// effBlock adds an inverted residual: expand, filter each channel, project.
func effBlock(b *nn.Builder, x nn.Value, expand, k, stride, out int) nn.Value {
	act := b.At("_swish")
	y := x
	if expand > 1 {
		y = b.At("_expand_conv").Conv(y, x.C*expand)
		y = act.Act(b.At("_bn0").BatchNorm(y))
	}
	y = b.At("_depthwise_conv").Conv(y, y.C, nn.K(k), nn.Stride(stride), nn.Groups(y.C), nn.Same())
	y = act.Act(b.At("_bn1").BatchNorm(y))
	y = b.At("_project_conv").Conv(y, out)
	y = b.At("_bn2").BatchNorm(y)
	if stride == 1 && x.C == out {
		y = b.Add(y, x)
	}
	return b.Output(y)
}
