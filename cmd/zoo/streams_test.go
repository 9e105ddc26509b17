package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo"
)

// What goes to standard output is what would be in the file, in every format, and everything
// else goes to standard error; a dry run says what would be there, and makes nothing.
func TestConvertStreams(t *testing.T) {
	const nano = "cspresnext-nano_digits"
	cache, dir := t.TempDir(), t.TempDir()
	own := filepath.Join(t.TempDir(), "mine.pth")
	if got := command(t, cache, "download", nano, "--output", own); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	for _, source := range [][]string{{nano}, {own, "--model", nano}} {
		for _, format := range []string{"safetensors", "pth", "npz", "onnx"} {
			t.Run(source[0]+" "+format, func(t *testing.T) {
				args := append([]string{"convert"}, source...)
				args = append(args, "--to", format, "--dtype", "f32")
				path := filepath.Join(dir, "out."+format)
				dry := command(t, cache, append(args, "-o", path, "--dry-run", "--format", "json")...)
				if _, err := os.Stat(path); err == nil {
					t.Error("the dry run made a file")
				}
				if got := command(t, cache, append(args, "-o", path)...); got.status != exitOK {
					t.Fatal(got.stderr)
				}
				defer os.Remove(path)
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				var would struct {
					Dry    bool `json:"dry_run"`
					Path   string
					Format string
					Bytes  int
					SHA256 string
				}
				if err := json.Unmarshal([]byte(dry.stdout), &would); err != nil {
					t.Fatal(err, dry)
				}
				if sum := fmt.Sprintf("%x", sha256.Sum256(data)); !would.Dry || would.Path != path || would.Format != format || would.Bytes != len(data) || would.SHA256 != sum {
					t.Errorf("the dry run said %+v, the file has %d bytes and %s", would, len(data), sum)
				}
				for _, to := range []string{"-", "/dev/stdout"} {
					got := command(t, cache, append(args, "-o", to, "--explain", "--format", "json")...)
					if got.status != exitOK || got.stdout != string(data) {
						t.Errorf("-o %s: exit status %d, %d bytes, want the file's %d: %.200s", to, got.status, len(got.stdout), len(data), got.stderr)
					}
					if !json.Valid([]byte(got.stderr)) || !strings.Contains(got.stderr, would.SHA256) || !strings.Contains(got.stderr, `"names"`) {
						t.Errorf("-o %s: said %.300s", to, got.stderr)
					}
				}
			})
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	t.Run("in the cache", func(t *testing.T) {
		empty := t.TempDir()
		dry := command(t, empty, "convert", nano, "--dry-run")
		made := command(t, empty, "convert", nano)
		path := strings.TrimSuffix(made.stdout, "\n")
		if made.status != exitOK || !strings.HasPrefix(dry.stdout, "would write "+path+": safetensors, ") || !strings.Contains(dry.stdout, filepath.Base(path)+"\n") {
			t.Errorf("said %q, and then made %q", dry.stdout, made.stdout)
		}
	})
	t.Run("refused before", func(t *testing.T) {
		for _, args := range [][]string{
			{"-o", filepath.Join(dir, "none", "out.npz")}, {"-o", dir, "--to", "npz"}, {"-o", filepath.Join(own, "out.npz")},
		} {
			if got := command(t, cache, append([]string{"convert", nano, "--dry-run", "--dtype", "f32"}, args...)...); got.status == exitOK || got.stdout != "" {
				t.Errorf("%q: exit status %d: %s", args, got.status, got.stdout)
			}
		}
	})
}

// Other commands that write data write the same to standard output.
func TestOtherStreams(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	cache, dir := t.TempDir(), t.TempDir()
	image := imageFile(t, "val/00003.png")
	for _, args := range [][]string{
		{"download", nano, "--output"},
		{"bundle", "create", nano, "-o"},
		{"pixels", image, "-o"},
		{"predict", nano, image, "--cam"},
		{"report", nano, "--plot"},
		{"bench", nano, "--runs", "0", "--logits"},
	} {
		path := filepath.Join(dir, "out")
		if got := command(t, cache, append(args, path)...); got.status != exitOK {
			t.Fatal(args, got)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := command(t, cache, append(args, "-")...)
		if got.status != exitOK || !bytes.Equal([]byte(got.stdout), want) {
			t.Errorf("%q: exit status %d, %d bytes, want %d: %s", args, got.status, len(got.stdout), len(want), got.stderr)
		}
	}
}

// "~/" is the home folder wherever a path is set, and no folder of that name is made.
func TestHome(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	home, work := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", "")
	t.Chdir(work)
	if err := os.WriteFile(filepath.Join(home, "rows.toml"), []byte("["+nano+".published]\nnote = \"from home\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "five.png"), embedded(t, "val/00003.png"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := func(args ...string) result {
		t.Helper()
		var stdout, stderr bytes.Buffer
		return result{run(t.Context(), args, nil, &stdout, &stderr), stdout.String(), stderr.String()}
	}
	t.Setenv(zoo.EnvCache, "~/cache")
	t.Setenv(zoo.EnvConfig, "~/rows.toml")
	t.Setenv(zoo.EnvLock, "~/zoo.lock")
	t.Setenv("HF_HOME", "~/hf")
	t.Setenv("TORCH_HOME", "~/torch")
	for _, tt := range []struct {
		args []string
		want string // in the output
	}{
		{[]string{"cache", "path"}, filepath.Join(home, "cache") + "\n"},
		{[]string{"cache", "path", "--cache-dir=~/other"}, filepath.Join(home, "other") + "\n"},
		{[]string{"cache", "path", "--cache-dir=~"}, home + "\n"},
		{[]string{"env"}, filepath.Join(home, "hf", "hub")},
		{[]string{"env"}, filepath.Join(home, "torch", "hub", "checkpoints")},
		{[]string{"env"}, filepath.Join(home, "rows.toml")},
		{[]string{"lock", nano}, filepath.Join(home, "zoo.lock")},
		{[]string{"report", nano}, "from home"},
		{[]string{"convert", nano, "--output=~/o.safetensors"}, filepath.Join(home, "o.safetensors") + "\n"},
		{[]string{"pixels", filepath.Join(home, "five.png"), "-o", "~/seen.png"}, ""},
		{[]string{"eval", nano, "--limit=30", "--output=~/run.jsonl", "--checkpoint=~/o.safetensors"}, "Top-1"},
		{[]string{"lock", "key", filepath.Join(home, "k")}, ""},
		{[]string{"lock", "sign", "--key=~/k"}, ""},
		{[]string{"cache", "ls", "--lock-key=~/k.pub", "--config=~/rows.toml"}, nano},
	} {
		if got := plain(tt.args...); got.status != exitOK || !strings.Contains(got.stdout+got.stderr, tt.want) {
			t.Errorf("%q: exit status %d, want %q: %s%s", tt.args, got.status, tt.want, got.stdout, got.stderr)
		}
	}
	for _, variable := range []string{zoo.EnvCache, zoo.EnvConfig, zoo.EnvLock, zoo.EnvLockKey} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, "~ada/x")
			if got := plain("cache", "ls"); got.status != exitUsage || !strings.Contains(got.stderr, "only ~/ stands for a home folder") {
				t.Errorf("exit status %d: %s", got.status, got.stderr)
			}
		})
	}
	for _, dir := range []string{work, home} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "~") || dir == work {
				t.Errorf("made %s", filepath.Join(dir, e.Name()))
			}
		}
	}
}
