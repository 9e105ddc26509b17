package converter

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// weight adds a wanted tensor under its own name, and returns the name of the value
// in float32. One that repeats another is that.
func (m *onnxModel) weight(param int) string {
	same := m.graph.Params[param].Same
	if same == "" {
		return m.tensor(param)
	}
	return m.once(same, func() string {
		return m.tensor(slices.IndexFunc(m.graph.Params, func(p nn.Param) bool { return p.Name == same }))
	})
}

// tensor adds a wanted tensor.
func (m *onnxModel) tensor(param int) string {
	name, t := m.graph.Params[param].Name, m.bound.Tensors[param]
	if m.used[name] {
		name = m.fresh(name, "weight")
	}
	m.initializer(name, t)
	if t.DType() == tensor.F32 {
		return name
	}
	op := onnxNode{kind: "Cast", in: []string{name}, out: m.fresh(name+".float32", "cast")}
	op.int("to", int(onnxTypes[tensor.F32]))
	m.add(op)
	return op.out
}

func (m *onnxModel) add(op onnxNode) {
	for _, name := range op.in {
		m.read[name] = true
	}
	m.head.bytes(graphNode, op.encode())
}

// constant returns the name of a constant, which is added once.
func (m *onnxModel) constant(name string, t tensor.Tensor) string {
	if !m.used[name] {
		m.initializer(name, t)
	}
	return name
}

// scalar returns the name of a constant of one float.
func (m *onnxModel) scalar(name string, v float32) string {
	return m.constant(name, tensor.FromFloat32s(tensor.Shape{}, []float32{v}))
}

// filled returns the name of a constant, n times one float.
func (m *onnxModel) filled(name string, n int, v float32) string {
	return m.constant(fmt.Sprint(name, n), tensor.FromFloat32s(tensor.Shape{n}, slices.Repeat([]float32{v}, n)))
}

