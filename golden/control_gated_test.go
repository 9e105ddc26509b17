package golden_test

import (
	"testing"

	"github.com/gozoo/zoo/nn"
)

// gatedControls are those of networks in which what convolutions make of pixels is multiplied by pixels.
var gatedControls = []control{
	{"pixels of a window that touch", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.blocks2.1.attn", each(func(c *nn.Conv) {
			if c.Dilation > 1 {
				c.Dilation, c.Pad = 0, nn.Padding{H: c.KH / 2, W: c.KW / 2}
			}
		}))
	}, "backbone.blocks2.1", same},
	{"what a norm makes not added", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.only(t, "backbone.blocks1.2.attn", "add", 0)
	}, "backbone.blocks1.2", same},
	{"no product of pixels", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.only(t, "backbone.blocks3.0.attn.spatial_gating_unit", "mul", 1)
	}, "backbone.blocks3.0", unseen},
	{"layer scale left out", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.blocks1.0.layer_scale_1", 1)
	}, "backbone.blocks1.0", same},
	{"no convolution in a feed-forward network", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.blocks4.1.mlp.dwconv.weight", 0)
	}, "backbone.blocks4.1", same},
	{"no norm after a stage", "van-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.only(t, "backbone.norm2", "layer_norm", 0)
	}, "backbone.blocks3.0", same},
	{"gates in the other order", "hornet-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		const path, all = "backbone.stages.1.0.gnconv", 32 + 64 + 128
		gates := n.graph.Nodes[n.find(t, path, "scale")].Out
		for i, node := range n.graph.Nodes {
			if s, ok := node.Op.(nn.Slice); ok && node.In[0] == gates {
				n.graph.Nodes[i].Op = nn.Slice{From: all - s.To, To: all - s.From}
			}
		}
	}, "backbone.stages.1.0", same},
	{"gates that are not a third", "hornet-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.2.7.gnconv", each(func(s *nn.Scale) { s.Factor = 1 }))
	}, "backbone.stages.2.7", same},
	{"layer scale left out", "hornet-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.2.0.gamma1.weight", 1)
	}, "backbone.stages.2.0", unseen},
	{"the second layer scale left out", "hornet-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.3.1.gamma2.weight", 1)
	}, "backbone.stages.3.1", unseen},
	{"filter transposed", "hornet-tiny-gf_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.2.3.", each(func(f *nn.GlobalFilter) { f.Rows, f.Columns = f.Columns, f.Rows }))
	}, "backbone.stages.2.3", unseen},
	{"filter conjugate", "hornet-tiny-gf_3rdparty_in1k", func(t *testing.T, n *network) {
		w := n.own(t, "backbone.stages.2.3.gnconv.dwconv.complex_weight")
		for i := 1; i < len(w); i += 2 {
			w[i] = -w[i]
		}
	}, "backbone.stages.2.3", unseen},
	{"filter resized from pixel to pixel", "hornet-tiny-gf_3rdparty_in1k", func(t *testing.T, n *network) {
		n.resizeFilter(t, "backbone.stages.2.3.gnconv.dwconv", func(i, n, m int) float64 { return (float64(i)+0.5)*float64(n)/float64(m) - 0.5 })
	}, "backbone.stages.2.3", unseen},
	{"filter cut to size", "hornet-tiny-gf_3rdparty_in1k", func(t *testing.T, n *network) {
		n.resizeFilter(t, "backbone.stages.2.3.gnconv.dwconv", func(i, _, _ int) float64 { return float64(i) })
	}, "backbone.stages.2.3", unseen},
	{"halves of channels one after the other", "hornet-tiny-gf_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.3.0.", each(func(s *nn.Shuffle) { s.Groups = 1 }))
	}, "backbone.stages.3.0", unseen},
	{"filtered channels first", "hornet-tiny-gf_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapConcat(t, "backbone.stages.3.0.gnconv.dwconv")
	}, "backbone.stages.3.0", unseen},
	{"no norm after the filter", "hornet-tiny-gf_3rdparty_in1k", func(t *testing.T, n *network) {
		n.only(t, "backbone.stages.2.17.gnconv.dwconv.post_norm", "layer_norm", 0)
	}, "backbone.stages.2.17", unseen},
}

// only puts one of an operator's inputs in the place of what it computes.
func (n *network) only(t *testing.T, path, kind string, input int) {
	t.Helper()
	node := &n.graph.Nodes[n.find(t, path, kind)]
	*node = nn.Node{Path: node.Path, Op: nn.Scale{Factor: 1}, In: node.In[input:][:1], Out: node.Out}
}

// resizeFilter makes a filter of a spectrum of 4x4; at says where element i of a row of m lies in one of n.
func (n *network) resizeFilter(t *testing.T, path string, at func(i, n, m int) float64) {
	t.Helper()
	const side = 4
	node := &n.graph.Nodes[n.find(t, path, "global_filter")]
	op := node.Op.(nn.GlobalFilter)
	name := path + "." + op.Name
	from, to := n.values[name], n.own(t, name)[:0]
	for c := range op.C {
		for i := range side * side * 2 {
			y, x := at(i/2/side, op.Rows, side), at(i/2%side, op.Columns, side)
			sum, upper, left := 0.0, int(y), int(x)
			for corner, share := range [4]float64{
				(1 - y + float64(upper)) * (1 - x + float64(left)), (1 - y + float64(upper)) * (x - float64(left)),
				(y - float64(upper)) * (1 - x + float64(left)), (y - float64(upper)) * (x - float64(left)),
			} {
				pixel := (c*op.Rows+min(upper+corner/2, op.Rows-1))*op.Columns + min(left+corner%2, op.Columns-1)
				sum += share * float64(from[2*pixel+i%2])
			}
			to = append(to, float32(sum))
		}
	}
	op.Rows, op.Columns = side, side
	node.Op = op
}
