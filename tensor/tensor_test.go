package tensor

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewChecksSize(t *testing.T) {
	tests := []struct {
		name  string
		dtype DType
		shape Shape
		bytes int
		ok    bool
	}{
		{"exact", F32, Shape{2, 3}, 24, true},
		{"scalar", I64, Shape{}, 8, true},
		{"empty", F32, Shape{0, 7}, 0, true},
		{"empty beside a huge dimension", F32, Shape{math.MaxInt, 0, math.MaxInt}, 0, true},
		{"short", F32, Shape{2, 3}, 23, false},
		{"long", F32, Shape{2, 3}, 25, false},
		{"negative", F32, Shape{-1, 3}, 0, false},
		{"overflow of elements", F32, Shape{math.MaxInt, 2}, 0, false},
		{"overflow of bytes", F64, Shape{math.MaxInt / 4}, 0, false},
		{"no dtype", Invalid, Shape{0}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.dtype, tt.shape, make([]byte, tt.bytes))
			if (err == nil) != tt.ok {
				t.Errorf("New: error %v, want ok=%v", err, tt.ok)
			}
		})
	}
}

func TestNewStrided(t *testing.T) {
	data := make([]byte, 24)
	for i := range data {
		data[i] = byte(i)
	}
	tests := []struct {
		name    string
		shape   Shape
		strides []int
		want    []byte // nil: an error
		contig  bool
	}{
		{"row major", Shape{2, 3}, []int{3, 1}, []byte{0, 1, 2, 3, 4, 5}, true},
		{"transposed", Shape{3, 2}, []int{1, 3}, []byte{0, 3, 1, 4, 2, 5}, false},
		{"rows with gaps", Shape{2, 2}, []int{5, 1}, []byte{0, 1, 5, 6}, false},
		{"broadcast", Shape{2, 3}, []int{0, 1}, []byte{0, 1, 2, 0, 1, 2}, false},
		{"stride of one element is free", Shape{1, 3}, []int{99, 1}, []byte{0, 1, 2}, true},
		{"permuted 3-d", Shape{2, 2, 3}, []int{1, 12, 4}, []byte{0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21}, false},
		{"empty", Shape{0, 3}, []int{3, 1}, []byte{}, true},
		{"past the end", Shape{2, 3}, []int{22, 1}, nil, false},
		{"negative", Shape{2}, []int{-1}, nil, false},
		{"rank mismatch", Shape{2}, []int{1, 1}, nil, false},
		{"overflow", Shape{3}, []int{math.MaxInt}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, err := NewStrided(U8, tt.shape, tt.strides, data)
			if (err != nil) != (tt.want == nil) {
				t.Fatalf("NewStrided: %v", err)
			}
			if err != nil {
				return
			}
			if x.Contiguous() != tt.contig {
				t.Errorf("Contiguous = %v, want %v", x.Contiguous(), tt.contig)
			}
			got := append([]byte{}, x.Bytes()...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Bytes (-want +got):\n%s", diff)
			}
			var w bytes.Buffer
			if n, err := x.WriteTo(&w); err != nil || n != int64(len(tt.want)) || !bytes.Equal(w.Bytes(), tt.want) {
				t.Errorf("WriteTo = %d, %v: % x, want % x", n, err, w.Bytes(), tt.want)
			}
		})
	}
}

// The expected values are IEEE 754's own: each half is sign, exponent, fraction
// evaluated in float64.
func TestFloat16IsExact(t *testing.T) {
	for h := 0; h <= math.MaxUint16; h++ {
		got := float16(uint16(h))
		exp, frac := h>>10&0x1f, float64(h&0x3ff)
		var want float64
		switch exp {
		case 0:
			want = math.Ldexp(frac, -24)
		case 31:
			if want = math.Inf(1); frac != 0 {
				want = math.NaN()
			}
		default:
			want = math.Ldexp(1024+frac, exp-25)
		}
		if h>>15 == 1 {
			want = math.Copysign(want, -1)
		}
		if math.IsNaN(want) {
			if !math.IsNaN(float64(got)) {
				t.Fatalf("%#04x = %v, want NaN", h, got)
			}
			continue
		}
		if math.Float64bits(float64(got)) != math.Float64bits(want) {
			t.Fatalf("%#04x = %v, want %v", h, got, want)
		}
	}
}

func TestFloat32s(t *testing.T) {
	le := binary.LittleEndian
	tests := []struct {
		name  string
		dtype DType
		data  []byte
		want  []float32
	}{
		{"F32", F32, le.AppendUint32(nil, math.Float32bits(-1.5)), []float32{-1.5}},
		{"F64 rounds once", F64, le.AppendUint64(nil, math.Float64bits(0.1)), []float32{0.1}},
		{"BF16", BF16, []byte{0x80, 0x3f, 0x00, 0x80}, []float32{1, float32(math.Copysign(0, -1))}},
		{"F16", F16, []byte{0x00, 0x3c, 0x01, 0x00}, []float32{1, 0x1p-24}},
		{"I64", I64, le.AppendUint64(nil, ^uint64(6)), []float32{-7}},
		{"Bool", Bool, []byte{0, 1}, []float32{0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, err := New(tt.dtype, Shape{len(tt.data) / tt.dtype.Size()}, tt.data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.want {
				if math.Float32bits(got[i]) != math.Float32bits(tt.want[i]) {
					t.Errorf("element %d = %v, want %v", i, got[i], tt.want[i])
				}
			}
		})
	}
	x, _ := New(C64, Shape{1}, make([]byte, 8))
	if _, err := x.Float32s(); err == nil {
		t.Error("C64 read as F32 without an error")
	}
}

func TestStateDictKeepsOrderAndRefusesDuplicates(t *testing.T) {
	var d StateDict
	for _, name := range []string{"b", "a", "c"} {
		if err := d.Add(name, FromFloat32s(Shape{1}, []float32{1})); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Add("a", Tensor{}); err == nil {
		t.Error("a duplicate name was accepted")
	}
	if diff := cmp.Diff([]string{"b", "a", "c"}, d.Names()); diff != "" {
		t.Errorf("Names (-want +got):\n%s", diff)
	}
}

func TestDTypeNamesRoundTrip(t *testing.T) {
	for d := Bool; d <= C64; d++ {
		got, err := ParseDType(d.String())
		if err != nil || got != d {
			t.Errorf("ParseDType(%q) = %v, %v", d, got, err)
		}
	}
	if _, err := ParseDType("INVALID"); err == nil {
		t.Error("INVALID parsed")
	}
}
