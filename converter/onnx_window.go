package converter

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// Windows of an image whose H and W are free. Where a map is worked out, of grids, shifts and masks,
// it is made once and named after what it is made of.

// once returns the value of that name, which make adds where it is not there.
func (m *onnxModel) once(name string, make func() string) string {
	if m.made == nil {
		m.made = map[string]string{}
	}
	if _, ok := m.made[name]; !ok {
		m.made[name] = make()
	}
	return m.made[name]
}

// cast returns x as another type of number.
func (m *onnxModel) cast(path, x string, to tensor.DType) string {
	op := onnxNode{kind: "Cast", in: []string{x}}
	op.int("to", int(onnxTypes[to]))
	return m.step(path, op)
}

// roundedUp returns a grid, up to multiples of its sides.
func (m *onnxModel) roundedUp(path, grid string, multiple int) string {
	return m.once(fmt.Sprintf("%s up to %d", grid, multiple), func() string {
		more := m.step(path, onnxNode{kind: "Add", in: []string{grid, m.index(multiple - 1)}})
		count := m.step(path, onnxNode{kind: "Div", in: []string{more, m.index(multiple)}})
		return m.step(path, onnxNode{kind: "Mul", in: []string{count, m.index(multiple)}})
	})
}

// gridOf returns the value that holds H and W of an image or of tokens.
func (m *onnxModel) gridOf(path, x string, form onnxForm) string {
	if form.tokens {
		return form.grid
	}
	return m.slice(path, m.step(path, onnxNode{kind: "Shape", in: []string{x}}), 0, 2, 4)
}

// laidOut returns tokens (N,H*W,C) as (N,H,W,C).
func (m *onnxModel) laidOut(path, x, grid string) string {
	shape := m.once(grid+" laid out", func() string { return m.joined(path, 0, m.index(0), grid, m.index(-1)) })
	return m.step(path, onnxNode{kind: "Reshape", in: []string{x, shape}})
}

// axis returns how long an axis of x is, a list of one integer.
func (m *onnxModel) axis(path, x string, axis int) string {
	return m.slice(path, m.step(path, onnxNode{kind: "Shape", in: []string{x}}), 0, axis, axis+1)
}

// inRow returns (N,H,W,C) as (N,H*W,C), the last node of it.
func (m *onnxModel) inRow(path, x string) onnxNode {
	return onnxNode{kind: "Reshape", in: []string{x, m.joined(path, 0, m.integers("zoo.row", 0, -1), m.axis(path, x, 3))}}
}

// padTo writes the zeros of nn.PadTo.
func (m *onnxModel) padTo(n nn.Node, o nn.PadTo) onnxNode {
	x, form := m.values[n.In[0]], m.forms[n.In[0]]
	grid := m.gridOf(n.Path, x, form)
	if o.Resize {
		return m.resized(n.Path, x, m.roundedUp(n.Path, grid, o.Multiple), "half_pixel")
	}
	more := m.step(n.Path, onnxNode{kind: "Sub", in: []string{m.roundedUp(n.Path, grid, o.Multiple), grid}})
	if !form.tokens {
		return onnxNode{kind: "Pad", in: []string{x, m.joined(n.Path, 0, m.integers("zoo.none6", 0, 0, 0, 0, 0, 0), more)}}
	}
	pads := m.joined(n.Path, 0, m.integers("zoo.none5", 0, 0, 0, 0, 0), more, m.index(0))
	return m.inRow(n.Path, m.step(n.Path, onnxNode{kind: "Pad", in: []string{m.laidOut(n.Path, x, grid), pads}}))
}

// resized writes the bilinear resizing of an image to a grid; coordinates is where pixels of the two lie.
func (m *onnxModel) resized(path, x, grid, coordinates string) onnxNode {
	size := m.joined(path, 0, m.slice(path, m.step(path, onnxNode{kind: "Shape", in: []string{x}}), 0, 0, 2), grid)
	op := onnxNode{kind: "Resize", in: []string{x, "", "", size}}
	op.text("mode", "linear")
	op.text("coordinate_transformation_mode", coordinates)
	return op
}

// cropLike writes nn.CropLike.
func (m *onnxModel) cropLike(n nn.Node, o nn.CropLike) onnxNode {
	x, form := m.values[n.In[0]], m.forms[n.In[0]]
	like := m.gridOf(n.Path, m.values[n.In[1]], m.forms[n.In[1]])
	from := m.integers("zoo.none2", 0, 0)
	if o.Resize {
		return m.resized(n.Path, x, like, "half_pixel")
	}
	if !form.tokens {
		return onnxNode{kind: "Slice", in: []string{x, from, like, m.integers("zoo.image", 2, 3)}}
	}
	x = m.laidOut(n.Path, x, form.grid)
	return m.inRow(n.Path, m.step(n.Path, onnxNode{kind: "Slice", in: []string{x, from, like, m.integers("zoo.rowsAndColumns", 1, 2)}}))
}

