// Package torchfile writes what torch.save would, for tests: nested mappings of tensors, as
// training code keeps them beside its state, and whole networks. It has no need of Python, and
// its files are small and at hand.
package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/tensor"
)

// A Dict is an ordered mapping: keys of text, each followed by its value, which is a Dict, a
// List, a Module, an Object, a *tensor.StateDict, a tensor.Tensor, a string, an int, a float64, or nil.
type Dict []any

// A List is a Python list.
type List []any

// A Module is a pickled torch.nn.Module of a class, "module.Name".
type Module struct {
	Class      string
	Parameters Dict
	Buffers    Dict
	Modules    Dict
	Transient  []string // buffers that its state dict leaves out
}

// An Object is an instance of a class, "module.Name", with its attributes, as of
// argparse.Namespace.
type Object struct {
	Class string
	State Dict
}

// Bytes returns the file that holds a value.
func Bytes(value any) []byte {
	w := &writer{}
	w.out.WriteString("\x80\x02")
	w.value(value)
	w.out.WriteString(".")
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	record(z, "archive/data.pkl", w.out.Bytes())
	for i, t := range w.tensors {
		record(z, "archive/data/"+strconv.Itoa(i), t.Bytes())
	}
	record(z, "archive/version", []byte("3\n"))
	if err := z.Close(); err != nil {
		panic(err) // a buffer takes everything
	}
	return file.Bytes()
}

func record(z *zip.Writer, name string, data []byte) {
	w, err := z.CreateRaw(&zip.FileHeader{Name: name, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data))})
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil {
		panic(err)
	}
}

// A writer writes a pickle, and collects its storages.
type writer struct {
	out     bytes.Buffer
	tensors []tensor.Tensor
}

func (w *writer) value(v any) {
	switch v := v.(type) {
	case nil:
		w.out.WriteString("N")
	case int:
		w.out.WriteString("\x8a\x08")
		binary.Write(&w.out, binary.LittleEndian, int64(v))
	case float64:
		w.out.WriteString("G")
		binary.Write(&w.out, binary.BigEndian, v)
	case string:
		w.out.WriteString("X")
		binary.Write(&w.out, binary.LittleEndian, uint32(len(v)))
		w.out.WriteString(v)
	case List:
		w.out.WriteString("](")
		for _, item := range v {
			w.value(item)
		}
		w.out.WriteString("e")
	case Dict:
		w.out.WriteString("}(")
		for _, item := range v {
			w.value(item)
		}
		w.out.WriteString("u")
	case *tensor.StateDict:
		w.value(Of(v))
	case tensor.Tensor:
		w.tensor(v)
	case Module:
		w.module(v)
	case Object:
		dot := strings.LastIndexByte(v.Class, '.')
		w.global(v.Class[:dot], v.Class[dot+1:])
		w.out.WriteString(")\x81")
		w.value(v.State)
		w.out.WriteString("b")
	default:
		panic(fmt.Sprintf("torchfile: no way to write a %T", v))
	}
}

// Of returns a state dict as a Dict, with something in front of each name.
func Of(sd *tensor.StateDict, prefix ...string) Dict {
	var d Dict
	for name, t := range sd.All() {
		d = append(d, strings.Join(prefix, "")+name, t)
	}
	return d
}

func (w *writer) global(module, name string) { w.out.WriteString("c" + module + "\n" + name + "\n") }

// module writes an instance of a class, made without calling it, and its state.
func (w *writer) module(m Module) {
	dot := strings.LastIndexByte(m.Class, '.')
	w.global(m.Class[:dot], m.Class[dot+1:])
	w.out.WriteString(")\x81}(")
	for _, part := range []any{"_parameters", m.Parameters, "_buffers", m.Buffers, "_modules", m.Modules} {
		w.value(part)
	}
	w.value("_non_persistent_buffers_set")
	w.global("builtins", "set")
	w.out.WriteString("(](")
	for _, name := range m.Transient {
		w.value(name)
	}
	w.out.WriteString("etRub")
}

var storages = map[tensor.DType]string{
	tensor.F64: "Double", tensor.F32: "Float", tensor.F16: "Half", tensor.BF16: "BFloat16", tensor.I64: "Long", tensor.I32: "Int",
	tensor.I8: "Char", tensor.U8: "Byte", tensor.Bool: "Bool", tensor.C64: "ComplexFloat",
}

// tensor writes a contiguous tensor with a storage of its own.
func (w *writer) tensor(t tensor.Tensor) {
	w.global("torch._utils", "_rebuild_tensor_v2")
	w.out.WriteString("((")
	w.value("storage")
	w.global("torch", storages[t.DType()]+"Storage")
	w.value(strconv.Itoa(len(w.tensors)))
	w.value("cpu")
	w.value(t.Numel())
	w.out.WriteString("tQ")
	w.value(0)
	w.numbers(t.Shape())
	strides := make([]int, len(t.Shape()))
	for i, n := len(strides)-1, 1; i >= 0; i-- {
		strides[i] = n
		n *= max(t.Shape()[i], 1)
	}
	w.numbers(strides)
	w.out.WriteString("\x89")
	w.global("collections", "OrderedDict")
	w.out.WriteString(")RtR")
	w.tensors = append(w.tensors, t)
}

func (w *writer) numbers(list []int) {
	w.out.WriteString("(")
	for _, n := range list {
		w.value(n)
	}
	w.out.WriteString("t")
}
