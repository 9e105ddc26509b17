package backbone

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// EfficientNetV2: arXiv:2104.00298, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/efficientnet_v2.py). Where it halves the resolution,
// borders follow TensorFlow's SAME rule; batch norm has eps 1e-3.
var efficientNetV2 = efficientNetV2Family()

// effV2Kind is what the blocks of a stage are.
type effV2Kind uint8

const (
	effConv  effV2Kind = iota // a 3x3 convolution
	effFused                  // one that expands, and one that projects
	effMB                     // inverted residuals
)

// effV2Stage is a run of blocks; the first has the stride.
type effV2Stage struct {
	blocks, stride, expand, out int
	kind                        effV2Kind
}

type effV2 struct {
	stem, head int // channels
	stages     []effV2Stage
}

// efficientNetV2s holds stages of equal shape in every network, but for what is
// stated: blocks and channels.
var efficientNetV2s = map[string]effV2{
	"efficientnetv2-b0": effV2Net(32, 1280, []int{1, 2, 2, 3, 5, 8}, []int{16, 32, 48, 96, 112, 192}),
	"efficientnetv2-b1": effV2Net(32, 1280, []int{2, 3, 3, 4, 6, 9}, []int{16, 32, 48, 96, 112, 192}),
	"efficientnetv2-b2": effV2Net(32, 1408, []int{2, 3, 3, 4, 6, 10}, []int{16, 32, 56, 104, 120, 208}),
	"efficientnetv2-b3": effV2Net(40, 1536, []int{2, 3, 3, 5, 7, 12}, []int{16, 40, 56, 112, 136, 232}),
	"efficientnetv2-s":  effV2Net(24, 1280, []int{2, 4, 4, 6, 9, 15}, []int{24, 48, 64, 128, 160, 256}),
	"efficientnetv2-m":  effV2Net(24, 1280, []int{3, 5, 5, 7, 14, 18, 5}, []int{24, 48, 80, 160, 176, 304, 512}),
	"efficientnetv2-l":  effV2Net(32, 1280, []int{4, 7, 7, 10, 19, 25, 7}, []int{32, 64, 96, 192, 224, 384, 640}),
	"efficientnetv2-xl": effV2Net(32, 1280, []int{4, 8, 8, 16, 24, 32, 8}, []int{32, 64, 96, 192, 256, 512, 640}),
}

func efficientNetV2Family() Family {
	f := Family{Name: "efficientnet_v2", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, e := range efficientNetV2s {
		f.Archs[arch] = e.graph
		name := strings.ReplaceAll(arch, "-", "_")
		s := named(e.timm, "tf_"+name)
		if !strings.Contains(arch, "-b") { // timm builds these too with borders that are the same on both sides
			s = alike(s, nil, name)
		}
		f.Sources[arch] = projects{timm: s}
	}
	return f
}

// effV2Net returns the network with the given blocks and channels of each stage.
func effV2Net(stem, head int, blocks, out []int) effV2 {
	e := effV2{stem: stem, head: head}
	kinds := []effV2Kind{effConv, effFused, effFused, effMB, effMB, effMB, effMB}
	strides := []int{1, 2, 2, 2, 1, 2, 1}
	expands := []int{1, 4, 4, 4, 6, 6, 6}
	for i := range blocks {
		e.stages = append(e.stages, effV2Stage{blocks[i], strides[i], expands[i], out[i], kinds[i]})
	}
	return e
}

func (e effV2) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, effEps, nn.SiLU())
	layers := b.At("backbone", "layers")
	x := layers.At(0).ConvNormAct(b.Input(), e.stem, nn.K(3), nn.Stride(2), nn.Same()) // (N,S,H/2,W/2)
	for i, s := range e.stages {
		for j := range s.blocks {
			stride := 1
			if j == 0 {
				stride = s.stride
			}
			x = s.block(layers.At(i+1, j), x, stride)
		}
	}
	x = layers.At(len(e.stages)+1).ConvNormAct(x, e.head, nn.Same())
	return poolAndClassify(b, x, classes)
}

// block adds a block: (N,C,H,W) to (N,out,H/stride,W/stride).
func (s effV2Stage) block(b *nn.Builder, x nn.Value, stride int) nn.Value {
	var border []nn.Option
	if stride == 2 {
		border = append(border, nn.Same())
	}
	var y nn.Value
	switch s.kind {
	case effMB:
		r := inverted{k: 3, stride: stride, mid: x.C * s.expand, out: s.out, squeezed: x.C / 4, act: nn.SiLU(), gate: nn.Sigmoid(), border: border}
		return r.block(b, x)
	case effFused:
		y = b.At("conv1").ConvNormAct(x, x.C*s.expand, append(border, nn.K(3), nn.Stride(stride))...)
		y = b.At("conv2").ConvNormAct(y, s.out, nn.NoAct())
	default:
		y = b.At("conv").Conv(x, s.out, nn.K(3), nn.Stride(stride))
		y = b.At("activate").Act(b.At("bn").BatchNorm(y))
	}
	if stride == 1 && x.C == s.out {
		y = b.Add(y, x)
	}
	return b.Output(y)
}

// timm renames timm's tf_ networks, which number stages from 0.
func (e effV2) timm() recipe.Recipe {
	r := effTimmEnds(len(e.stages) + 1)
	for i, s := range e.stages {
		from, to := fmt.Sprintf("blocks.%d.*.", i), fmt.Sprintf("backbone.layers.%d.*.", i+1)
		switch s.kind {
		case effMB:
			r = append(r, invertedTimm(from, to, true, true)...)
		case effFused:
			r = append(r,
				recipe.Rename(from+"conv_exp.**", to+"conv1.conv.**"),
				recipe.Rename(from+"bn1.**", to+"conv1.bn.**"),
				recipe.Rename(from+"conv_pwl.**", to+"conv2.conv.**"),
				recipe.Rename(from+"bn2.**", to+"conv2.bn.**"))
		default:
			r = append(r, recipe.Rename(from+"conv.**", to+"conv.**"), recipe.Rename(from+"bn1.**", to+"bn.**"))
		}
	}
	return r
}
