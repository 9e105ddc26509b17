package converter

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// An onnxForm is how a value lies: (N,C,H,W), or (N,F) where it is flat, or tokens (N,Extra+H*W,C). H
// and W of tokens are in the value that grid names, two integers, so that they stay free.
type onnxForm struct {
	flat, tokens bool
	extra        int
	grid         string
}

// channels returns the axis of a form's channels.
func (f onnxForm) channels() int {
	if f.tokens {
		return 2
	}
	return 1
}

// formOf returns the form of what an operator makes of the form of its first input. Of tokens it adds
// what holds their grid.
func (m *onnxModel) formOf(n nn.Node) onnxForm {
	f := m.forms[n.In[0]]
	switch op := n.Op.(type) {
	case nn.Flatten:
		return onnxForm{flat: true}
	case nn.Tokens:
		shape := m.step(n.Path, onnxNode{kind: "Shape", in: []string{m.values[n.In[0]]}})
		return onnxForm{tokens: true, grid: m.slice(n.Path, shape, 0, 2, 4)}
	case nn.Transpose:
		return onnxForm{tokens: true, grid: m.integers(fmt.Sprintf("zoo.grid%dx%d", op.H, op.W), op.H, op.W)}
	case nn.PadTo:
		if f.tokens {
			f.grid = m.roundedUp(n.Path, f.grid, op.Multiple)
		}
	case nn.CropLike:
		return m.forms[n.In[1]]
	case nn.Image:
		return onnxForm{}
	case nn.ChannelAttention:
		return m.forms[n.In[2]]
	case nn.FirstTokens:
		return onnxForm{tokens: true, grid: m.integers(fmt.Sprintf("zoo.row%d", op.Count), 1, op.Count)}
	case nn.JoinTokens:
		f = m.forms[n.In[1]]
		f.extra += op.Count
	case nn.Prefix:
		f.extra += len(op.Names)
	case nn.Token:
		return onnxForm{flat: true}
	case nn.GlobalAvgPool:
		if f.tokens {
			return onnxForm{flat: true}
		}
	}
	return f
}

