package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter/safetensors"
)

func TestPresentable(t *testing.T) {
	const text = "nn: 2 missing:\n  \"a\"\n  b\x1b[2J"
	if got, want := presentable(text), "nn: 2 missing:\n  \"a\"\n  b\x1b[2J"; got != strings.ReplaceAll(want, "\x1b", `\x1b`) {
		t.Errorf("%q", got)
	}
	got := presentable("tensor " + strings.Repeat("x", maxHead+maxTail) + ": is wrong")
	if !strings.HasPrefix(got, "tensor xxx") || !strings.Contains(got, "x … 17 bytes … x") || !strings.HasSuffix(got, "x: is wrong") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// Names that a file brings along do not reach the terminal's control.
func TestForeignNamesAreEscaped(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	cache, dir := t.TempDir(), t.TempDir()
	converted, evil := filepath.Join(dir, "nano.safetensors"), filepath.Join(dir, "evil.safetensors")
	if got := command(t, cache, "convert", nano, "-o", converted); got.status != exitOK {
		t.Fatalf("exit status %d: %s", got.status, got.stderr)
	}
	f, err := safetensors.Open(converted)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	meta := f.Metadata()
	meta["classes"] = `["0","1","2","3","4","\u001b[2Jfive\nsix","6","7","8","9"]`
	if err := safetensors.WriteFile(evil, f.StateDict(), meta); err != nil {
		t.Fatal(err)
	}
	got := command(t, cache, "predict", nano, imageFile(t, "val/00003.png"), "--checkpoint", evil, "--top", "2")
	if got.status != exitOK || strings.Contains(got.stdout, "\x1b") || strings.Count(got.stdout, "\n") != 2 || !strings.Contains(got.stdout, `\x1b[2Jfive\nsix`) {
		t.Errorf("exit status %d, printed %q", got.status, got.stdout)
	}
}

// Lines for people are printed by the functions that make one line of what is from outside.
func TestLinesArePrintedInOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	raw := regexp.MustCompile(`(fmt\.Fprint\w*|io\.WriteString)\(\w*\.?(app\.)?(a\.)?std(out|err)\b`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "output.go" || file == "app.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range raw.FindAllString(string(text), -1) {
			t.Errorf("%s: %s: print by line, prose, field, judge, hint or printProblem", file, found)
		}
	}
}
