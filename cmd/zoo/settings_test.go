package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo"
)

// Settings and files that cannot be used are said at once, as what is wrong with the
// command line.
func TestUnusableSettings(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, perm os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), perm); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken := file("broken.toml", "[cspresnet-nano_digits]\ncolour = 3\n", 0o600)
	text := file("notes.txt", "text", 0o600)
	secret := file("secret", "text", 0)
	const nano = "cspresnet-nano_digits"
	log := filepath.Join(dir, "log.jsonl")
	if got := command(t, t.TempDir(), "eval", "cspdarknet-nano_digits", "--limit", "1", "-o", log); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	for _, tt := range []struct {
		name string
		args []string
		env  [2]string
		want string // in what is said
	}{
		{"config not there", []string{"list", "--config", "nowhere.toml"}, [2]string{}, "nowhere.toml"},
		{"config in the environment not there", []string{"list"}, [2]string{zoo.EnvConfig, "nowhere.toml"}, "nowhere.toml"},
		{"config with an unknown key", []string{"info", nano, "--config", broken}, [2]string{}, `unknown key "colour"`},
		{"mirror", []string{"download", nano, "--mirror", "example.org"}, [2]string{}, "expected http:// or https://"},
		{"mirror in the environment", []string{"list"}, [2]string{zoo.EnvMirror, "ftp://example.org"}, "expected http:// or https://"},
		{"jobs", []string{"predict", nano, text, "--jobs", "1000000"}, [2]string{}, "--jobs: 1000000 threads: expected 0 to 1024"},
		{"threads", []string{"bench", nano, "--threads", "1000000"}, [2]string{}, "1 to 1024"},
		{"cache is a file", []string{"list", "--cache-dir", text}, [2]string{}, "expected a folder"},
		{"lock key not there", []string{"list", "--lock-key", "nowhere.pub"}, [2]string{}, "nowhere.pub"},
		{"golden is a folder", []string{"verify", nano, "--golden", dir}, [2]string{}, "expected a file, found a folder"},
		{"checkpoint is a folder", []string{"predict", nano, text, "--checkpoint", dir}, [2]string{}, "expected a file, found a folder"},
		{"import of a folder", []string{"import", nano, dir}, [2]string{}, "expected a file, found a folder"},
		{"log is a folder", []string{"eval", "merge", dir}, [2]string{}, "expected a file, found a folder"},
		{"bundle is a folder", []string{"bundle", "load", dir}, [2]string{}, "expected a file, found a folder"},
		{"golden of a bundle not there", []string{"bundle", "create", nano, "-o", filepath.Join(dir, "b.tar"), "--golden", "nowhere"}, [2]string{}, "nowhere"},
		{"key to sign with not there", []string{"lock", "sign", "--key", "nowhere"}, [2]string{}, "nowhere"},
		{"key to verify with not there", []string{"lock", "verify", "--key", "nowhere"}, [2]string{}, "nowhere"},
		{"push to no registry", []string{"push", nano, "example.org/models:v1"}, [2]string{}, "expected oci://"},
		{"recipe", []string{"convert", nano, "--recipe", "keras", "-o", filepath.Join(dir, "o")}, [2]string{}, `no recipe "keras": this network has none`},
		{"form", []string{"convert", nano, "--deploy", "-o", filepath.Join(dir, "o")}, [2]string{}, "has no deploy form"},
		{"class names", []string{"convert", nano, "--classes", text, "-o", filepath.Join(dir, "o")}, [2]string{}, "1 class names, but the classifier has 10 rows"},
		{"format", []string{"convert", nano, "--to", "h5"}, [2]string{}, "expected safetensors, pth, npz, onnx"},
		{"log to no file", []string{"eval", nano, "-o", "-"}, [2]string{}, "a log is gone on from"},
		{"another's home", []string{"convert", nano, "-o", "~ada/o.npz"}, [2]string{}, "only ~/ stands for a home folder"},
		{"cache in another's home", []string{"cache", "path", "--cache-dir", "~ada"}, [2]string{}, "only ~/ stands for a home folder"},
		{"shards", []string{"eval", nano, "--shard", "1/361"}, [2]string{}, "361 shards of 360 images"},
		{"log of another", []string{"eval", nano, "-o", log}, [2]string{}, "model: " + nano + " and cspdarknet-nano_digits"},
		{"weights are a folder", []string{"bench", "cspresnet50_3rdparty_8xb32_in1k", "--weights", dir}, [2]string{}, "expected a file"},
		{"images are a file", []string{"verify", nano, "--images", text}, [2]string{}, "notes.txt"},
		{"secret file", []string{"import", nano, secret}, [2]string{}, "permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if f, err := os.Open(secret); err == nil && strings.Contains(tt.name, "secret") {
				f.Close()
				t.Skip("this user may read every file")
			}
			if tt.env[0] != "" {
				t.Setenv(tt.env[0], tt.env[1])
			}
			got := command(t, t.TempDir(), tt.args...)
			if got.status != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("exit status %d, printed %q, said %q: expected %d and %q", got.status, got.stdout, got.stderr, exitUsage, tt.want)
			}
		})
	}
}

// Kernels that cannot be had are no reason to stop, but are said once.
func TestUnknownKernels(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	cmd := exec.Command(os.Args[0], "--cache-dir", t.TempDir(), "predict", nano, imageFile(t, "val/00003.png"), "--top", "1")
	cmd.Env = append(os.Environ(), asProgram+"=1", "ZOO_CPU=sse9")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if !strings.HasPrefix(stdout.String(), "    5  0.99") || strings.Count(stderr.String(), `unknown level "sse9"`) != 1 {
		t.Errorf("printed %q, said %q", stdout.String(), stderr.String())
	}
}
