package recipe

import (
	"fmt"
	"slices"

	"github.com/gozoo/zoo/tensor"
)

// Parts returns of how many tensors of a file the recipe makes the one of a name: 1 where it
// joins none, and 0 where it cuts the tensor out of another.
func (r Recipe) Parts(to string) int {
	for _, rule := range r {
		if _, ok := rule.Back(to); ok && rule.Parts+rule.Pieces > 0 {
			return rule.Parts
		}
	}
	return 1
}

// parts collects the tensors that a recipe joins, by the name of what they become.
type parts map[string][]part

// A part is a tensor under its own name; a name of "" is one that is not there yet.
type part struct {
	name string
	t    tensor.Tensor
}

// add enters a part, and returns the joined tensor with the last one that it takes.
func (p parts) add(rule *Rule, to, name string, t tensor.Tensor) (joined tensor.Tensor, whole bool, err error) {
	if p[to] == nil {
		p[to] = make([]part, rule.Parts)
	}
	all := p[to]
	if rule.Part >= len(all) {
		return joined, false, fmt.Errorf("%q: part %d of %d of %q", name, rule.Part+1, len(all), to)
	}
	if other := all[rule.Part].name; other != "" {
		return joined, false, fmt.Errorf("%q and %q both become part %d of %q", other, name, rule.Part+1, to)
	}
	all[rule.Part] = part{name, t}
	for _, one := range all {
		if one.name == "" {
			return joined, false, nil
		}
	}
	joined, err = join(all)
	delete(p, to)
	return joined, err == nil, err
}

// join returns the parts one after the other along their first dimension.
func join(all []part) (tensor.Tensor, error) {
	var data []byte
	first := all[0].t
	shape := append(tensor.Shape{0}, first.Shape()...)
	if len(shape) < 2 {
		return first, fmt.Errorf("%q has no dimension to be joined along", all[0].name)
	}
	shape = shape[1:]
	shape[0] = 0
	for _, one := range all {
		s := one.t.Shape()
		if one.t.DType() != first.DType() || len(s) != len(shape) || !s[1:].Equal(shape[1:]) {
			return first, fmt.Errorf("%q is %v %v, which cannot be joined to %q, %v %v: expected the same dtype and dimensions but the first",
				one.name, one.t.DType(), s, all[0].name, first.DType(), first.Shape())
		}
		shape[0] += s[0]
		data = append(data, one.t.Bytes()...)
	}
	return tensor.New(first.DType(), shape, data)
}

// piece returns the piece of the tensor that the rule is for.
func (r *Rule) piece(t tensor.Tensor) (tensor.Tensor, error) {
	s := slices.Clone(t.Shape())
	if len(s) < 1 || s[0]%r.Pieces != 0 {
		return t, fmt.Errorf("expected a first dimension of %d equal pieces, found %v", r.Pieces, s)
	}
	s[0] /= r.Pieces
	n, err := s.Bytes(t.DType())
	if err != nil {
		return t, err
	}
	return tensor.New(t.DType(), s, t.Bytes()[r.Piece*n:][:n])
}
