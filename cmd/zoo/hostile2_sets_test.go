package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestHostile2Sets evaluates sets that are out of proportion.
func TestHostile2Sets(t *testing.T) {
	dir := corpus(t, "hostile-2")
	const nano = "cspresnet-nano_digits"
	newlines := t.TempDir()
	if err := os.WriteFile(filepath.Join(newlines, "val.txt"), make([]byte, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(newlines, "val.txt"), 3<<30); err != nil {
		t.Fatal(err)
	}
	play(t, t.TempDir(), []situation{
		{name: "an entry of 64 MiB", args: []string{"eval", nano, "--data", filepath.Join(dir, "bomb_dataset.zip")}, status: exitUsage, says: []string{"none of 1 images could be read"}},
		{name: "a list of 3 GiB", args: []string{"eval", nano, "--data", newlines}, status: exitUsage, says: []string{"longer than"}},
	})
}
