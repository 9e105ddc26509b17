package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/registry/lock"
)

// TestHostile2Trust uses a project whose rows bring a file that was made to have the 8 digits of
// a published one, and then the model elsewhere.
func TestHostile2Trust(t *testing.T) {
	from := corpus(t, "hostile-2")
	const model = "mobilenet-v3-large_8xb128_in1k"
	evil := t.TempDir()
	for to, name := range map[string]string{"zoo.toml": "poison_zoo.toml", "poison_evil.pth": "poison_evil.pth"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(evil, to), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cache := filepath.Join(t.TempDir(), "cache")
	other, file := t.TempDir(), filepath.Join(evil, "poison_evil.pth")
	overridden := model + ": the built-in row is overridden: weights.url in "
	play(t, cache, []situation{
		{name: "in the project", dir: evil, args: []string{"download", model}, status: exitOK, says: []string{overridden + "zoo.toml", "checked by prefix, from file " + file}},
		{name: "again", dir: evil, args: []string{"download", model}, status: exitOK, says: []string{"checked by prefix"}, never: []string{"checked by lock"}},
		{name: "quietly", dir: evil, args: []string{"download", model, "--quiet"}, status: exitOK, never: []string{overridden}},
		{name: "elsewhere", dir: other, args: []string{"--offline", "download", model}, status: exitNetwork,
			says: []string{"is not used", "came by another address: file " + file}, never: []string{"checked by"}},
		{name: "pinned elsewhere", dir: other, args: []string{"--offline", "lock", model}, status: exitNetwork},
		{name: "listed", dir: other, args: []string{"cache", "ls"}, status: exitOK, says: []string{"prefix  file " + file}},
		{name: "told", dir: other, args: []string{"info", model}, status: exitOK, says: []string{"checked by prefix, from file " + file}, never: []string{"overridden"}},
		{name: "by --config", dir: other, args: []string{"--config", filepath.Join(evil, "zoo.toml"), "info", model}, status: exitOK, says: []string{overridden + filepath.Join(evil, "zoo.toml")}},
		{name: "by --config, another folder's file", dir: other, args: []string{"--offline", "--config", filepath.Join(evil, "zoo.toml"), "download", model}, status: exitInternal},
		{name: "by $ZOO_CONFIG", dir: evil, env: map[string]string{zoo.EnvConfig: filepath.Join(from, "poison_zoo.toml")}, args: []string{"download", model}, status: exitOK,
			says: []string{"checked by prefix"}, never: []string{"checked by lock"}},
		{name: "pinned there by hand", dir: evil, args: []string{"lock", model}, status: exitOK},
		{name: "used there", dir: evil, args: []string{"download", model}, status: exitOK, says: []string{"checked by lock"}},
		{name: "still not elsewhere", dir: other, args: []string{"--offline", "download", model}, status: exitNetwork},
		{name: "imported elsewhere", dir: other, args: []string{"import", model, file}, status: exitOK, says: []string{"checked by prefix, from import"}},
		{name: "used elsewhere by hand", dir: other, args: []string{"--offline", "download", model}, status: exitOK, says: []string{"checked by prefix, from import"}},
	})
	if f, err := lock.Read(filepath.Join(evil, lock.FileName)); err != nil || f.Origin(model).Way != lock.LocalFile {
		t.Errorf("the project's lock file says %q, %v", f.Origin(model), err)
	}
	if f, err := lock.Read(filepath.Join(cache, lock.FileName)); err != nil || len(f.Names()) > 0 {
		t.Errorf("learnt: %q, %v", f.Names(), err)
	}
	if _, err := os.Stat(filepath.Join(other, lock.FileName)); err == nil {
		t.Error("a lock file was made elsewhere")
	}
}
