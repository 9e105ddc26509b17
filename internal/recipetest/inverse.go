// Package recipetest undoes recipes, for tests that need a file which one is for.
package recipetest

import (
	"cmp"
	"slices"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/tensor"
)

// Inverse returns the tensors of sd under names that r renames to theirs, each that is joined in
// its parts: equal ones, of the first dimension. Pieces that r cuts are put together, zeros among them
// where no rule is for one. Where former is set, names that the project had
// before are taken if there are any. A tensor that is flattened or squeezed keeps its shape.
func Inverse(r recipe.Recipe, sd *tensor.StateDict, former bool) (*tensor.StateDict, error) {
	rules := slices.Clone(r)
	slices.SortStableFunc(rules, func(a, b recipe.Rule) int { return cmp.Compare(rank(a, former), rank(b, former)) })
	out := new(tensor.StateDict)
	for name, t := range sd.All() {
		var of recipe.Rule
		for _, rule := range rules {
			from, ok := rule.Back(name)
			if !ok || of.To != "" && (of.Parts == 0 || rule.To != of.To || rule.Former != of.Former) {
				continue
			}
			of = rule
			if _, there := out.Lookup(from); there && rule.Pieces > 0 {
				continue // since its first piece
			}
			if rule.Pieces > 0 {
				t = whole(r, sd, from, rule.Pieces, t)
			}
			if err := add(out, from, t, rule); err != nil {
				return nil, err
			}
		}
		if of.To == "" {
			if err := out.Add(name, t); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func rank(r recipe.Rule, former bool) int {
	if r.Former == former {
		return 0
	}
	return 1
}

// add adds a tensor, or the part of it that the rule is for.
func add(sd *tensor.StateDict, name string, t tensor.Tensor, rule recipe.Rule) error {
	if rule.Parts == 0 {
		return sd.Add(name, t)
	}
	shape := slices.Clone(t.Shape())
	shape[0] /= rule.Parts
	n, err := shape.Bytes(t.DType())
	if err != nil {
		return err
	}
	x, err := tensor.New(t.DType(), shape, t.Bytes()[rule.Part*n:][:n])
	if err != nil {
		return err
	}
	return sd.Add(name, x)
}

// whole returns the tensor that r cuts into so many pieces, one of which is given.
func whole(r recipe.Recipe, sd *tensor.StateDict, from string, pieces int, piece tensor.Tensor) tensor.Tensor {
	n := len(piece.Bytes())
	shape, data := slices.Clone(piece.Shape()), make([]byte, n*pieces)
	shape[0] *= pieces
	for name, t := range sd.All() {
		for _, rule := range r {
			if back, ok := rule.Back(name); ok && back == from && rule.Pieces > 0 {
				copy(data[rule.Piece*n:], t.Bytes())
			}
		}
	}
	t, err := tensor.New(piece.DType(), shape, data)
	if err != nil {
		panic(err) // of as many bytes as its shape asks for
	}
	return t
}
