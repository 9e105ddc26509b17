//go:build unix

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReadOnlyCache runs as a user who may only read a cache that somebody else
// filled with published files, not with converted ones.
func TestReadOnlyCache(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	program, cache := filepath.Join(dir, "program"), filepath.Join(dir, "cache")
	// Where the test program is, another user may not look.
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := command(t, cache, "download", nanoModel); got.status != exitOK {
		t.Fatal(got)
	}
	run := func(args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), program, append([]string{"--offline", "--cache-dir", cache}, args...)...)
		c.Env, c.Dir = append(os.Environ(), asProgram+"=1", "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir), dir
		if os.Geteuid() == 0 {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := c.CombinedOutput()
		return string(out), err
	}
	walk := func(mode fs.FileMode) {
		filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				os.Chmod(path, mode)
			}
			return err
		})
	}
	walk(0o555)
	defer walk(0o755)
	if out, err := run("version"); err != nil {
		t.Skipf("another user cannot run here: %v: %s", err, out)
	}
	for _, args := range [][]string{
		{"download", nanoModel}, {"cache", "ls"}, {"cache", "verify"},
		{"predict", nanoModel, ""}, {"verify", nanoModel}, {"eval", nanoModel, "--limit", "5"}, {"report", nanoModel},
	} {
		if args[0] == "predict" { // an image that the other user may read
			path := filepath.Join(dir, "digit.png")
			if err := os.WriteFile(path, embedded(t, "val/00003.png"), 0o644); err != nil {
				t.Fatal(err)
			}
			args[2] = path
		}
		if out, err := run(args...); err != nil {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
	if out, err := run("download", "cspdarknet-nano_digits"); err == nil || !strings.Contains(out, "choose another folder with --cache-dir") {
		t.Errorf("a file that is not there: %v: %s", err, out)
	}
}