// shift returns by how much windows of a grid are shifted, a list of one integer, and its negative.
func (m *onnxModel) shift(path, grid string, w nn.Window) (shift, back string) {
	name := fmt.Sprintf("%s shifted %d of %d, %v", grid, w.Shift, w.Side, w.Single)
	shift = m.once(name, func() string {
		if w.Single {
			return m.index(w.Shift)
		}
		least := onnxNode{kind: "ReduceMin", in: []string{grid}}
		least.int("keepdims", 1)
		several := m.step(path, onnxNode{kind: "Greater", in: []string{m.step(path, least), m.index(w.Side)}})
		return m.step(path, onnxNode{kind: "Mul", in: []string{m.cast(path, several, tensor.I64), m.index(w.Shift)}})
	})
	back = m.once(name+" back", func() string { return m.step(path, onnxNode{kind: "Neg", in: []string{shift}}) })
	return shift, back
}

// rolled returns (N,H,W,C) with the pixels from number from on first, along both axes.
func (m *onnxModel) rolled(path, x, from string) string {
	for axis := 1; axis <= 2; axis++ {
		last := m.step(path, onnxNode{kind: "Slice", in: []string{x, from, m.index(math.MaxInt32), m.index(axis)}})
		first := m.step(path, onnxNode{kind: "Slice", in: []string{x, m.index(0), from, m.index(axis)}})
		x = m.joined(path, axis, last, first)
	}
	return x
}

// squares returns tokens (N,H*W,C) as (N,windows,pixels,C).
func (m *onnxModel) squares(path, x, grid string, w nn.Window) string {
	x = m.laidOut(path, x, grid)
	if w.Shift > 0 {
		shift, _ := m.shift(path, grid, w)
		x = m.rolled(path, x, shift)
	}
	shape := m.once(fmt.Sprintf("%s cut by %d", grid, w.Side), func() string {
		rows, columns := m.counts(path, grid, w.Side)
		side := m.index(w.Side)
		return m.joined(path, 0, m.index(0), rows, side, columns, side, m.index(-1))
	})
	axes, to := []int{0, 1, 3, 2, 4, 5}, m.integers(fmt.Sprintf("zoo.square%d", w.Side), 0, -1, w.Side*w.Side)
	if w.Grid {
		axes, to = []int{0, 2, 4, 1, 3, 5}, m.integers(fmt.Sprintf("zoo.grid%d", w.Side), 0, w.Side*w.Side, -1)
	}
	x = m.step(path, transpose(m.step(path, onnxNode{kind: "Reshape", in: []string{x, shape}}), axes...))
	to = m.joined(path, 0, to, m.axis(path, x, 5))
	return m.step(path, onnxNode{kind: "Reshape", in: []string{x, to}})
}

// counts returns how many windows there are along each axis of a grid.
func (m *onnxModel) counts(path, grid string, side int) (rows, columns string) {
	count := m.once(fmt.Sprintf("%s by %d", grid, side), func() string {
		return m.step(path, onnxNode{kind: "Div", in: []string{grid, m.index(side)}})
	})
	return m.slice(path, count, 0, 0, 1), m.slice(path, count, 0, 1, 2)
}

// joinedSquares returns (N,windows,pixels,C) as tokens (N,H*W,C), the last node of it.
func (m *onnxModel) joinedSquares(path, x, grid string, w nn.Window) onnxNode {
	c := m.axis(path, x, 3)
	rows, columns := m.counts(path, grid, w.Side)
	side := m.integers(fmt.Sprintf("zoo.side%d", w.Side), w.Side, w.Side)
	shape, axes := []string{m.index(0), rows, columns, side, c}, []int{0, 1, 3, 2, 4, 5}
	if w.Grid {
		shape, axes = []string{m.index(0), side, rows, columns, c}, []int{0, 3, 1, 4, 2, 5}
	}
	x = m.step(path, transpose(m.step(path, onnxNode{kind: "Reshape", in: []string{x, m.joined(path, 0, shape...)}}), axes...))
	x = m.step(path, onnxNode{kind: "Reshape", in: []string{x, m.joined(path, 0, m.index(0), grid, c)}})
	if w.Shift > 0 {
		_, back := m.shift(path, grid, w)
		x = m.rolled(path, x, back)
	}
	return m.inRow(path, x)
}

