package backbone

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// EfficientNet-Lite is EfficientNet without squeeze-excitation and with ReLU6, as TensorFlow
// published it (tpu/models/official/efficientnet/lite).
//
// State dict names are those of the EfficientNet-PyTorch package, in which the published PyTorch
// files are written; they need no recipe.
// Trap: when it is scaled, its stem, its head and the repeats of its first and of its last stage
// stay as they are.
var effLites = map[string]effLite{
	"lite0": {width: 1.0, depth: 1.0},
	"lite1": {width: 1.0, depth: 1.1},
	"lite2": {width: 1.1, depth: 1.2},
	"lite3": {width: 1.2, depth: 1.4},
	"lite4": {width: 1.4, depth: 1.8},
}

// addEffLites adds them to their family. Timm has these too with borders that are the same on both
// sides and eps 1e-5, and publishes one.
func addEffLites(f *Family) {
	for size, l := range effLites {
		arch, network := "efficientnet-"+size, "efficientnet_"+size
		all, unpublished := []string{"tf_" + network}, []string{network}
		if size == "lite0" {
			all, unpublished = append(all, network), nil
		}
		l.eps = effEps
		f.Archs[arch], f.Sources[arch] = l.graph, projects{timm: oneOf(l.timm, all[:1], all, unpublished...)}
		if size == "lite0" {
			l.symmetric, l.eps = true, 1e-5
			arch += "-symmetric-eps1e-5"
			f.Archs[arch], f.Sources[arch] = l.graph, projects{timm: oneOf(l.timm, all[1:], all)}
		}
	}
}

// effLite holds what tells the Lite networks apart.
type effLite struct {
	width, depth float64
	symmetric    bool // borders the same on both sides
	eps          float64
}

// repeats returns how often the block of stage i comes.
func (e effLite) repeats(i int) int {
	if i == 0 || i == len(effStages)-1 {
		return effStages[i].repeats
	}
	return int(math.Ceil(e.depth * float64(effStages[i].repeats)))
}

// timm renames timm's networks, which number blocks by stages.
func (e effLite) timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("conv_stem.**", "_conv_stem.**"),
		recipe.Rename("bn1.**", "_bn0.**"),
		recipe.Rename("conv_head.**", "_conv_head.**"),
		recipe.Rename("bn2.**", "_bn1.**"),
		recipe.Rename("classifier.**", "_fc.**"),
	}
	block := 0
	for i, s := range effStages {
		for j := range e.repeats(i) {
			from, to := fmt.Sprintf("blocks.%d.%d.", i, j), fmt.Sprintf("_blocks.%d.", block)
			convs, first := []string{"conv_dw", "conv_pw"}, 1
			if s.expand > 1 {
				convs, first = []string{"conv_pw", "conv_dw", "conv_pwl"}, 0
			}
			for k, conv := range convs {
				ours := []string{"_expand_conv", "_depthwise_conv", "_project_conv"}[first+k]
				r = append(r,
					recipe.Rename(from+conv+".**", to+ours+".**"),
					recipe.Rename(fmt.Sprintf("%sbn%d.**", from, k+1), fmt.Sprintf("%s_bn%d.**", to, first+k)))
			}
			block++
		}
	}
	return r
}

func (e effLite) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, e.eps, nn.ReLU6())
	border := []nn.Option{nn.Same()}
	if e.symmetric {
		border = nil
	}
	x := b.At("_conv_stem").Conv(b.Input(), effStem, append(border, nn.K(3), nn.Stride(2))...)
	x = b.At("_swish").Act(b.At("_bn0").BatchNorm(x)) // (N,32,H/2,W/2)
	block := 0
	for i, s := range effStages {
		out := makeDivisible(float64(s.out)*e.width, 8)
		for j := range e.repeats(i) {
			stride := s.stride
			if j > 0 {
				stride = 1
			}
			x = effLiteBlock(b.At("_blocks", block), x, inverted{k: s.k, stride: stride, mid: x.C * s.expand, out: out, border: border})
			block++
		}
	}
	x = b.At("_conv_head").Conv(x, effHead)
	x = b.At("_swish").Act(b.At("_bn1").BatchNorm(x)) // (N,1280,H/32,W/32)
	x = b.Flatten(b.At("_avg_pooling").GlobalAvgPool(x))
	x = b.At("_avg_pooling").Features(x)
	return b.Graph(b.At("_fc").Linear(x, classes))
}

// effLiteBlock adds an inverted residual: expand, filter each channel, project.
func effLiteBlock(b *nn.Builder, x nn.Value, r inverted) nn.Value {
	act := b.At("_swish")
	y := x
	if r.mid != x.C {
		y = b.At("_expand_conv").Conv(y, r.mid)
		y = act.Act(b.At("_bn0").BatchNorm(y))
	}
	y = b.At("_depthwise_conv").Conv(y, y.C, append([]nn.Option{nn.K(r.k), nn.Stride(r.stride), nn.Groups(y.C)}, r.border...)...)
	y = act.Act(b.At("_bn1").BatchNorm(y))
	y = b.At("_project_conv").Conv(y, r.out)
	y = b.At("_bn2").BatchNorm(y)
	if r.stride == 1 && x.C == r.out {
		y = b.Add(y, x)
	}
	return b.Output(y)
}
