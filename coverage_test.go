package zoo_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/registry"
)

var update = flag.Bool("update", false, "write documents instead of comparing with them")

// coverageText explains the tables of docs/coverage.md.
const coverageText = `# What each family is proven by

Written by ` + "`go test . -run Coverage -update`" + ` from the files that the tests read; each of them is compared with the program by ` + "`go test ./...`" + `.

- State dict: models whose every key, shape and dtype is the reference framework's.
- FLOPs: models whose every multiply-accumulate is what the reference's own counters count. They were not run on networks of more than 250 M parameters.
- Goldens: files with logits, and 66 numbers of each layer, that the reference computed in float64: one for each code path. Those of weights that were trained are counted in brackets.
- Recipes: projects whose checkpoints are read under their own names, and how many of the family's architectures the recipe is for. A project's recipe is proven by logits of
  that project's code; for each architecture its operators, borders, eps and pooling are compared with that code's.

`

// A covered family is what its files say of it.
type covered struct {
	*backbone.Family
	rows     []*registry.Entry
	goldens  []*golden.Golden
	foreigns []*golden.Golden // of other projects' networks; Framework says whose
	// keys and flops are how many rows stand in the reference's table, and of how many the FLOPs do.
	keys, flops int
}

// goldensIn returns the goldens of files, sorted by path.
func goldensIn(t *testing.T, patterns ...string) []*golden.Golden {
	t.Helper()
	var all []*golden.Golden
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			g, err := golden.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, g)
		}
	}
	return all
}

// coverage returns what is known of each family, sorted by name.
func coverage(t *testing.T) []covered {
	t.Helper()
	all := newZoo(t).Registry().All()
	goldens := goldensIn(t, "golden/*.zst", "cmd/zoo/embedded/*.images.safetensors.zst")
	foreigns := goldensIn(t, "golden/foreign/*.zst")
	counted := reference(t)
	var families []covered
	for _, f := range backbone.All() {
		c := covered{Family: f}
		for _, e := range all {
			if e.Family != f.Name {
				continue
			}
			c.rows = append(c.rows, e)
			if flops, ok := counted[e.Name]; ok {
				c.keys++
				if flops {
					c.flops++
				}
			}
		}
		others := func(g *golden.Golden) bool {
			_, arch := f.Archs[g.Model] // that has no row
			return !arch && !slices.ContainsFunc(c.rows, func(e *registry.Entry) bool { return e.Name == g.Model })
		}
		c.goldens = slices.DeleteFunc(slices.Clone(goldens), others)
		c.foreigns = slices.DeleteFunc(slices.Clone(foreigns), others)
		families = append(families, c)
	}
	return families
}

// reference returns which models stand in the reference's table, and whether their FLOPs do.
func reference(t *testing.T) map[string]bool {
	t.Helper()
	data, err := os.ReadFile("backbone/testdata/reference.tsv")
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = '\t'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	model, counters := slices.Index(lines[0], "model"), slices.Index(lines[0], "mmengine")
	counted := make(map[string]bool)
	for _, line := range lines[1:] {
		counted[line[model]] = line[counters] != ""
	}
	return counted
}

// recipes says of each project for how many of a family's architectures its recipes are.
func (c covered) recipes() string {
	projects := make(map[string]int)
	for _, sources := range c.Sources {
		for project := range sources {
			projects[project]++
		}
	}
	var parts []string
	for _, project := range slices.Sorted(maps.Keys(projects)) {
		parts = append(parts, fmt.Sprintf("%s %d", project, projects[project]))
	}
	return strings.Join(parts, ", ")
}

// trained returns how many goldens are of weights that were trained.
func (c covered) trained() int {
	n := 0
	for _, g := range c.goldens {
		if _, synthetic := g.Weights.Seed(); !synthetic {
			n++
		}
	}
	return n
}

// writeCoverage writes docs/coverage.md.
func writeCoverage(t *testing.T, families []covered) string {
	t.Helper()
	summary := table.Table{
		Header: []string{"Family", "Models", "Architectures", "State dict", "FLOPs", "Goldens", "Recipes"},
		Right:  []bool{false, true, true, true, true, true, false},
	}
	goldens := table.Table{
		Header: []string{"Golden of", "Form", "Input", "Weights", "Computed by", "Layers"},
		Right:  []bool{false, false, false, false, false, true},
	}
	foreign := table.Table{Header: []string{"Other project's network", "Is", "Input", "Computed by"}}
	for _, c := range families {
		n := fmt.Sprint(len(c.goldens))
		if trained := c.trained(); trained > 0 {
			n += fmt.Sprintf(" (%d)", trained)
		}
		summary.Rows = append(summary.Rows, []string{c.Name, fmt.Sprint(len(c.rows)), fmt.Sprint(len(c.Archs)), fmt.Sprint(c.keys),
			fmt.Sprint(c.flops), n, c.recipes()})
		for _, g := range c.goldens {
			weights := g.Weights.String()
			if d, ok := g.Weights.Digest(); ok {
				weights = "trained, " + d.Short()
			}
			goldens.Rows = append(goldens.Rows, []string{g.Model, string(g.Form), g.Shape.String(), weights, g.Framework, fmt.Sprint(len(g.Probes))})
		}
		for _, g := range c.foreigns {
			foreign.Rows = append(foreign.Rows, []string{strings.TrimSuffix(g.Name, ".safetensors.zst"), g.Model, g.Shape.String(), g.Framework})
		}
	}
	b := bytes.NewBufferString(coverageText)
	for _, section := range []struct {
		title string
		table table.Table
	}{{"", summary}, {"\n## Goldens\n\n", goldens}, {"\n## Goldens of recipes\n\n", foreign}} {
		b.WriteString(section.title)
		if err := section.table.Markdown(b); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestCoverage holds docs/coverage.md to the files that it tells of.
func TestCoverage(t *testing.T) {
	families := coverage(t)
	for _, c := range families {
		if len(c.goldens) == 0 || c.keys == 0 {
			t.Errorf("%s: %d goldens, %d state dicts", c.Name, len(c.goldens), c.keys)
		}
	}
	want := writeCoverage(t, families)
	const file = "docs/coverage.md"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s: write it by go test . -run Coverage -update (-page +files):\n%s", file, diff)
	}
}