// mask returns what hides pixels of a shifted or padded window from each other, (windows,1,Side*Side,Side*Side).
// Padded ones had the pixels of a grid before.
func (m *onnxModel) mask(path, grid, before string, w nn.Window) string {
	return m.once(fmt.Sprintf("%s from %s masked %v", grid, before, w), func() string {
		step := func(kind string, in ...string) string { return m.step(path, onnxNode{kind: kind, in: in}) }
		shift, _ := m.shift(path, grid, w)
		var regions [2]string // of each row and column: before the last windows, in them, behind the cut
		for axis := range regions {
			n := m.slice(path, grid, 0, axis, axis+1)
			zero, one := m.constant("zoo.at0", scalarInt(0)), m.constant("zoo.at1", scalarInt(1))
			at := step("Range", zero, step("Squeeze", n), one)
			if w.Padded {
				regions[axis] = m.cast(path, step("GreaterOrEqual", at, m.slice(path, before, 0, axis, axis+1)), tensor.I64)
				continue
			}
			last := step("GreaterOrEqual", at, step("Sub", n, m.index(w.Side)))
			behind := step("GreaterOrEqual", at, step("Sub", n, shift))
			regions[axis] = step("Add", m.cast(path, last, tensor.I64), m.cast(path, behind, tensor.I64))
		}
		rows := step("Unsqueeze", step("Mul", regions[0], m.index(3)), m.index(1))
		both := step("Add", rows, step("Unsqueeze", regions[1], m.index(0)))
		if w.Padded { // all padding is alike, and hidden where there is some along both axes
			least := onnxNode{kind: "ReduceMin", in: []string{m.cast(path, step("Greater", grid, before), tensor.I64)}}
			least.int("keepdims", 1)
			both = step("Mul", m.cast(path, step("Greater", both, m.index(0)), tensor.I64), m.step(path, least))
		}
		count, columns := m.counts(path, grid, w.Side)
		side := m.index(w.Side)
		cut := step("Reshape", both, m.joined(path, 0, count, side, columns, side))
		cut = step("Reshape", m.step(path, transpose(cut, 0, 2, 1, 3)), m.integers(fmt.Sprintf("zoo.cut%d", w.Side), -1, 1, w.Side*w.Side))
		same := step("Equal", step("Unsqueeze", cut, m.index(3)), step("Unsqueeze", cut, m.index(2)))
		return step("Mul", m.cast(path, step("Not", same), tensor.F32), m.scalar(fmt.Sprint("zoo.hide", w.Hide), float32(w.Hide)))
	})
}

// scoreBias returns what an attention adds to its scores, (1,heads,queries,keys).
func (m *onnxModel) scoreBias(n nn.Node, o nn.Attention) string {
	queries, keys, _ := o.Bias.By.Size()
	index := make([]int, 0, queries*keys)
	for _, i := range o.Bias.By.Index() {
		index = append(index, int(i))
	}
	rows := onnxNode{kind: "Gather", in: []string{m.biasTable(n, o), m.integers(fmt.Sprintf("zoo.relations %#v", o.Bias.By), index...)}}
	axis := 0
	if o.Bias.HeadsFirst {
		axis = 1
	}
	rows.int("axis", axis)
	x := m.step(n.Path, rows)
	if !o.Bias.HeadsFirst {
		x = m.step(n.Path, transpose(x, 1, 0))
	}
	shape := m.integers(fmt.Sprintf("zoo.scores%dx%dx%d", o.Heads, queries, keys), 1, o.Heads, queries, keys)
	return m.step(n.Path, onnxNode{kind: "Reshape", in: []string{x, shape}})
}

// biasTable returns the table of a bias, (relations,heads).
func (m *onnxModel) biasTable(n nn.Node, o nn.Attention) string {
	of := o.Bias.Of
	if of.Hidden == 0 {
		return m.weight(n.Params[0])
	}
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	_, _, relations := of.Size()
	coordinates := m.constant(fmt.Sprintf("zoo.coordinates %#v", of), tensor.FromFloat32s(tensor.Shape{relations, 2}, of.Coordinates()))
	x := step("Add", step("MatMul", coordinates, m.step(n.Path, transpose(m.weight(n.Params[0]), 1, 0))), m.weight(n.Params[1]))
	x = step("MatMul", step("Relu", x), m.step(n.Path, transpose(m.weight(n.Params[2]), 1, 0)))
	return step("Mul", step("Sigmoid", x), m.scalar("zoo.16", 16))
}

// unit writes nn.Unit of tokens.
func (m *onnxModel) unit(n nn.Node, o nn.Unit) onnxNode {
	step := func(kind string, in ...string) string { return m.step(n.Path, onnxNode{kind: kind, in: in}) }
	x := step("Reshape", m.values[n.In[0]], m.integers(fmt.Sprintf("zoo.runs%dof%d", o.Runs, o.C), 0, 0, o.Runs, o.C/o.Runs))
	norm := onnxNode{kind: "ReduceL2", in: []string{x}}
	norm.ints("axes", 3)
	x = step("Div", x, step("Max", m.step(n.Path, norm), m.scalar("zoo.least", 1e-12)))
	if o.Temper != "" {
		factor := step("Min", step("Exp", m.weight(n.Params[0])), m.scalar("zoo.100", 100))
		x = step("Mul", x, step("Reshape", factor, m.integers(fmt.Sprintf("zoo.runs%d", o.Runs), o.Runs, 1)))
	}
	return onnxNode{kind: "Reshape", in: []string{x, m.integers("zoo.rows", 0, 0, -1)}}
}
