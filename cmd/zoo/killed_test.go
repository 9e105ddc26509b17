package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An evaluation that is killed twenty times ends with the counts of a clean run.
func TestEvalKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const copies, nano = 12, "cspdarknet-nano_digits"
	dir := t.TempDir()
	digits := digitsFolder(t, 360)
	var list bytes.Buffer
	labels, err := os.ReadFile(filepath.Join(digits, "val.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range copies {
		if err := os.CopyFS(filepath.Join(dir, fmt.Sprint(i)), os.DirFS(digits)); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(labels)) {
			fmt.Fprintf(&list, "%d/%s", i, line)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "val.txt"), list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	args := []string{"eval", nano, "--data", dir, "--format", "json"}
	start := time.Now()
	clean := command(t, cache, args...)
	took := time.Since(start)
	if clean.status != exitOK || !strings.Contains(clean.stdout, fmt.Sprintf(`"correct": %d`, 354*copies)) {
		t.Fatalf("exit status %d: %s%s", clean.status, clean.stdout, clean.stderr)
	}
	log := filepath.Join(t.TempDir(), "log.jsonl")
	args = append(args, "-o", log)
	r := rand.New(rand.NewPCG(5, 6))
	kills, lines := 0, 0
	for range 20 {
		cmd := exec.Command(os.Args[0], append([]string{"--cache-dir", cache}, args...)...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Int64N(int64(took)/8 + 1)))
		cmd.Process.Kill()
		if cmd.Wait() != nil {
			kills++
		}
		data, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte("\n")); n < lines {
			t.Errorf("the log has %d lines after %d", n, lines)
		} else {
			lines = n
		}
	}
	last := command(t, cache, args...)
	t.Logf("%d kills, %s", kills, strings.TrimSpace(last.stderr))
	if last.status != exitOK {
		t.Fatalf("exit status %d: %s", last.status, last.stderr)
	}
	if diff := cmp.Diff(clean.stdout, last.stdout); diff != "" {
		t.Errorf("(-clean +resumed):\n%s", diff)
	}
	if kills == 0 {
		t.Error("every run ended before it could be killed")
	}
}
