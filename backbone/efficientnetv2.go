package backbone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// EfficientNetV2: arXiv:2104.00298, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/efficientnet_v2.py). Where it halves the resolution,
// borders follow TensorFlow's SAME rule; batch norm has eps 1e-3. Torchvision's, -symmetric, and those
// of timm alone have borders that are the same on both sides, the latter with eps 1e-5.
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
	symmetric  bool // borders the same on both sides
	eps        float64
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
	// Those of timm alone: one narrower than S, two from before the paper's code was known, and a network for tests.
	"efficientnetv2-rw-t": effV2Net(24, 1024, []int{2, 4, 4, 6, 9, 14}, []int{24, 40, 48, 104, 128, 208}).ofTimm(),
	"efficientnetv2-rw-s": effV2Net(24, 1792, []int{2, 4, 4, 6, 9, 15}, []int{24, 48, 64, 128, 160, 272}).fusedFirst().ofTimm(),
	"efficientnetv2-rw-m": effV2Net(32, 2152, []int{3, 5, 5, 8, 15, 24}, []int{32, 56, 80, 152, 192, 328}).fusedFirst().ofTimm(),
	"efficientnetv2-test": effV2Net(24, 256, []int{1, 1, 1, 1, 1}, []int{16, 24, 32, 48, 64}).halvingLast().ofTimm(),
}

func efficientNetV2Family() Family {
	f := Family{Name: "efficientnet_v2", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	for arch, e := range efficientNetV2s {
		f.Archs[arch] = e.graph
		name := strings.ReplaceAll(arch, "-", "_")
		switch {
		case arch == "efficientnetv2-test":
			f.Sources[arch] = projects{timm: named(e.timm, "test_efficientnet")}
		case e.symmetric:
			f.Sources[arch] = projects{timm: named(e.timm, name)}
		case strings.Contains(arch, "-b"):
			f.Sources[arch] = projects{timm: named(e.timm, "tf_"+name)}
		default: // timm builds these too with borders that are the same on both sides
			f.Sources[arch] = projects{timm: alike(named(e.timm, "tf_"+name), nil, name)}
		}
		if size, ok := strings.CutPrefix(name, "efficientnetv2_"); ok && slices.Contains([]string{"s", "m", "l"}, size) {
			e.symmetric = true
			f.Archs[arch+"-symmetric"] = e.graph
			f.Sources[arch+"-symmetric"] = projects{torchvision: named(e.torchvision, "efficientnet_v2_"+size)}
		}
	}
	return f
}

// effV2Net returns the network with the given blocks and channels of each stage.
func effV2Net(stem, head int, blocks, out []int) effV2 {
	e := effV2{stem: stem, head: head, eps: effEps}
	kinds := []effV2Kind{effConv, effFused, effFused, effMB, effMB, effMB, effMB}
	strides := []int{1, 2, 2, 2, 1, 2, 1}
	expands := []int{1, 4, 4, 4, 6, 6, 6}
	for i := range blocks {
		e.stages = append(e.stages, effV2Stage{blocks[i], strides[i], expands[i], out[i], kinds[i]})
	}
	return e
}

// ofTimm returns the network with timm's borders and eps.
func (e effV2) ofTimm() effV2 {
	e.symmetric, e.eps = true, 1e-5
	return e
}

// fusedFirst returns the network with blocks of two convolutions in its first stage.
func (e effV2) fusedFirst() effV2 {
	e.stages[0].kind = effFused
	return e
}

// halvingLast returns the network with a last stage that halves the resolution.
func (e effV2) halvingLast() effV2 {
	last := &e.stages[len(e.stages)-1]
	last.stride, last.expand = 2, 4
	return e
}

func (e effV2) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, e.eps, nn.SiLU())
	layers := b.At("backbone", "layers")
	x := layers.At(0).ConvNormAct(b.Input(), e.stem, append(e.border(), nn.K(3), nn.Stride(2))...) // (N,S,H/2,W/2)
	for i, s := range e.stages {
		for j := range s.blocks {
			stride := 1
			if j == 0 {
				stride = s.stride
			}
			x = s.block(layers.At(i+1, j), x, stride, e.border())
		}
	}
	x = layers.At(len(e.stages)+1).ConvNormAct(x, e.head, e.border()...)
	return poolAndClassify(b, x, classes)
}

// border returns what a convolution needs beside its kernel.
func (e effV2) border() []nn.Option { return effNet{symmetric: e.symmetric}.border() }

// block adds a block: (N,C,H,W) to (N,out,H/stride,W/stride). Its borders are the convolutions' own where it keeps the resolution.
func (s effV2Stage) block(b *nn.Builder, x nn.Value, stride int, border []nn.Option) nn.Value {
	if stride == 1 {
		border = nil
	}
	r := inverted{k: 3, stride: stride, mid: x.C * s.expand, out: s.out, squeezed: x.C / 4, act: nn.SiLU(), gate: nn.Sigmoid(), border: border}
	switch s.kind {
	case effMB:
		return r.block(b, x)
	case effFused:
		return r.fused(b, x)
	}
	y := b.At("conv").Conv(x, s.out, nn.K(3), nn.Stride(stride))
	y = b.At("activate").Act(b.At("bn").BatchNorm(y))
	if stride == 1 && x.C == s.out {
		y = b.Add(y, x)
	}
	return b.Output(y)
}

// timm renames timm's networks, which number stages from 0.
func (e effV2) timm() recipe.Recipe {
	r := effTimmEnds(len(e.stages) + 1)
	for i, s := range e.stages {
		from, to := fmt.Sprintf("blocks.%d.*.", i), fmt.Sprintf("backbone.layers.%d.*.", i+1)
		switch s.kind {
		case effMB:
			r = append(r, invertedTimm(from, to, true, true)...)
		case effFused:
			r = append(r, fusedTimm(from, to)...)
		default:
			r = append(r, recipe.Rename(from+"conv.**", to+"conv.**"), recipe.Rename(from+"bn1.**", to+"bn.**"))
		}
	}
	return r
}

// torchvision renames torchvision's networks, which number what a block is made of.
func (e effV2) torchvision() recipe.Recipe {
	r := effTorchvisionEnds(len(e.stages)+1, len(e.stages)+1)
	for i, s := range e.stages {
		from, to := fmt.Sprintf("features.%d.*.block.", i+1), fmt.Sprintf("backbone.layers.%d.*.", i+1)
		switch s.kind {
		case effMB:
			r = append(r, invertedTorchvision(from, to, true, true)...)
		case effFused:
			for j, conv := range []string{"conv1.", "conv2."} {
				r = append(r,
					recipe.Rename(fmt.Sprintf("%s%d.0.**", from, j), to+conv+"conv.**"),
					recipe.Rename(fmt.Sprintf("%s%d.1.**", from, j), to+conv+"bn.**"))
			}
		default:
			r = append(r, recipe.Rename(from+"0.0.**", to+"conv.**"), recipe.Rename(from+"0.1.**", to+"bn.**"))
		}
	}
	return r
}
