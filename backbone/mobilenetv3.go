package backbone

import (
	"fmt"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/nn"
)

// MobileNetV3: arXiv:1905.02244, as OpenMMLab's mmpretrain builds it
// (mmpretrain/models/backbones/mobilenet_v3.py), and as timm does (timm/models/mobilenetv3.py).
//
// Trap: batch norm has eps 1e-3, as in torchvision; only timm's own networks have its 1e-5:
// -eps1e-5, the two narrower ones, whose weights came from there, and -150d. Those of
// TensorFlow, -same, have borders by its SAME rule, and 1e-3.
var mobileNetV3 = mobileV3Family()

var (
	mobileV3Large = mobileV3{hidden: 1280, runs: []mobileV3Run{
		{0, 3, 1, 16, 1, 1, plainAct},
		{1, 3, 4, 24, 2, 1, plainAct}, {1, 3, 3, 24, 1, 1, plainAct},
		{2, 5, 3, 40, 2, 3, squeezes},
		{3, 3, 6, 80, 2, 1, swishes}, {3, 3, 2.5, 80, 1, 1, swishes}, {3, 3, 2.3, 80, 1, 2, swishes},
		{4, 3, 6, 112, 1, 2, squeezes | swishes},
		{5, 5, 6, 160, 2, 3, squeezes | swishes},
	}}
	mobileV3Small = mobileV3{hidden: 1024, runs: []mobileV3Run{
		{0, 3, 1, 16, 2, 1, squeezes},
		{1, 3, 4.5, 24, 2, 1, plainAct}, {1, 3, 3.67, 24, 1, 1, plainAct},
		{2, 5, 4, 40, 2, 1, squeezes | swishes}, {2, 5, 6, 40, 1, 2, squeezes | swishes},
		{3, 5, 3, 48, 1, 2, squeezes | swishes},
		{4, 5, 6, 96, 2, 3, squeezes | swishes},
	}}
)

func mobileV3Family() Family {
	f := Family{Name: "mobilenet_v3", Archs: make(map[string]func(int) (*nn.Graph, error)), Sources: make(map[string]projects)}
	// add adds a network that timm publishes under some names; all are its published ones of the same tensors.
	add := func(arch string, m mobileV3, width, eps float64, networks, all []string, unpublished ...string) {
		m.width, m.eps = width, eps
		f.Archs[arch] = m.graph
		f.Sources[arch] = projects{timm: oneOf(m.timm, networks, all, unpublished...)}
	}
	for size, m := range map[string]mobileV3{"large": mobileV3Large, "small": mobileV3Small} {
		same, minimal := m, m
		same.same, minimal.same, minimal.minimal = true, true, true
		arch, network := "mobilenet-v3-"+size, "mobilenetv3_"+size
		all := []string{network + "_100", "tf_" + network + "_100"}
		add(arch, m, 1, 1e-3, nil, all)
		f.Sources[arch][torchvision] = named(m.torchvision, "mobilenet_v3_"+size)
		add(arch+"-eps1e-5", m, 1, 1e-5, all[:1], all)
		add(arch+"-same", same, 1, 1e-3, all[1:], all)
		add(arch+"-minimal-same", minimal, 1, 1e-3, []string{"tf_" + network + "_minimal_100"}, nil)
		if size == "large" {
			add(arch+"-075-same", same, 0.75, 1e-3, []string{"tf_mobilenetv3_large_075"}, nil, "mobilenetv3_large_075")
			m.repeats, m.last = []int{2, 1, 2, 4, 1, 2, 2, 3, 4}, 2
			add(arch+"-150d", m, 1.5, 1e-5, []string{"mobilenetv3_large_150d"}, nil)
			continue
		}
		all = []string{network + "_075", "tf_" + network + "_075"}
		add(arch+"-075", m, 0.75, 1e-5, all[:1], all)
		add(arch+"-075-same", same, 0.75, 1e-3, all[1:], all)
		add(arch+"-050", m, 0.5, 1e-5, []string{network + "_050"}, nil)
	}
	early := mobileV3Large
	early.early = true
	add("mobilenet-v3-rw", early, 1, 1e-3, []string{"mobilenetv3_rw"}, nil)
	return f
}

// mobileV3 is a network. The zero value of each field but the first four is the paper's.
type mobileV3 struct {
	runs    []mobileV3Run
	hidden  int     // features of the classifier's first layer
	width   float64 // factor of channels
	eps     float64 // of batch norm
	same    bool    // borders by TensorFlow's SAME rule
	minimal bool    // 3x3 and ReLU everywhere, and no squeeze-excitation
	repeats []int   // of the runs, where they are others
	last    int     // 1x1 convolutions after the blocks; 1 if 0
	early   bool    // from before the paper's code was known: squeeze-excitation, the first residual and a bias are others
}

// mobileV3Run is a run of blocks of one stage; the first has the stride. Channels inside are those that
// enter times expand.
type mobileV3Run struct {
	stage, k    int
	expand      float64
	out, stride int
	repeats     int
	flags       mobileV3Flags
}

type mobileV3Flags uint8

