package converter

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/nn"
)

// partitioned tells what a value is made of that a layer makes of whole channels, as RepMLP's do: tokens and
// channels of a value are swapped, in sets, convolved by groups that are those sets, and swapped back. back
// has the grid of the pixels, and the sets.
func (f *fuser) partitioned(v int) (conv *nn.Node, in int, back nn.Transpose, ok bool) {
	node := f.maker(v)
	if back, ok = node.Op.(nn.Transpose); !ok {
		return nil, 0, back, false
	}
	conv = f.maker(node.In[0])
	if c, ok := conv.Op.(nn.Conv); !ok || c.KH*c.KW != 1 || c.Groups != max(back.Split, 1) {
		return nil, 0, back, false
	}
	node = f.maker(conv.In[0])
	forth, ok := node.Op.(nn.Transpose)
	if !ok || max(forth.Join, 1) != max(back.Split, 1) || forth.Split > 1 || back.Join > 1 {
		return nil, 0, back, false
	}
	in = node.In[0]
	if n, ok := f.makers[in]; ok { // which is but another view of an image
		if _, ok := n.Op.(nn.Tokens); ok {
			in = n.In[0]
		}
	}
	return conv, in, back, true
}

// maker returns the node that computes a value, or what it is a view of; one without an operator where there
// is none.
func (f *fuser) maker(v int) *nn.Node {
	for {
		n, ok := f.makers[v]
		if !ok {
			return &nn.Node{}
		}
		switch n.Op.(type) {
		case nn.Tokens, nn.Image:
			v = n.In[0]
		default:
			return n
		}
	}
}

// addPartitioned adds a branch to a layer that makes pixels of whole channels: such a layer, or a convolution of
// every channel for itself, whose weights are the same in each run of one channel of every set. grid has the pixels.
func (f *fuser) addPartitioned(s *sums, t term, grid nn.Transpose) error {
	sets, pixels := s.conv.Groups, grid.H*grid.W
	norm := t.norm.Op.(nn.BatchNorm)
	if t.conv == nil || norm.C != sets || s.conv.In != sets*pixels || s.conv.Out != s.conv.In {
		return fmt.Errorf("norms of %d channels and %d sets of %d pixels do not fit", norm.C, sets, pixels)
	}
	k, c := 0, t.conv.Op.(nn.Conv)
	if t.back == nil {
		k = c.KH
		want := nn.Conv{In: c.In, Out: c.In, KH: k, KW: k, StrideH: 1, StrideW: 1, Pad: nn.Padding{H: k / 2, W: k / 2}, Groups: c.In, Runs: c.In / sets}
		if c != want || k%2 == 0 {
			return fmt.Errorf("a convolution %+v: expected %+v, an odd kernel", c, want)
		}
	}
	tensors, err := f.take(t.norm, 4, s.path)
	if err != nil {
		return err
	}
	all, err := f.take(*t.conv, 1, s.path)
	if err != nil {
		return err
	}
	weight := all[0]
	for o := range s.conv.Out {
		set, y, x := o/pixels, o%pixels/grid.W, o%grid.W
		factor := tensors[0][set] / math.Sqrt(tensors[3][set]+norm.Eps)
		s.bias[o] += tensors[1][set] - tensors[2][set]*factor
		row := s.weight[o*pixels:][:pixels]
		if t.back != nil {
			for i, w := range weight[o*pixels:][:pixels] {
				row[i] += factor * w
			}
			continue
		}
		for i, w := range weight[set*k*k:][:k*k] {
			fromY, fromX := y+i/k-k/2, x+i%k-k/2
			if fromY >= 0 && fromY < grid.H && fromX >= 0 && fromX < grid.W {
				row[fromY*grid.W+fromX] += factor * w
			}
		}
	}
	return nil
}
