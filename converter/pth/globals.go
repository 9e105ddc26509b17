package pth

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/gozoo/zoo/tensor"
)

// A storageClass is a torch storage class: the dtype and width of its elements.
type storageClass struct {
	name  string
	dtype tensor.DType // Invalid for one that zoo has no dtype for
	width int          // bytes of one element
	raw   bool         // untyped: the dtype is that of the tensor
}

// storageClasses lists the classes of package torch; those of torch.cuda are the
// same with the elements once on another device.
var storageClasses = map[string]storageClass{
	"BoolStorage":          {dtype: tensor.Bool, width: 1},
	"ByteStorage":          {dtype: tensor.U8, width: 1},
	"CharStorage":          {dtype: tensor.I8, width: 1},
	"ShortStorage":         {dtype: tensor.I16, width: 2},
	"IntStorage":           {dtype: tensor.I32, width: 4},
	"LongStorage":          {dtype: tensor.I64, width: 8},
	"HalfStorage":          {dtype: tensor.F16, width: 2},
	"BFloat16Storage":      {dtype: tensor.BF16, width: 2},
	"FloatStorage":         {dtype: tensor.F32, width: 4},
	"DoubleStorage":        {dtype: tensor.F64, width: 8},
	"ComplexFloatStorage":  {dtype: tensor.C64, width: 8},
	"ComplexDoubleStorage": {width: 16},
	"QInt8Storage":         {width: 1},
	"QUInt8Storage":        {width: 1},
	"QUInt4x2Storage":      {width: 1},
	"QUInt2x4Storage":      {width: 1},
	"QInt32Storage":        {width: 4},
	"UntypedStorage":       {width: 1, raw: true},
}

// A dtypeGlobal is a torch.dtype such as torch.float8_e4m3fn.
type dtypeGlobal struct {
	name  string
	dtype tensor.DType // Invalid for one that zoo does not carry
}

var dtypeGlobals = map[string]tensor.DType{
	"bool": tensor.Bool, "uint8": tensor.U8, "int8": tensor.I8,
	"uint16": tensor.U16, "int16": tensor.I16, "uint32": tensor.U32, "int32": tensor.I32,
	"uint64": tensor.U64, "int64": tensor.I64,
	"float16": tensor.F16, "bfloat16": tensor.BF16, "float32": tensor.F32, "float64": tensor.F64,
	"float8_e4m3fn": tensor.F8E4M3, "float8_e5m2": tensor.F8E5M2, "float8_e8m0fnu": tensor.F8E8M0,
	"float8_e4m3fnuz": tensor.F8E4M3UZ, "float8_e5m2fnuz": tensor.F8E5M2UZ,
	"complex64": tensor.C64, "complex128": tensor.Invalid, "complex32": tensor.Invalid,
}

// findGlobal returns what a pickle may hold under a global's name: a tensor
// builder, a storage class, a dtype, or for everything else a class that does
// nothing. There is no way from here to running anything.
func findGlobal(module, name string) (any, error) {
	canonical := canonicalModule(module)
	full := canonical + "." + name
	if severity, why := Judge(module, name); severity == Dangerous {
		return nil, fmt.Errorf("refused: the pickle %s: do not load this file in Python", why)
	}
	switch canonical {
	case "torch", "torch.cuda", "torch.storage":
		if c, ok := storageClasses[name]; ok && (c.raw || canonical != "torch.storage") {
			c.name = full
			return c, nil
		}
		if d, ok := dtypeGlobals[name]; ok && canonical == "torch" {
			return dtypeGlobal{name: full, dtype: d}, nil
		}
	case "zoo.collections":
		return orderedDict{}, nil
	case "builtins":
		if name == "set" || name == "frozenset" {
			return setClass{full}, nil
		}
	case "torch._utils", "torch._tensor":
		if b, ok := builders[name]; ok {
			return b, nil
		}
	}
	return &class{name: full}, nil
}

// A class stands for every class and function that is no tensor's. Calling it
// makes an object that keeps its items, for a subclass of dict or list, and
// forgets everything else.
type class struct{ name string }

// Call stands for calling the class or function.
func (c *class) Call(...any) (any, error) { return &object{class: c.name}, nil }

// PyNew stands for making an instance without calling its constructor.
func (c *class) PyNew(...any) (any, error) { return &object{class: c.name}, nil }

// PySetState refuses to change a class, which no pickler writes.
func (c *class) PySetState(any) error {
	return fmt.Errorf("refused: the pickle changes class %q", clip(c.name))
}

// A setClass is set or frozenset, as protocols before 4 make them: of a list.
type setClass struct{ name string }

// Call returns an object that keeps the items.
func (c setClass) Call(args ...any) (any, error) {
	o := &object{class: c.name}
	if len(args) == 1 {
		o.list, _ = itemsOf(args[0])
	}
	return o, nil
}

// An object is an instance of a class.
type object struct {
	class string
	dict  types.Dict  // items set, as in a subclass of dict
	list  []any       // items appended, as in a subclass of list
	state *types.Dict // attributes, where the class keeps them in a plain dict: to be looked at, never walked into
	// module is the state of what looks like a torch.nn.Module: a dict that holds its
	// parameters, buffers and submodules. nil for every other object.
	module *types.Dict
}

// Set keeps an item.
func (o *object) Set(key, value any) { o.dict.Set(key, value) }

// Append keeps an item.
func (o *object) Append(v any) { o.list = append(o.list, v) }

// Add keeps an item of a set.
func (o *object) Add(v any) { o.list = append(o.list, v) }

// PySetState keeps attributes that are a plain dict. Those of a network hold tensors, which can
// be read without its class; what any other state means only the class knows.
func (o *object) PySetState(state any) error {
	dict, ok := state.(*types.Dict)
	if !ok {
		return nil
	}
	o.state = dict
	for _, part := range []string{"_parameters", "_buffers", "_modules"} {
		if _, isMapping := entriesOf(lookup(dict, part)); !isMapping {
			return nil
		}
	}
	o.module = dict
	return nil
}
