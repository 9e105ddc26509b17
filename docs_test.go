package zoo_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/registry"
)

// A box of the checklist: a file and, behind a comma, a text that it holds.
var box = regexp.MustCompile("(?m)^- \\[ \\] `([^`]+)`(?:, `([^`]+)`)?:")

// TestChecklistOfFamilies holds docs/adding-a-family.md against every family: what it asks
// for is what they have.
func TestChecklistOfFamilies(t *testing.T) {
	text, err := os.ReadFile("docs/adding-a-family.md")
	if err != nil {
		t.Fatal(err)
	}
	boxes := box.FindAllStringSubmatch(string(text), -1)
	if len(boxes) != strings.Count(string(text), "\n- [ ] ") || len(boxes) < 10 {
		t.Fatalf("%d boxes are understood of %d", len(boxes), strings.Count(string(text), "\n- [ ] "))
	}
	rows := make(map[string][]*registry.Entry)
	for _, e := range newZoo(t).Registry().All() {
		rows[e.Family] = append(rows[e.Family], e)
	}
	for _, f := range backbone.All() {
		for _, b := range boxes {
			file, holds := b[1], b[2]
			if strings.Contains(file, "PROJECT") {
				checkForeign(t, f, rows[f.Name], file)
				continue
			}
			if !slices.ContainsFunc(rows[f.Name], func(e *registry.Entry) bool {
				fill := strings.NewReplacer("FAMILY", f.Name, "FILE", strings.ReplaceAll(f.Name, "_", ""), "MODEL", e.Name)
				return holdsText(t, fill.Replace(file), fill.Replace(holds))
			}) {
				t.Errorf("family %s: no file %s holds %q", f.Name, file, holds)
			}
		}
	}
}

// holdsText reports whether a file of that pattern holds a text.
func holdsText(t *testing.T, pattern, text string) bool {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), text) {
			return true
		}
	}
	return false
}

// checkForeign sees that each project that a recipe of a family is named after has a golden
// for one of its networks.
func checkForeign(t *testing.T, f *backbone.Family, rows []*registry.Entry, pattern string) {
	t.Helper()
	projects := make(map[string]bool)
	for _, recipes := range f.Sources {
		for project := range recipes {
			projects[project] = true
		}
	}
	for _, project := range slices.Sorted(maps.Keys(projects)) {
		files, err := filepath.Glob(strings.ReplaceAll(pattern, "PROJECT", project))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			g, err := golden.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			_, arch := f.Archs[g.Model] // that has no row
			return arch || slices.ContainsFunc(rows, func(e *registry.Entry) bool { return e.Name == g.Model })
		}) {
			t.Errorf("family %s: its recipe %q has no golden %s", f.Name, project, pattern)
		}
	}
}

// TestArchitecture holds the table of ARCHITECTURE.md that says where to look against the
// tree: its files are there, and no package is left out.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Where to look")
	table, _, _ = strings.Cut(table, "\n## ")
	code := regexp.MustCompile("`([^`]+)`")
	named := func(cell string) (names []string) {
		for _, m := range code.FindAllStringSubmatch(cell, -1) {
			names = append(names, m[1])
		}
		return names
	}
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.Contains(cells[2], "---") || strings.Contains(cells[2], "package") {
			continue
		}
		rows++
		folders := append(named(cells[2]), named(cells[3])...) // a file may lie in a folder that is named beside it
		if strings.Contains(cells[2], "root") {
			folders = append(folders, ".")
		}
		for _, file := range named(cells[3]) {
			if !strings.HasSuffix(file, ".go") {
				continue
			}
			if !slices.ContainsFunc(folders, func(folder string) bool {
				found, err := filepath.Glob(filepath.Join(folder, file))
				return err == nil && len(found) > 0
			}) && !inFirst(folders, file) {
				t.Errorf("%s: no file %s", strings.TrimSpace(cells[1]), file)
			}
		}
	}
	if rows < 25 {
		t.Errorf("%d rows", rows)
	}
	for _, l := range layers {
		if name := l.path; !strings.Contains(l.path, "/internal/") && !strings.HasPrefix(name, "bench/") &&
			!strings.Contains(string(text), strings.TrimPrefix(name, "internal/")) {
			t.Errorf("package %q stands nowhere in ARCHITECTURE.md", name)
		}
	}
}

// inFirst reports whether a file is in a folder that is named after the first one's parent,
// as `bundle` is beside `registry/lock`.
func inFirst(folders []string, file string) bool {
	return slices.ContainsFunc(folders[1:], func(folder string) bool {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(folders[0]), folder, file))
		return err == nil && len(found) > 0
	})
}