// tokens adds an operator on tokens, all but its last node, which it returns; false for one that is
// another's or is the same on tokens and images.
func (m *onnxModel) tokens(n nn.Node) (onnxNode, bool) {
	x, form := m.values[n.In[0]], m.forms[n.In[0]]
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	switch o := n.Op.(type) {
	case nn.Tokens:
		return transpose(step("Reshape", x, m.integers("zoo.rows", 0, 0, -1)), 0, 2, 1), true
	case nn.Transpose:
		return m.transposed(n, o, x), true
	case nn.Rotary:
		return m.rotary(n, o, x), true
	case nn.Image:
		pixels := m.step(n.Path, transpose(m.pixels(n.Path, x, form), 0, 2, 1))
		return onnxNode{kind: "Reshape", in: []string{pixels, m.joined(n.Path, 0, m.integers("zoo.both", 0, 0), form.grid)}}, true
	case nn.Prefix:
		images := m.slice(n.Path, step("Shape", x), 0, 0, 1)
		var all []string
		for i := range o.Names {
			shape := m.joined(n.Path, 0, images, m.integers(fmt.Sprintf("zoo.token%d", o.C), 1, o.C))
			all = append(all, step("Expand", m.weight(n.Params[i]), shape))
		}
		op := onnxNode{kind: "Concat", in: append(all, x)}
		op.int("axis", 1)
		return op, true
	case nn.Position:
		return onnxNode{kind: "Add", in: []string{x, m.position(n, o, form)}}, true
	case nn.Token:
		op := onnxNode{kind: "Gather", in: []string{x, m.constant(fmt.Sprintf("zoo.at%d", o.At), scalarInt(o.At))}}
		op.int("axis", 1)
		return op, true
	case nn.ChannelAttention:
		return m.channelAttention(n, o), true
	case nn.FourierPosition:
		return m.fourierPosition(n, o, x), true
	case nn.FirstTokens:
		return onnxNode{kind: "Slice", in: []string{x, m.index(0), m.index(o.Count), m.index(1)}}, true
	case nn.JoinTokens:
		op := onnxNode{kind: "Concat", in: []string{x, m.values[n.In[1]]}}
		op.int("axis", 1)
		return op, true
	case nn.Unit:
		if !form.tokens {
			return onnxNode{}, false
		}
		return m.unit(n, o), true
	case nn.PadTo:
		return m.padTo(n, o), true
	case nn.CropLike:
		return m.cropLike(n, o), true
	case nn.Attention:
		return m.attention(n, o, ""), true
	case nn.DecomposedAttention:
		return m.attention(n, nn.Attention{Heads: o.Heads, Scale: o.Scale}, m.decomposed(n, o)), true
	case nn.GlobalAvgPool:
		if !form.tokens {
			return onnxNode{}, false
		}
		op := onnxNode{kind: "ReduceMean", in: []string{m.pixels(n.Path, x, form)}}
		op.ints("axes", 1)
		op.int("keepdims", 0)
		return op, true
	case nn.Linear:
		if !form.tokens {
			return onnxNode{}, false
		}
		weight := m.step(n.Path, transpose(m.weight(n.Params[0]), 1, 0))
		if o.Plain {
			return onnxNode{kind: "MatMul", in: []string{x, weight}}, true
		}
		bias := m.weight(n.Params[1])
		if o.QVBias {
			bias = m.joined(n.Path, 0, bias, m.filled("zoo.zeros", o.Out/3, 0), m.weight(n.Params[2]))
		}
		return onnxNode{kind: "Add", in: []string{step("MatMul", x, weight), bias}}, true
	case nn.BatchNorm:
		if !form.tokens {
			return onnxNode{}, false
		}
		op := onnxNode{kind: "BatchNormalization", in: []string{m.step(n.Path, transpose(x, 0, 2, 1))}}
		op.float("epsilon", float32(o.Eps))
		op.in = append(op.in, m.batchNorm(n, o)...)
		return transpose(m.step(n.Path, op), 0, 2, 1), true
	case nn.LayerScale:
		if !form.tokens {
			return onnxNode{}, false
		}
		return onnxNode{kind: "Mul", in: []string{x, m.weight(n.Params[0])}}, true
	}
	return onnxNode{}, false
}

// transposed swaps tokens and channels, of tokens that are split before it or joined after it.
func (m *onnxModel) transposed(n nn.Node, o nn.Transpose, x string) onnxNode {
	pixels := o.H * o.W
	if o.Split > 1 {
		channels := pixels * max(o.Join, 1)
		x = m.step(n.Path, onnxNode{kind: "Reshape", in: []string{x, m.integers(fmt.Sprintf("zoo.split%d", channels), 0, -1, channels)}})
	}
	op := transpose(x, 0, 2, 1)
	if o.Join > 1 {
		op = onnxNode{kind: "Reshape", in: []string{m.step(n.Path, op), m.integers(fmt.Sprintf("zoo.joined%d", pixels), 0, pixels, -1)}}
	}
	return op
}

