package tensor

import (
	"fmt"
	"iter"
)

// A StateDict is an ordered set of named tensors. Names are exactly as the
// checkpoint spells them, typos included. The zero StateDict is empty and ready
// to use.
type StateDict struct {
	names   []string
	tensors map[string]Tensor
}

// Add appends a tensor. A name that is already there is an error: which of two
// tensors was meant cannot be known.
func (d *StateDict) Add(name string, t Tensor) error {
	if _, ok := d.tensors[name]; ok {
		return fmt.Errorf("tensor: state dict: %q is there twice", name)
	}
	if d.tensors == nil {
		d.tensors = make(map[string]Tensor)
	}
	d.names = append(d.names, name)
	d.tensors[name] = t
	return nil
}

// Len returns the number of tensors.
func (d *StateDict) Len() int { return len(d.names) }

// Names returns the names in order. The caller must not change the slice.
func (d *StateDict) Names() []string { return d.names }

// Lookup returns the tensor of that name, and whether there is one.
func (d *StateDict) Lookup(name string) (Tensor, bool) {
	t, ok := d.tensors[name]
	return t, ok
}

// All yields names and tensors in order.
func (d *StateDict) All() iter.Seq2[string, Tensor] {
	return func(yield func(string, Tensor) bool) {
		for _, name := range d.names {
			if !yield(name, d.tensors[name]) {
				return
			}
		}
	}
}
