package golden

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/tensor"
)

// The digests and values below were written by gen/synthetic.py, which computes
// them with numpy.
func TestSyntheticTensorsEqualNumpy(t *testing.T) {
	tests := []struct {
		name  string
		shape tensor.Shape
		w     Weights
		want  string
	}{
		{"backbone.stem.conv.weight", tensor.Shape{32, 3, 3, 3}, Synthetic(0), "6381a3633e2ff6254f52cfc61d8773cf6d935b28ab8358a0c51aa362584572d9"},
		{"backbone.stem.conv.weight", tensor.Shape{32, 3, 3, 3}, Weights{kind: kindSynthetic, gain: 0.35},
			"30282470f1dd29ef7fd0ace6fcbad4e87bf014e76215fdd6d78e2052c3c6c93d"},
		{"backbone.stem.bn.running_var", tensor.Shape{32}, Weights{kind: kindSynthetic, seed: 7, gain: 0.35},
			"6d1107fee71cb4b93388166bff1bbe2c4375bd0d0bb78748f4bade3f075aa6d4"},
		{"backbone.stem.bn.running_var", tensor.Shape{32}, Synthetic(7), "6d1107fee71cb4b93388166bff1bbe2c4375bd0d0bb78748f4bade3f075aa6d4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, err := SyntheticTensor(tt.name, tensor.F32, tt.shape, tt.w)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%x", sha256.Sum256(x.Bytes())); got != tt.want {
				t.Errorf("sha256 = %s, want %s", got, tt.want)
			}
		})
	}
	w, _ := SyntheticTensor("backbone.stem.conv.weight", tensor.F32, tensor.Shape{32, 3, 3, 3}, Synthetic(0))
	v, _ := w.Float32s()
	if v[0] != 0x1.cf6164p-3 {
		t.Errorf("first weight = %x, want 0x1.cf6164p-3", v[0])
	}
}

func TestSyntheticInputEqualsNumpy(t *testing.T) {
	x, err := SyntheticInput(tensor.Shape{1, 3, 224, 224}, 0)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
	const want = "743d7da0187aef8941e4d66090a1fa2dfef69d3719964ab4bb2e5c899a087f08"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("sha256 = %s, want %s", got, want)
	}
	if got := newStream("input.grid", 0).bits(0); got != 0xad9e62a289da7571 {
		t.Errorf("first output of input.grid = %#x", got)
	}
}

func TestProbePositions(t *testing.T) {
	x := make([]float32, 64*112*112)
	for i := range x {
		x[i] = float32(i)
	}
	got := Probe("backbone.stages.0", x)[2:7]
	if diff := cmp.Diff([]float32{710176, 545093, 775521, 575522, 559628}, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
	p := Probe("x", []float32{-3, 1, 0.5, 1})
	if p[0] != 3 || p[1] != -0.125 || len(p) != 66 {
		t.Errorf("max|x|, mean, length = %v, %v, %d; want 3, -0.125, 66", p[0], p[1], len(p))
	}
}

func TestSyntheticRefusesWhatIsNotDefined(t *testing.T) {
	tests := []struct {
		name  string
		dtype tensor.DType
		shape tensor.Shape
	}{
		{"a.weight", tensor.I64, tensor.Shape{2}},
		{"a.num_batches_tracked", tensor.F32, tensor.Shape{}},
		{"a.weight", tensor.F32, tensor.Shape{math.MaxInt, 2}},
	}
	for _, tt := range tests {
		if _, err := SyntheticTensor(tt.name, tt.dtype, tt.shape, Synthetic(0)); err == nil {
			t.Errorf("%s %v %v: no error", tt.name, tt.dtype, tt.shape)
		}
	}
	if _, err := SyntheticTensor("a.weight", tensor.F32, tensor.Shape{2}, Published); err == nil {
		t.Error("published weights: no error")
	}
	if _, err := SyntheticInput(tensor.Shape{1, 3, 0, 4}, 0); err == nil {
		t.Error("an empty input: no error")
	}
}
