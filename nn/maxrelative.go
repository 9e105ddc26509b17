package nn

import (
	"fmt"

	"github.com/gozoo/zoo/tensor"
)

// MaxRelative is what a dynamic graph convolution of ViG (arXiv:2206.00272) makes of an image before its weights:
// each pixel of x, (N,C,H,W), is a node that has Neighbours among the pixels of y, (N,C,H',W'), and learns for
// each channel by how much the largest of theirs is above its own. The output is (N,2C,H,W): channel 2c is
// channel c of x, channel 2c+1 that difference.
//
// Neighbours are the nearest pixels, of which every Dilation-th is taken from the nearest on. The distance of a
// node and a pixel is that of their vectors, each divided by its 2-norm or by 1e-12 where that is more, squared;
// plus what a table of positions has for the two.
//
// Which of two pixels is nearer is decided by what float32 tells of their distances. Where they are equal the
// first pixel is the nearer one, as ONNX has it; PyTorch's topk leaves open which it takes. Where pixels are
// alike in all channels that is the same. Where they are not, and their distances differ by less than the
// values err, a network may take another neighbour than in exact arithmetic, and its output is another near there.
type MaxRelative struct {
	C                    int // which Builder.MaxRelative fills in
	Neighbours, Dilation int
	// Table names the learnt table (1,Nodes,Among) of as many pixels of x and y, for which alone there is one;
	// empty for none.
	Table        string
	Nodes, Among int
}

// Nearest returns how many pixels are put in order, of which the last neighbour is one.
func (m MaxRelative) Nearest() int { return (m.Neighbours-1)*m.Dilation + 1 }

func (MaxRelative) Kind() string { return "max_relative" }

// Params of an operator with a table: that.
func (m MaxRelative) Params() []Param {
	if m.Table == "" {
		return nil
	}
	return []Param{{Name: m.Table, DType: tensor.F32, Shape: tensor.Shape{1, m.Nodes, m.Among}}}
}

// Size returns (N,2C,H,W).
func (m MaxRelative) Size(in ...Size) (Size, error) {
	if len(in) != 2 {
		return Size{}, fmt.Errorf("expected nodes and neighbours, found %d inputs", len(in))
	}
	x, err := images(m.C, in[:1])
	if err != nil {
		return Size{}, err
	}
	y, err := images(m.C, in[1:])
	switch {
	case err != nil:
		return Size{}, err
	case x.N != y.N:
		return Size{}, fmt.Errorf("expected nodes and neighbours of as many images, found %v", in)
	case m.Table != "" && (x.Positions() != m.Nodes || y.Positions() != m.Among):
		return Size{}, fmt.Errorf("expected %d nodes and neighbours among %d pixels, as the table has, found %v: "+
			"take images of the size that the network is for", m.Nodes, m.Among, in)
	case y.Positions() < m.Neighbours*m.Dilation: // as the reference puts so many in order
		return Size{}, fmt.Errorf("expected at least %d x %d pixels to take neighbours from, found %v: take larger images", m.Neighbours, m.Dilation, y)
	}
	x.C *= 2
	return x, nil
}

// MaxRelative adds to each pixel of x by how much its neighbours among those of y are above it.
func (b *Builder) MaxRelative(x, y Value, m MaxRelative) Value {
	m.C = x.C
	if m.Neighbours < 1 || m.Dilation < 1 || y.C != x.C || m.Table != "" && min(m.Nodes, m.Among) < 1 {
		b.fail("%d neighbours of every %d, of %d and %d channels, with a table of %d x %d",
			m.Neighbours, m.Dilation, x.C, y.C, m.Nodes, m.Among)
		return x
	}
	return b.node(m, 2*x.C, x, y)
}
