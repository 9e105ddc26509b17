package pth

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
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
func survey(root any) (holds holders, err error) {
	holds = holders{}
	parents := map[any][]any{}
	var tensors []any
	queue := []any{root}
	seen := map[any]bool{}
	for len(queue) > 0 {
		v := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		children, err := childrenOf(v)
		if err != nil {
			return nil, err
		}
		for _, child := range children {
			parents[child] = append(parents[child], v)
			if seen[child] {
				continue
			}
			seen[child] = true
			if _, ok := child.(*tensorRef); ok {
				tensors = append(tensors, child)
			} else {
				queue = append(queue, child)
			}
		}
	}
	for len(tensors) > 0 {
		v := tensors[len(tensors)-1]
		tensors = tensors[:len(tensors)-1]
		for _, p := range parents[v] {
			if !holds[p] {
				holds[p] = true
				tensors = append(tensors, p)
			}
		}
	}
	return holds, nil
}

// childrenOf returns the containers and tensors that v contains, and refuses
// keys that no Python dict or set takes.
func childrenOf(v any) ([]any, error) {
	var children []any
	keep := func(child any) {
		switch child.(type) {
		case *tensorRef:
			children = append(children, child)
		default:
			if isContainer(child) {
				children = append(children, child)
			}
		}
	}
	entries, _ := entriesOf(v)
	for _, e := range entries {
		if unhashable(e.Key) {
			return nil, fmt.Errorf("a %s is the key of a %s", typeName(e.Key), typeName(v))
		}
		keep(e.Value)
	}
	items, _ := itemsOf(v)
	for _, item := range items {
		keep(item)
	}
	for item := range membersOf(v) {
		if unhashable(item) {
			return nil, fmt.Errorf("a %s is the item of a %s", typeName(item), typeName(v))
		}
	}
	return children, nil
}

// A walk calls visit with the path of every tensor below a value.
type walk struct {
	holds holders
	// named restricts paths to text keys, as the names of a state dict are.
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
	entries, _ := entriesOf(v)
	for _, e := range entries {
		if !w.leadsToTensor(e.Value) {
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
		_, isObject := v.(*object)
		if isContainer(v) && (holds.has(v) || isMap && !isObject && len(entries) > 0) && len(path) < maxDepth {
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
