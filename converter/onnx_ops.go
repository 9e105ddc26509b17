package converter

import (
	"fmt"

	"github.com/gozoo/zoo/nn"
)

// node adds an operator of the graph.
func (m *onnxModel) node(n nn.Node) error {
	in := make([]string, len(n.In))
	for i, v := range n.In {
		in[i] = m.values[v]
	}
	if op, ok := m.tokens(n); ok {
		op.out = m.values[n.Out]
		m.add(op)
		return nil
	}
	op := onnxNode{in: in}
	weights := len(n.Params) // that op reads last
	switch o := n.Op.(type) {
	case nn.Act:
		var err error
		if op, err = m.activation(o, n.Path, in[0]); err != nil {
			return err
		}
	case nn.Conv:
		op.convolve(o)
		if o.Runs > 1 {
			op.in, weights = append(in, m.repeated(n, n.Params, o.Runs)...), 0
		}
	case nn.MaxPool:
		op.kind = "MaxPool"
		op.window(o.K, o.Stride, o.Pad)
	case nn.AvgPool:
		op.kind = "AveragePool"
		op.window(o.K, o.Stride, o.Pad)
		op.flag("ceil_mode", o.Ceil)
		op.flag("count_include_pad", o.CountPad)
	case nn.BatchNorm:
		op.kind = "BatchNormalization"
		op.float("epsilon", float32(o.Eps))
		op.in, weights = append(in, m.batchNorm(n, o)...), 0
	case nn.LayerNorm:
		op, weights = m.layerNorm(n, o, in[0]), 0
	case nn.GroupNorm:
		op, weights = m.groupNorm(n, o, in[0]), 0
	case nn.LayerScale:
		op.kind = "Mul"
		op.in, weights = append(in, m.expanded(n, 0, 1)), 0
	case nn.ResponseNorm:
		op, weights = m.responseNorm(n, o, in[0]), 0
	case nn.GlobalAvgPool:
		op.kind = "GlobalAveragePool"
	case nn.Flatten:
		op.kind = "Flatten"
	case nn.Linear:
		if m.forms[n.In[0]].flat {
			op.kind = "Gemm"
			op.int("transB", 1)
		} else { // a convolution of 1x1
			op.kind = "Conv"
			op.in, weights = append(in, m.expanded(n, 0, 2)), 0
			if !o.Plain {
				op.in = append(op.in, m.weight(n.Params[1]))
			}
		}
	case nn.Add:
		op.kind = "Add"
	case nn.Scale:
		op.kind = "Mul"
		op.in = append(op.in, m.scalar(fmt.Sprint("zoo.scale", o.Factor), float32(o.Factor)))
	case nn.Mul:
		op.kind = "Mul"
	case nn.Shuffle: // as Reshape and Transpose would have to be told H and W
		op.kind = "Gather"
		op.int("axis", 1)
		op.in = append(op.in, m.shuffled(o))
	case nn.Concat:
		op.kind = "Concat"
		op.int("axis", m.forms[n.In[0]].channels())
	case nn.Upsample:
		op.kind = "Resize"
		op.text("coordinate_transformation_mode", "asymmetric")
		op.text("mode", "nearest")
		op.text("nearest_mode", "floor")
		op.in = append(op.in, "", m.scales(o.Scale))
	case nn.Unfold: // a convolution of each channel for itself, whose filters take one pixel each
		op.convolve(nn.Conv{KH: o.K, KW: o.K, StrideH: o.Stride, StrideW: o.Stride, Groups: o.C,
			Pad: nn.Padding{H: o.Pad, W: o.Pad, Corner: o.Corner}})
		op.in = append(in, m.pixelsOf(o))
		if o.PixelFirst {
			op = onnxNode{kind: "Gather", in: []string{m.step(n.Path, op), m.shuffled(nn.Shuffle{C: o.C * o.K * o.K, Groups: o.C})}}
			op.int("axis", 1)
		}
	case nn.GlobalFilter:
		op, weights = m.globalFilter(n, o, in[0]), 0
	case nn.PatchPosition:
		rows, columns := m.counts(n.Path, m.gridOf(n.Path, in[0], m.forms[n.In[0]]), o.Side)
		often := m.joined(n.Path, 0, m.integers("zoo.once2", 1, 1), rows, columns)
		op.kind = "Add"
		op.in, weights = append(in, m.step(n.Path, onnxNode{kind: "Tile", in: []string{m.weight(n.Params[0]), often}})), 0
	case nn.MaxRelative:
		op, weights = m.maxRelative(n, o), 0
	case nn.SliceRuns: // as a shuffle
		op.kind = "Gather"
		op.int("axis", m.forms[n.In[0]].channels())
		op.in = append(op.in, m.runsOf(o))
	case nn.Slice:
		op.kind = "Slice"
		op.in = append(op.in, m.index(o.From), m.index(o.To), m.index(m.forms[n.In[0]].channels()))
	default:
		return fmt.Errorf("ONNX has no counterpart")
	}
	for _, i := range n.Params[:weights] {
		op.in = append(op.in, m.weight(i))
	}
	op.out = m.values[n.Out]
	m.add(op)
	return nil
}
