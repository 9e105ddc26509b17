package zoo_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// around is what the README's pieces of Go stand in. What they leave unused is no error.
const around = `package piece

import (
	"context"
	"fmt"
	"image"
	"net/http"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/vision"
)

func piece(ctx context.Context, img image.Image, weights []byte, pipeline vision.Pipeline, names []string, request *http.Request) error {
%s
	return nil
}
`

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```")

// TestReadmeCompiles type-checks the README's pieces of Go against the packages as they are.
func TestReadmeCompiles(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}",
		"github.com/gozoo/zoo", "github.com/gozoo/zoo/model", "github.com/gozoo/zoo/vision", "image", "net/http")
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("left out: no go on this machine")
	}
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	compiled := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		compiled[path] = file
	}
	files := token.NewFileSet()
	from := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) })
	pieces := 0
	for _, block := range goBlock.FindAllStringSubmatch(string(text), -1) {
		pieces++
		file, err := parser.ParseFile(files, "README.md", fmt.Sprintf(around, block[1]), 0)
		if err != nil {
			t.Errorf("%v in\n%s", err, block[1])
			continue
		}
		check := types.Config{Importer: from, Error: func(err error) {
			if problem := err.(types.Error); !problem.Soft {
				t.Errorf("%s in\n%s", problem.Msg, block[1])
			}
		}}
		check.Check("piece", files, []*ast.File{file}, nil)
	}
	if pieces < 2 {
		t.Errorf("%d pieces of Go", pieces)
	}
}
