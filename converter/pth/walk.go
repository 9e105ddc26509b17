package pth

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// What a walk may meet. Shared containers make paths multiply, so that a small
// file can have more of them than atoms.
const (
	maxDepth     = 100
	maxTensors   = 200_000
	maxPathBytes = 64 << 20 // of all paths together
)

// holders are the containers with a tensor somewhere below them.
type holders map[any]bool

// has reports whether v is one. Other values may not even be keys of a map.
func (h holders) has(v any) bool { return isContainer(v) && h[v] }

// survey visits every container below root once, however deep. It returns those
// with a tensor somewhere below them: the only ones that a walk for tensors may
// enter, and the reason that a walk is short.
func survey(root any) (holders, error) {
	holds := holders{}
	if !isContainer(root) {
		return holds, nil
	}
	// Containers are numbered as they are found, which keeps a million of them small.
	number := map[any]int32{root: 0}
	found := []any{root}
	type edge struct{ child, parent int32 }
	var edges []edge
	var reached []int32 // known to hold a tensor; what holds them is still to be told
	for parent := int32(0); int(parent) < len(found); parent++ {
		v := found[parent]
		err := eachChild(v, func(child any) {
			if _, ok := child.(*tensorRef); ok {
				if !holds[v] {
					holds[v] = true
					reached = append(reached, parent)
				}
				return
			}
			n, ok := number[child]
			if !ok {
				n = int32(len(found))
				number[child] = n
				found = append(found, child)
			}
			edges = append(edges, edge{n, parent})
		})
		if err != nil {
			return nil, err
		}
	}
	if len(reached) == 0 {
		return holds, nil
	}
	slices.SortFunc(edges, func(a, b edge) int { return int(a.child) - int(b.child) })
	for len(reached) > 0 {
		child := reached[len(reached)-1]
		reached = reached[:len(reached)-1]
		i, _ := slices.BinarySearchFunc(edges, child, func(e edge, c int32) int { return int(e.child) - int(c) })
		for ; i < len(edges) && edges[i].child == child; i++ {
			if p := found[edges[i].parent]; !holds[p] {
				holds[p] = true
				reached = append(reached, edges[i].parent)
			}
		}
	}
	return holds, nil
}

// eachChild calls visit with the containers and tensors that v contains, and refuses
// keys that no Python dict or set takes. Of a key that is set twice it may visit both
// values.
func eachChild(v any, visit func(child any)) error {
	keep := func(child any) {
		if _, ok := child.(*tensorRef); ok || isContainer(child) {
			visit(child)
		}
	}
	entry := func(key, value any) error {
		if unhashable(key) {
			return fmt.Errorf("a %s is the key of a %s", typeName(key), typeName(v))
		}
		keep(value)
		return nil
	}
	var dict types.Dict
	switch v := v.(type) {
	case *types.Dict:
		dict = *v
	case *object:
		dict = v.dict
		if v.module != nil {
			visit(v.module)
		}
	case *types.OrderedDict:
		for e := v.List.Front(); e != nil; e = e.Next() {
			e := e.Value.(*types.OrderedDictEntry)
			if err := entry(e.Key, e.Value); err != nil {
				return err
			}
		}
	}
	for _, e := range dict {
		if err := entry(e.Key, e.Value); err != nil {
			return err
		}
	}
	items, _ := itemsOf(v)
	for _, item := range items {
		keep(item)
	}
	if _, ok := v.(*object); ok {
		return nil // its items are those above
	}
	for item := range membersOf(v) {
		if unhashable(item) {
			return fmt.Errorf("a %s is the item of a %s", typeName(item), typeName(v))
		}
	}
	return nil
}

// A walk calls visit with the path of every tensor below a value.
type walk struct {
	holds holders
	// named restricts paths to text keys, as the names of a state dict are, enters pickled
	// networks, and leaves out state of training.
	named bool
	sep   string
	visit func(path string, t *tensorRef) error

	inside  map[any]bool
	tensors int
	bytes   int
}

