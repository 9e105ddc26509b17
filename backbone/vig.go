package backbone

import "github.com/gozoo/zoo/nn"

// ViG: arXiv:2206.00272, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/vig.py).
//
// A pixel is a node whose neighbours are the pixels that are most like it; a block lets nodes learn from their
// neighbours, then each for itself. In the Pyramid networks pixels become fewer from stage to stage, neighbours
// are averages of pixels in the first two, and a table of positions is added to distances.
//
// Traps: neighbours become more from block to block, or else how many are passed over between them; what a node
// learns lies between its own channels, one by one; norms follow convolutions that have a bias.
// Tables and positions are those of images of 224 x 224, and the reference resizes no positions: inputs are of
// 209 to 224 pixels along both axes, or of 221 to 224 in Pyramid networks.
var vig = Family{
	Name: "vig",
	Archs: map[string]func(int) (*nn.Graph, error){
		"vig-tiny":    vigNetwork{192, 12}.graph,
		"vig-small":   vigNetwork{320, 16}.graph,
		"vig-base":    vigNetwork{640, 16}.graph,
		"pvig-tiny":   pyramidVig{[4]int{48, 96, 240, 384}, [4]int{2, 2, 6, 2}}.graph,
		"pvig-small":  pyramidVig{[4]int{80, 160, 400, 640}, [4]int{2, 2, 6, 2}}.graph,
		"pvig-medium": pyramidVig{[4]int{96, 192, 384, 768}, [4]int{2, 2, 16, 2}}.graph,
		"pvig-base":   pyramidVig{[4]int{128, 256, 512, 1024}, [4]int{2, 2, 18, 2}}.graph,
	},
}

// vigNeighbours is how many neighbours the nodes of a network's first block have.
const vigNeighbours = 9

// A vigNetwork has blocks of one width, at a sixteenth of the image's size.
type vigNetwork struct{ width, blocks int }

func (v vigNetwork) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	const side = 224 / 16
	x := vigStem(bb.At("stem"), b.Input(), v.width/8, v.width/4, v.width/2, v.width)
	x = bb.ImagePosition(x, "pos_embed", side)
	for i := range v.blocks {
		block := vigBlock{side: side, reduced: 1}
		block.Neighbours = vigNeighbours + vigNeighbours*i/(v.blocks-1) // twice as many in the last
		block.Dilation = min(i/4+1, side*side/(2*vigNeighbours))
		x = block.add(bb.At("blocks", i), x)
	}
	return vigHead(b, x, classes)
}

// A pyramidVig has four stages, each of half the side of the one before; widths and blocks are those of each.
type pyramidVig struct{ widths, blocks [4]int }

func (p pyramidVig) graph(classes int) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, nn.GELU())
	bb := b.At("backbone")
	const side = 224 / 4
	x := vigStem(bb.At("stem"), b.Input(), p.widths[0]/2, p.widths[0])
	x = bb.ImagePosition(x, "pos_embed", side)
	done := 0
	for i, width := range p.widths {
		stage, first := bb.At("stages", i), 0
		if i > 0 {
			x = vigUnit(stage.At(0), x, width, 0, nn.K(3), nn.Stride(2))
			first = 1
		}
		for j := range p.blocks[i] {
			block := vigBlock{side: side >> i, reduced: [4]int{4, 2, 1, 1}[i], root: b}
			block.Neighbours = vigNeighbours
			block.Dilation = min(done/4+1, 49/vigNeighbours) // of the last stage's pixels
			x = block.add(stage.At(first+j), x)
			done++
		}
	}
	return vigHead(b, x, classes)
}

// vigUnit adds a convolution with a bias and the norm behind it, numbers at and at+1 of a module: (N,C,H,W) to
// (N,out,OH,OW).
func vigUnit(b *nn.Builder, x nn.Value, out, at int, opts ...nn.Option) nn.Value {
	x = b.At(at).Conv(x, out, append(opts, nn.Bias())...)
	return b.At(at + 1).BatchNorm(x)
}

// vigStem adds convolutions of stride 2 to each of some widths, and one more to the last.
func vigStem(b *nn.Builder, x nn.Value, widths ...int) nn.Value {
	at := 0
	for _, width := range widths {
		x = b.Act(vigUnit(b, x, width, at, nn.K(3), nn.Stride(2)))
		at += 3
	}
	return b.Output(vigUnit(b, x, x.C, at, nn.K(3)))
}

// vigHead adds the neck and a classifier of two linear layers.
func vigHead(b *nn.Builder, x nn.Value, classes int) (*nn.Graph, error) {
	head := b.At("head")
	x = head.At("fc1").Linear(pooled(b, x), 1024)
	x = head.Act(head.At("bn").BatchNorm(x))
	return b.Graph(head.At("fc2").Linear(x, classes))
}

// A vigBlock is a block of nodes, the pixels of an image of a known side.
type vigBlock struct {
	nn.MaxRelative
	side    int
	reduced int         // side of the squares of pixels whose averages are neighbours
	root    *nn.Builder // of networks whose distances have a table
}

// add adds a block, (N,C,H,W) to the same: what nodes learn from their neighbours is added to them, then what a
// hidden layer makes of that.
func (v vigBlock) add(b *nn.Builder, x nn.Value) nn.Value {
	at := b.At(0)
	y := vigUnit(at.At("fc1"), x, x.C, 0)
	among := y
	if v.root != nil {
		v.Table, v.Nodes, v.Among = "relative_pos", v.side*v.side, v.side*v.side/(v.reduced*v.reduced)
	}
	if v.reduced > 1 { // by a function, which counters of modules do not see
		among = v.root.AvgPool(y, nn.AvgPool{K: v.reduced, Stride: v.reduced})
	}
	y = at.MaxRelative(y, among, v.MaxRelative)
	y = at.Act(vigUnit(at.At("graph_conv", "gconv", "nn"), y, 2*x.C, 0, nn.Groups(4)))
	x = at.Output(b.Add(x, vigUnit(at.At("fc2"), y, x.C, 0)))
	at = b.At(1)
	y = at.Act(vigUnit(at.At("fc1"), x, 4*x.C, 0))
	x = at.Output(b.Add(x, vigUnit(at.At("fc2"), y, x.C, 0)))
	return b.Output(x)
}
