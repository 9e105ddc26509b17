package backbone

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// EfficientNet: arXiv:1905.11946, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/efficientnet.py), and EfficientNet-Lite, without
// squeeze-excitation and with ReLU6, as TensorFlow published it
// (tpu/models/official/efficientnet/lite). Borders follow TensorFlow's SAME rule and
// batch norm has eps 1e-3.
//
// State dict names of the Lite networks are those of the EfficientNet-PyTorch
// package, in which the published PyTorch files are written; they need no recipe.
// Trap: of timm's networks the tf_ ones are these; others have other borders and eps.
// Trap: when a Lite is scaled, its stem, its head and the repeats of its first and
// of its last stage stay as they are.
var efficientNet = efficientNetFamily()

var efficientNets = map[string]effNet{
	"efficientnet-b0": {width: 1.0, depth: 1.0},
	"efficientnet-b1": {width: 1.0, depth: 1.1},
	"efficientnet-b2": {width: 1.1, depth: 1.2},
	"efficientnet-b3": {width: 1.2, depth: 1.4},
	"efficientnet-b4": {width: 1.4, depth: 1.8},
	"efficientnet-b5": {width: 1.6, depth: 2.2},
	"efficientnet-b6": {width: 1.8, depth: 2.6},
	"efficientnet-b7": {width: 2.0, depth: 3.1},
	"efficientnet-b8": {width: 2.2, depth: 3.6},
	"efficientnet-l2": {width: 4.3, depth: 5.3},
}

var effLites = map[string]effLite{
	"efficientnet-lite0": {width: 1.0, depth: 1.0},
	"efficientnet-lite1": {width: 1.0, depth: 1.1},
	"efficientnet-lite2": {width: 1.1, depth: 1.2},
}

func efficientNetFamily() Family {
	f := Family{
		Name:    "efficientnet",
		Archs:   make(map[string]func(classes int) (*nn.Graph, error)),
		Sources: make(map[string]projects),
	}
	for arch, l := range effLites {
		f.Archs[arch] = l.graph
		name := strings.ReplaceAll(arch, "-", "_")
		s := named(l.timm, "tf_"+name)
		if arch == "efficientnet-lite0" { // timm has these too with borders that are the same on both sides
			s = alike(s, []string{name})
		} else {
			s = alike(s, nil, name)
		}
		f.Sources[arch] = projects{timm: s}
	}
	for arch, e := range efficientNets {
		f.Archs[arch] = e.graph
		f.Sources[arch] = projects{timm: e.timmSource(arch), transformers: e.transformers()}
	}
	return f
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
	effEps  = 1e-3
)

// effNet holds the factors that tell the networks apart.
type effNet struct {
	width, depth float64
}

// effPlace is a block and its place: in the list that state dict names count, where
// a stage that keeps the resolution goes on from the one before.
type effPlace struct {
	inverted
	layer, index int
	stage, j     int // as timm counts
}

// blocks returns all blocks.
func (e effNet) blocks() []effPlace {
	var all []effPlace
	layer, index, c := 0, 0, e.scaled(effStem)
	for i, s := range effStages {
		if i == 0 || s.stride == 2 {
			layer, index = layer+1, 0
		}
		out := e.scaled(s.out)
		for j := range int(math.Ceil(e.depth * float64(s.repeats))) {
			stride := 1
			if j == 0 {
				stride = s.stride
			}
			r := inverted{k: s.k, stride: stride, mid: c * s.expand, out: out, squeezed: c / 4, act: nn.SiLU(), gate: nn.Sigmoid(), border: []nn.Option{nn.Same()}}
			all = append(all, effPlace{r, layer, index, i, j})
			index++
			c = out
		}
	}
	return all
}

// scaled returns a scaled number of channels.
func (e effNet) scaled(c int) int { return makeDivisible(float64(c)*e.width, 8) }

func (e effNet) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, effEps, nn.SiLU())
	layers := b.At("backbone", "layers")
	x := layers.At(0).ConvNormAct(b.Input(), e.scaled(effStem), nn.K(3), nn.Stride(2), nn.Same())
	last := 0
	for _, p := range e.blocks() {
		x = p.block(layers.At(p.layer, p.index), x)
		last = p.layer
	}
	x = layers.At(last+1).ConvNormAct(x, e.scaled(effHead), nn.Same())
	return poolAndClassify(b, x, classes)
}

// timmSource is where timm publishes the network: it has another one of the same tensors,
// whose borders are the same on both sides and whose eps is 1e-5.
func (e effNet) timmSource(arch string) recipe.Source {
	name := strings.ReplaceAll(arch, "-", "_")
	s := named(e.timm, "tf_"+name)
	switch {
	case arch == "efficientnet-b0":
		return alike(s, []string{name}, "efficientnet_blur_b0")
	case e.width <= 1.6:
		return alike(s, []string{name})
	}
	return alike(s, nil, name)
}

// transformers renames the network of that library. Its borders are those of its config.json,
// for one size of image, and only some are the SAME rule's.
func (e effNet) transformers() recipe.Source {
	return recipe.Source{Recipe: e.transformersNames, NeedsSettings: true, Settings: e.settings}
}

