//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Whatever an output names that is no regular file stays what it is: links are followed,
// devices and named pipes are written through, the rest is refused by what it is.
func TestOutputTargets(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	cache := t.TempDir()
	image := imageFile(t, "val/00003.png")
	for name, args := range map[string][]string{
		"convert":       {"convert", nano, "-o"},
		"convert npz":   {"convert", nano, "--to", "npz", "--dtype", "f32", "-o"},
		"download":      {"download", nano, "--output"},
		"bundle create": {"bundle", "create", nano, "-o"},
		"pixels":        {"pixels", image, "-o"},
		"cam":           {"predict", nano, image, "--cam"},
		"plot":          {"report", nano, "--plot"},
		"logits":        {"bench", nano, "--runs", "0", "--logits"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := func(name string) string { return filepath.Join(dir, name) }
			to := func(path string) result { return command(t, cache, append(args, path)...) }

			if got := to(path("file")); got.status != exitOK {
				t.Fatal(got)
			}
			want, err := os.ReadFile(path("file"))
			if err != nil {
				t.Fatal(err)
			}
			for link, target := range map[string]string{"link": "old", "dangling": "new"} {
				if link == "link" {
					if err := os.WriteFile(path(target), []byte("old"), 0o604); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Symlink(target, path(link)); err != nil {
					t.Fatal(err)
				}
				if got := to(path(link)); got.status != exitOK {
					t.Errorf("%s: %+v", link, got)
				}
				st, err := os.Lstat(path(link))
				if err != nil || st.Mode()&os.ModeSymlink == 0 {
					t.Errorf("%s is no link any more: %v, %v", link, st, err)
				}
				if data, err := os.ReadFile(path(target)); err != nil || string(data) != string(want) {
					t.Errorf("%s: %d bytes, %v, want %d", link, len(data), err, len(want))
				}
			}
			if st, err := os.Stat(path("old")); err != nil || st.Mode().Perm() != 0o604 {
				t.Errorf("permissions became %v, %v", st.Mode(), err)
			}

			if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
				t.Fatal(err)
			}
			read := make(chan string)
			go func() {
				data, _ := os.ReadFile(path("pipe"))
				read <- string(data)
			}()
			if got := to(path("pipe")); got.status != exitOK {
				t.Errorf("pipe: %+v", got)
			}
			if data := <-read; data != string(want) {
				t.Errorf("pipe: read %d bytes, want %d", len(data), len(want))
			}
			if got := to("/dev/null"); got.status != exitOK {
				t.Errorf("/dev/null: %+v", got)
			}
			if st, err := os.Stat("/dev/null"); err != nil || st.Mode()&os.ModeCharDevice == 0 {
				t.Fatalf("/dev/null is %v, %v", st, err)
			}

			l, err := net.Listen("unix", path("socket"))
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			for what, target := range map[string]string{"a socket": path("socket"), "a folder": dir, "no space": "/dev/full"} {
				if _, err := os.Stat(target); err != nil || name == "cam" && target == dir {
					continue // not on this system, or a folder for maps
				}
				if got := to(target); got.status == exitOK || !strings.Contains(got.stderr, what) || !strings.Contains(got.stderr, target) {
					t.Errorf("%s: %+v", what, got)
				}
			}
			for name, mode := range map[string]os.FileMode{"pipe": os.ModeNamedPipe, "socket": os.ModeSocket} {
				if st, err := os.Lstat(path(name)); err != nil || st.Mode().Type() != mode {
					t.Errorf("%s became %v, %v", name, st, err)
				}
			}
			if left, _ := filepath.Glob(path(".*")); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
	t.Run("log", func(t *testing.T) {
		pipe := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, target := range []string{pipe, "/dev/null", "/dev/stdout"} {
			if got := command(t, cache, "eval", nano, "-o", target); got.status != exitUsage || !strings.Contains(got.stderr, target) {
				t.Errorf("%s: %+v", target, got)
			}
		}
	})
	t.Run("lock", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Symlink("shared.lock", filepath.Join(dir, "zoo.lock")); err != nil {
			t.Fatal(err)
		}
		if got := command(t, cache, "lock", nano, "--lock", filepath.Join(dir, "zoo.lock")); got.status != exitOK {
			t.Errorf("%+v", got)
		}
		if st, err := os.Lstat(filepath.Join(dir, "shared.lock")); err != nil || !st.Mode().IsRegular() {
			t.Errorf("%v, %v", st, err)
		}
		if got := command(t, cache, "lock", nano, "--lock", "/dev/null"); got.status == exitOK {
			t.Errorf("/dev/null: %+v", got)
		}
	})
}
