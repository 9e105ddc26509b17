package converter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gozoo/zoo/tensor"
)

// A draft is a state dict on its way to a network: a view of the file's tensors under names
// that are edited, with an account of the edits. Edits make new drafts.
type draft struct {
	Selection
	sd *tensor.StateDict
	// file is the name in the file of each tensor that has another one now; those of a
	// product are two.
	file map[string][]string
	// left are tensors that were left out, under the names that they had then.
	left []leftOut
	// given is how many of them were when the search for what fits began: what a key leaves
	// out is none of the network's.
	given int
}

// A leftOut is a tensor that is not the network's.
type leftOut struct {
	name string
	file []string // what the file calls it
	t    tensor.Tensor
}

func newDraft(sd *tensor.StateDict, s Selection) *draft {
	return &draft{Selection: s, sd: sd, file: map[string][]string{}}
}

// leave notes that a tensor is left out.
func (d *draft) leave(name string, file []string, t tensor.Tensor) {
	d.left = append(d.left, leftOut{name, file, t})
	d.LeftOut = append(d.LeftOut, file...)
}

// copy returns a draft that can be changed without changing d, but for its tensors.
func (d *draft) copy(sd *tensor.StateDict) *draft {
	out := newDraft(sd, d.Selection)
	out.LeftOut, out.left, out.given = slices.Clone(d.LeftOut), slices.Clone(d.left), d.given
	maps.Copy(out.file, d.file)
	return out
}

// origin returns what the file calls a tensor.
func (d *draft) origin(name string) []string {
	if names, ok := d.file[name]; ok {
		return names
	}
	return []string{name}
}

// edit returns the draft with each tensor under the name that rename gives it; false leaves
// it out. Two names that become one are an error.
func (d *draft) edit(rename func(name string) (string, bool)) (*draft, error) {
	out := d.copy(new(tensor.StateDict))
	clear(out.file)
	for name, t := range d.sd.All() {
		to, keep := rename(name)
		switch {
		case !keep:
			out.leave(name, d.origin(name), t)
			continue
		case to == "":
			return nil, fmt.Errorf("tensor %q: without its wrapper it has no name", short(name))
		}
		if err := out.sd.Add(to, t); err != nil {
			return nil, fmt.Errorf("two tensors have the name %q", short(to))
		}
		if from := d.origin(name); to != from[0] || len(from) > 1 {
			out.file[to] = from
		}
	}
	return out, nil
}

// inert are the elements of names that stand for a wrapper wherever they are: of
// torch.compile, FSDP, activation checkpointing, Lightning's strategies.
var inert = []string{"_orig_mod", "_fsdp_wrapped_module", "_fpw_module", "_checkpoint_wrapped_module", "_forward_module", "_ddp_module"}

// dataParallel is the element that DataParallel, its distributed form and averaged models
// put in front of names. A layer may have that name too, so that it is removed from the
// beginning of names only, unless a network asks for more.
const dataParallel = "module"

// unwrapped returns a name without wrappers at its beginning, and without those that no
// layer is called by anywhere.
func unwrapped(name string) string {
	for _, wrapper := range inert {
		if strings.Contains(name, wrapper) {
			name = without(name, wrapper)
		}
	}
	for strings.HasPrefix(name, dataParallel+".") {
		name = name[len(dataParallel)+1:]
	}
	return name
}

// without returns a name without an element.
func without(name, element string) string {
	parts := strings.Split(name, ".")
	kept := slices.DeleteFunc(parts[:len(parts)-1], func(p string) bool { return p == element })
	return strings.Join(append(kept, parts[len(parts)-1]), ".")
}

// wrappersOf returns the wrappers in names that unwrapped removes.
func wrappersOf(names []string) []string {
	found := map[string]bool{}
	for _, name := range names {
		if short := unwrapped(name); len(short) < len(name) {
			for _, part := range strings.Split(name, ".") {
				if part == dataParallel || slices.Contains(inert, part) {
					found[part] = true
				}
			}
		}
	}
	return sortedKeys(found)
}

// averageCounters are the tensors beside the weights in torch's and MMEngine's averaged
// models: how many updates there were.
var averageCounters = []string{"n_averaged", "steps"}

// unwrap removes wrappers from names, and the counter of an averaged model.
func (d *draft) unwrap() error {
	wrappers := wrappersOf(d.sd.Names())
	if len(wrappers) == 0 {
		return nil
	}
	averaged := true
	for name, t := range d.sd.All() {
		averaged = averaged && (isCounter(name, t) || slices.Contains(strings.Split(name, "."), dataParallel))
	}
	out, err := d.edit(func(name string) (string, bool) {
		t, _ := d.sd.Lookup(name)
		return unwrapped(name), !averaged || !isCounter(name, t)
	})
	if err != nil {
		return err
	}
	out.Wrappers = merged(d.Wrappers, wrappers)
	*d = *out
	return nil
}

func isCounter(name string, t tensor.Tensor) bool {
	return t.Numel() == 1 && !t.DType().IsFloat() && slices.Contains(averageCounters, unwrapped(name))
}

// below returns the draft of the tensors whose names begin with a prefix, which ends before a
// dot, without it; false where there are none.
func (d *draft) below(prefix string) (*draft, bool) {
	dotted := strings.ReplaceAll(prefix, "/", ".")
	bare, wrapped := strings.CutSuffix(unwrapped(dotted+".x"), ".x")
	if !wrapped { // it was wrappers alone, which are gone
		return d, true
	}
	for _, p := range []string{prefix, dotted, bare} {
		for _, separator := range []string{".", "/"} {
			out, err := d.edit(func(name string) (string, bool) { return strings.CutPrefix(name, p+separator) })
			if err != nil || out.sd.Len() == 0 {
				continue
			}
			out.Prefix += p + separator
			if err := out.unwrap(); err != nil {
				return nil, false
			}
			return out, true
		}
	}
	return nil, false
}

// merged returns the members of both, sorted.
func merged(a, b []string) []string {
	all := map[string]bool{}
	for _, s := range slices.Concat(a, b) {
		all[s] = true
	}
	return sortedKeys(all)
}

// short cuts a name from a file for a message.
func short(name string) string {
	const limit = 100 // characters
	if cut := fmt.Sprintf("%.*s", limit, name); cut != name {
		return cut + "…"
	}
	return name
}
