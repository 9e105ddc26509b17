package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// MobileNetV3: arXiv:1905.02244, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/mobilenet_v3.py).
//
// Trap: batch norm has eps 1e-3, as in torchvision; only the two narrower networks,
// whose weights came from timm, have timm's 1e-5.
var mobileNetV3 = mobileV3Family()

var mobileV3Nets = map[string]mobileV3{
	"mobilenet-v3-large": {eps: 1e-3, hidden: 1280, stages: []int{1, 2, 3, 4, 2, 3}, blocks: []mobileV3Block{
		{3, 16, 16, 1, plainAct}, {3, 64, 24, 2, plainAct}, {3, 72, 24, 1, plainAct},
		{5, 72, 40, 2, squeezes}, {5, 120, 40, 1, squeezes}, {5, 120, 40, 1, squeezes},
		{3, 240, 80, 2, swishes}, {3, 200, 80, 1, swishes}, {3, 184, 80, 1, swishes}, {3, 184, 80, 1, swishes},
		{3, 480, 112, 1, squeezes | swishes}, {3, 672, 112, 1, squeezes | swishes},
		{5, 672, 160, 2, squeezes | swishes}, {5, 960, 160, 1, squeezes | swishes}, {5, 960, 160, 1, squeezes | swishes},
	}},
	"mobilenet-v3-small":     mobileV3Small(1e-3, [11]int{16, 72, 88, 96, 240, 240, 120, 144, 288, 576, 576}, [5]int{16, 24, 40, 48, 96}),
	"mobilenet-v3-small-075": mobileV3Small(1e-5, [11]int{16, 72, 88, 96, 192, 192, 96, 120, 240, 432, 432}, [5]int{16, 24, 32, 40, 72}),
	"mobilenet-v3-small-050": mobileV3Small(1e-5, [11]int{16, 40, 56, 64, 144, 144, 72, 72, 144, 288, 288}, [5]int{8, 16, 24, 24, 48}),
}

func mobileV3Family() Family {
	f := Family{Name: "mobilenet_v3", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, m := range mobileV3Nets {
		f.Archs[arch] = m.graph
		f.Sources[arch] = mobileV3Sources(arch, m)
	}
	return f
}

// mobileV3Sources are where the networks are published. timm has two of each width, with an eps
// of 1e-5 or with TensorFlow's borders, and torchvision those of eps 1e-3.
func mobileV3Sources(arch string, m mobileV3) projects {
	switch arch {
	case "mobilenet-v3-small-050":
		return projects{timm: named(m.timm, "mobilenetv3_small_050")}
	case "mobilenet-v3-small-075":
		return projects{timm: alike(named(m.timm, "mobilenetv3_small_075"), []string{"tf_mobilenetv3_small_075"})}
	}
	size := strings.TrimPrefix(arch, "mobilenet-v3-")
	other := "mobilenetv3_" + size + "_100"
	return projects{
		timm:        alike(named(m.timm), []string{other, "tf_" + other}),
		torchvision: named(m.torchvision, "mobilenet_v3_"+size),
	}
}

type mobileV3 struct {
	eps    float64         // of batch norm
	hidden int             // features of the classifier's first layer
	stages []int           // blocks of each stage, by which timm names them
	blocks []mobileV3Block // of all stages
}

type mobileV3Block struct {
	k, mid, out, stride int
	flags               mobileV3Flags
}

type mobileV3Flags uint8

const (
	plainAct mobileV3Flags = 0         // ReLU, and nothing else
	squeezes mobileV3Flags = 1 << iota // has squeeze-excitation
	swishes                            // HardSwish instead of ReLU
)

// mobileV3Small returns a small network from the channels inside its blocks, and
// those that leave its stages.
func mobileV3Small(eps float64, mid [11]int, out [5]int) mobileV3 {
	m := mobileV3{eps: eps, hidden: 1024, stages: []int{1, 2, 3, 2, 3}}
	for i, n := range m.stages {
		for range n {
			j := len(m.blocks)
			b := mobileV3Block{5, mid[j], out[i], 1, squeezes | swishes}
			switch {
			case j == 0:
				b = mobileV3Block{3, mid[j], out[i], 2, squeezes}
			case j < 3:
				b = mobileV3Block{3, mid[j], out[i], 3 - j, plainAct}
			case j == 3 || j == 8:
				b.stride = 2
			}
			m.blocks = append(m.blocks, b)
		}
	}
	return m
}

func (m mobileV3) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, m.eps, nn.HardSwish())
	bb := b.At("backbone")
	x := bb.At("layer0").ConvNormAct(b.Input(), 16, nn.K(3), nn.Stride(2)) // (N,16,H/2,W/2)
	for i, s := range m.blocks {
		r := inverted{k: s.k, stride: s.stride, mid: s.mid, out: s.out, act: nn.ReLU(), gate: nn.HardSigmoid()}
		if s.flags&squeezes != 0 {
			r.squeezed = makeDivisible(float64(s.mid/4), 8)
		}
		at := bb.At(fmt.Sprint("layer", i+1))
		if s.flags&swishes == 0 {
			at = at.WithAct(nn.ReLU())
		}
		x = r.block(at, x)
	}
	last := m.blocks[len(m.blocks)-1]
	x = bb.At(fmt.Sprint("layer", len(m.blocks)+1)).ConvNormAct(x, last.mid)
	x = pooled(b, x)
	head := b.At("head", "layers")
	x = head.At(0, "act").Act(head.At(0, "fc").Linear(x, m.hidden))
	return b.Graph(head.At(1, "fc").Linear(x, classes))
}

