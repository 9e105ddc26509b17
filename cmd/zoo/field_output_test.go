package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gozoo/zoo/converter/safetensors"
)

// The lines of field about settings that a shell has not expanded and about what other tools
// ask of a safetensors file.
func TestFieldOutput(t *testing.T) {
	control := unpacked(t, filepath.Join(corpus(t, "field"), "00_control.pth.zst"))
	cache, home, work := t.TempDir(), t.TempDir(), t.TempDir()
	env := map[string]string{"HOME": home, "ZOO_CACHE": "~/zoo-cache"}
	out := filepath.Join(t.TempDir(), "out.safetensors")
	play(t, cache, []situation{
		{name: "a home folder", args: []string{"cache", "path", "--cache-dir=~/zoo-cache"}, dir: work, env: env,
			says: []string{filepath.Join(home, "zoo-cache") + "\n"}},
		{name: "another's home folder", args: []string{"cache", "path", "--cache-dir=~ada/zoo-cache"}, dir: work, env: env, status: exitUsage,
			says: []string{"only ~/ stands for a home folder"}},
		{name: "another tool's loader", args: []string{"convert", control, "-o", out}, says: []string{out}},
		{name: "to standard output", args: []string{"convert", control, "-o", "-", "--to", "safetensors"}, says: []string{`"format":"pt"`}},
		{name: "a dry run", args: []string{"convert", control, "-o", out, "--dry-run"}, says: []string{"would write " + out + ": safetensors, "}},
	})
	if left, _ := os.ReadDir(work); len(left) > 0 {
		t.Errorf("made %v", left)
	}
	f, err := safetensors.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Metadata()["format"]; got != "pt" {
		t.Errorf("metadata format %q", got)
	}
}