func (w *walk) value(v any, path []string) error {
	if t, ok := v.(*tensorRef); ok {
		return w.tensor(t, path)
	}
	if !w.holds.has(v) {
		return nil
	}
	if w.inside[v] {
		return fmt.Errorf("%q contains itself", clip(strings.Join(path, w.sep)))
	}
	if len(path) == maxDepth {
		return fmt.Errorf("%q is more than %d containers deep", clip(strings.Join(path, w.sep)), maxDepth)
	}
	if w.inside == nil {
		w.inside = map[any]bool{}
	}
	w.inside[v] = true
	defer delete(w.inside, v)
	if o, ok := v.(*object); ok && o.module != nil && w.named {
		return w.module(o.module, path)
	}
	entries, _ := entriesOf(v)
	flat := w.named && len(path) == 0 && isFlat(v)
	for _, e := range entries {
		if !w.leadsToTensor(e.Value) || flat && (isFlat(e.Value) || slices.ContainsFunc(children(e.Value), func(c child) bool { return isFlat(c.value) })) {
			continue
		}
		if key, isText := e.Key.(string); isText && w.named && isContainer(e.Value) && ofTraining(key, e.Value) {
			continue
		}
		text, ok := keyText(e.Key)
		if _, isText := e.Key.(string); !ok || w.named && !isText {
			return fmt.Errorf("expected tensors under text keys, found one under a key of type %s (%q) in %q", typeName(e.Key), clip(text), clip(strings.Join(path, w.sep)))
		}
		if err := w.value(e.Value, append(path, text)); err != nil {
			return err
		}
	}
	items, _ := itemsOf(v)
	for i, item := range items {
		if !w.leadsToTensor(item) {
			continue
		}
		if w.named {
			return fmt.Errorf("expected tensors under text keys, found them in a %s at %q", typeName(v), clip(strings.Join(path, w.sep)))
		}
		if err := w.value(item, append(path, strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

// module visits the tensors of a pickled network, whose state this is, under the names that
// its state_dict method would give them.
func (w *walk) module(state *types.Dict, path []string) error {
	transient := map[any]bool{}
	for item := range membersOf(lookup(state, "_non_persistent_buffers_set")) {
		transient[item] = true
	}
	for _, part := range []string{"_parameters", "_buffers", "_modules"} {
		entries, _ := entriesOf(lookup(state, part))
		for _, e := range entries {
			name, isText := e.Key.(string)
			_, isTensor := e.Value.(*tensorRef)
			if !isText || isTensor == (part == "_modules") || part == "_buffers" && transient[name] {
				continue
			}
			if err := w.value(e.Value, append(path, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) leadsToTensor(v any) bool {
	switch v.(type) {
	case *tensorRef:
		return true
	}
	return w.holds.has(v)
}

func (w *walk) tensor(t *tensorRef, path []string) error {
	name := strings.Join(path, w.sep)
	w.tensors++
	w.bytes += len(name)
	switch {
	case w.tensors > maxTensors:
		return fmt.Errorf("more than %d tensors", maxTensors)
	case w.bytes > maxPathBytes:
		return fmt.Errorf("the tensors' names take more than %d bytes", maxPathBytes)
	}
	return w.visit(name, t)
}

// checkName refuses names that no safetensors file can hold.
func checkName(name string) error {
	switch name {
	case "":
		return fmt.Errorf("expected tensors under names, found one without")
	case "__metadata__":
		return fmt.Errorf("tensor %q: the name is reserved by safetensors", name)
	}
	return nil
}

// A NonTensor is a value beside the tensors. It was read, and never run.
type NonTensor struct {
	Path string // keys from the root, joined by "/"
	Type string // Python's name of its type, such as "int" or "argparse.Namespace"
}

// maxListed bounds the paths of a listing of non-tensors, in bytes.
const maxListed = 4 << 20

// listNonTensors returns every value of every dict that is no tensor, and every
// container of other kinds as a whole unless a tensor lies in it.
func listNonTensors(root any, holds holders) []NonTensor {
	var list []NonTensor
	left := maxListed
	seen := map[any]bool{}
	var add func(v any, path []string)
	add = func(v any, path []string) {
		if _, ok := v.(*tensorRef); ok || left < 0 {
			return
		}
		entries, isMap := entriesOf(v)
		o, isObject := v.(*object)
		network := isObject && o.module != nil // listed as a whole
		if isContainer(v) && !network && (holds.has(v) || isMap && !isObject && len(entries) > 0) && len(path) < maxDepth {
			if seen[v] {
				return
			}
			seen[v] = true
			for _, e := range entries {
				key, ok := keyText(e.Key)
				if !ok {
					key = "(" + typeName(e.Key) + ")"
				}
				add(e.Value, append(path, clip(key)))
			}
			items, _ := itemsOf(v)
			for i, item := range items {
				add(item, append(path, strconv.Itoa(i)))
			}
			return
		}
		name := strings.Join(path, "/")
		if left -= len(name) + 1; left < 0 {
			list = append(list, NonTensor{"…", "more than can be listed"})
			return
		}
		list = append(list, NonTensor{name, typeName(v)})
	}
	add(root, nil)
	slices.SortFunc(list, func(a, b NonTensor) int {
		return strings.Compare(a.Path+"\x00"+a.Type, b.Path+"\x00"+b.Type)
	})
	return list
}