// expands reports whether block i widens its input first.
func (m mobileV3) expands(i int) bool { return i > 0 || m.blocks[0].mid != 16 }

// timm renames timm's network, whose last hidden layer is a convolution.
func (m mobileV3) timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("conv_stem.**", "backbone.layer0.conv.**"),
		recipe.Rename("bn1.**", "backbone.layer0.bn.**"),
		recipe.Flatten("conv_head.**", "head.layers.0.fc.**"),
		recipe.Rename("classifier.**", "head.layers.1.fc.**"),
	}
	i := 0
	for s, n := range m.stages {
		for j := range n {
			from, to := fmt.Sprintf("blocks.%d.%d.", s, j), fmt.Sprintf("backbone.layer%d.", i+1)
			r = append(r, invertedTimm(from, to, m.expands(i), m.blocks[i].flags&squeezes != 0)...)
			i++
		}
	}
	last := fmt.Sprintf("blocks.%d.0.", len(m.stages))
	return append(r,
		recipe.Rename(last+"conv.**", fmt.Sprintf("backbone.layer%d.conv.**", i+1)),
		recipe.Rename(last+"bn1.**", fmt.Sprintf("backbone.layer%d.bn.**", i+1)))
}

// torchvision renames torchvision's network, which numbers what a block is made of.
func (m mobileV3) torchvision() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("classifier.0.**", "head.layers.0.fc.**"),
		recipe.Rename("classifier.3.**", "head.layers.1.fc.**"),
	}
	for i, s := range m.blocks {
		from, to := fmt.Sprintf("features.%d.block.", i+1), fmt.Sprintf("backbone.layer%d.", i+1)
		part := 0
		unit := func(ours string) {
			r = append(r,
				recipe.Rename(fmt.Sprintf("%s%d.0.**", from, part), to+ours+".conv.**"),
				recipe.Rename(fmt.Sprintf("%s%d.1.**", from, part), to+ours+".bn.**"))
			part++
		}
		if m.expands(i) {
			unit("expand_conv")
		}
		unit("depthwise_conv")
		if s.flags&squeezes != 0 {
			r = append(r, recipe.Rename(fmt.Sprintf("%s%d.fc*.**", from, part), to+"se.conv*.conv.**"))
			part++
		}
		unit("linear_conv")
	}
	return append(r, // the first and the last layer
		recipe.Rename("features.*.0.**", "backbone.layer*.conv.**"),
		recipe.Rename("features.*.1.**", "backbone.layer*.bn.**"))
}
