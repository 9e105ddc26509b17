package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/faulthost"
)

// asProcess returns a command line that runs in a process of its own: of this program, or of
// another one.
func asProcess(ctx context.Context, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0")
	return c
}

// otherProgram is the environment variable that names another version of the program, which
// works on the same cache in the tests that are about several processes.
const otherProgram = "ZOO_OTHER"

// TestPruneStress has one process after the other prune the cache that others work in. None
// of them fails, and nothing is left. ZOO_LONG makes it a thousand conversions.
func TestPruneStress(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	rounds := 6
	if os.Getenv("ZOO_LONG") != "" {
		rounds = 500
	}
	out := t.TempDir()
	file := filepath.Join(out, "nano.pth")
	if err := os.WriteFile(file, nanoBytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	digits := digitsFolder(t, 20)
	image := filepath.Join("..", "..", "docs", "five.png")
	host := faulthost.Start(t, nanoBytes(t), faulthost.Drip(nanoBytes(t), 32<<10, time.Millisecond))
	config := served(t, host.URL, "served_digits")
	for name, keep := range map[string][]string{"leftovers": nil, "everything": {"--keep", "0B"}} {
		t.Run(name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "cache")
			pruning, stop := context.WithCancel(t.Context())
			var pruned atomic.Int64
			var pruner sync.WaitGroup
			pruner.Go(func() {
				for pruning.Err() == nil {
					c := asProcess(t.Context(), os.Args[0], append([]string{"--cache-dir", cache, "cache", "prune"}, keep...)...)
					if text, err := c.CombinedOutput(); err != nil {
						t.Errorf("prune: %v: %s", err, text)
					}
					pruned.Add(1)
				}
			})
			var workers sync.WaitGroup
			var failures atomic.Int64
			for worker := range 2 {
				workers.Go(func() {
					own := func(name string) string {
						return filepath.Join(out, fmt.Sprintf("%s-%d-%s", t.Name()[len("TestPruneStress/"):], worker, name))
					}
					for i := range rounds {
						if keep == nil { // so that there is something to convert
							made, _ := filepath.Glob(filepath.Join(cache, "derived", "[0-9a-f]*"))
							for _, path := range made {
								os.Remove(path)
							}
						}
						commands := [][]string{{"convert", nanoModel}}
						if others := [][]string{
							{"download", "served_digits"},
							{"predict", nanoModel, image},
							{"download", nanoModel},
							{"download", nanoModel, "--output", own("out.pth")},
							{"import", nanoModel, file},
							{"verify", nanoModel},
							{"eval", nanoModel, "--data", digits},
							{"convert", nanoModel, "--to", "npz", "-o", own("out.npz")},
							{"bundle", "create", nanoModel, "-o", own("out.tar")},
						}; i%2 == 0 {
							commands = append(commands, others[i/2%len(others)])
						}
						for _, args := range commands {
							c := asProcess(t.Context(), os.Args[0], append([]string{"--cache-dir", cache, "--config", config}, args...)...)
							if text, err := c.CombinedOutput(); err != nil {
								failures.Add(1)
								t.Errorf("%s: %v: %s", strings.Join(args, " "), err, text)
							}
						}
					}
				})
			}
			workers.Wait()
			stop()
			pruner.Wait()
			t.Logf("%d conversions beside %d prunings: %d failures", 2*rounds, pruned.Load(), failures.Load())
			if got := command(t, cache, "cache", "prune", "--keep", "0B"); got.status != exitOK {
				t.Errorf("prune: %+v", got)
			}
			if d := cmp.Diff([]string{"locks/.blobs", "locks/.zoo.lock"}, slices.DeleteFunc(filesIn(t, cache), func(f string) bool { return f == "zoo.lock" })); d != "" {
				t.Errorf("left (-want +got)\n%s", d)
			}
		})
	}
}

// filesIn returns the files below a folder, relative to it.
func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
