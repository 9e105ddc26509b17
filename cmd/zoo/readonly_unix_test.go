//go:build unix

package main

import (
	"errors"
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
	// A project of that user, with a key: the lock file is his, and the cache is not.
	project := filepath.Join(dir, "project")
	if err := os.Mkdir(project, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(project, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := command(t, cache, "lock", "key", filepath.Join(project, "k")); got.status != exitOK { // secret: of whoever runs the tests
		t.Fatal(got)
	}
	lockFile := filepath.Join(project, "zoo.lock")
	locked := func(args ...string) (string, error) {
		return run(append([]string{"--lock", lockFile, "--lock-key", filepath.Join(project, "k.pub")}, args...)...)
	}
	status := func(err error) int {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			return exit.ExitCode()
		}
		return exitOK
	}
	expect := func(what string, want int, out string, err error) {
		t.Helper()
		if got := status(err); got != want {
			t.Errorf("%s: exit status %d, want %d: %s", what, got, want, out)
		}
	}
	out, err := locked("download", nanoModel)
	expect("no lock file", exitDigest, out, err)
	out, err = locked("lock", nanoModel)
	expect("the first lock file", exitOK, out, err)
	if os.Geteuid() == 0 {
		out, err = locked("lock", "sign", "--key", filepath.Join(project, "k"))
		expect("another user's secret key", exitUsage, out, err)
	}
	if got := command(t, cache, "--lock", lockFile, "lock", "sign", "--key", filepath.Join(project, "k")); got.status != exitOK {
		t.Fatal(got)
	}
	out, err = locked("predict", nanoModel, filepath.Join(dir, "digit.png"))
	expect("a signed lock file", exitOK, out, err)
	if os.Geteuid() == 0 { // what may not be read is not as if it were not there
		for _, path := range []string{lockFile + ".sig", lockFile} {
			if err := os.Chown(path, 0, 0); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err = locked("download", nanoModel)
			expect(filepath.Base(path)+" of another user, with a key", exitDigest, out, err)
		}
		if out, err = run("--lock", lockFile, "download", nanoModel); err == nil || !strings.Contains(out, "permission denied") {
			t.Errorf("a lock file of another user: %v: %s", err, out)
		}
	}
	if out, err := run("download", "cspdarknet-nano_digits"); err == nil || !strings.Contains(out, "choose another folder with --cache-dir") {
		t.Errorf("a file that is not there: %v: %s", err, out)
	}
}
