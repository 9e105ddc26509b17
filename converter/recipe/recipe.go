// Package recipe renames the tensors of a foreign checkpoint into a network's own
// names, and gives them its shapes. A Recipe is data: an ordered list of rules, each
// tried on every name, the first that matches decides. It never looks at a tensor's
// values, and knows no network: families keep their recipes beside their graphs.
//
//	out, changes, err := recipe.Recipe{
//		recipe.Rename("stages.*.conv_down.**", "backbone.stages.*.downsample_conv.**"),
//	}.Apply(sd)
package recipe

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/tensor"
)

// A Recipe is an ordered list of rules.
type Recipe []Rule

// A Rule renames or drops the names that match its pattern.
type Rule struct {
	// From is a pattern: "*" stands for one or more characters without a dot, "**"
	// for one or more characters of any kind.
	From string
	// To is the new name, in which each star stands for what the star at the same
	// place of From matched. Empty for a rule that drops.
	To string
	// Flat joins all dimensions of the tensor but the first: the weights of a
	// convolution over a whole image become those of a linear layer.
	Flat bool
	// Bare takes the dimensions of one away that the tensor begins with.
	Bare bool
	// Turned reverses the order of the dimensions that the tensor's last one is made of:
	// (2,2,C) of it becomes (C,2,2).
	Turned bool
	// Shape is given to a tensor of as many elements; nil leaves the one that it has.
	Shape tensor.Shape
	// Parts is how many tensors are joined to the one of the name To, along the first
	// dimension, and Part which of them this is, from 0. None where Parts is 0.
	Part, Parts int
	// Pieces is how many equal ones the tensor is cut into, along its first dimension, and Piece
	// which of them the name To is for, from 0. The tensor is left whole where Pieces is 0.
	Piece, Pieces int
	// Former tells that the project's code has other names for these tensors now: a file
	// has either.
	Former bool
}

// Rename returns a rule that gives names matching from the name to. Both must
// have the same stars in the same order.
func Rename(from, to string) Rule { return Rule{From: from, To: to} }

// Flatten is Rename that also joins all dimensions of the tensor but the first.
func Flatten(from, to string) Rule { return Rule{From: from, To: to, Flat: true} }

// Squeeze is Rename that also takes the dimensions of one away that the tensor begins with.
func Squeeze(from, to string) Rule { return Rule{From: from, To: to, Bare: true} }

// Turn is Rename of what is multiplied with the channels of four pixels side by side, or follows
// their order: the tensor's last dimension is (columns,rows,channels) and becomes
// (channels,rows,columns), that of PyTorch's Unfold.
func Turn(from, to string) Rule { return Rule{From: from, To: to, Turned: true} }

// Reshape is Rename that also gives the tensor a shape, where it has as many elements.
func Reshape(from, to string, shape ...int) Rule { return Rule{From: from, To: to, Shape: shape} }

// Join is Rename of one of several tensors that become one, such as the query, key and value
// of an attention: part counts from 0. Without all of its parts a tensor is not there.
func Join(part, parts int, from, to string) Rule {
	return Rule{From: from, To: to, Part: part, Parts: parts}
}

// Cut is Rename of one of the equal pieces of a tensor: piece counts from 0. Rules that cut the names of
// one pattern each get their piece, and a piece that no rule is for is left out.
func Cut(piece, pieces int, from, to string) Rule {
	return Rule{From: from, To: to, Piece: piece, Pieces: pieces}
}

// Formerly marks rules for names that the project had before.
func Formerly(rules ...Rule) []Rule {
	for i := range rules {
		rules[i].Former = true
	}
	return rules
}

// Drop returns a rule that leaves names matching from out.
func Drop(from string) Rule { return Rule{From: from} }

