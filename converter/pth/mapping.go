package pth

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/gozoo/zoo/tensor"
)

// stateDictKeys are the keys under which training code keeps a network's tensors, in the
// order in which they are taken. The first four are timm's: where it has an average of the
// weights, the average wins. MMEngine exchanges both when it saves, so that its average is
// under "state_dict" and the last weights are under "ema_state_dict"; for all other
// spellings the average comes before the weights that it is of.
var stateDictKeys = []string{
	"state_dict_ema", "model_ema", "state_dict", "model",
	"model_state_dict_ema", "ema_model_state_dict", "model_ema_state_dict", "ema_state_dict", "ema_model", "ema_params", "ema",
	"swa_model_state_dict", "swa_state_dict", "swa_model",
	"model_state_dict", "model_state", "model_weights", "params_ema", "params", "network", "net", "weights",
	"module", // of DeepSpeed
	"teacher", "student",
}

// StateDictKeys returns the keys under which a network's tensors are looked for, in the order
// in which they are taken.
func StateDictKeys() []string { return slices.Clone(stateDictKeys) }

// A Mapping is a part of a file that may be a state dict: a mapping of names to tensors, or
// a whole pickled network, of which the tensors are read and nothing is run.
type Mapping struct {
	// Key is its place in the file: the keys from the root, joined by "/". Empty for the root.
	Key string
	// Class is the Python class of a whole pickled network; empty for a mapping.
	Class string
	// Tensors is how many tensors it holds, or 20000 where it holds more.
	Tensors int

	f     *File
	value any
}

// Names returns the names of the mapping's tensors with their shapes, in order, as the file
// spells them.
func (m Mapping) Names() (names []string, shapes []tensor.Shape, err error) {
	w := m.f.walk()
	w.visit = func(path string, ref *tensorRef) error {
		names, shapes = append(names, path), append(shapes, ref.shape)
		return nil
	}
	err = w.value(m.value, nil)
	return names, shapes, err
}

// StateDict returns the mapping's tensors under the names that the file gives them; keys of
// mappings inside are joined by "."; one that is a state dict of its own, beside names with
// dots, is left out. State of training is left out, and so is what is no tensor.
func (m Mapping) StateDict() (*tensor.StateDict, error) {
	at := "the file"
	if m.Key != "" {
		at = fmt.Sprintf("%q", clip(m.Key))
	}
	w := m.f.walk()
	return m.f.collect(w, m.value, at)
}

// walk returns a walk over the tensors of a state dict.
func (f *File) walk() *walk { return &walk{holds: f.holds, named: true, sep: "."} }

// maxMappings bounds the mappings that are listed.
const maxMappings = 256

// Mappings returns the mappings of the file that hold tensors of their own, outer ones
// first. Optimiser state is none.
func (f *File) Mappings() []Mapping {
	var list []Mapping
	total := 0
	seen := map[any]bool{}
	var add func(v any, key string, depth int)
	add = func(v any, key string, depth int) {
		if !f.holds.has(v) || seen[v] || depth > maxDepth || len(list) == maxMappings || total >= maxCounted {
			return
		}
		seen[v] = true
		if isStateDict(v) {
			m := f.mapping(v, key)
			list = append(list, m)
			total += m.Tensors
		}
		for _, c := range children(v) {
			add(c.value, joinKey(key, c.key), depth+1)
		}
	}
	add(f.root, "", 0)
	return list
}

// mapping describes the mapping v.
func (f *File) mapping(v any, key string) Mapping {
	m := Mapping{Key: key, f: f, value: v}
	if o, ok := v.(*object); ok && o.module != nil {
		m.Class = o.class
	}
	m.Tensors = f.count(v, maxCounted)
	return m
}

// maxCounted bounds the tensors that are counted in one mapping: no network has as many.
const maxCounted = 20_000

// count returns how many tensors v holds as a state dict, up to what cannot be read, or to a
// bound.
func (f *File) count(v any, most int) int {
	n := 0
	w := f.walk()
	w.visit = func(string, *tensorRef) error {
		if n++; n == most {
			return errors.New("enough")
		}
		return nil
	}
	w.value(v, nil)
	return n
}

// Choose returns the mapping that is the network's state dict. Key names it, as
// Mapping.Key does, or what holds it; empty means the first of StateDictKeys that is there
// and holds tensors, in the root and then in what was found, else the only mapping in it,
// else the root itself. Rest is the part of the key that names no mapping: what tensors'
// names begin with. The error is a *KeyError when no mapping has the key.
func (f *File) Choose(key string) (m Mapping, rest string, err error) {
	v, at, rest := descend(f.root, strings.TrimPrefix(key, "/"))
	if key != "/" && (!isStateDict(v) || rest == "") {
		v, at = f.settle(v, at)
	}
	if _, ok := entriesOf(v); !ok && !isStateDict(v) {
		return m, "", fmt.Errorf("pth: %q: expected a state dict, a mapping of names to tensors, found %s: save model.state_dict()", f.name, typeName(v))
	}
	if m = f.mapping(v, at); key != "" && m.Tensors == 0 {
		return m, "", &KeyError{f.name, key}
	}
	return m, rest, nil
}

