package nn

import (
	"fmt"
	"sort"
	"strings"

	"github.com/gozoo/zoo/tensor"
)

// A Bound is a graph with the tensors it wants.
type Bound struct {
	Graph *Graph
	// Tensors are indexed like Graph.Params. Those that an optional Param did not
	// find are what it is fixed to, or zero tensors of its dtype and shape.
	Tensors []tensor.Tensor
}

// StateDict returns the bound tensors in the graph's order.
func (b *Bound) StateDict() *tensor.StateDict {
	var sd tensor.StateDict
	for i, p := range b.Graph.Params {
		if err := sd.Add(p.Name, b.Tensors[i]); err != nil {
			panic(err) // the builder refuses a name that is wanted twice
		}
	}
	return &sd
}

// BindError lists everything that keeps a state dict from fitting a graph.
type BindError struct {
	Missing    []string // wanted, not there
	Unexpected []string // there, not wanted
	Misshapen  []Misfit // there, of another shape or kind of number, or of other values than are fixed
}

// A Misfit is a tensor that has the right name only.
type Misfit struct {
	Name        string
	Want, Found string // dtype and shape, and where it is these that differ a value
}

// shownNames is how many of each list an error message spells out.
const shownNames = 10

// Error returns one line per list, with the first ten names of each.
func (e *BindError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nn: state dict does not fit the network: %d missing, %d unexpected, %d misshapen", len(e.Missing), len(e.Unexpected), len(e.Misshapen))
	list := func(what string, n int, line func(i int) string) {
		if n == 0 {
			return
		}
		fmt.Fprintf(&b, "\n  %s:", what)
		for i := range min(n, shownNames) {
			fmt.Fprintf(&b, "\n    %s", line(i))
		}
		if n > shownNames {
			fmt.Fprintf(&b, "\n    and %d more", n-shownNames)
		}
	}
	list("missing", len(e.Missing), func(i int) string { return shortName(e.Missing[i]) })
	list("unexpected", len(e.Unexpected), func(i int) string { return shortName(e.Unexpected[i]) })
	list("misshapen", len(e.Misshapen), func(i int) string {
		m := e.Misshapen[i]
		return fmt.Sprintf("%s: expected %s, found %s", shortName(m.Name), m.Want, m.Found)
	})
	return b.String()
}

// shortName quotes a name, of which a file may make a megabyte.
func shortName(name string) string {
	const limit = 200 // characters
	if short := fmt.Sprintf("%.*s", limit, name); short != name {
		return fmt.Sprintf("%q…", short)
	}
	return fmt.Sprintf("%q", name)
}

// Bind pairs every wanted tensor of g with the one of that name in sd. Every
// tensor must be there, must be wanted, and must have the wanted shape; weights
// may be any floating point type, counters any integer type; what is fixed must hold what it is
// fixed to, and what repeats another tensor the same as that. Otherwise the error is a *BindError that lists all differences, sorted.
func Bind(g *Graph, sd *tensor.StateDict) (*Bound, error) {
	var e BindError
	wanted := make(map[string]bool, len(g.Params))
	bound := &Bound{Graph: g, Tensors: make([]tensor.Tensor, len(g.Params))}
	for i, p := range g.Params {
		wanted[p.Name] = true
		t, ok := sd.Lookup(p.Name)
		if p.Same != "" && !ok {
			t, ok = sd.Lookup(p.Same)
		}
		switch {
		case !ok && p.Fixed != nil:
			t = p.Fixed.Tensor()
		case !ok && p.Optional:
			size, _ := p.Shape.Bytes(p.DType)
			t, _ = tensor.New(p.DType, p.Shape, make([]byte, size))
		case !ok:
			e.Missing = append(e.Missing, p.Name)
			continue
		default:
			m, misfits := p.Misfit(t)
			if first, ok := sd.Lookup(p.Same); ok && !misfits && p.Same != "" {
				m, misfits = p.repeats(t, first)
			}
			if misfits {
				e.Misshapen = append(e.Misshapen, m)
				continue
			}
		}
		bound.Tensors[i] = t
	}
	for _, name := range sd.Names() {
		if !wanted[name] {
			e.Unexpected = append(e.Unexpected, name)
		}
	}
	if len(e.Missing)+len(e.Unexpected)+len(e.Misshapen) > 0 {
		sort.Strings(e.Missing)
		sort.Strings(e.Unexpected)
		sort.Slice(e.Misshapen, func(i, j int) bool { return e.Misshapen[i].Name < e.Misshapen[j].Name })
		return nil, &e
	}
	return bound, nil
}

func describe(d tensor.DType, s tensor.Shape) string { return fmt.Sprintf("%v %v", d, s) }

// isFloat reports whether d can hold weights.
func isFloat(d tensor.DType) bool {
	switch d {
	case tensor.F16, tensor.BF16, tensor.F32, tensor.F64:
		return true
	}
	return false
}
