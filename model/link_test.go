package model_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
)

// maxEmbedder bounds the stripped program of an embedder, in bytes, its weights included.
const maxEmbedder = 7_200_000

// A program of another module that imports model and vision, and runs a network from
// embedded bytes, links no registry client, no page, no table and no TOML, and is small.
func TestEmbedder(t *testing.T) {
	if testing.Short() {
		t.Skip("building a program takes seconds")
	}
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not here")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copied := func(from fs.FS, name, to string) {
		data, err := fs.ReadFile(from, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copied(os.DirFS("testdata/embedder"), "main.go", "main.go")
	copied(golden.Nano(), nano.File(t, nano.Names[1]), "digits.pth")
	copied(os.DirFS(root), "go.sum", "go.sum")
	mod := fmt.Sprintf("module embedder\n\ngo 1.26.0\n\nrequire github.com/gozoo/zoo v0.0.0\n\nreplace github.com/gozoo/zoo => %s\n", root)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(stdin []byte, name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir, c.Stdin = dir, bytes.NewReader(stdin)
		c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s %q: %v: %s", name, args, err, &stderr)
		}
		return string(out)
	}
	for line := range strings.Lines(run(nil, gotool, "list", "-deps", ".")) {
		for _, refused := range []string{"oras.land/", "opencontainers/", "html/template", "text/template", "tablewriter",
			"BurntSushi/toml", "net/http", "zoo/registry", "zoo/evaluate", "zoo/metrics/table"} {
			if strings.Contains(line, refused) {
				t.Errorf("it links %s", line)
			}
		}
	}
	program := filepath.Join(dir, "embedder.exe")
	run(nil, gotool, "build", "-ldflags=-s -w", "-o", program, ".")
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > maxEmbedder {
		t.Errorf("the program has %d bytes, at most %d are allowed", info.Size(), maxEmbedder)
	}
	if got := run(nano.Digit(t, 3), program); got != "5\n" {
		t.Errorf("it printed %q, want class 5", got)
	}
}