// A KeyError says that a file has no mapping of a key.
type KeyError struct{ File, Key string }

// Error says so.
func (e *KeyError) Error() string {
	return fmt.Sprintf("pth: %q: no weights under %q", e.File, clip(e.Key))
}

// settle returns the state dict that v is or holds, and its key.
func (f *File) settle(v any, key string) (any, string) {
	for range maxDepth {
		inner, at, ok := f.inner(v)
		if !ok {
			break
		}
		v, key = inner, joinKey(key, at)
	}
	return v, key
}

// inner returns the mapping inside v that is the state dict, and its key; false where that
// is v itself.
func (f *File) inner(v any) (inner any, key string, ok bool) {
	if o, isObject := v.(*object); isObject && o.module != nil {
		return nil, "", false
	}
	for _, key := range stateDictKeys {
		c := lookup(v, key)
		// A "state_dict" that is empty is one, of a process that held none of the weights.
		if _, isMapping := entriesOf(c); isMapping && key == "state_dict" || f.leadsToStateDict(c, 0) {
			return c, key, true
		}
	}
	var only child
	mappings := 0
	for _, c := range children(v) {
		if f.leadsToStateDict(c.value, 0) {
			only = c
			mappings++
		}
	}
	if mappings != 1 {
		return nil, "", false
	}
	// Beside a state dict there may be a tensor that is a number, or a generator's state. A
	// state dict itself has names with dots, or more tensors of its own than lie below it.
	own := 0
	entries, _ := entriesOf(v)
	for _, e := range entries {
		if _, isTensor := e.Value.(*tensorRef); isTensor {
			own++
		}
	}
	if isFlat(v) || own > 0 && f.count(only.value, own+1) <= own {
		return nil, "", false
	}
	return only.value, only.key, true
}

// isFlat reports whether v is a state dict as torch makes them: its own tensors have the names
// of layers within others. Mappings in it are no layers.
func isFlat(v any) bool {
	entries, _ := entriesOf(v)
	return slices.ContainsFunc(entries, func(e types.DictEntry) bool {
		_, isTensor := e.Value.(*tensorRef)
		name, _ := e.Key.(string)
		return isTensor && strings.Contains(name, ".")
	})
}

// leadsToStateDict reports whether v is a state dict, or a mapping that holds one. Depth is
// that of v; what lies deeper than maxDepth is not looked at.
func (f *File) leadsToStateDict(v any, depth int) bool {
	if !f.holds.has(v) || depth > maxDepth {
		return false
	}
	if known, ok := f.leads[v]; ok {
		return known
	}
	if f.leads == nil {
		f.leads = map[any]bool{}
	}
	f.leads[v] = false // for one that contains itself
	f.leads[v] = isStateDict(v) || slices.ContainsFunc(children(v), func(c child) bool { return f.leadsToStateDict(c.value, depth+1) })
	return f.leads[v]
}

// isStateDict reports whether v has tensors under text keys, or is a pickled network.
func isStateDict(v any) bool {
	if o, ok := v.(*object); ok && o.module != nil {
		return true
	}
	entries, _ := entriesOf(v)
	return slices.ContainsFunc(entries, func(e types.DictEntry) bool {
		_, isTensor := e.Value.(*tensorRef)
		_, isText := e.Key.(string)
		return isTensor && isText
	})
}

// A child is a container inside another one, under a key.
type child struct {
	key   string
	value any
}

// children returns the containers inside v that may hold weights: not optimiser state.
func children(v any) []child {
	if o, ok := v.(*object); ok && o.module != nil {
		return nil
	}
	var out []child
	entries, _ := entriesOf(v)
	for _, e := range entries {
		if key, ok := e.Key.(string); ok && isContainer(e.Value) && !ofTraining(key, e.Value) {
			out = append(out, child{key, e.Value})
		}
	}
	items, _ := itemsOf(v)
	for i, item := range items {
		if isContainer(item) && !ofTraining("", item) {
			out = append(out, child{strconv.Itoa(i), item})
		}
	}
	return out
}

// ofTraining reports whether a value under a key is state of training and no weights: of an
// optimiser, which torch keeps beside "param_groups", a schedule, a generator of random
// numbers.
func ofTraining(key string, v any) bool {
	key = strings.ToLower(key)
	for _, part := range []string{"optim", "sched", "rng_state", "random_state", "scaler"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	if key == "opt" || key == "rng" || key == "param_groups" {
		return true
	}
	return hasKey(v, "param_groups")
}

// descend follows a key from v as far as it names mappings, and returns where that is, and
// what is left of the key. Elements are joined by "/" or "."; keys may hold both themselves.
func descend(v any, key string) (at any, path, rest string) {
	for key != "" {
		best := child{}
		for _, c := range children(v) {
			if len(c.key) > len(best.key) && (key == c.key || strings.HasPrefix(key, c.key+"/") || strings.HasPrefix(key, c.key+".")) {
				best = c
			}
		}
		if best.value == nil {
			break
		}
		v, path = best.value, joinKey(path, best.key)
		key = strings.TrimLeft(key[len(best.key):], "/.")
	}
	return v, path, key
}

func joinKey(path, key string) string {
	if path == "" {
		return key
	}
	return path + "/" + key
}
