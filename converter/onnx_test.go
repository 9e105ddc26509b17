package converter_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/tensor"
)

// A field of a protobuf message: a number, or bytes.
type field struct {
	number int
	value  uint64
	bytes  []byte
}

// fieldsOf decodes a message; what is not one fails the test.
func fieldsOf(t *testing.T, b []byte) []field {
	t.Helper()
	var out []field
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		b = b[max(n, 0):]
		f := field{number: int(tag >> 3)}
		switch tag & 7 {
		case 0:
			f.value, n = binary.Uvarint(b)
			b = b[max(n, 0):]
		case 2:
			var size uint64
			size, n = binary.Uvarint(b)
			b = b[max(n, 0):]
			if n <= 0 || size > uint64(len(b)) {
				t.Fatalf("field %d of %d bytes, %d left", f.number, size, len(b))
			}
			f.bytes, b = b[:size], b[size:]
		case 5:
			f.value, b = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		default:
			t.Fatalf("wire type %d", tag&7)
		}
		if n <= 0 {
			t.Fatal("a number without end")
		}
		out = append(out, f)
	}
	return out
}

// TestONNX wants the operators in order, every weight bit for bit, and the
// provenance. TestONNXRuntime compares what they compute.
func TestONNX(t *testing.T) {
	g, err := everyOp(5)
	if err != nil {
		t.Fatal(err)
	}
	sd := synthetic(t, g)
	for _, d := range []tensor.DType{tensor.F32, tensor.BF16} {
		t.Run(d.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.onnx")
			if err := converter.Write(t.Context(), path, sd, converter.Output{Format: converter.ONNX, Graph: g, DType: d, Provenance: provenance}); err != nil {
				t.Fatal(err)
			}
			var graph []field
			facts := map[string]string{}
			for _, f := range fieldsOf(t, read(t, path)) {
				switch f.number {
				case 7:
					graph = fieldsOf(t, f.bytes)
				case 14:
					fact := fieldsOf(t, f.bytes)
					facts[string(fact[0].bytes)] = string(fact[1].bytes)
				}
			}
			if facts["source"] != "x.pth" || facts["source_sha256"] != provenance.Digest.String() {
				t.Errorf("facts %q, want the provenance", facts)
			}
			var ops []string
			got := map[string]string{}
			for _, f := range graph {
				switch f.number {
				case 1:
					for _, n := range fieldsOf(t, f.bytes) {
						if n.number == 4 && string(n.bytes) != "Cast" {
							ops = append(ops, string(n.bytes))
						}
					}
				case 5:
					var shape tensor.Shape
					var name, raw string
					var kind uint64
					for _, w := range fieldsOf(t, f.bytes) {
						switch w.number {
						case 1:
							shape = append(shape, int(w.value))
						case 2:
							kind = w.value
						case 8:
							name = string(w.bytes)
						case 9:
							raw = string(w.bytes)
						}
					}
					if !strings.HasPrefix(name, "zoo.") {
						got[name] = fmt.Sprint(kind, shape, raw)
					}
				}
			}
			block := "Conv BatchNormalization "
			wantOps := block + "Relu " + block + "LeakyRelu Add " + block + "Clip Add " + block + "Sigmoid Mul Add " + block + "HardSwish Add " +
				block + "Mul Erf Add Mul Mul Add " + block + "Mul Sigmoid Mul Add " + block + "Mul Mul Add Mul Mul Sigmoid Mul Add " + block + "Tanh Add " +
				"GlobalAveragePool Conv Sigmoid Mul GlobalAveragePool Conv HardSigmoid Mul Resize Slice Slice MaxPool " +
				"Concat BatchNormalization AveragePool AveragePool " +
				"Tile Tile Conv Transpose Reshape LayerNormalization Reshape Transpose " + // runs of channels
				"Gather Transpose LayerNormalization Transpose " +
				"Conv Unsqueeze Conv " + // windows side by side
				"Shape Slice Add Div Mul Sub Concat Pad Shape Slice Div Slice Slice Concat Tile Add MaxPool " + // squares
				"Reshape Transpose Reshape Transpose ReduceL2 Max Div ReduceMean Sub ReduceL2 Max Div Sub Transpose MatMul " +
				"ReduceSumSquare Unsqueeze Mul Sub " +
				"TopK Slice Unsqueeze GatherND ReduceMax Sub Unsqueeze Unsqueeze Concat Reshape Transpose " +
				"Shape Slice Concat Reshape Unsqueeze Conv GlobalAveragePool Resize " +
				"Conv Shape Slice Div Slice Slice Concat Tile Add " + // neighbours among fewer nodes
				"Reshape Transpose Reshape Transpose ReduceL2 Max Div ReduceMean Sub ReduceL2 Max Div Sub Transpose MatMul " +
				"ReduceSumSquare Unsqueeze Mul Sub Add " +
				"TopK Slice Unsqueeze GatherND ReduceMax Sub Unsqueeze Unsqueeze Concat Reshape Transpose " +
				"Shape Slice Concat Reshape Unsqueeze Conv GlobalAveragePool Mul " +
				"Conv Gather Unsqueeze Conv " + // by positions, too
				"Conv Resize Unsqueeze Conv Unsqueeze Conv " +
				"ReduceL2 ReduceMean Add Div Mul Unsqueeze Mul Unsqueeze Add Add " +
				"Reshape InstanceNormalization Shape Reshape Unsqueeze Mul Unsqueeze Add " + // a group norm
				"Gather Unsqueeze Mul " +
				"Shape Slice Slice Concat Slice Squeeze Add Range Add Div Mul Unsqueeze Div Sin Mul Cos Mul Add Unsqueeze Expand " + // rows in waves
				"Slice Squeeze Add Range Add Div Mul Unsqueeze Div Sin Mul Cos Mul Add Expand Concat Transpose Conv Add " + // and columns
				"Conv Shape Slice Reshape Transpose " + // tokens
				"Shape Slice Concat Expand Concat Expand Concat " + // others before them
				"Slice Reshape Transpose Concat Resize Reshape Transpose Slice Concat Add " + // their positions
				"LayerNormalization Transpose MatMul Add Slice Slice Slice " +
				"Reshape Transpose Reshape Transpose MatMul Mul Softmax Reshape Transpose MatMul Transpose Reshape " + // attention
				"Mul Add " +
				"LayerNormalization Transpose MatMul Add Slice Slice Slice " +
				"Reshape Transpose ReduceL2 Max Div Reshape Transpose ReduceL2 Max Div " + // channels of length 1
				"Transpose MatMul Mul Softmax Reshape Transpose MatMul Transpose Reshape Add " +
				"LayerNormalization Transpose MatMul Add Slice Slice Slice " +
				"Reshape Transpose Reshape Transpose Transpose MatMul Mul Softmax Reshape Transpose MatMul Transpose Reshape Add " +
				"Slice Reshape Transpose Reshape Transpose MatMul Mul Softmax Reshape Transpose MatMul Transpose Reshape " + // first tokens
				"Slice Transpose Concat Reshape Shape Slice Reshape Transpose Concat Add " + // before others
				"Transpose Concat MatMul Add Slice Slice Slice " + // keys without a bias
				"Reshape Transpose Reshape Transpose MatMul Mul Softmax Reshape Transpose MatMul Transpose Reshape Sigmoid Mul Mul Add " +
				"Gather Slice ReduceMean Add " +
				"Slice Transpose Concat Reshape Conv Shape Slice Reshape Transpose Shape Slice Reshape Transpose Concat Reshape " +
				strings.Repeat("Slice Slice Max Add Sub Concat Reshape Resize Reshape Div Sub Mul Div Squeeze Range Mul Unsqueeze "+
					"Squeeze Range Mul Sub Add Gather Transpose ", 2) + // vectors of rows, and of columns
				"Transpose MatMul Transpose MatMul Transpose Unsqueeze Unsqueeze Add ReduceProd Concat Reshape " +
				"Reshape Transpose Reshape Transpose MatMul Mul Add Softmax Reshape Transpose MatMul Transpose Reshape Add " +
				"Transpose Concat Reshape GlobalAveragePool Resize Conv Shape Slice Reshape Transpose " + // a grid of four
				"Shape Slice Concat Expand Concat " +
				"Slice Reshape MatMul Unsqueeze Unsqueeze Mul Mul Add Slice Reshape Concat " + // turned, all but the first
				"Slice Transpose Concat Reshape Shape Slice Reshape Transpose " +
				"Reshape MatMul Unsqueeze Unsqueeze Mul Mul Add Reshape " + // turned, all
				"Transpose Transpose MatMul Add Transpose ReduceMean Add " +
				"Transpose Concat Reshape GlobalAveragePool Resize Conv Shape Slice Reshape Transpose " + // another
				"Transpose Tile Tile Tile Tile BatchNormalization Transpose Transpose Reshape Transpose Concat Reshape Conv " + // mixed by sets of channels
				"Shape Slice Reshape Transpose Reshape Transpose Transpose Concat Reshape " +
				"Tile Tile Tile Tile BatchNormalization GlobalAveragePool Flatten Add " +
				"Transpose Concat Reshape Conv GlobalAveragePool Flatten " +
				"LayerNormalization Concat BatchNormalization Gemm Gemm Add Mul" // the mean of two classifiers
			if diff := cmp.Diff(wantOps, strings.Join(ops, " ")); diff != "" {
				t.Errorf("operators (-want +got):\n%s", diff)
			}
			want := map[string]string{}
			for name, x := range sd.All() {
				if x.DType() == tensor.I64 || strings.HasPrefix(name, "turned.freqs_") {
					continue // a counter, or what repeats another tensor
				}
				x, err := x.Cast(d)
				if err != nil {
					t.Fatal(err)
				}
				want[name] = fmt.Sprint(map[tensor.DType]int{tensor.F32: 1, tensor.BF16: 16}[d], x.Shape(), string(x.Bytes()))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("weights (-want +got):\n%s", diff)
			}
		})
	}
}
