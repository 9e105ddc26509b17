package converter_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// twoHeads is a network whose logits are the mean of two classifiers, each behind a norm of its
// own where norms is set.
func twoHeads(norms bool) converter.Target {
	return converter.Target{
		Graph: func(classes int) (*nn.Graph, error) {
			b := nn.NewBuilder(3, 1e-5, nn.ReLU())
			x := b.Flatten(b.GlobalAvgPool(b.At("stem").ConvNormAct(b.Input(), 4)))
			y := b.At("more").Linear(x, 6)
			first, second := b.At("pool").Features(x), b.At("pool").Features(y)
			if norms {
				first, second = b.At("head").BatchNorm(first), b.At("dist").BatchNorm(second)
			}
			sum := b.Add(b.At("head", "l").Linear(first, classes), b.At("dist", "l").Linear(second, classes))
			return b.Graph(b.Scale(sum, 0.5))
		},
		Classes: 3,
	}
}

// TestTwoHeads wants another number of classes in both of two classifiers, no classifier where
// both are missing, and nothing of a file that has a part of them.
func TestTwoHeads(t *testing.T) {
	linear := func(rows, columns int) tensor.Tensor {
		return tensor.FromFloat32s(tensor.Shape{rows, columns}, slices.Repeat([]float32{0.5}, rows*columns))
	}
	vector := func(n int) tensor.Tensor { return tensor.FromFloat32s(tensor.Shape{n}, make([]float32, n)) }
	tests := []struct {
		name    string
		classes int      // of the weights
		without []string // beginnings of names
		with    []item
		want    int      // classes
		says    []string // notices
		err     []string // of the refusal
	}{
		{name: "as they are", classes: 3, want: 3},
		{name: "another number of classes", classes: 7, want: 7},
		{name: "neither", classes: 3, without: []string{"head.", "dist."}, says: []string{"no classifier: it gives features"}},
		{name: "another head that is two layers", classes: 3, without: []string{"head.", "dist."},
			with: []item{{"head.0.weight", linear(9, 4)}, {"head.2.weight", linear(2, 9)}}, says: []string{"no classifier", `"head.2.weight"`}},
		{name: "one linear layer in the place of both", classes: 3, without: []string{"head.", "dist."},
			with: []item{{"fc.weight", linear(2, 4)}, {"fc.bias", vector(2)}}, says: []string{"no classifier", `"fc.weight"`}},
		{name: "no biases", classes: 5, without: []string{"head.l.bias", "dist.l.bias"}, want: 5, says: []string{"no bias"}},
		{name: "a bias of one", classes: 5, without: []string{"dist.l.bias"}, want: 5, says: []string{"no bias"}},
		{name: "one of the two", classes: 3, without: []string{"dist."}, err: []string{`"dist.l.weight"`, "2 classifiers", "lacks a part"}},
		{name: "one of the two, of other classes", classes: 3, without: []string{"head.l."},
			with: []item{{"head.l.weight", linear(5, 4)}, {"head.l.bias", vector(5)}},
			err:  []string{`"dist.l.weight": expected F32 (5,6), found F32 (3,6)`}},
	}
	for _, norms := range []bool{false, true} {
		for _, tt := range tests {
			name := tt.name
			if norms {
				name += ", behind norms"
			}
			t.Run(name, func(t *testing.T) {
				target := twoHeads(norms)
				g, err := target.Graph(tt.classes)
				if err != nil {
					t.Fatal(err)
				}
				sd := new(tensor.StateDict)
				for name, x := range synthetic(t, g).All() {
					if !slices.ContainsFunc(tt.without, func(begin string) bool { return strings.HasPrefix(name, begin) }) {
						sd.Add(name, x)
					}
				}
				for _, i := range tt.with {
					sd.Add(i.name, i.t)
				}
				f, err := target.Fit(sd)
				if len(tt.err) > 0 {
					for _, text := range tt.err {
						if err == nil || !strings.Contains(err.Error(), text) {
							t.Errorf("no %q in: %v", text, err)
						}
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if f.Classes != tt.want || f.Selection.NoClassifier != (tt.want == 0) {
					t.Errorf("%d classes, want %d", f.Classes, tt.want)
				}
				said := strings.Join(f.Selection.Notices("x.pth"), "\n")
				for _, text := range tt.says {
					if !strings.Contains(said, text) {
						t.Errorf("no %q in:\n%s", text, said)
					}
				}
				account(t, sd, f)
				if tt.name == "no biases" {
					var zeros []string
					for _, n := range f.Names {
						if n.Fate == converter.Zeroed {
							zeros = append(zeros, n.To)
						}
					}
					if diff := cmp.Diff([]string{"head.l.bias", "dist.l.bias"}, zeros); diff != "" {
						t.Errorf("zeros (-want +got)\n%s", diff)
					}
				}
			})
		}
	}
}

// TestTwoHeadsONNX wants the features of two classifiers side by side in the file of a network that has
// neither.
func TestTwoHeadsONNX(t *testing.T) {
	g, err := twoHeads(true).Graph(3)
	if err != nil {
		t.Fatal(err)
	}
	g = g.WithoutClassifier()
	path := filepath.Join(t.TempDir(), "out.onnx")
	if err := converter.Write(t.Context(), path, synthetic(t, g), converter.Output{Format: converter.ONNX, Graph: g}); err != nil {
		t.Fatal(err)
	}
	var last []string // the operator that writes the output, and the output
	for _, f := range fieldsOf(t, read(t, path)) {
		if f.number != 7 {
			continue
		}
		for _, node := range fieldsOf(t, f.bytes) {
			if node.number == 1 {
				last = nil
				for _, part := range fieldsOf(t, node.bytes) {
					if part.number == 2 || part.number == 4 {
						last = append(last, string(part.bytes))
					}
				}
			}
		}
	}
	if diff := cmp.Diff([]string{"features", "Concat"}, last); diff != "" {
		t.Errorf("the last operator (-want +got)\n%s", diff)
	}
	if runtime := os.Getenv("ZOO_PYTHON"); runtime != "" {
		script := "import onnxruntime, numpy, sys\n" +
			"s = onnxruntime.InferenceSession(sys.argv[1])\n" +
			"print(s.run(None, {'input': numpy.ones((2, 3, 5, 6), numpy.float32)})[0].shape)"
		out, err := exec.Command(runtime, "-c", script, path).CombinedOutput()
		if !strings.Contains(string(out), "(2, 10)") {
			t.Errorf("ONNX Runtime: %s, %v, want 4 and 6 features of two images", out, err)
		}
	}
}
