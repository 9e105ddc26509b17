//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gozoo/zoo/internal/race"
)

// A process is a command line that runs in a process of its own, so that its memory is
// known.
type processed struct {
	result
	peak int64 // MB of memory
	took time.Duration
}

// process runs a command line, for a minute at most.
func process(t testing.TB, cache string, args ...string) (p processed) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"--cache-dir", cache, "-q"}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	timer := time.AfterFunc(4*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	p.result = result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	p.peak = usage.Maxrss >> 10
	p.took = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return p
}

// What a single input of at most 5 MB may take, beyond the network's own memory. The test
// binary is larger than the program. Processor time is bounded only to tell what hangs.
const mostMemory, mostTime = 1331, time.Minute

// bounded checks what a command line takes and says.
func checkBounded(t *testing.T, cache string, status int, says string, args ...string) {
	t.Helper()
	p := process(t, cache, args...)
	t.Logf("exit status %d, %d MB, %v of processor time", p.status, p.peak, p.took.Round(time.Millisecond))
	if p.status != status || !strings.Contains(p.stdout+p.stderr, says) {
		t.Errorf("exit status %d, want %d and %q:\n%s%s", p.status, status, says, p.stdout, p.stderr)
	}
	if !race.Enabled && (p.peak > mostMemory || p.took > mostTime) { // what watches takes more than the program
		t.Errorf("takes %d MB and %v", p.peak, p.took)
	}
}

func TestHostile2Pictures(t *testing.T) {
	if race.Enabled {
		t.Skip("a minute and more of processor time")
	}
	dir, cache := corpus(t, "hostile-2"), t.TempDir()
	for _, tc := range []struct {
		name   string
		status int
		says   string
	}{
		{"bomb.webp", exitInternal, "--pixel-memory"},
		{"scans_small.jpg", exitOK, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			checkBounded(t, cache, tc.status, tc.says, "predict", nanoModel, filepath.Join(dir, tc.name))
		})
	}
}

func TestHostile2Catalogues(t *testing.T) {
	dir, cache := corpus(t, "hostile-2"), t.TempDir()
	checkBounded(t, cache, exitUsage, "each model is a table", "list", "--config", filepath.Join(dir, "inline_zoo.toml"))
	// The same within a row, and a key as long.
	for says, text := range map[string]string{
		"more than 8 arrays and tables within each other": "[m]\na = " + strings.Repeat("{b=", 16000) + "1" + strings.Repeat("}", 16000),
		"a key of more than 8 parts":                      "[m]\na" + strings.Repeat(".a", 50000) + " = 1",
		"\"m\": more than 1024 keys":                      "[m]\n" + strings.Repeat("[m.a]\n", 100000),
	} {
		path := filepath.Join(t.TempDir(), "zoo.toml")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		checkBounded(t, cache, exitUsage, says, "list", "--config", path)
	}
	escapes := filepath.Join(dir, "escapes_zoo.toml")
	checkBounded(t, cache, exitUsage, "weights.licence", "info", nanoModel, "--config", escapes)
	checkBounded(t, cache, exitOK, "resnet18_8xb32_in1k", "list", "--config", escapes)
}

// Small files of the largest picture take its pixels and little more.
func TestLargestPictures(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes 180 megapixels")
	}
	cache := t.TempDir()
	for name, bits := range map[string]byte{"8 bits": 8, "16 bits": 16} {
		t.Run(name, func(t *testing.T) {
			checkBounded(t, cache, exitOK, "", "predict", nanoModel, blackPNG(t, 13376, 13376, bits))
		})
	}
}

// What is no regular file is not read: it may never end, or never begin.
func TestIrregularFiles(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Symlink("/dev/zero", path("zero.png")); err != nil {
		t.Skip(err)
	}
	if err := syscall.Mkfifo(path("pipe.png"), 0o600); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(imageFile(t, "val/00003.png"), path("link.png")); err != nil {
		t.Fatal(err)
	}
	catalogue := path("zoo.toml")
	if err := os.Symlink("/dev/zero", catalogue); err != nil {
		t.Fatal(err)
	}
	completion := []string{"__complete", "info", ""}
	play(t, cache, []situation{
		{name: "a link to a file", args: []string{"predict", nanoModel, path("link.png")}, status: exitOK, says: []string{"0.9986"}},
		{name: "an endless device", args: []string{"predict", nanoModel, path("zero.png")}, status: exitUsage, says: []string{"zero.png", "not a regular file"}},
		{name: "a pipe", args: []string{"embed", nanoModel, path("pipe.png")}, status: exitUsage, says: []string{"pipe.png", "not a regular file"}},
		{name: "pixels of a pipe", args: []string{"pixels", path("pipe.png"), "-o", path("out.png")}, status: exitUsage, says: []string{"not a regular file"}},
		{name: "a catalogue", args: []string{"list", "--config", catalogue}, status: exitUsage, says: []string{"zoo.toml", "not a regular file"}},
		{name: "a project's catalogue", dir: dir, args: []string{"list"}, status: exitUsage, says: []string{"zoo.toml", "not a regular file"}},
		{name: "completion", dir: dir, args: completion, status: exitOK},
	})
}
