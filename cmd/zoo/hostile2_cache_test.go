package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestHostile2Cache changes bytes of files in the cache at equal size, and asks every command
// that vouches for them. The input is what zoo makes itself: no corpus is needed.
func TestHostile2Cache(t *testing.T) {
	digits := digitsFolder(t, 20)
	image := filepath.Join("..", "..", "docs", "five.png")
	out := t.TempDir()
	commands := map[string][]string{
		"eval":            {"eval", nanoModel, "--data", digits},
		"predict":         {"predict", nanoModel, image},
		"embed":           {"embed", nanoModel, image},
		"verify":          {"verify", nanoModel},
		"download":        {"download", nanoModel},
		"download a copy": {"download", nanoModel, "--output", filepath.Join(out, "nano.pth")},
		"convert":         {"convert", nanoModel},
		"convert to npz":  {"convert", nanoModel, "-o", filepath.Join(out, "nano.npz")},
		"lock":            {"--lock", filepath.Join(out, "zoo.lock"), "lock", nanoModel},
		"bundle":          {"bundle", "create", nanoModel, "-o", filepath.Join(out, "nano.tar")},
		"report":          {"report", nanoModel},
	}
	// What of the cache a command uses is changed in the middle of its bytes, in place.
	change := func(t *testing.T, path string, keepTime bool) {
		t.Helper()
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		bytes := make([]byte, 4096)
		if _, err := f.ReadAt(bytes, st.Size()/2); err != nil {
			t.Fatal(err)
		}
		for i := range bytes {
			bytes[i] ^= 0x15
		}
		if _, err := f.WriteAt(bytes, st.Size()/2); err != nil {
			t.Fatal(err)
		}
		if keepTime {
			if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			command(t, cache, "convert", nanoModel)
			clean := command(t, cache, args...)
			if clean.status != exitOK {
				t.Fatalf("%+v", clean)
			}
			blobs := map[bool]string{true: strings.TrimSpace(command(t, cache, "download", nanoModel).stdout)}
			blobs[false] = strings.TrimSpace(command(t, cache, "convert", nanoModel).stdout)
			for published, path := range blobs {
				for _, keepTime := range []bool{false, true} {
					time.Sleep(20 * time.Millisecond) // some clocks stand still for a while
					change(t, path, keepTime)
					got := situation{name: "changed", args: args, status: exitOK}
					if published {
						// Whoever is handed the published file is told; the next one gets it again.
						got.status, got.says = exitDigest, []string{"was changed in the cache", filepath.Base(path), "run again"}
						play(t, cache, []situation{got, {name: "again", args: args, status: exitOK, never: []string{"changed"}}})
						continue
					}
					// What was made of it is made again, at once, where the command needs it.
					r := commandIn(t, t.Context(), cache, nil, args...)
					if problem := got.compare(r); problem != "" {
						t.Error(problem)
					}
					if diff := cmp.Diff(stable(clean.stdout, cache), stable(r.stdout, cache)); diff != "" {
						t.Errorf("(-before +after the change):\n%s", diff)
					}
					command(t, cache, "predict", nanoModel, image) // makes it again, whatever args do
				}
			}
			if got := command(t, cache, "cache", "verify"); got.status != exitOK {
				t.Errorf("in the end: %+v", got)
			}
		})
	}
	t.Run("the words", func(t *testing.T) {
		cache := t.TempDir()
		play(t, cache, []situation{
			{name: "fetched", args: []string{"download", nanoModel}, says: []string{"checked by sha256, ", "read now"}},
			{name: "listed", args: []string{"cache", "ls"}, says: []string{"  sha256", "read now"}},
		})
		path := strings.TrimSpace(command(t, cache, "download", nanoModel).stdout)
		time.Sleep(20 * time.Millisecond)
		change(t, path, false)
		play(t, cache, []situation{
			{name: "changed", args: []string{"cache", "ls"}, says: []string{"not read since it may have changed"}},
			{name: "read", args: []string{"cache", "verify"}, status: exitDigest, says: []string{"FAIL blobs"}},
		})
	})
}
