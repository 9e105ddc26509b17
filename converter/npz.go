package converter

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gozoo/zoo/tensor"
)

// numpyTypes are the element types that numpy has, as it spells them.
var numpyTypes = map[tensor.DType]string{
	tensor.Bool: "|b1", tensor.U8: "|u1", tensor.I8: "|i1", tensor.U16: "<u2", tensor.I16: "<i2",
	tensor.U32: "<u4", tensor.I32: "<i4", tensor.U64: "<u8", tensor.I64: "<i8",
	tensor.F16: "<f2", tensor.F32: "<f4", tensor.F64: "<f8", tensor.C64: "<c8",
}

// newNPZ writes what numpy.savez writes: an array under each tensor's name. The
// metadata are the archive's comment, as JSON, since everything else would be taken
// for an array.
func newNPZ(sd *tensor.StateDict) (writer, error) {
	for name, t := range sd.All() {
		if numpyTypes[t.DType()] == "" {
			return nil, fmt.Errorf("converter: tensor %q: numpy has no %v: cast floating point tensors to F32", name, t.DType())
		}
	}
	return func(w *sink, metadata *lateMetadata) error {
		z := newZipWriter(w)
		for name, t := range sd.All() {
			r, err := z.record(name + ".npy")
			if err != nil {
				return err
			}
			if _, err := io.WriteString(r, npyHeader(t)); err != nil {
				return err
			}
			if _, err := t.WriteTo(r); err != nil {
				return err
			}
		}
		comment, err := json.Marshal(metadata.final())
		if err != nil {
			return err
		}
		if len(comment) > math.MaxUint16 {
			return fmt.Errorf("metadata of %d bytes: a numpy archive holds %d: write another format", len(comment), math.MaxUint16)
		}
		if err := z.zip.SetComment(string(comment)); err != nil {
			return err
		}
		return z.zip.Close()
	}, nil
}

// npyHeader returns the header of a .npy file, format 1.0, which pads its Python
// literal so that the elements start at a multiple of 64 bytes. See
// numpy/lib/format.py.
func npyHeader(t tensor.Tensor) string {
	var dims strings.Builder
	for _, d := range t.Shape() {
		fmt.Fprintf(&dims, "%d, ", d)
	}
	shape := dims.String()
	if len(t.Shape()) > 1 {
		shape = strings.TrimSuffix(shape, ", ") // only (n,) keeps its comma
	}
	literal := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", numpyTypes[t.DType()], strings.TrimSuffix(shape, " "))
	const magic = "\x93NUMPY\x01\x00"
	literal += strings.Repeat(" ", -(len(magic)+2+len(literal)+1)&(recordAlignment-1)) + "\n"
	var n [2]byte
	binary.LittleEndian.PutUint16(n[:], uint16(len(literal))) // 64 dimensions of 20 digits fit
	return magic + string(n[:]) + literal
}
