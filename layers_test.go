package zoo_test

import (
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gozoo/zoo"

// A layer says what one package imports: packages of this module by their path in it, ""
// being the root, and other modules by their full path. The standard library is always
// allowed.
type layer struct {
	path    string
	imports []string
}

// layers is the table of who may import whom, from the ground up: a package imports none
// that stands below it in the list. What is not listed is not allowed, and what is listed
// has to be used. A package that is not listed at all is an error, so that new ones are
// placed here first.
var layers = []layer{
	// Leaves: names of bytes, numbers, the machine.
	{"digest", nil},
	{"tensor", nil},
	{"internal/option", nil},
	{"internal/cpu", nil},
	{"internal/imagenet", nil},
	{"catalogue", []string{"github.com/klauspost/compress"}},
	{"printable", nil},
	{"internal/bounded", nil},
	{"internal/homepath", nil},
	{"internal/bicubic", nil},
	{"internal/textfile", nil},
	{"internal/dataset", []string{"internal/imagenet", "printable", "internal/bounded", "internal/textfile", "github.com/klauspost/compress"}},
	{"internal/atomicfile", []string{"internal/bounded", "golang.org/x/term"}},
	{"internal/faulthost", nil},
	{"internal/torchfile", []string{"tensor"}},
	{"internal/bigtest", []string{"github.com/gofrs/flock"}},
	{"internal/race", nil},
	{"internal/mmap", []string{"github.com/edsrzf/mmap-go"}},
	{"internal/disk", []string{"golang.org/x/sys"}},
	{"internal/amxemu", []string{"internal/cpu"}},

	// Networks: described, named, computed. Kernels know slices and integers only.
	{"nn", []string{"tensor"}},
	{"converter/recipe", []string{"tensor"}},
	{"internal/recipetest", []string{"converter/recipe", "tensor"}},
	{"backbone", []string{"nn", "converter/recipe"}},
	{"internal/kernel", []string{"internal/cpu"}},
	{"internal/engine", []string{"nn", "tensor", "internal/bicubic", "internal/kernel", "golang.org/x/sys"}},

	// Checkpoints. No format knows another, and none a network.
	{"converter/safetensors", []string{"tensor", "internal/mmap", "internal/atomicfile"}},
	{"converter/foreign", nil},
	{"converter/pth", []string{"tensor", "internal/mmap", "converter/foreign", "github.com/nlpodyssey/gopickle", "github.com/klauspost/compress"}},
	{"converter/scan", []string{"converter/foreign", "converter/pth", "converter/safetensors", "internal/bounded", "internal/mmap", "github.com/klauspost/compress"}},
	{"converter", []string{"converter/foreign", "converter/safetensors", "converter/pth", "converter/recipe", "nn", "tensor", "digest", "printable", "internal/atomicfile", "internal/bicubic", "internal/bounded", "internal/mmap", "internal/option", "github.com/klauspost/compress", "internal/textfile"}},

	// Pixels.
	{"vision/internal/kernel", []string{"internal/cpu"}},
	{"vision/internal/jpeg", []string{"vision/internal/kernel"}},
	{"vision/internal/vp8l", nil},
	{"vision", []string{"vision/internal/jpeg", "vision/internal/vp8l", "vision/internal/kernel", "golang.org/x/image", "golang.org/x/sync"}},

	// Figures, and what the reference computed.
	{"metrics", []string{"nn", "tensor", "digest"}},
	{"metrics/table", []string{"metrics", "nn", "tensor", "digest", "printable", "github.com/olekukonko/tablewriter"}},
	{"golden", []string{"converter/safetensors", "nn", "tensor", "digest", "github.com/klauspost/compress"}},
	{"golden/gen/names", []string{"backbone"}},

	// What an embedder imports: no registry, no network, no report.
	{"model", []string{"backbone", "converter", "golden", "internal/engine", "internal/option", "metrics", "nn", "tensor", "vision"}},
	{"internal/nano", []string{"golden", "model", "vision"}},
	{"evaluate", []string{"model", "golden", "metrics", "tensor", "vision", "digest", "printable", "internal/bounded",
		"internal/dataset", "internal/imagenet", "internal/option"}},

	// What is published, and how it comes here.
	{"registry", []string{"digest", "printable", "nn", "vision", "github.com/BurntSushi/toml"}},
	{"internal/transfer", []string{"digest", "printable", "internal/disk", "golang.org/x/net", "github.com/klauspost/compress"}},
	{"internal/oci", []string{"digest", "registry", "printable", "internal/bounded", "internal/transfer", "oras.land/oras-go/v2",
		"github.com/opencontainers/image-spec", "github.com/opencontainers/go-digest"}},
	{"registry/hub", []string{"digest", "registry", "internal/homepath", "internal/transfer"}},
	{"internal/hubmodel", []string{"backbone", "registry", "vision"}},
	{"registry/lock", []string{"digest", "registry", "internal/atomicfile", "internal/bounded"}},
	{"registry/store", []string{"digest", "registry", "registry/hub", "registry/lock", "internal/oci", "internal/transfer", "internal/atomicfile", "internal/disk", "internal/homepath", "github.com/gofrs/flock", "printable", "internal/bounded"}},
	{"registry/bundle", []string{"digest", "registry", "registry/lock", "registry/store", "internal/transfer", "internal/atomicfile",
		"printable", "internal/bounded", "internal/disk", "github.com/klauspost/compress"}},

	// The facade.
	{"", []string{"catalogue", "internal/hubmodel", "model", "evaluate", "golden", "metrics", "backbone", "converter", "converter/pth", "converter/scan", "nn", "tensor",
		"vision", "digest", "registry", "registry/bundle", "registry/hub", "registry/lock", "registry/store",
		"printable", "internal/bounded", "internal/engine", "internal/cpu", "internal/imagenet", "internal/atomicfile", "internal/homepath", "internal/option"}},

	// The command uses what its users could use: the proof that the public packages are
	// enough.
	{"cmd/zoo", []string{"", "printable", "model", "evaluate", "golden", "metrics", "metrics/table", "backbone", "converter",
		"converter/pth", "converter/safetensors", "converter/scan", "digest", "nn", "tensor", "vision", "registry", "registry/bundle",
		"registry/hub", "registry/lock", "registry/store", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8",
		"golang.org/x/sys", "golang.org/x/term"}},

	// Programs to begin with, and programs that measure.
	{"examples/httpserver", []string{"", "model"}},
	{"bench/download", nil},
	{"bench/pixels", []string{"vision"}},
	{"release/archive", nil},
}

// forTests are the modules that only tests import.
var forTests = []string{"github.com/google/go-cmp", "github.com/google/go-containerregistry"}

// TestLayers holds the imports of every Go file of the module against the table. Tests may
// import any package of the module but commands, and any module that some package may.
func TestLayers(t *testing.T) {
	modules := slices.Clone(forTests)
	at := make(map[string]int)
	for i, l := range layers {
		if _, twice := at[l.path]; twice {
			t.Errorf("package %q stands twice in the table of layers", l.path)
		}
		at[l.path] = i
		for _, dep := range l.imports {
			if below, own := at[dep]; strings.Contains(dep, ".") {
				modules = append(modules, dep)
			} else if !own || below >= i {
				t.Errorf("package %q is to import %q, which does not stand above it in the table", l.path, dep)
			}
		}
	}
	there := make(map[string]bool)
	used := make(map[[2]string]bool) // by package and allowance
	for _, file := range goFiles(t) {
		dir := strings.TrimPrefix("/"+path.Dir(filepath.ToSlash(file)), "/")
		if dir == "." {
			dir = ""
		}
		i, ok := at[dir]
		if !ok {
			t.Errorf("%s: package %q is not in the table of layers", file, dir)
			continue
		}
		test := strings.HasSuffix(file, "_test.go")
		if !test {
			there[dir] = true
		}
		for _, dep := range imports(t, file) {
			allowance := slices.IndexFunc(layers[i].imports,
				func(a string) bool { return a == own(dep) || strings.Contains(a, ".") && within(dep, a) })
			switch {
			case allowance >= 0:
				if !test {
					used[[2]string{dir, layers[i].imports[allowance]}] = true
				}
			case dep == "C":
				t.Errorf("%s: cgo", file)
			case standard(dep), own(dep) == dir:
			case test && within(dep, module) && !strings.HasPrefix(own(dep), "cmd/"):
			case test && slices.ContainsFunc(modules, func(m string) bool { return within(dep, m) }):
			default:
				t.Errorf("%s: %q must not import %q", file, dir, dep)
			}
		}
	}
	for _, l := range layers {
		if !there[l.path] {
			t.Errorf("package %q is in the table of layers, and not in the module", l.path)
		}
		for _, dep := range l.imports {
			if !used[[2]string{l.path, dep}] {
				t.Errorf("package %q may import %q, and does not", l.path, dep)
			}
		}
	}
}

// TestNoTemplates: a program in which a template can be executed keeps every exported method of all its
// types, for the template might name it. That is 2.4 MB of cmd/zoo.
func TestNoTemplates(t *testing.T) {
	for _, file := range goFiles(t) {
		for _, dep := range imports(t, file) {
			if !strings.HasSuffix(file, "_test.go") && strings.HasSuffix(dep, "/template") {
				t.Errorf("%s: %q must not be imported", file, dep)
			}
		}
	}
}

// TestExamples sees that every public package has an example that runs.
func TestExamples(t *testing.T) {
	has := make(map[string]bool)
	for _, file := range goFiles(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range doc.Examples(f) {
			if e.Output != "" {
				has[path.Dir(filepath.ToSlash(file))] = true
			}
		}
	}
	for _, l := range layers {
		command := strings.HasPrefix(l.path, "cmd/") || strings.HasPrefix(l.path, "bench/") || strings.HasPrefix(l.path, "examples/") ||
			strings.HasPrefix(l.path, "release/") || strings.HasPrefix(l.path, "golden/gen/")
		if !command && !strings.Contains("/"+l.path, "/internal/") && !has[path.Clean(l.path)] {
			t.Errorf("package %q has no example with an output", l.path)
		}
	}
}

// own returns the path that a package has in this module. That of another module's package
// no package here has.
func own(dep string) string { return strings.TrimPrefix(strings.TrimPrefix(dep, module), "/") }

// within reports whether a package is a module's.
func within(dep, module string) bool { return dep == module || strings.HasPrefix(dep, module+"/") }

// standard reports whether a package is one of the standard library.
func standard(dep string) bool {
	first, _, _ := strings.Cut(dep, "/")
	return !strings.Contains(first, ".")
}

// goFiles returns the Go files of the module, without those of modules in it.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			_, nested := os.Stat(filepath.Join(file, "go.mod"))
			if file != "." && nested == nil || name == "testdata" || len(name) > 1 && strings.ContainsAny(name[:1], "._") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(file, ".go") {
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// imports returns the packages that a file imports.
func imports(t *testing.T, file string) (deps []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		dep, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		deps = append(deps, dep)
	}
	return deps
}