// String returns the rule as "from -> to", or "drop from".
func (r Rule) String() string {
	if r.To == "" {
		return "drop " + r.From
	}
	if r.Flat {
		return r.From + " -> flattened " + r.To
	}
	if r.Bare {
		return r.From + " -> squeezed " + r.To
	}
	if r.Turned {
		return r.From + " -> turned " + r.To
	}
	if r.Shape != nil {
		return fmt.Sprintf("%s -> %s as %v", r.From, r.To, r.Shape)
	}
	if r.Parts > 0 {
		return fmt.Sprintf("%s -> part %d of %d of %s", r.From, r.Part+1, r.Parts, r.To)
	}
	if r.Pieces > 0 {
		return fmt.Sprintf("piece %d of %d of %s -> %s", r.Piece+1, r.Pieces, r.From, r.To)
	}
	return r.From + " -> " + r.To
}

// A Change says what became of one name.
type Change struct {
	From string
	To   string // empty: dropped
	Rule *Rule  // nil: no rule matched and the name was kept
}

// Apply returns the state dict under its new names, in the same order, and what
// became of each name: one change, or one for each piece of a tensor that is cut. A name
// that no rule matches is kept. Two names that become one are an error.
func (r Recipe) Apply(sd *tensor.StateDict) (*tensor.StateDict, []Change, error) {
	a := applied{out: new(tensor.StateDict), source: make(map[string]string, sd.Len()), joins: make(parts)}
	changes := make([]Change, 0, sd.Len())
	for name, t := range sd.All() {
		for _, c := range r.rename(name) {
			changes = append(changes, c)
			if err := a.take(c, t); err != nil {
				return nil, nil, fmt.Errorf("recipe: %w", err)
			}
		}
	}
	return a.out, changes, nil
}

// An applied recipe is what it has made so far.
type applied struct {
	out    *tensor.StateDict
	source map[string]string // of a name in out, that which became it
	joins  parts
}

// take enters what a change makes of a tensor.
func (a *applied) take(c Change, t tensor.Tensor) error {
	if c.To == "" {
		return nil
	}
	if c.Rule != nil && c.Rule.Parts > 0 {
		joined, whole, err := a.joins.add(c.Rule, c.To, c.From, t)
		if err != nil || !whole {
			return err
		}
		t = joined
	}
	if other, ok := a.source[c.To]; ok {
		return fmt.Errorf("%q and %q both become %q", other, c.From, c.To)
	}
	a.source[c.To] = c.From
	if c.Rule != nil {
		shaped, err := c.Rule.shape(t)
		if err != nil {
			return fmt.Errorf("%q: %w", c.From, err)
		}
		t = shaped
	}
	return a.out.Add(c.To, t)
}

// shape returns the tensor as the rule has it.
func (r *Rule) shape(t tensor.Tensor) (tensor.Tensor, error) {
	s := t.Shape()
	switch {
	case r.Flat:
		return flattened(t)
	case r.Turned:
		return turned(t)
	case r.Pieces > 0:
		return r.piece(t)
	case r.Bare:
		for len(s) > 1 && s[0] == 1 {
			s = s[1:]
		}
		return tensor.New(t.DType(), s, t.Bytes())
	}
	if n, err := r.Shape.Numel(); r.Shape != nil && err == nil && n == t.Numel() {
		return tensor.New(t.DType(), r.Shape, t.Bytes())
	}
	return t, nil
}

// turned returns a tensor (R,2*2*C), or of one such row, whose columns are in the order (C,2,2).
func turned(t tensor.Tensor) (tensor.Tensor, error) {
	s := t.Shape()
	if len(s) < 1 || s[len(s)-1]%4 != 0 {
		return t, fmt.Errorf("expected a last dimension of four pixels, found %v", s)
	}
	last := s[len(s)-1]
	c, rows := last/4, 0
	if last > 0 {
		rows = t.Numel() / last
	}
	x, err := tensor.NewStrided(t.DType(), tensor.Shape{rows, c, 2, 2}, []int{last, 1, c, 2 * c}, t.Bytes())
	if err != nil {
		return t, err
	}
	return tensor.New(t.DType(), s, x.Bytes())
}

