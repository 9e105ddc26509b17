package pth

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/gozoo/zoo/tensor"
)

// A tensorRef is a tensor as the pickle describes it. When refused is set it
// cannot be read, for that reason; that matters only once it is asked for.
type tensorRef struct {
	storage *storage
	dtype   tensor.DType
	offset  int // in elements
	shape   tensor.Shape
	strides []int // in elements
	refused error
}

// PySetState refuses what no pickler writes.
func (*tensorRef) PySetState(any) error {
	return fmt.Errorf("refused: the pickle changes a tensor after making it")
}

// A builder is a function that rebuilds a tensor from its arguments.
type builder func(args []any) (any, error)

// Call runs the builder.
func (b builder) Call(args ...any) (any, error) { return b(args) }

// builders are the functions of torch._utils and torch._tensor that make
// tensors.
var builders map[string]builder

func init() { // the wrapping builders refer back to the table's types
	builders = map[string]builder{
		"_rebuild_tensor":               rebuild(4, 4, typed),
		"_rebuild_tensor_v2":            rebuild(6, 7, typed),
		"_rebuild_tensor_v3":            rebuild(7, 8, untyped),
		"_rebuild_parameter":            inner,
		"_rebuild_parameter_with_state": inner,
		"_rebuild_from_type":            delegate,
		"_rebuild_from_type_v2":         delegate,

		"_rebuild_qtensor":                       unsupported("quantized", "call dequantize() before saving"),
		"_rebuild_sparse_tensor":                 unsupported("sparse", "call to_dense() before saving"),
		"_rebuild_sparse_csr_tensor":             unsupported("sparse", "call to_dense() before saving"),
		"_rebuild_nested_tensor":                 unsupported("nested", "save its parts"),
		"_rebuild_meta_tensor_no_storage":        unsupported("on the meta device", "it has no values"),
		"_rebuild_wrapper_subclass":              unsupported("of a wrapper subclass", "save a plain tensor"),
		"_rebuild_device_tensor_from_numpy":      unsupported("of a device that has no storages", "call cpu() before saving"),
		"_rebuild_device_tensor_from_cpu_tensor": unsupported("of a device that has no storages", "call cpu() before saving"),
	}
}

func unsupported(what, instead string) builder {
	err := unsupportedf("tensor is %s, which is not supported: %s", what, instead)
	return func([]any) (any, error) { return &tensorRef{refused: err}, nil }
}

// rebuild returns a builder whose arguments are (storage, offset, size, stride)
// and then those that finish sees. A wrong argument refuses the tensor, not the
// file, so that the message can name it.
func rebuild(least, most int, finish func(t *tensorRef, args []any) error) builder {
	return func(args []any) (any, error) {
		t := &tensorRef{}
		t.refused = func() (err error) {
			if len(args) < least || len(args) > most {
				return fmt.Errorf("expected %d arguments for the tensor, found %d", least, len(args))
			}
			var ok bool
			if t.storage, ok = args[0].(*storage); !ok {
				return fmt.Errorf("expected a storage, found %s", typeName(args[0]))
			}
			if t.offset, ok = args[1].(int); !ok || t.offset < 0 {
				return fmt.Errorf("expected an offset of 0 or more, found %s", describe(args[1]))
			}
			if t.shape, err = dims("size", args[2]); err != nil {
				return err
			}
			if t.strides, err = dims("stride", args[3]); err != nil {
				return err
			}
			return finish(t, args)
		}()
		return t, nil
	}
}

// typed takes the dtype from the storage's class.
func typed(t *tensorRef, args []any) error {
	if t.dtype = t.storage.class.dtype; t.dtype == tensor.Invalid {
		return unsupportedf("elements of %s are not supported", t.storage.class.name)
	}
	if len(args) > 6 {
		return plainView(args[6])
	}
	return nil
}

// untyped takes the dtype from the seventh argument.
func untyped(t *tensorRef, args []any) error {
	d, ok := args[6].(dtypeGlobal)
	if !ok {
		return fmt.Errorf("expected a dtype, found %s", typeName(args[6]))
	}
	if !t.storage.class.raw {
		return fmt.Errorf("expected an untyped storage, found %s", t.storage.class.name)
	}
	if t.dtype = d.dtype; t.dtype == tensor.Invalid {
		return unsupportedf("elements of %s are not supported", d.name)
	}
	if len(args) > 7 {
		return plainView(args[7])
	}
	return nil
}

// plainView refuses a view that changes its elements when read. Metadata is
// absent, None, or a dict that says so under "conj" and "neg".
func plainView(metadata any) error {
	if metadata == nil {
		return nil
	}
	entries, ok := entriesOf(metadata)
	if !ok {
		return fmt.Errorf("expected a dict of view metadata, found %s", typeName(metadata))
	}
	for _, e := range entries {
		if e.Value != false {
			name, _ := e.Key.(string)
			return unsupportedf("tensor is a %q view, which is not supported: call resolve_conj() and resolve_neg() before saving", clip(name))
		}
	}
	return nil
}

// dims returns a tuple of dimensions. Their signs and product are checked when
// the tensor is viewed.
func dims(what string, v any) ([]int, error) {
	t, ok := v.(*types.Tuple)
	if !ok {
		return nil, fmt.Errorf("expected a tuple for the %s, found %s", what, typeName(v))
	}
	if len(*t) > maxRank {
		return nil, fmt.Errorf("expected at most %d dimensions, found %d", maxRank, len(*t))
	}
	out := make([]int, len(*t))
	for i, d := range *t {
		if out[i], ok = d.(int); !ok || out[i] < 0 {
			return nil, fmt.Errorf("expected a %s of integers from 0, found %s at %d", what, describe(d), i)
		}
	}
	return out, nil
}

// inner returns the tensor that a parameter wraps.
func inner(args []any) (any, error) {
	if len(args) > 0 {
		if t, ok := args[0].(*tensorRef); ok {
			return t, nil
		}
	}
	return &tensorRef{refused: fmt.Errorf("expected a tensor inside the parameter, found none")}, nil
}

// delegate runs the builder that a tensor with attributes wraps: the arguments
// are (function, type, its arguments, attributes).
func delegate(args []any) (any, error) {
	if len(args) >= 3 {
		f, isBuilder := args[0].(builder)
		a, isTuple := args[2].(*types.Tuple)
		if isBuilder && isTuple {
			return f(*a)
		}
	}
	return &tensorRef{refused: fmt.Errorf("expected a tensor's function and arguments, found others")}, nil
}