// integers returns the name of a constant, a list of integers.
func (m *onnxModel) integers(name string, vs ...int) string {
	var data []byte
	for _, v := range vs {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	t, err := tensor.New(tensor.I64, tensor.Shape{len(vs)}, data)
	if err != nil {
		panic(err) // eight bytes each are an I64
	}
	return m.constant(name, t)
}

// index returns the name of a constant of one integer.
func (m *onnxModel) index(v int) string { return m.integers(fmt.Sprintf("zoo.index%d", v), v) }

// shuffled returns the name of a constant: which channel each channel of a shuffle's
// output is.
func (m *onnxModel) shuffled(s nn.Shuffle) string {
	from := make([]int, s.C)
	for c := range from {
		from[c] = c%s.Groups*(s.C/s.Groups) + c/s.Groups
	}
	return m.integers(fmt.Sprintf("zoo.shuffle%dof%d", s.Groups, s.C), from...)
}

// pixelsOf returns the name of a constant: filters of a convolution that is an unfolding.
func (m *onnxModel) pixelsOf(u nn.Unfold) string {
	taps := u.K * u.K
	filters := make([]float32, u.C*taps*taps)
	for i := range u.C * taps {
		filters[i*taps+i%taps] = 1
	}
	return m.constant(fmt.Sprintf("zoo.unfold%dof%d", u.K, u.C), tensor.FromFloat32s(tensor.Shape{u.C * taps, 1, u.K, u.K}, filters))
}

// runsOf returns the name of a constant: which channel each channel of what is taken of runs is.
func (m *onnxModel) runsOf(s nn.SliceRuns) string {
	var from []int
	for at := 0; at < s.C; at += s.C / s.Runs {
		for i := s.From; i < s.To; i++ {
			from = append(from, at+i)
		}
	}
	return m.integers(fmt.Sprint("zoo.runs", s), from...)
}

// scales returns the name of a constant: the factors of all axes of an image.
func (m *onnxModel) scales(s int) string {
	return m.constant(fmt.Sprintf("zoo.scales%d", s), tensor.FromFloat32s(tensor.Shape{4}, []float32{1, 1, float32(s), float32(s)}))
}

func (m *onnxModel) initializer(name string, t tensor.Tensor) {
	m.used[name] = true
	m.weights = append(m.weights, onnxWeight{name, t})
}

// head returns what goes before the elements.
func (w *onnxWeight) head() message {
	var head, field message
	for _, d := range w.t.Shape() {
		head.int(tensorDims, int64(d))
	}
	head.int(tensorType, onnxTypes[w.t.DType()])
	head.text(tensorName, w.name)
	head.head(tensorRaw, w.t.Nbytes())
	field.head(graphInitializer, len(head)+w.t.Nbytes())
	return append(field, head...)
}

// An onnxNode is a NodeProto.
type onnxNode struct {
	kind       string
	in         []string
	out        string
	second     string // output, where there is another
	attributes []message
}

func (n *onnxNode) encode() message {
	var m message
	for _, name := range n.in {
		m.text(nodeInput, name)
	}
	m.text(nodeOutput, n.out)
	if n.second != "" {
		m.text(nodeOutput, n.second)
	}
	m.text(nodeName, n.out)
	m.text(nodeOp, n.kind)
	for _, a := range n.attributes {
		m.bytes(nodeAttribute, a)
	}
	return m
}

// Field numbers and types of AttributeProto.
const (
	attributeName, attributeFloat, attributeInt, attributeText, attributeInts, attributeType = 1, 2, 3, 4, 8, 20

	typeFloat, typeInt, typeText, typeInts = 1, 2, 3, 7
)

func (n *onnxNode) attribute(name string, kind int64, value func(*message)) {
	var a message
	a.text(attributeName, name)
	value(&a)
	a.int(attributeType, kind)
	n.attributes = append(n.attributes, a)
}

func (n *onnxNode) float(name string, v float32) {
	n.attribute(name, typeFloat, func(a *message) { a.float(attributeFloat, v) })
}

func (n *onnxNode) int(name string, v int) {
	n.attribute(name, typeInt, func(a *message) { a.int(attributeInt, int64(v)) })
}

func (n *onnxNode) flag(name string, v bool) {
	if v {
		n.int(name, 1) // 0 is what is taken without it
	}
}

// window adds the attributes of a square pooling window.
func (n *onnxNode) window(k, stride, pad int) {
	n.ints("kernel_shape", k, k)
	n.ints("strides", stride, stride)
	n.ints("pads", pad, pad, pad, pad)
}

// convolve makes a node a convolution, without weights.
func (n *onnxNode) convolve(c nn.Conv) {
	n.kind = "Conv"
	n.ints("kernel_shape", c.KH, c.KW)
	n.ints("strides", c.StrideH, c.StrideW)
	n.int("group", c.Groups)
	if c.Dilation > 1 {
		n.ints("dilations", c.Dilation, c.Dilation)
	}
	switch {
	case c.Pad.Same:
		n.text("auto_pad", "SAME_UPPER") // the extra row and column come last
	case c.Pad.Corner: // that no other window fits into
		h, w := c.Reach()
		n.ints("pads", 0, 0, h-1, w-1)
	default:
		n.ints("pads", c.Pad.H, c.Pad.W, c.Pad.H, c.Pad.W)
	}
}

func (n *onnxNode) text(name, v string) {
	n.attribute(name, typeText, func(a *message) { a.text(attributeText, v) })
}

func (n *onnxNode) ints(name string, v ...int) {
	n.attribute(name, typeInts, func(a *message) {
		for _, i := range v {
			a.int(attributeInts, int64(i))
		}
	})
}

// valueInfo returns a ValueInfoProto of float32 elements. A dimension is a number, or
// the name of one that is free.
func valueInfo(name string, dims ...any) message {
	var shape message
	for _, d := range dims {
		var dim message
		switch d := d.(type) {
		case int:
			dim.int(1, int64(d))
		case string:
			dim.text(2, d)
		}
		shape.bytes(1, dim)
	}
	var kind, value, info message
	kind.int(1, onnxTypes[tensor.F32])
	kind.bytes(2, shape)
	value.bytes(1, kind)
	info.text(1, name)
	info.bytes(2, value)
	return info
}
