package zoo_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gozoo/zoo"

// layers says what each package may import: packages of this module by their path
// in it, "" being the root, and other modules by their full path. What is not
// listed is not allowed; the standard library always is. A package that is not
// listed at all is an error, so that new ones are placed here first.
var layers = map[string][]string{
	"":                      {"registry", "registry/bundle", "registry/hub", "registry/lock", "registry/store", "converter", "converter/pth", "converter/safetensors", "converter/recipe", "nn", "tensor", "backbone", "vision", "metrics", "golden", "internal/engine", "internal/cpu", "internal/imagenet", "internal/atomicfile"},
	"tensor":                {},
	"nn":                    {"tensor"},
	"backbone":              {"nn", "converter/recipe"},
	"metrics":               {"nn", "tensor"},
	"metrics/table":         {"metrics", "tensor", "github.com/olekukonko/tablewriter"},
	"vision":                {"vision/internal/jpeg", "vision/internal/kernel", "golang.org/x/image"},
	"vision/internal/jpeg":  {"vision/internal/kernel"},
	"registry":              {"github.com/BurntSushi/toml"},
	"registry/store":        {"registry", "registry/hub", "registry/lock", "internal/oci", "internal/transfer", "internal/atomicfile", "internal/disk", "github.com/gofrs/flock"},
	"internal/transfer":     {"registry", "internal/disk"},
	"registry/hub":          {"registry", "internal/transfer"},
	"internal/oci":          {"registry", "internal/transfer", "oras.land/oras-go/v2", "github.com/opencontainers/image-spec", "github.com/opencontainers/go-digest"},
	"registry/lock":         {"registry", "internal/atomicfile"},
	"registry/bundle":       {"registry", "registry/lock", "registry/store", "internal/transfer", "internal/atomicfile"},
	"converter":             {"converter/safetensors", "converter/recipe", "converter/pth", "nn", "tensor", "internal/atomicfile", "internal/mmap", "github.com/klauspost/compress"},
	"converter/pth":         {"tensor", "internal/mmap", "internal/atomicfile", "github.com/nlpodyssey/gopickle", "github.com/klauspost/compress"},
	"converter/safetensors": {"tensor", "internal/mmap", "internal/atomicfile"},
	"converter/recipe":      {"tensor"},
	"golden":                {"converter/safetensors", "tensor", "github.com/klauspost/compress"},
	"internal/engine":       {"nn", "tensor", "internal/kernel", "internal/cpu", "golang.org/x/sys"},
	"internal/kernel":       {"internal/cpu"},
	"internal/cpu":          {},
	"internal/amxemu":       {"internal/cpu"},
	"internal/mmap":         {"github.com/edsrzf/mmap-go"},
	"internal/atomicfile":   {},
	"internal/disk":         {"golang.org/x/sys"},
	"internal/faulthost":    {},
	"internal/imagenet":     {},
	"internal/approx":       {},
	// The command uses what its users could use: its own proof that the public
	// packages are enough.
	"cmd/zoo": {"", "registry", "registry/bundle", "registry/hub", "registry/lock", "registry/store", "converter", "converter/pth", "converter/safetensors", "converter/recipe", "nn", "tensor", "backbone", "vision", "metrics", "metrics/table", "golden", "github.com/spf13/cobra", "github.com/vbauerster/mpb/v8", "golang.org/x/term"},

	// Inner loops of decoding and scaling.
	"vision/internal/kernel": {"internal/cpu"},

	// Programs that measure.
	"bench/download": {},
	"bench/pixels":   {"vision"},
}

// TestLayers checks the imports of every Go file of the module. Tests may import any
// package of it but commands, and what other modules some package may.
func TestLayers(t *testing.T) {
	anyModule := []string{"github.com/google/go-cmp", "github.com/google/go-containerregistry"} // that only tests import
	for _, allowed := range layers {
		for _, dep := range allowed {
			if strings.Contains(dep, ".") {
				anyModule = append(anyModule, dep)
			}
		}
	}
	found := make(map[string]bool)
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			nested := file != "." && exists(filepath.Join(file, "go.mod"))
			if nested || name == "testdata" || len(name) > 1 && strings.ContainsAny(name[:1], "._") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(file))
		if dir == "." {
			dir = ""
		}
		allowed, ok := layers[dir]
		if !ok {
			t.Errorf("%s: package %q is not in the table of layers", file, dir)
			return nil
		}
		found[dir] = true
		test := strings.HasSuffix(file, "_test.go")
		for _, spec := range f.Imports {
			dep, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			own, inside := strings.CutPrefix(dep+"/", module+"/")
			own = strings.TrimSuffix(own, "/")
			first, _, _ := strings.Cut(dep, "/")
			switch {
			case inside && test && !strings.HasPrefix(own, "cmd/"):
			case inside && (slices.Contains(allowed, own) || own == dir):
			case inside:
				t.Errorf("%s: %q must not import %q", file, dir, own)
			case !strings.Contains(first, "."): // standard library
				if dep == "C" {
					t.Errorf("%s: cgo", file)
				}
			case contains(allowed, dep), test && contains(anyModule, dep):
			default:
				t.Errorf("%s: %q must not import %q", file, dir, dep)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"tensor", "nn", "backbone", "registry", "metrics"} {
		if !found[dir] {
			t.Errorf("no Go file found in %q: does the test run in the module's root?", dir)
		}
	}
}

// contains reports whether dep is one of modules or a package of one.
func contains(modules []string, dep string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return dep == m || strings.HasPrefix(dep, m+"/") })
}

func exists(file string) bool {
	matches, err := filepath.Glob(file)
	return err == nil && len(matches) > 0
}
