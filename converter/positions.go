package converter

import (
	"math"
	"slices"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/internal/bicubic"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// asItIs returns the attempt itself.
func (a *attempt) asItIs() *attempt { return a }

// resized returns the attempt with tables of positions of another square grid resized to the network's, as
// the reference does when it loads weights of images of another size. It is the attempt itself where there
// are none.
func (a *attempt) resized() *attempt {
	if a.misfit == nil || len(a.misfit.Misshapen) == 0 {
		return a
	}
	tables := map[string]tensor.Tensor{} // by the network's names
	out := *a
	out.draft = a.draft.copy(a.draft.sd)
	for _, n := range a.graph.Nodes {
		op, ok := n.Op.(nn.Position)
		if !ok || op.Exact || op.Sinusoid {
			continue
		}
		name := a.graph.Params[n.Params[0]].Name
		i := slices.IndexFunc(a.changes, func(c recipe.Change) bool { return c.To == name })
		t, there := a.renamed.Lookup(name)
		if !there || i < 0 {
			continue
		}
		if table, side, ok := resizedTable(t, op); ok {
			tables[name] = table
			file := a.draft.origin(a.changes[i].From)[0]
			out.draft.Resized = append(slices.Clone(out.draft.Resized), Resized{file, side, [2]int{op.GridH, op.GridW}})
		}
	}
	if len(tables) == 0 {
		return a
	}
	out.renamed = new(tensor.StateDict)
	for name, t := range a.renamed.All() {
		if table, ok := tables[name]; ok {
			t = table
		}
		mustAdd(out.renamed, name, t)
	}
	if err := out.bind(); err != nil {
		return a
	}
	return &out
}

// resizedTable returns a table (1,Extra+side*side,C) for the grid of an operator, in float32; false
// where it is none, or has that grid.
func resizedTable(t tensor.Tensor, op nn.Position) (table tensor.Tensor, side int, ok bool) {
	s := t.Shape()
	if len(s) != 3 || s[0] != 1 || s[2] != op.C || !t.DType().IsFloat() || s[1] <= op.Extra {
		return t, 0, false
	}
	side = int(math.Round(math.Sqrt(float64(s[1] - op.Extra))))
	if side*side != s[1]-op.Extra || side == op.GridH && side == op.GridW {
		return t, 0, false
	}
	values, err := t.Float32s()
	if err != nil {
		return t, 0, false
	}
	extra := op.Extra * op.C
	values = append(slices.Clone(values[:extra]), bicubic.Resize(values[extra:], side, side, op.C, op.GridH, op.GridW)...)
	return tensor.FromFloat32s(tensor.Shape{1, op.Extra + op.GridH*op.GridW, op.C}, values), side, true
}
