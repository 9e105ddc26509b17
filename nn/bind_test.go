package nn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// zeros returns a tensor of zeros.
func zeros(t *testing.T, d tensor.DType, s tensor.Shape) tensor.Tensor {
	t.Helper()
	size, err := s.Bytes(d)
	if err != nil {
		t.Fatal(err)
	}
	x, err := tensor.New(d, s, make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// fitting returns a state dict that fits g but for what edit makes of a tensor: nil
// leaves it out.
func fitting(t *testing.T, g *nn.Graph, edit func(p nn.Param) *nn.Param) *tensor.StateDict {
	t.Helper()
	var sd tensor.StateDict
	for i := range g.Params {
		p := &g.Params[len(g.Params)-1-i] // order does not matter
		if edit != nil {
			if p = edit(*p); p == nil {
				continue
			}
		}
		if err := sd.Add(p.Name, zeros(t, p.DType, p.Shape)); err != nil {
			t.Fatal(err)
		}
	}
	return &sd
}

func TestBind(t *testing.T) {
	g := small(t)
	for _, d := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F64} {
		sd := fitting(t, g, func(p nn.Param) *nn.Param {
			if p.Optional {
				return nil
			}
			p.DType = d
			return &p
		})
		bound, err := nn.Bind(g, sd)
		if err != nil {
			t.Fatalf("%v: %v", d, err)
		}
		var names []string
		for i, p := range g.Params {
			names = append(names, p.Name)
			want := d
			if p.Optional {
				want = tensor.I64 // a zero in place of the counter
			}
			if x := bound.Tensors[i]; x.DType() != want || !x.Shape().Equal(p.Shape) {
				t.Errorf("%v: %s is %v %v", d, p.Name, x.DType(), x.Shape())
			}
		}
		if diff := cmp.Diff(names, bound.StateDict().Names()); diff != "" {
			t.Errorf("bound names (-want +got)\n%s", diff)
		}
	}
}

func TestBindError(t *testing.T) {
	g := small(t)
	sd := fitting(t, g, func(p nn.Param) *nn.Param {
		switch p.Name {
		case "stem.bn.weight", "blocks.0.conv.weight":
			return nil
		case "fc.weight":
			p.Shape = tensor.Shape{8, 3} // transposed: as many elements
		case "fc.bias":
			p.DType = tensor.I64
		case "stem.bn.num_batches_tracked":
			p.DType = tensor.F32
		}
		return &p
	})
	for _, name := range []string{"module.fc.weight", "aux.weight"} {
		if err := sd.Add(name, zeros(t, tensor.F32, tensor.Shape{1})); err != nil {
			t.Fatal(err)
		}
	}
	bound, err := nn.Bind(g, sd)
	var e *nn.BindError
	if !errors.As(err, &e) || bound != nil {
		t.Fatalf("Bind = %v, %v, want a BindError", bound, err)
	}
	want := &nn.BindError{
		Missing:    []string{"blocks.0.conv.weight", "stem.bn.weight"},
		Unexpected: []string{"aux.weight", "module.fc.weight"},
		Misshapen: []nn.Misfit{
			{Name: "fc.bias", Want: "F32 (3)", Found: "I64 (3)"},
			{Name: "fc.weight", Want: "F32 (3,8)", Found: "F32 (8,3)"},
			{Name: "stem.bn.num_batches_tracked", Want: "I64 ()", Found: "F32 ()"},
		},
	}
	if d := cmp.Diff(want, e); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	const text = `nn: state dict does not fit the network: 2 missing, 2 unexpected, 3 misshapen
  missing:
    "blocks.0.conv.weight"
    "stem.bn.weight"
  unexpected:
    "aux.weight"
    "module.fc.weight"
  misshapen:
    "fc.bias": expected F32 (3), found I64 (3)
    "fc.weight": expected F32 (3,8), found F32 (8,3)
    "stem.bn.num_batches_tracked": expected I64 (), found F32 ()`
	if d := cmp.Diff(text, err.Error()); d != "" {
		t.Errorf("text (-want +got)\n%s", d)
	}
}

func TestBindErrorIsBounded(t *testing.T) {
	var e nn.BindError
	for i := range 1000 {
		e.Unexpected = append(e.Unexpected, fmt.Sprint("x", i))
	}
	text := e.Error()
	if n := strings.Count(text, "\n"); n != 12 || !strings.HasSuffix(text, "and 990 more") {
		t.Errorf("%d lines: %s", n, text)
	}
}

// Names that a file makes up are not repeated at any length.
func TestBindErrorOfLongNames(t *testing.T) {
	e := nn.BindError{Unexpected: []string{strings.Repeat("x", 1<<20), strings.Repeat("é", 200)}}
	text := e.Error()
	if len(text) > 1000 || !strings.Contains(text, `xx"…`) || !strings.Contains(text, `éé"`) || strings.Contains(text, `éé"…`) {
		t.Errorf("%d bytes: %.700s", len(text), text)
	}
}
