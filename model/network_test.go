package model_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/internal/recipetest"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/tensor"
)

// TestLookalikes fits a state dict under another project's names to every network that the
// project has others of the same tensors of: it is taken where somebody says that it is this
// one or where it is the project's plain one, and refused otherwise.
func TestLookalikes(t *testing.T) {
	n := 0
	for _, f := range backbone.All() {
		for _, arch := range slices.Sorted(maps.Keys(f.Sources)) {
			for project, s := range f.Sources[arch] {
				if len(s.Alike)+len(s.Unpublished) == 0 {
					continue
				}
				target, err := model.Target(arch, 1000)
				if err != nil {
					t.Fatal(err)
				}
				sd := foreign(t, f, arch, s.Recipe())
				fit := func(network string) (*converter.Fitted, error) {
					target.Network = network
					return target.Fit(sd)
				}
				for _, network := range s.Networks {
					if got, err := fit(project + "/" + network); err != nil || got.Network != network || got.Assumed != "" {
						t.Errorf("%s as %s: %v, %+v", arch, network, err, got)
					}
				}
				for _, network := range slices.Concat(s.Alike, s.Unpublished) {
					n++
					if _, err := fit(network); !errors.Is(err, converter.ErrNetwork) {
						t.Errorf("%s as %s: error %v, want that it is another network", arch, network, err)
					}
				}
				got, err := fit("")
				switch {
				case len(s.Alike) == 0:
					if err != nil || got.Assumed != "" {
						t.Errorf("%s, which no published network is like: %v, %+v", arch, err, got)
					}
				case s.Plain:
					if err != nil || !mentions(got.Assumed, s.Alike) {
						t.Errorf("%s, a plain network: %v, %+v: want it taken, with its variants named", arch, err, got)
					}
				default:
					if !errors.Is(err, converter.ErrNetwork) || !mentions(err.Error(), s.Alike) {
						t.Errorf("%s: error %v, want one that names %v", arch, err, s.Alike)
					}
				}
			}
		}
	}
	if n < 16 {
		t.Errorf("%d networks are like others, and 16 were known", n)
	}
}

func mentions(text string, names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !strings.Contains(text, n) })
}

// foreign returns a state dict of zeros, and of tables as they must be, under the names that a recipe renames to a network's.
func foreign(t *testing.T, f *backbone.Family, arch string, r recipe.Recipe) *tensor.StateDict {
	t.Helper()
	g, err := f.Graph(arch, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var zeros []byte
	var own tensor.StateDict
	for _, p := range g.Params {
		n, err := p.Shape.Bytes(p.DType)
		if err != nil {
			t.Fatal(err)
		}
		if n > len(zeros) {
			zeros = make([]byte, n)
		}
		x, err := tensor.New(p.DType, p.Shape, zeros[:n:n])
		if p.Fixed != nil {
			x = p.Fixed.Tensor()
		}
		if err == nil {
			err = own.Add(p.Name, x)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	theirs, err := recipetest.Inverse(r, &own, false)
	if err != nil {
		t.Fatal(err)
	}
	return theirs
}
