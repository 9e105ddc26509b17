package converter

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/tensor"
)

// torchStorages are the storage classes of package torch.
var torchStorages = map[tensor.DType]string{
	tensor.Bool: "BoolStorage", tensor.U8: "ByteStorage", tensor.I8: "CharStorage", tensor.I16: "ShortStorage",
	tensor.I32: "IntStorage", tensor.I64: "LongStorage", tensor.F16: "HalfStorage", tensor.BF16: "BFloat16Storage",
	tensor.F32: "FloatStorage", tensor.F64: "DoubleStorage", tensor.C64: "ComplexFloatStorage",
}

// torchTypes are the dtypes that torch has no storage class for.
var torchTypes = map[tensor.DType]string{
	tensor.U16: "uint16", tensor.U32: "uint32", tensor.U64: "uint64",
	tensor.F8E4M3: "float8_e4m3fn", tensor.F8E5M2: "float8_e5m2", tensor.F8E8M0: "float8_e8m0fnu",
	tensor.F8E4M3UZ: "float8_e4m3fnuz", tensor.F8E5M2UZ: "float8_e5m2fnuz",
}

// newPTH writes what torch.save writes of an OrderedDict of contiguous tensors, in
// the order of the state dict. torch.load reads it with weights_only=True. The
// metadata are a record of their own, which torch does not look at.
func newPTH(sd *tensor.StateDict) (writer, error) {
	program, err := pickled(sd)
	if err != nil {
		return nil, err
	}
	return func(w *sink, metadata *lateMetadata) error {
		const folder = "archive/"
		z := newZipWriter(w)
		if err := z.text(folder+"data.pkl", program); err != nil {
			return err
		}
		if err := z.text(folder+"byteorder", "little"); err != nil {
			return err
		}
		i := 0
		for _, t := range sd.All() {
			r, err := z.record(folder + "data/" + strconv.Itoa(i))
			if err != nil {
				return err
			}
			if _, err := t.WriteTo(r); err != nil {
				return err
			}
			i++
		}
		if err := z.text(folder+"version", "3\n"); err != nil {
			return err
		}
		text, err := json.Marshal(metadata.final()) // sorted by key
		if err != nil {
			return err
		}
		if err := z.text(folder+pth.MetadataRecord, string(text)); err != nil {
			return err
		}
		return z.zip.Close()
	}, nil
}

// pickled returns the pickle of a state dict whose tensors are storages "0", "1", …
func pickled(sd *tensor.StateDict) (string, error) {
	p := pickler{memo: map[string]int{}}
	p.WriteString("\x80\x02") // protocol 2, as torch.save writes it
	p.orderedDict()
	p.WriteString("(")
	key := 0
	for name, t := range sd.All() {
		if !utf8.ValidString(name) {
			return "", fmt.Errorf("converter: tensor %q: torch reads names in UTF-8 only", name)
		}
		p.text(name)
		if err := p.tensor(t, strconv.Itoa(key)); err != nil {
			return "", fmt.Errorf("converter: tensor %q: %w", name, err)
		}
		key++
	}
	p.WriteString("u.")
	return p.String(), nil
}

// A pickler writes opcodes of the pickle machine.
type pickler struct {
	strings.Builder
	memo map[string]int
}

// once writes code, and a reference to its value wherever it comes again.
func (p *pickler) once(code string) {
	if i, ok := p.memo[code]; ok {
		p.WriteString("j") // LONG_BINGET
		p.uint32(i)
		return
	}
	i := len(p.memo)
	p.memo[code] = i
	p.WriteString(code + "r") // LONG_BINPUT
	p.uint32(i)
}

func (p *pickler) global(module, name string) { p.once("c" + module + "\n" + name + "\n") }

// text writes a BINUNICODE.
func (p *pickler) text(s string) {
	p.WriteString("X")
	p.uint32(len(s))
	p.WriteString(s)
}

func (p *pickler) uint32(n int) {
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
}

// number writes an integer that is not negative as a LONG1 of 8 bytes.
func (p *pickler) number(n int) {
	p.WriteString("\x8a\x08")
	p.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func (p *pickler) numbers(n []int) {
	p.WriteString("(")
	for _, d := range n {
		p.number(d)
	}
	p.WriteString("t")
}

func (p *pickler) orderedDict() {
	p.global("collections", "OrderedDict")
	p.WriteString(")R")
}

// tensor writes a call of the function that rebuilds a tensor from its storage:
// storage, offset, size, stride, requires_grad, hooks, and a dtype where the storage
// has none.
func (p *pickler) tensor(t tensor.Tensor, key string) error {
	class, typed := torchStorages[t.DType()]
	dtype, untyped := torchTypes[t.DType()]
	function, module, elements := "_rebuild_tensor_v2", "torch", t.Numel()
	switch {
	case untyped:
		function, module, class, elements = "_rebuild_tensor_v3", "torch.storage", "UntypedStorage", t.Nbytes()
	case !typed:
		return fmt.Errorf("torch has no %v", t.DType())
	}
	p.global("torch._utils", function)
	p.WriteString("((")
	p.once("X\x07\x00\x00\x00storage")
	p.global(module, class)
	p.text(key)
	p.once("X\x03\x00\x00\x00cpu")
	p.number(elements)
	p.WriteString("tQ") // BINPERSID
	p.number(0)
	p.numbers(t.Shape())
	p.numbers(contiguous(t.Shape()))
	p.WriteString("\x89") // False
	p.orderedDict()
	if untyped {
		p.global("torch", dtype)
	}
	p.WriteString("tR")
	return nil
}

// contiguous returns the strides of a row-major tensor, in elements.
func contiguous(shape tensor.Shape) []int {
	strides := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = n
		n *= max(shape[i], 1)
	}
	return strides
}
