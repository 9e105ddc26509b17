package zoo_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// edited writes a nano network's state dict to a file, each tensor under the name
// that rename gives it, changed by change; an empty name leaves it out.
func edited(t testing.TB, z *zoo.Zoo, rename func(string) string, change func(string, tensor.Tensor) tensor.Tensor) string {
	t.Helper()
	c, err := z.Convert(context.Background(), nano.Names[1], zoo.ConvertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var sd tensor.StateDict
	for name, x := range f.StateDict().All() {
		to := name
		if rename != nil {
			to = rename(name)
		}
		if to == "" {
			continue
		}
		if change != nil {
			x = change(name, x)
		}
		if err := sd.Add(to, x); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "edited.safetensors")
	if err := safetensors.WriteFile(path, &sd, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConvertMisfits(t *testing.T) {
	z := newZoo(t)
	g, err := z.Graph(nano.Names[1], nn.AsTrained)
	if err != nil {
		t.Fatal(err)
	}
	var stage []string // every name of the first stage
	for _, p := range g.Params {
		if strings.HasPrefix(p.Name, "backbone.stages.0.") && !p.Optional {
			stage = append(stage, p.Name)
		}
	}
	slices.Sort(stage)
	if len(stage) < 11 {
		t.Fatalf("%d names in a stage: expected more than an error prints", len(stage))
	}
	for _, tt := range []struct {
		name   string
		rename func(string) string
		change func(string, tensor.Tensor) tensor.Tensor
		model  string
		check  func(t *testing.T, e *nn.BindError)
		text   []string // in the message
	}{
		{
			name: "missing",
			rename: func(s string) string {
				if strings.HasPrefix(s, "backbone.stages.0.") {
					return ""
				}
				return s
			},
			check: func(t *testing.T, e *nn.BindError) {
				if diff := cmp.Diff(stage, e.Missing); diff != "" {
					t.Errorf("missing (-want +got):\n%s", diff)
				}
			},
			text: []string{stage[0], stage[9], "and "},
		},
		{
			name: "wrong name",
			rename: func(s string) string {
				return strings.Replace(s, "head.fc.bias", "head.fc.biases", 1)
			},
			check: func(t *testing.T, e *nn.BindError) {
				if !slices.Equal(e.Missing, []string{"head.fc.bias"}) || !slices.Equal(e.Unexpected, []string{"head.fc.biases"}) {
					t.Errorf("missing %q, unexpected %q", e.Missing, e.Unexpected)
				}
			},
			text: []string{`"head.fc.bias"`, `"head.fc.biases"`},
		},
		{
			name: "wrong shape",
			change: func(name string, x tensor.Tensor) tensor.Tensor {
				if name == "backbone.stem.0.conv.weight" {
					return tensor.FromFloat32s(tensor.Shape{2, 3}, make([]float32, 6))
				}
				return x
			},
			check: func(t *testing.T, e *nn.BindError) {
				if len(e.Misshapen) != 1 || len(e.Missing)+len(e.Unexpected) != 0 {
					t.Errorf("%+v", e)
				}
			},
			text: []string{"backbone.stem.0.conv.weight", "F32 (2,3)"},
		},
		{
			name: "wrong model", model: nano.Names[0],
			check: func(t *testing.T, e *nn.BindError) {
				if len(e.Missing) == 0 || len(e.Unexpected) == 0 {
					t.Errorf("%+v", e)
				}
			},
			text: []string{"as " + nano.Names[0]},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := edited(t, z, tt.rename, tt.change)
			out := filepath.Join(t.TempDir(), "out.safetensors")
			model := nano.Names[1]
			if tt.model != "" {
				model = tt.model
			}
			_, err := z.ConvertFile(context.Background(), in, zoo.ConvertOptions{Output: out, Model: model})
			var refused *converter.CheckpointError
			var bind *nn.BindError
			if !errors.As(err, &refused) || !errors.As(err, &bind) {
				t.Fatalf("expected a refusal that lists what does not fit, found %v", err)
			}
			tt.check(t, bind)
			for _, text := range tt.text {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("no %q in:\n%v", text, err)
				}
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) != 0 {
				t.Errorf("%d files were left behind", len(left))
			}
			if _, err := z.OpenFile(model, in); !errors.As(err, &bind) {
				t.Errorf("open: expected the same refusal, found %v", err)
			}
		})
	}
}

func TestConvertTwice(t *testing.T) {
	for _, name := range nano.Names {
		t.Run(name, func(t *testing.T) {
			z := newZoo(t)
			out := filepath.Join(t.TempDir(), "out.safetensors")
			first, err := z.Convert(context.Background(), name, zoo.ConvertOptions{})
			if err != nil {
				t.Fatal(err)
			}
			second, err := z.Convert(context.Background(), name, zoo.ConvertOptions{Output: out})
			if err != nil {
				t.Fatal(err)
			}
			a, err := first.Digest()
			if err != nil {
				t.Fatal(err)
			}
			if b, err := second.Digest(); a != b || err != nil || second.Path != out {
				t.Errorf("%s and %s, %v: expected equal bytes", a, b, err)
			}
			// What was converted is itself a checkpoint, and converts to its own tensors.
			again, err := z.ConvertFile(context.Background(), out, zoo.ConvertOptions{Output: out + ".again", Model: name})
			if err != nil {
				t.Fatal(err)
			}
			if again.Tensors != first.Tensors || again.Container != "safetensors" || again.Classes != 10 {
				t.Errorf("%+v after %+v", again, first)
			}
		})
	}
}

func TestConvertRefusesItself(t *testing.T) {
	z := newZoo(t)
	in := edited(t, z, nil, nil)
	before, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	link := in + ".link"
	if err := os.Symlink(in, link); err != nil {
		t.Skip("no symbolic links here")
	}
	for _, out := range []string{in, link} {
		if _, err := z.ConvertFile(context.Background(), in, zoo.ConvertOptions{Output: out}); err == nil {
			t.Errorf("%s: no error", out)
		}
	}
	if after, err := os.ReadFile(in); err != nil || string(after) != string(before) {
		t.Errorf("the input was changed: %v", err)
	}
}

// Class names that are not as many as the classifier has rows name nothing, and keep
// nothing from being computed.
func TestClassNamesOfAnotherNetwork(t *testing.T) {
	var notices []string
	z := newZoo(t, func(c *zoo.Config) { c.Notice = func(text string) { notices = append(notices, text) } })
	in := edited(t, z, nil, nil)
	f, err := safetensors.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := in + ".named"
	if err := safetensors.WriteFile(out, f.StateDict(), map[string]string{converter.MetaClasses: `["cat","dog"]`}); err != nil {
		t.Fatal(err)
	}
	m, err := z.OpenFile(nano.Names[1], out)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if p, err := m.Predict(context.Background(), nano.Image(t, 3)); err != nil || p.Class != 5 || p.Name != "" {
		t.Errorf("%+v, %v: expected class 5 without a name", p, err)
	}
	if len(notices) != 1 || !strings.HasSuffix(notices[0], "names 2 classes, its classifier has 10: they are left without names") {
		t.Errorf("said %q", notices)
	}
	checks, err := z.Verify(context.Background(), nano.Names[1], zoo.VerifyOptions{Checkpoint: out})
	if err != nil || len(checks) == 0 || !checks[0].Pass() {
		t.Errorf("%+v, %v", checks, err)
	}
}

// A file's weights are known by the digest of its bytes, and those of a compressed file by
// that of the compressed ones.
func TestWeightsOfFile(t *testing.T) {
	z := newZoo(t)
	plain := edited(t, z, nil, nil)
	compressed := plain + ".zst"
	if _, err := z.ConvertFile(context.Background(), plain, zoo.ConvertOptions{Output: compressed, Model: nano.Names[1]}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{plain, compressed} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := z.OpenFile(nano.Names[1], path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if want := fmt.Sprintf("sha256:%x", sha256.Sum256(data)); m.Weights().String() != want {
			t.Errorf("%s: weights %s, want %s", filepath.Base(path), m.Weights(), want)
		}
	}
}

// A fine-tuned checkpoint has another number of classes, and names of its own or
// none, but never the published network's.
func TestFineTunedClasses(t *testing.T) {
	z := newZoo(t)
	path := edited(t, z, nil, func(name string, x tensor.Tensor) tensor.Tensor {
		switch name {
		case "head.fc.weight":
			return tensor.FromFloat32s(tensor.Shape{3, 64}, make([]float32, 3*64))
		case "head.fc.bias":
			return tensor.FromFloat32s(tensor.Shape{3}, []float32{0, 2, 1})
		}
		return x
	})
	m, err := z.OpenFile(nano.Names[1], path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Graph().NumClasses() != 3 || m.Classes() != nil {
		t.Errorf("%d classes named %q", m.Graph().NumClasses(), m.Classes())
	}
	top, err := m.Top(context.Background(), 5, model.Image(nano.Image(t, 0)))
	if err != nil {
		t.Fatal(err)
	}
	var classes []int
	for _, p := range top[0] {
		classes = append(classes, p.Class)
	}
	if diff := cmp.Diff([]int{1, 2, 0}, classes); diff != "" {
		t.Errorf("classes by bias (-want +got):\n%s", diff)
	}
}