// attention writes softmax(Scale q kT + bias + terms) v of each head, of all tokens or of each window;
// terms may be left out.
func (m *onnxModel) attention(n nn.Node, o nn.Attention, terms string) onnxNode {
	grid, windows := m.forms[n.In[0]].grid, o.Window.Side > 0
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	heads := func(i int, axes ...int) string {
		x, to := m.values[n.In[i]], []int{0, 0, o.Heads, -1}
		if windows {
			x, to = m.squares(n.Path, x, grid, o.Window), []int{0, 0, 0, o.Heads, -1}
			for at := range axes {
				axes[at]++
			}
			axes = append([]int{0}, axes...)
		}
		return m.step(n.Path, transpose(step("Reshape", x, m.integers(fmt.Sprintf("zoo.heads%dof%d", o.Heads, len(to)), to...)), axes...))
	}
	scores := step("MatMul", heads(0, 0, 2, 1, 3), heads(1, 0, 2, 3, 1))
	scores = step("Mul", scores, m.scalar(fmt.Sprint("zoo.scale", o.Scale), float32(o.Scale)))
	if o.Bias.By != nil {
		scores = step("Add", scores, m.scoreBias(n, o))
	}
	if o.Window.Shift > 0 || o.Window.Padded {
		scores = step("Add", scores, m.mask(n.Path, grid, m.forms[n.In[len(n.In)-1]].grid, o.Window))
	}
	if terms != "" {
		scores = step("Add", scores, terms)
	}
	share := onnxNode{kind: "Softmax", in: []string{scores}}
	share.int("axis", -1)
	sum := step("MatMul", m.step(n.Path, share), heads(2, 0, 2, 1, 3))
	if windows {
		x := step("Reshape", m.step(n.Path, transpose(sum, 0, 1, 3, 2, 4)), m.integers("zoo.joined", 0, 0, 0, -1))
		return m.joinedSquares(n.Path, x, grid, o.Window)
	}
	return onnxNode{kind: "Reshape", in: []string{m.step(n.Path, transpose(sum, 0, 2, 1, 3)), m.integers("zoo.rows", 0, 0, -1)}}
}

// position returns the table of positions (1,L,C), resized to the grid of the tokens. Resizing to the
// same grid changes nothing.
func (m *onnxModel) position(n nn.Node, o nn.Position, form onnxForm) string {
	table := m.weight(n.Params[0])
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	pixels := table
	if o.Extra > 0 {
		pixels = m.slice(n.Path, table, 1, o.Extra, o.Extra+o.GridH*o.GridW)
	}
	pixels = step("Reshape", pixels, m.integers(fmt.Sprintf("zoo.grid%dx%dx%d", o.GridH, o.GridW, o.C), 1, o.GridH, o.GridW, o.C))
	pixels = m.step(n.Path, transpose(pixels, 0, 3, 1, 2))
	size := m.joined(n.Path, 0, m.integers(fmt.Sprintf("zoo.token%d", o.C), 1, o.C), form.grid)
	resize := onnxNode{kind: "Resize", in: []string{pixels, "", "", size}}
	resize.text("mode", "cubic")
	resize.text("coordinate_transformation_mode", "half_pixel")
	resize.float("cubic_coeff_a", -0.75)
	pixels = step("Reshape", m.step(n.Path, resize), m.integers("zoo.rows", 0, 0, -1))
	pixels = m.step(n.Path, transpose(pixels, 0, 2, 1))
	if o.Extra == 0 {
		return pixels
	}
	return m.joined(n.Path, 1, m.slice(n.Path, table, 1, 0, o.Extra), pixels)
}

// pixels returns tokens without those before the pixels.
func (m *onnxModel) pixels(path, x string, form onnxForm) string {
	if form.extra == 0 {
		return x
	}
	return m.slice(path, x, 1, form.extra, math.MaxInt32)
}

// slice returns the part from ≤ i < to of x along an axis.
func (m *onnxModel) slice(path, x string, axis, from, to int) string {
	return m.step(path, onnxNode{kind: "Slice", in: []string{x, m.index(from), m.index(to), m.index(axis)}})
}

// joined returns values one after the other along an axis.
func (m *onnxModel) joined(path string, axis int, in ...string) string {
	op := onnxNode{kind: "Concat", in: in}
	op.int("axis", axis)
	return m.step(path, op)
}

// scalarInt returns a tensor of one integer, without dimensions.
func scalarInt(v int) tensor.Tensor {
	t, err := tensor.New(tensor.I64, tensor.Shape{}, binary.LittleEndian.AppendUint64(nil, uint64(v)))
	if err != nil {
		panic(err) // eight bytes are an I64
	}
	return t
}
