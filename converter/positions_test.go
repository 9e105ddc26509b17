package converter_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// positioned is a network of two tokens before those of a grid, whose positions are of gridH x gridW.
func positioned(gridH, gridW int) converter.Target {
	return converter.Target{
		Graph: func(classes int) (*nn.Graph, error) {
			b := nn.NewBuilder(3, 1e-5, nn.ReLU())
			x := b.Tokens(b.At("patches").Conv(b.Input(), 2, nn.K(4), nn.Stride(4)))
			x = b.At("net").Position(b.At("net").Prefix(x, "first", "second"), "pos", 2, gridH, gridW)
			return b.Graph(b.At("head").Linear(b.At("pool").Features(b.Token(x, 0)), classes))
		},
		Classes: 3,
	}
}

// TestPositionsOfAnotherGrid wants positions resized as PyTorch's interpolate does with mode
// "bicubic", which computed the values; said, and only where the rest fits.
func TestPositionsOfAnotherGrid(t *testing.T) {
	// The values of a grid of 3x3 are 0, 1, 4 and so on to 64 in the first channel, and minus those in the
	// second; interpolate(size=(2, 4), align_corners=False) of the first:
	want := []float32{0.9356346, 2.008327, 4.969212, 7.684483, 29.34854, 36.25828, 48.34427, 56.89657}
	table := func(d tensor.DType, side int) tensor.Tensor {
		v := []float32{7, -7, 8, -8} // of the two tokens
		for i := range side * side {
			v = append(v, float32(i*i), -float32(i*i))
		}
		x, err := tensor.FromFloat32s(tensor.Shape{1, 2 + side*side, 2}, v).Cast(d)
		if err == nil {
			x, err = tensor.New(d, x.Shape(), x.Bytes())
		}
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	target := positioned(2, 4)
	file := func(pos tensor.Tensor, leave string, prefix string) *tensor.StateDict {
		g, err := target.Graph(3)
		if err != nil {
			t.Fatal(err)
		}
		sd := new(tensor.StateDict)
		for name, x := range synthetic(t, g).All() {
			if name == "net.pos" {
				x = pos
			}
			if leave == "" || !strings.HasPrefix(name, leave) {
				sd.Add(prefix+name, x)
			}
		}
		return sd
	}
	for _, tt := range []struct {
		name    string
		sd      *tensor.StateDict
		classes int
	}{
		{"another grid", file(table(tensor.F32, 3), "", ""), 3},
		{"in float16", file(table(tensor.F16, 3), "", ""), 3},
		{"without a classifier", file(table(tensor.F32, 3), "head.", ""), 0},
		{"behind a prefix", file(table(tensor.F32, 3), "", "model."), 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := target.Fit(tt.sd)
			if err != nil {
				t.Fatal(err)
			}
			pos, _ := f.Bound.StateDict().Lookup("net.pos")
			got, err := pos.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			wide := []float32{7, -7, 8, -8}
			for _, v := range want {
				wide = append(wide, v, -v)
			}
			close := func(a, b float32) bool { return max(a-b, b-a) <= 1e-5*max(a, b, -a, -b) }
			if diff := cmp.Diff(wide, got, cmp.Comparer(close)); diff != "" || f.Classes != tt.classes {
				t.Errorf("%d classes (-want +got)\n%s", f.Classes, diff)
			}
			said := strings.Join(f.Selection.Notices("x.pth"), "\n")
			if text := `of a grid of 3x3 resized to 2x4`; !strings.Contains(said, text) {
				t.Errorf("no %q in:\n%s", text, said)
			}
			fates := 0
			for _, n := range f.Names {
				if n.Fate == converter.Regridded {
					fates++
				}
			}
			if fates != 1 {
				t.Errorf("%d names are resized, want 1", fates)
			}
			account(t, tt.sd, f)
		})
	}
	same, err := positioned(3, 3).Fit(file(table(tensor.F32, 3), "", ""))
	if err != nil || len(same.Selection.Resized) > 0 {
		t.Errorf("the same grid: %v, %v", same, err)
	}
	odd := tensor.FromFloat32s(tensor.Shape{1, 2 + 5, 2}, make([]float32, 14))
	_, err = target.Fit(file(odd, "", ""))
	if err == nil || !strings.Contains(err.Error(), `"net.pos": expected F32 (1,10,2), found F32 (1,7,2)`) {
		t.Errorf("a grid that is no square: %v", err)
	}
	if _, err := target.Fit(file(table(tensor.F32, 3), "patches.", "")); err == nil {
		t.Error("another misfit: it fits")
	}
}