// flattened returns the tensor as one of two dimensions, or of one where only the
// first is more than 1. A tensor of fewer than three stays as it is.
func flattened(t tensor.Tensor) (tensor.Tensor, error) {
	s := t.Shape()
	if len(s) < 3 {
		return t, nil
	}
	fan, err := s[1:].Numel()
	if err != nil {
		return tensor.Tensor{}, err
	}
	shape := tensor.Shape{s[0], fan}
	if fan == 1 {
		shape = shape[:1]
	}
	return tensor.New(t.DType(), shape, t.Bytes())
}

// rename returns the change of the first rule that matches, and where that cuts, of all that cut names of
// the same pattern.
func (r Recipe) rename(name string) []Change {
	for i := range r {
		captured, ok := match(r[i].From, name, nil)
		if !ok {
			continue
		}
		var all []Change
		for j := i; j < len(r); j++ {
			if rule := &r[j]; j == i || r[i].Pieces > 0 && rule.Pieces > 0 && rule.From == r[i].From {
				all = append(all, Change{From: name, To: substitute(rule.To, captured), Rule: rule})
			}
		}
		return all
	}
	return []Change{{From: name, To: name}}
}

// Back returns the name that the rule renames to the given one, and whether there is one.
func (r Rule) Back(to string) (from string, ok bool) {
	if r.To == "" {
		return "", false
	}
	captured, ok := match(r.To, to, nil)
	if !ok {
		return "", false
	}
	return substitute(r.From, captured), true
}

// match reports whether name fits pattern, and what each star matched. Stars
// take as little as they can.
func match(pattern, name string, captured []string) ([]string, bool) {
	star := strings.IndexByte(pattern, '*')
	if star < 0 {
		return captured, pattern == name
	}
	if !strings.HasPrefix(name, pattern[:star]) {
		return nil, false
	}
	rest, name := pattern[star+1:], name[star:]
	dots := strings.HasPrefix(rest, "*")
	if dots {
		rest = rest[1:]
	}
	for n := 1; n <= len(name); n++ {
		if !dots && name[n-1] == '.' {
			break
		}
		// The captures of a failed try are overwritten by the next one.
		if got, ok := match(rest, name[n:], append(captured, name[:n])); ok {
			return got, true
		}
	}
	return nil, false
}

// substitute replaces the stars of pattern by what was captured, in order.
func substitute(pattern string, captured []string) string {
	var b strings.Builder
	for {
		star := strings.IndexByte(pattern, '*')
		if star < 0 {
			b.WriteString(pattern)
			return b.String()
		}
		b.WriteString(pattern[:star])
		pattern = strings.TrimPrefix(pattern[star+1:], "*")
		b.WriteString(captured[0])
		captured = captured[1:]
	}
}

// Check reports the first rule whose pattern is empty, whose two sides do not
// have the same stars in the same order, or which is no part of what it joins or no piece of what it cuts.
func (r Recipe) Check() error {
	for _, rule := range r {
		if rule.From == "" {
			return fmt.Errorf("recipe: rule %q: empty pattern", rule)
		}
		if rule.To != "" && stars(rule.From) != stars(rule.To) {
			return fmt.Errorf("recipe: rule %q: both sides need the same stars", rule)
		}
		if rule.Parts > 0 && (rule.Part < 0 || rule.Part >= rule.Parts) || rule.Parts < 0 || rule.Parts == 0 && rule.Part != 0 {
			return fmt.Errorf("recipe: rule %q: part %d of %d", rule, rule.Part, rule.Parts)
		}
		if rule.Pieces > 0 && (rule.Piece < 0 || rule.Piece >= rule.Pieces) || rule.Pieces < 0 || rule.Pieces == 0 && rule.Piece != 0 {
			return fmt.Errorf("recipe: rule %q: piece %d of %d", rule, rule.Piece, rule.Pieces)
		}
	}
	return nil
}

// stars returns the stars of a pattern, one letter each: s for "*", d for "**".
func stars(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '*' {
			continue
		}
		if i+1 < len(pattern) && pattern[i+1] == '*' {
			b.WriteByte('d')
			i++
			continue
		}
		b.WriteByte('s')
	}
	return b.String()
}
