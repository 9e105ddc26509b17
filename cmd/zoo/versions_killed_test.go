package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/internal/faulthost"
)

// TestTwoVersionsKilled kills processes of this program, and of the one that ZOO_OTHER names,
// that work on one cache at the same time, with a host that now and then sends other bytes.
// After each kill nothing in the cache is corrupt, and this program trusts nothing that is
// not the published file. ZOO_LONG makes it five hundred kills.
func TestTwoVersionsKilled(t *testing.T) {
	kills := 8
	if os.Getenv("ZOO_LONG") != "" {
		kills = 500
	} else if testing.Short() {
		t.Skip("takes seconds")
	}
	other := cmp.Or(os.Getenv(otherProgram), os.Args[0])
	programs := []string{os.Args[0], other}
	data := nanoBytes(t)
	wrong := slices.Clone(data)
	wrong[len(wrong)/3] ^= 4
	wrongFile := filepath.Join(t.TempDir(), "wrong.pth")
	if err := os.WriteFile(wrongFile, wrong, 0o600); err != nil {
		t.Fatal(err)
	}
	drip := faulthost.Drip(data, 8<<10, time.Millisecond)
	host := faulthost.Start(t, data, func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch n % 11 {
		case 3:
			return faulthost.Serve(wrong, faulthost.ETag)(n, w, r)
		case 7:
			return faulthost.CutAt(data, len(data)/2, faulthost.Always)(n, w, r)
		}
		return drip(n, w, r)
	})
	config := served(t, host.URL, "served_digits")
	image := filepath.Join("..", "..", "docs", "five.png")
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d, beside %s", seed, other)
	cache := filepath.Join(t.TempDir(), "cache")
	start := func(program string) *exec.Cmd {
		commands := [][]string{
			{"convert", "served_digits"}, {"download", "served_digits"}, {"predict", "served_digits", image},
			{"convert", nanoModel}, {"import", "served_digits", wrongFile}, {"cache", "prune"}, {"cache", "prune", "--keep", "0B"},
		}
		args := commands[random.IntN(len(commands))]
		c := asProcess(t.Context(), program, append([]string{"--cache-dir", cache, "--config", config, "-q"}, args...)...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	// check looks at what is there once nobody works in the cache.
	check := func(when string) {
		t.Helper()
		if got := command(t, cache, "cache", "verify"); got.status != exitOK {
			t.Fatalf("seed %d: %s: %+v", seed, when, got)
		}
		if out, err := asProcess(t.Context(), other, "--cache-dir", cache, "cache", "verify").CombinedOutput(); err != nil {
			t.Fatalf("seed %d: %s: the other says: %v: %s", seed, when, err, out)
		}
		var listed struct{ Files []*zoo.Source }
		if err := json.Unmarshal([]byte(command(t, cache, "cache", "ls", "--format", "json").stdout), &listed); err != nil {
			t.Fatal(err)
		}
		for _, f := range listed.Files {
			if got, err := os.ReadFile(f.Path); err != nil || string(got) != string(data) {
				t.Fatalf("seed %d: %s: %s stands for %d other bytes, %v", seed, when, f.Model, len(got), err)
			}
		}
	}
	killed, rotten := 0, 0
	for round := 0; killed < kills; round++ {
		var running []*exec.Cmd
		for _, program := range programs {
			running = append(running, start(program))
		}
		time.Sleep(time.Duration(random.Int64N(int64(120 * time.Millisecond))))
		for i, c := range running {
			if random.IntN(3) > 0 {
				c.Process.Kill()
			}
			if c.Wait() != nil && c.ProcessState.ExitCode() == -1 {
				killed++
			} else if status := c.ProcessState.ExitCode(); i == 0 && !slices.Contains([]int{exitOK, exitNetwork, exitDigest}, status) {
				t.Errorf("seed %d, round %d: %s: exit status %d", seed, round, strings.Join(c.Args[6:], " "), status)
			}
		}
		when := fmt.Sprintf("round %d", round)
		check(when)
		if random.IntN(4) == 0 && rot(t, random, cache) {
			rotten++
			if got := command(t, cache, "--config", config, "predict", nanoModel, image); got.status != exitOK && got.status != exitDigest ||
				got.status == exitOK && !strings.HasPrefix(strings.TrimSpace(got.stdout), "5  0.9986") {
				t.Errorf("seed %d, %s: a changed file: %+v", seed, when, got)
			}
			if got := command(t, cache, "cache", "verify", "--fix"); got.status != exitOK {
				t.Errorf("seed %d, %s: %+v", seed, when, got)
			}
		}
	}
	t.Logf("%d killed, %d files changed", killed, rotten)
	if got := command(t, cache, "convert", nanoModel); got.status != exitOK {
		t.Errorf("in the end: %+v", got)
	}
	if got := command(t, cache, "cache", "prune", "--keep", "0B"); got.status != exitOK {
		t.Errorf("prune: %+v", got)
	}
	for _, left := range filesIn(t, cache) {
		if !strings.HasSuffix(left, "zoo.lock") && left != "locks/.blobs" {
			t.Errorf("left: %s", left)
		}
	}
}

// rot changes a byte of a file in a cache, and reports whether there was one.
func rot(t *testing.T, random *rand.Rand, cache string) bool {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(cache, "blobs", "sha256", "*"))
	if err != nil || len(blobs) == 0 {
		return false
	}
	path := blobs[random.IntN(len(blobs))]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1-random.IntN(len(data)/2)] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return true
}
