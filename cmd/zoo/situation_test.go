package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A situation is a command line as somebody typed it, and what must come of it.
type situation struct {
	name   string
	args   []string
	dir    string            // the working directory; empty: the test's own
	env    map[string]string // settings
	status int
	says   []string // texts of which each stands in either output
	never  []string // texts of which none does
}

// differences counts the situations that came out otherwise, in the whole run of the tests:
// the runner of corpora prints it.
var situations, differences atomic.Int64

// play runs situations as subtests, all on one cache folder.
func play(t *testing.T, cache string, list []situation) {
	t.Helper()
	for _, s := range list {
		t.Run(s.name, func(t *testing.T) {
			if s.dir != "" {
				t.Chdir(s.dir)
			}
			for name, value := range s.env {
				t.Setenv(name, value)
			}
			situations.Add(1)
			if problem := s.compare(commandIn(t, context.Background(), cache, nil, s.args...)); problem != "" {
				differences.Add(1)
				t.Errorf("zoo %s\n%s", strings.Join(s.args, " "), problem)
			}
		})
	}
}

// compare returns how a result differs from what must be; empty where it does not.
func (s *situation) compare(r result) string {
	var b strings.Builder
	if r.status != s.status {
		fmt.Fprintf(&b, "exit status %d, want %d\n", r.status, s.status)
	}
	both := r.stdout + r.stderr
	for _, text := range s.says {
		if !strings.Contains(both, text) {
			fmt.Fprintf(&b, "%q is not said\n", text)
		}
	}
	for _, text := range s.never {
		if strings.Contains(both, text) {
			fmt.Fprintf(&b, "%q is said\n", text)
		}
	}
	if b.Len() > 0 {
		fmt.Fprintf(&b, "standard output:\n%s\nstandard error:\n%s", r.stdout, r.stderr)
	}
	return b.String()
}

// corpus returns a folder of inputs that lies beside the project, in "shared". Where it is
// not there the test is skipped, and says so.
func corpus(t testing.TB, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("left out: %s is not here", filepath.Join("..", "shared", name))
	}
	return dir
}

// unpacked returns the path of a corpus file without its ".zst" or ".tar": its content is
// unpacked into a folder of the test.
func unpacked(t testing.TB, path string) string {
	t.Helper()
	dir := t.TempDir()
	switch filepath.Ext(path) {
	case ".zst":
		out := filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), ".zst"))
		runTool(t, "zstd", "-q", "-d", path, "-o", out)
		return out
	case ".tar":
		runTool(t, "tar", "-xf", path, "-C", dir)
		return dir
	}
	t.Fatalf("%s: expected .zst or .tar", path)
	return ""
}

func runTool(t testing.TB, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("left out: no %s on this machine", name)
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
