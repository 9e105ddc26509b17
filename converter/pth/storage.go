package pth

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/gozoo/zoo/tensor"
)

// maxRank is the number of dimensions that torch itself allows.
const maxRank = 64

// A storage is a run of elements that tensors are views of.
type storage struct {
	key   string
	class storageClass
	numel int
	data  []byte // filled in once the pickle has run

	onlyBools, checked bool // whether all bytes are 0 or 1, once looked at
}

// PySetState refuses what no pickler writes.
func (*storage) PySetState(any) error {
	return fmt.Errorf("refused: the pickle changes a storage after making it")
}

// nbytes returns the bytes that the elements take; storages made by add fit.
func (s *storage) nbytes() int { return s.numel * s.class.width }

// storages holds the storages of a file by key, in the order of first use.
type storages struct {
	modules bool // whether classes of modules may be persistent ids too
	byKey   map[string]*storage
	order   []*storage
}

// add returns the storage that a persistent id describes: the tuple ("storage",
// class, key, location, elements), with a sixth member in legacy files, which is
// None. Every use of a key must agree about its elements. In legacy files a class of
// a network is such an id too, and returned as it is.
func (all *storages) add(pid any) (any, error) {
	t, ok := pid.(*types.Tuple)
	if ok && all.modules && len(*t) == 4 && (*t)[0] == "module" {
		if c, ok := (*t)[1].(*class); ok {
			return c, nil // its source, which follows, is for a warning of torch's
		}
	}
	if !ok || len(*t) < 5 || len(*t) > 6 || (*t)[0] != "storage" {
		return nil, fmt.Errorf(`expected a persistent id ("storage", class, key, location, elements), found %s`, typeName(pid))
	}
	class, ok := (*t)[1].(storageClass)
	if !ok {
		return nil, fmt.Errorf("expected a storage class of torch, found %s", describe((*t)[1]))
	}
	key, ok := (*t)[2].(string)
	if !ok {
		return nil, fmt.Errorf("expected a storage key of type str, found %s", typeName((*t)[2]))
	}
	numel, ok := (*t)[4].(int)
	if !ok || numel < 0 {
		return nil, fmt.Errorf("storage %q: expected a number of elements, found %s", clip(key), describe((*t)[4]))
	}
	if hi, lo := bits.Mul64(uint64(numel), uint64(class.width)); hi != 0 || lo > math.MaxInt {
		return nil, fmt.Errorf("storage %q: %d elements of %s do not fit in memory", clip(key), numel, class.name)
	}
	if len(*t) == 6 && (*t)[5] != nil {
		return nil, fmt.Errorf("storage %q: is a view of another one (torch before 0.4), which is not supported: load and save it with a newer torch", clip(key))
	}
	s := &storage{key: key, class: class, numel: numel}
	if old := all.byKey[key]; old != nil {
		if old.nbytes() != s.nbytes() || old.class.dtype != class.dtype || old.class.raw != class.raw {
			return nil, fmt.Errorf("storage %q: is used as %d elements of %s and as %d of %s", clip(key), old.numel, old.class.name, numel, class.name)
		}
		return old, nil
	}
	if all.byKey == nil {
		all.byKey = map[string]*storage{}
	}
	all.byKey[key] = s
	all.order = append(all.order, s)
	return s, nil
}

// nbytes returns the bytes of all storages.
func (all *storages) nbytes() int {
	n := 0
	for _, s := range all.order {
		n += len(s.data)
	}
	return n
}

// view returns the tensor over its storage's bytes.
func (t *tensorRef) view() (tensor.Tensor, error) {
	if t.refused != nil {
		return tensor.Tensor{}, t.refused
	}
	width := t.dtype.Size()
	data := t.storage.data
	if t.offset > len(data)/width {
		return tensor.Tensor{}, fmt.Errorf("offset %d lies past the end of storage %q, which holds %d elements", t.offset, clip(t.storage.key), len(data)/width)
	}
	v, err := tensor.NewStrided(t.dtype, t.shape, t.strides, data[t.offset*width:])
	if err != nil {
		return v, fmt.Errorf("storage %q: %w", clip(t.storage.key), err)
	}
	if t.dtype == tensor.Bool && !t.storage.bools() {
		return v, fmt.Errorf("storage %q: expected bytes 0 and 1 for BOOL, found others", clip(t.storage.key))
	}
	return v, nil
}

// bools reports whether all bytes are 0 or 1. Others would be neither true nor
// false to whoever reads them next.
func (s *storage) bools() bool {
	if !s.checked {
		s.checked, s.onlyBools = true, true
		for _, b := range s.data {
			if b > 1 {
				s.onlyBools = false
				break
			}
		}
	}
	return s.onlyBools
}