const (
	plainAct mobileV3Flags = 0         // ReLU, and nothing else
	squeezes mobileV3Flags = 1 << iota // has squeeze-excitation
	swishes                            // HardSwish instead of ReLU
)

// mobileV3Block is a block and its place as timm counts.
type mobileV3Block struct {
	inverted
	outer    nn.Act // of the convolutions
	stage, j int
	expands  bool // widens its input first
}

// stem returns the channels that enter the first block: a narrow network's are not scaled.
func (m mobileV3) stem() int {
	if m.width < 0.75 {
		return 16
	}
	return makeDivisible(16*m.width, 8)
}

// blocks returns all blocks.
func (m mobileV3) blocks() []mobileV3Block {
	var all []mobileV3Block
	in, stage, j := m.stem(), 0, 0
	for i, run := range m.runs {
		if m.repeats != nil {
			run.repeats = m.repeats[i]
		}
		if m.minimal {
			run.k, run.flags = 3, plainAct
		}
		if run.stage != stage {
			stage, j = run.stage, 0
		}
		for n := range run.repeats {
			r := inverted{k: run.k, stride: 1, mid: makeDivisible(float64(in)*run.expand, 8), out: makeDivisible(float64(run.out)*m.width, 8),
				act: nn.ReLU(), gate: nn.HardSigmoid(), alone: m.early && i == 0}
			act := nn.ReLU()
			if run.flags&swishes != 0 {
				act = nn.HardSwish()
			}
			if n == 0 {
				r.stride = run.stride
			}
			if run.flags&squeezes != 0 {
				r.squeezed = makeDivisible(float64(r.mid)/4, 8)
				if m.early {
					r.squeezed, r.act = r.mid/4, act
				}
			}
			if m.same {
				r.border = []nn.Option{nn.Same()}
			}
			all = append(all, mobileV3Block{r, act, stage, j, run.expand > 1})
			in, j = r.out, j+1
		}
	}
	return all
}

func (m mobileV3) graph(classes int) (*nn.Graph, error) {
	act := nn.HardSwish()
	if m.minimal {
		act = nn.ReLU()
	}
	b := nn.NewBuilder(3, m.eps, act)
	bb := b.At("backbone")
	border := []nn.Option{nn.K(3), nn.Stride(2)}
	if m.same {
		border = append(border, nn.Same())
	}
	x := bb.At("layer0").ConvNormAct(b.Input(), m.stem(), border...) // (N,16,H/2,W/2) where it is not scaled
	blocks := m.blocks()
	for i, r := range blocks {
		x = r.block(bb.At(fmt.Sprint("layer", i+1)).WithAct(r.outer), x)
	}
	features := blocks[len(blocks)-1].mid
	for i := range max(m.last, 1) {
		x = bb.At(fmt.Sprint("layer", len(blocks)+1+i)).ConvNormAct(x, features)
	}
	x = pooled(b, x)
	head := b.At("head", "layers")
	hidden := head.At(0, "fc").Linear
	if m.early {
		hidden = head.At(0, "fc").PlainLinear
	}
	x = head.At(0, "act").Act(hidden(x, m.hidden))
	return b.Graph(head.At(1, "fc").Linear(x, classes))
}

// timm renames timm's network, whose last hidden layer is a convolution.
func (m mobileV3) timm() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("conv_stem.**", "backbone.layer0.conv.**"),
		recipe.Rename("bn1.**", "backbone.layer0.bn.**"),
		recipe.Flatten("conv_head.**", "head.layers.0.fc.**"),
		recipe.Rename("classifier.**", "head.layers.1.fc.**"),
	}
	blocks := m.blocks()
	for i, p := range blocks {
		from, to := fmt.Sprintf("blocks.%d.%d.", p.stage, p.j), fmt.Sprintf("backbone.layer%d.", i+1)
		r = append(r, invertedTimm(from, to, p.expands, p.squeezed > 0)...)
	}
	for i := range max(m.last, 1) {
		from, to := fmt.Sprintf("blocks.%d.%d.", blocks[len(blocks)-1].stage+1, i), fmt.Sprintf("backbone.layer%d.", len(blocks)+1+i)
		r = append(r, recipe.Rename(from+"conv.**", to+"conv.**"), recipe.Rename(from+"bn1.**", to+"bn.**"))
	}
	return r
}

// torchvision renames torchvision's network, which numbers what a block is made of.
func (m mobileV3) torchvision() recipe.Recipe {
	r := recipe.Recipe{
		recipe.Rename("classifier.0.**", "head.layers.0.fc.**"),
		recipe.Rename("classifier.3.**", "head.layers.1.fc.**"),
	}
	for i, p := range m.blocks() {
		from, to := fmt.Sprintf("features.%d.block.", i+1), fmt.Sprintf("backbone.layer%d.", i+1)
		r = append(r, invertedTorchvision(from, to, p.expands, p.squeezed > 0)...)
	}
	return append(r, // the first and the last layer
		recipe.Rename("features.*.0.**", "backbone.layer*.conv.**"),
		recipe.Rename("features.*.1.**", "backbone.layer*.bn.**"))
}
