package converter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/tensor"
)

// A Selection says which of a file's tensors were taken for a network's, and what was done
// to them before a recipe renamed them.
type Selection struct {
	// Key is the place of the mapping that was taken: keys from the root, joined by "/".
	// Empty for the root, which is all that a safetensors file has.
	Key string
	// Class is the Python class of a whole pickled network whose tensors were read; empty
	// for a mapping.
	Class string
	// Wrappers are elements that were removed from names wherever they stood, such as
	// "module" of DataParallel or "_orig_mod" of torch.compile. Sorted.
	Wrappers []string
	// Prefix was removed from the beginning of every name, such as "model.".
	Prefix string
	// Head is where the file has the classifier, when that is not where the network's names
	// have it, such as "fc.1".
	Head string
	// NoClassifier tells that the file lacks exactly the classifier: such a network has
	// features and no classes.
	NoClassifier bool
	// ZeroBias tells that the classifier has no bias in the file; it counts as zeros.
	ZeroBias bool
	// Multiplied are the tensors that are products of a weight and a mask, as
	// torch.nn.utils.prune leaves them, under their own names.
	Multiplied []string
	// Resized are the tables of positions that were resized to the network's grid.
	Resized []Resized
	// LeftOut are the tensors of the mapping that are not the network's, as the file spells
	// them.
	LeftOut []string
	// Cast are the tensors of float8 that are read as float32, under their own names.
	Cast []string
	// Others are further weights with tensors of the same names, by the key that takes them.
	Others []Weights
}

// A Resized table of positions is of a square grid of From x From pixels in the file, and of To, rows
// and columns, in the network.
type Resized struct {
	Name string // as the file spells it
	From int
	To   [2]int
}

// Weights are tensors of a file that a key names.
type Weights struct {
	Key     string // for Checkpoint.Select; "/" for the root
	Class   string // of a whole pickled network
	Tensors int
}

// Mappings returns the mappings of the file that hold tensors: what Select takes keys of.
func (c *Checkpoint) Mappings() []Weights {
	var out []Weights
	for _, m := range c.mappings() {
		out = append(out, weightsOf(m))
	}
	return out
}

func weightsOf(m pth.Mapping) Weights {
	key := m.Key
	if key == "" {
		key = "/"
	}
	return Weights{key, m.Class, m.Tensors}
}

// Selected are the tensors that a key of a checkpoint takes.
type Selected struct {
	Selection
	StateDict *tensor.StateDict
	Names     []Explained // what became of each name of the file
}

// Select returns the network's tensors as far as that can be said without a network, without
// the elements that DataParallel, torch.compile, FSDP and DeepSpeed put in front of names. An
// empty key means the mapping that pth.File.Choose takes; other keys name a mapping, as
// Mappings does, or what tensors' names begin with, or both, as in "state_dict/teacher". The
// error is a *CheckpointError, and one that errors.Is an unusable option when nothing has
// the key.
func (c *Checkpoint) Select(key string) (*Selected, error) {
	d, err := c.draft(key)
	if err != nil {
		return nil, err
	}
	return &Selected{Selection: d.Selection, StateDict: d.sd, Names: d.kept()}, nil
}

// draft is Select with the names that the file has.
func (c *Checkpoint) draft(key string) (*draft, error) {
	s := Selection{}
	sd, rest, err := c.choose(key, &s)
	if errors.As(err, new(*pth.KeyError)) {
		return nil, option.Errorf("Weights", "converter: %q: no weights under %q: the file has %s", c.Name, key, c.listed())
	}
	if err != nil && c.ofDeepSpeed() {
		err = fmt.Errorf("%w: this is a part of a DeepSpeed checkpoint: run the zero_to_fp32.py that lies beside it, and give zoo what it writes", err)
	}
	if err != nil {
		return nil, refused(c.Name, err)
	}
	if c.ofDeepSpeed() {
		for name, t := range sd.All() {
			if t.DType().IsFloat() && t.Numel() == 0 {
				return nil, refused(c.Name, fmt.Errorf("converter: %q: tensor %q is empty: DeepSpeed's ZeRO keeps its values in the zero_*_optim_states.pt files "+
					"beside this one: run the zero_to_fp32.py that lies there, and give zoo what it writes", c.Name, short(name)))
			}
		}
	}
	d := newDraft(sd, s)
	if err := d.unwrap(); err != nil {
		return nil, refused(c.Name, fmt.Errorf("converter: %q: %w", c.Name, err))
	}
	if rest == "" {
		return d, nil
	}
	if chosen, ok := d.below(strings.TrimRight(rest, "./")); ok {
		chosen.given = len(chosen.left)
		return chosen, nil
	}
	return nil, option.Errorf("Weights", "converter: %q: no weights under %q: the file has %s; %s",
		c.Name, key, c.listed(), beginnings(d.sd.Names()))
}

// ofDeepSpeed reports whether DeepSpeed wrote the file.
func (c *Checkpoint) ofDeepSpeed() bool {
	return slices.ContainsFunc(c.NonTensors, func(n pth.NonTensor) bool {
		key, _, _ := strings.Cut(n.Path, "/")
		return key == "ds_version" || key == "ds_config"
	})
}

// choose takes a mapping of a file for the network's, and enters which into s.
func choose(f *pth.File, key string, s *Selection) (sd *tensor.StateDict, rest string, err error) {
	m, rest, err := f.Choose(key)
	if err != nil {
		return nil, "", err
	}
	s.Key, s.Class = m.Key, m.Class
	if sd, err = m.StateDict(); err != nil {
		return nil, "", err
	}
	names := make(map[string]bool, sd.Len())
	for _, name := range sd.Names() {
		names[unwrapped(name)] = true
	}
	for _, other := range f.Mappings() {
		if other.Key == m.Key {
			continue
		}
		same := 0
		theirs, _, _ := other.Names() // as far as they can be read
		for _, name := range theirs {
			if names[unwrapped(name)] {
				same++
			}
		}
		if 2*same > len(names) {
			s.Others = append(s.Others, weightsOf(other))
		}
	}
	return sd, rest, nil
}

// listed names the mappings of the file, for a message.
func (c *Checkpoint) listed() string {
	var out []string
	for i, m := range c.Mappings() {
		if i == 8 {
			out = append(out, "and more")
			break
		}
		out = append(out, fmt.Sprintf("%q (%s)", short(m.Key), count(m.Tensors, "tensor")))
	}
	return strings.Join(out, ", ")
}

// beginnings says what names begin with.
func beginnings(names []string) string {
	number := map[string]int{}
	var order []string
	for _, name := range names {
		first, _, _ := strings.Cut(name, ".")
		if number[first]++; number[first] == 1 {
			order = append(order, first)
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return number[b] - number[a] })
	if len(order) == 1 {
		return fmt.Sprintf("every name begins with %q", short(order[0]))
	}
	if len(order) > 5 {
		order = order[:5]
	}
	for i, first := range order {
		order[i] = fmt.Sprintf("%q (%d)", short(first), number[first])
	}
	return "names begin with " + strings.Join(order, ", ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
