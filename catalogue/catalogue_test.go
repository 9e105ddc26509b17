package catalogue_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/catalogue"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
)

// TestCatalogue wants the texts in the program to be those of the files beside them, every row right, of a network
// that its zoo's recipe is for, and with the parameters and multiply-accumulates that were published.
func TestCatalogue(t *testing.T) {
	for zoo, read := range map[string]func() string{"timm": catalogue.Timm, "torchvision": catalogue.Torchvision} {
		t.Run(zoo, func(t *testing.T) {
			text, err := os.ReadFile(zoo + ".toml")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(text), read()); d != "" {
				t.Fatalf("(-%s.toml +%[1]s.toml.zst):\n%s", zoo, d)
			}
			r, err := registry.Parse(zoo+".toml", text)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range r.Match("*/*") {
				checkRow(t, zoo, e)
			}
			for _, a := range r.Aliases() {
				if !strings.HasPrefix(a.Row, a.Name+".") {
					t.Errorf("alias %s of %s", a.Name, a.Row)
				}
			}
		})
	}
}

func checkRow(t *testing.T, zoo string, e *registry.Entry) {
	t.Helper()
	there, ok := strings.CutPrefix(e.Name, zoo+"/")
	network, _, _ := strings.Cut(there, ".")
	f, err := backbone.ByName(e.Family)
	if err != nil || !ok {
		t.Fatalf("%s: %v", e.Name, err)
	}
	if s := f.Sources[e.Arch][zoo]; e.Weights.Recipe != zoo || !slices.Contains(s.Networks, network) {
		t.Errorf("%s: %s's %s is not %s: recipe %q, which is for %q", e.Name, zoo, network, e.Arch, e.Weights.Recipe, s.Networks)
	}
	p := &e.Published
	g, err := f.Build(e.Arch, p.Form, e.Classes)
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	row, err := metrics.NewRow(e.Name, metrics.Published{Params: p.ParamsM.String(), FLOPs: p.FLOPsG.String(), Convention: metrics.Convention(p.FLOPsConvention),
		Input: tensor.Shape{1, 3, p.FLOPsSize, p.FLOPsSize}, Form: p.Form, Note: p.Note}, g)
	if err != nil {
		t.Fatal(err)
	}
	if row.Counts() == metrics.Differs && row.Note == "" {
		t.Errorf("%s: %s", e.Name, row.Reason())
	}
}