func (e effNet) transformersNames() recipe.Recipe {
	const model = "efficientnet."
	blocks := e.blocks()
	last := blocks[len(blocks)-1].layer + 1
	r := recipe.Recipe{
		recipe.Rename(model+"embeddings.convolution.**", "backbone.layers.0.conv.**"),
		recipe.Rename(model+"embeddings.batchnorm.**", "backbone.layers.0.bn.**"),
		recipe.Rename(model+"encoder.top_conv.**", fmt.Sprintf("backbone.layers.%d.conv.**", last)),
		recipe.Rename(model+"encoder.top_bn.**", fmt.Sprintf("backbone.layers.%d.bn.**", last)),
		recipe.Rename("classifier.**", "head.fc.**"),
	}
	for i, p := range blocks {
		from, to := fmt.Sprintf("%sencoder.blocks.%d.", model, i), fmt.Sprintf("backbone.layers.%d.%d.", p.layer, p.index)
		if effStages[p.stage].expand > 1 {
			r = append(r,
				recipe.Rename(from+"expansion.expand_conv.**", to+"expand_conv.conv.**"),
				recipe.Rename(from+"expansion.expand_bn.**", to+"expand_conv.bn.**"))
		}
		r = append(r,
			recipe.Rename(from+"depthwise_conv.depthwise_conv.**", to+"depthwise_conv.conv.**"),
			recipe.Rename(from+"depthwise_conv.depthwise_norm.**", to+"depthwise_conv.bn.**"),
			recipe.Rename(from+"squeeze_excite.reduce.**", to+"se.conv1.conv.**"),
			recipe.Rename(from+"squeeze_excite.expand.**", to+"se.conv2.conv.**"),
			recipe.Rename(from+"projection.project_conv.**", to+"linear_conv.conv.**"),
			recipe.Rename(from+"projection.project_bn.**", to+"linear_conv.bn.**"))
	}
	return r
}

// settings checks a config.json of transformers: activation, eps, and that the blocks named
// under "depthwise_padding", which get the same border on both sides, are those whose input
// has an odd side at the size that it is made for. There the SAME rule gives the same.
func (e effNet) settings(config map[string]any) error {
	size, ok := config["image_size"].(float64)
	if !ok || size < 32 || size > 1<<14 || size != math.Trunc(size) {
		return fmt.Errorf("\"image_size\" is %v, and whole numbers from 32 are understood", config["image_size"])
	}
	side := (int(size) + 1) / 2 // after the stem, which has the border of an even side
	odd := []any{}
	if int(size)%2 != 0 {
		return fmt.Errorf("\"image_size\" is %d: the first layer's border is right for even sizes only", int(size))
	}
	for i, p := range e.blocks() {
		if p.stride == 2 {
			if side%2 != 0 {
				odd = append(odd, float64(i))
			}
			side = (side + 1) / 2
		}
	}
	return settings(
		setting{"hidden_act", "swish", func(v any) bool { return v == "swish" || v == "silu" }, "swish"},
		is("batch_norm_eps", effEps, effEps), is("pooling_type", "mean", "mean"), is("squeeze_expansion_ratio", 0.25, 0.25),
		setting{"depthwise_padding", []any{}, func(v any) bool {
			list, ok := v.([]any)
			// Blocks that keep the size have no border of this kind.
			list = slices.DeleteFunc(slices.Clone(list), func(v any) bool {
				i, ok := v.(float64)
				return ok && i >= 0 && int(i) < len(e.blocks()) && e.blocks()[int(i)].stride == 1
			})
			return ok && slices.Equal(list, odd)
		}, fmt.Sprintf("%v at image_size %d", odd, int(size))},
	)(config)
}

// timm renames timm's tf_ networks.
func (e effNet) timm() recipe.Recipe {
	blocks := e.blocks()
	last := blocks[len(blocks)-1].layer + 1
	r := effTimmEnds(last)
	for _, p := range blocks {
		from, to := fmt.Sprintf("blocks.%d.%d.", p.stage, p.j), fmt.Sprintf("backbone.layers.%d.%d.", p.layer, p.index)
		r = append(r, invertedTimm(from, to, effStages[p.stage].expand > 1, true)...)
	}
	return r
}

// effTimmEnds renames what comes before and after the blocks.
func effTimmEnds(last int) recipe.Recipe {
	return recipe.Recipe{
		recipe.Rename("conv_stem.**", "backbone.layers.0.conv.**"),
		recipe.Rename("bn1.**", "backbone.layers.0.bn.**"),
		recipe.Rename("conv_head.**", fmt.Sprintf("backbone.layers.%d.conv.**", last)),
		recipe.Rename("bn2.**", fmt.Sprintf("backbone.layers.%d.bn.**", last)),
		recipe.Rename("classifier.**", "head.fc.**"),
	}
}

// effLite holds the two numbers that tell the Lite networks apart.
type effLite struct {
	width, depth float64
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
	b := nn.NewBuilder(3, effEps, nn.ReLU6())
	x := b.At("_conv_stem").Conv(b.Input(), effStem, nn.K(3), nn.Stride(2), nn.Same())
	x = b.At("_swish").Act(b.At("_bn0").BatchNorm(x)) // (N,32,H/2,W/2)
	block := 0
	for i, s := range effStages {
		out := makeDivisible(float64(s.out)*e.width, 8)
		for j := range e.repeats(i) {
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
