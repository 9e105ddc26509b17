package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/tensor"
)

// ownCopy downloads a nano model's file under a name of its own.
func ownCopy(t testing.TB, cache, nano string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mine.pth")
	if got := command(t, cache, "download", nano, "--output", path); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	return path
}

// TestConvertFormats writes every format, as a flag or the output's name says, and
// reads back what zoo reads.
func TestConvertFormats(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	cache := t.TempDir()
	file := ownCopy(t, cache, nano)
	dir := t.TempDir()
	for _, tt := range []struct {
		output string
		args   []string
		head   string // of the file written
		reads  bool
	}{
		{"a.safetensors", nil, "", true},
		{"a.pth", nil, "PK\x03\x04", true},
		{"a.pth.zst", nil, "\x28\xb5\x2f\xfd", true},
		{"a.npz", nil, "PK\x03\x04", false},
		{"a.onnx", nil, "\x08\x08\x12\x03zoo", false},
		{"a.onnx.zst", nil, "\x28\xb5\x2f\xfd", false},
		{"a.bin", []string{"--to", "pth"}, "PK\x03\x04", true},
		{"f16.pth", []string{"--dtype", "f16"}, "PK\x03\x04", true},
	} {
		t.Run(tt.output, func(t *testing.T) {
			out := filepath.Join(dir, tt.output)
			args := append([]string{"convert", file, "--model", nano, "-o", out}, tt.args...)
			if got := command(t, cache, args...); got.status != exitOK || got.stdout != out+"\n" {
				t.Fatalf("exit status %d, %q: %s", got.status, got.stdout, got.stderr)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(data, []byte(tt.head)) {
				t.Errorf("starts with %q, want %q", data[:8], tt.head)
			}
			if !tt.reads {
				return
			}
			c, err := converter.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if c.Metadata[converter.MetaModel] != nano || c.Metadata[converter.MetaSource] != "mine.pth" || len(c.Metadata[converter.MetaSHA256]) != 64 {
				t.Errorf("metadata %q", c.Metadata)
			}
			if tt.args == nil {
				if got := command(t, cache, "verify", nano, "--checkpoint", out); got.status != exitOK {
					t.Errorf("verify: exit status %d: %s%s", got.status, got.stdout, got.stderr)
				}
			}
		})
	}
}

func TestConvertUsage(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	cache := t.TempDir()
	file := ownCopy(t, cache, nano)
	names := filepath.Join(t.TempDir(), "names.txt")
	if err := os.WriteFile(names, []byte("a\n\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	nobodys := filepath.Join(t.TempDir(), "nobodys.pth") // no digest says whose it is
	if got := command(t, cache, "convert", file, "-o", nobodys, "--all"); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown format", []string{file, "--to", "gguf"}, "gguf"},
		{"format against name", []string{file, "--to", "npz", "-o", out + ".pth"}, "out.pth ends as pth does"},
		{"unknown dtype", []string{file, "--dtype", "f8"}, "f32, f16 or bf16"},
		{"network without model", []string{nobodys, "--to", "onnx"}, "--to: convert "},
		{"deploy without model", []string{nobodys, "--deploy"}, "--deploy: convert "},
		{"all of a network", []string{file, "--to", "onnx", "--all"}, "name a model"},
		{"class names with a gap", []string{file, "--classes", names}, "label 1"},
		{"class names that are not there", []string{file, "--classes", names + "x"}, "names.txtx"},
		{"output is the input", []string{file, "-o", file}, "the output is the input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := command(t, cache, append([]string{"convert"}, tt.args...)...)
			if got.status == exitOK || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("exit status %d: %s", got.status, got.stderr)
			}
			if tt.name != "output is the input" && got.status != exitUsage {
				t.Errorf("exit status %d, want %d", got.status, exitUsage)
			}
		})
	}
}

// fineTuned writes a checkpoint of a nano network with a head of three classes.
func fineTuned(t *testing.T, cache, nano string, metadata map[string]string) string {
	t.Helper()
	base := filepath.Join(t.TempDir(), "base.safetensors")
	if got := command(t, cache, "convert", nano, "-o", base); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	f, err := safetensors.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sd := new(tensor.StateDict)
	for name, x := range f.StateDict().All() {
		if strings.HasPrefix(name, "head.fc.") {
			shape := append(tensor.Shape{3}, x.Shape()[1:]...)
			n, _ := shape.Numel()
			v, err := x.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			x = tensor.FromFloat32s(shape, v[:n])
		}
		if err := sd.Add(name, x); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "tuned.safetensors")
	if err := safetensors.WriteFile(path, sd, metadata); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestConvertFineTuned takes the number of classes from the head, their names from the
// file or from --classes, and predicts with them.
func TestConvertFineTuned(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	cache := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "names.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := fineTuned(t, cache, nano, nil)
	named := fineTuned(t, cache, nano, map[string]string{converter.MetaClasses: `["nought","one","two"]`})
	for _, tt := range []struct {
		name, file string
		args       []string
		want       []string
		err        string
	}{
		{"without names", plain, nil, nil, ""},
		{"names of the file", named, nil, []string{"nought", "one", "two"}, ""},
		{"names given", plain, []string{"--classes", write("null\neins\nzwei\n")}, []string{"null", "eins", "zwei"}, ""},
		{"names given over the file's", named, []string{"--classes", write(`["null","eins","zwei"]`)}, []string{"null", "eins", "zwei"}, ""},
		{"too few names", plain, []string{"--classes", write("null\neins\n")}, nil, "2 class names, but the classifier has 3 rows"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.safetensors")
			got := command(t, cache, append([]string{"convert", tt.file, "--model", nano, "-o", out, "--format", "json"}, tt.args...)...)
			if tt.err != "" {
				if got.status == exitOK || !strings.Contains(got.stderr, tt.err) {
					t.Errorf("exit status %d: %s", got.status, got.stderr)
				}
				return
			}
			var r struct {
				Classes    int
				ClassNames []string `json:"class_names"`
			}
			if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.status != exitOK {
				t.Fatalf("exit status %d, %v: %s%s", got.status, err, got.stdout, got.stderr)
			}
			if diff := cmp.Diff(tt.want, r.ClassNames); diff != "" || r.Classes != 3 {
				t.Errorf("%d classes (-want +got):\n%s", r.Classes, diff)
			}
			got = command(t, cache, "predict", nano, imageFile(t, "val/00003.png"), "--checkpoint", out, "--top", "3")
			for _, name := range tt.want {
				if !strings.Contains(got.stdout, name) {
					t.Errorf("no %q predicted: %s%s", name, got.stdout, got.stderr)
				}
			}
		})
	}
}

// TestConvertExplains wants a checkpoint that does not fit explained all the same, to
// people and to programs.
func TestConvertExplains(t *testing.T) {
	cache := t.TempDir()
	file := ownCopy(t, cache, "cspresnet-nano_digits")
	out := filepath.Join(t.TempDir(), "out.safetensors")
	args := []string{"convert", file, "--model", "cspdarknet-nano_digits", "-o", out, "--explain"}
	got := command(t, cache, args...)
	if got.status != exitCheckpoint || !strings.Contains(got.stdout, `missing    "backbone.stem.conv.weight" F32 (`) || !strings.Contains(got.stdout, `unexpected "backbone.stem.0.conv.weight" F32 (`) {
		t.Errorf("exit status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	got = command(t, cache, append(args, "--format", "json")...)
	var r struct {
		Error string
		Names []struct{ Fate, Name, To, Found, Want string }
	}
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.status != exitCheckpoint {
		t.Fatalf("exit status %d, %v: %s%s", got.status, err, got.stdout, got.stderr)
	}
	fates := map[string]int{}
	for _, n := range r.Names {
		fates[n.Fate]++
	}
	if fates["missing"] == 0 || fates["unexpected"] == 0 || !strings.Contains(r.Error, "does not fit") {
		t.Errorf("%v, error %q", fates, r.Error)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was written")
	}
}

// TestConvertKilled kills conversions at any moment: the old output stays whole until
// the new one replaces it.
func TestConvertKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir, cache := t.TempDir(), t.TempDir()
	sd := new(tensor.StateDict)
	if err := sd.Add("w", tensor.FromFloat32s(tensor.Shape{4 << 20}, make([]float32, 4<<20))); err != nil {
		t.Fatal(err)
	}
	in, out := filepath.Join(dir, "in.safetensors"), filepath.Join(dir, "out.pth")
	if err := safetensors.WriteFile(in, sd, nil); err != nil {
		t.Fatal(err)
	}
	args := []string{"--cache-dir", cache, "convert", in, "-o", out}
	start := time.Now()
	if got := command(t, cache, args[2:]...); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	took := time.Since(start)
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	old := append([]byte(nil), want[:len(want)/2]...)
	kills := 0
	for i := range 12 {
		if err := os.WriteFile(out, old, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(took * time.Duration(i) / 8)
		cmd.Process.Kill()
		killed := cmd.Wait() != nil
		if killed {
			kills++
		}
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) && !(killed && bytes.Equal(got, old)) {
			t.Fatalf("killed %v: the output has %d bytes, neither the old %d nor the new %d", killed, len(got), len(old), len(want))
		}
	}
	if kills == 0 {
		t.Error("no conversion was killed")
	}
}

// TestConvertUnwritable writes to folders that cannot take the file.
func TestConvertUnwritable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions mean something else here")
	}
	cache := t.TempDir()
	file := ownCopy(t, cache, "cspresnet-nano_digits")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"no folder": filepath.Join(dir, "none", "out.pth"), "unwritable folder": filepath.Join(dir, "out.pth")} {
		t.Run(name, func(t *testing.T) {
			if name == "unwritable folder" && os.Geteuid() == 0 {
				t.Skip("this user may write everywhere")
			}
			got := command(t, cache, "convert", file, "-o", out)
			if got.status != exitInternal || !strings.Contains(got.stderr, "nothing was written there") || !strings.Contains(got.stderr, "out.pth") {
				t.Errorf("exit status %d: %s", got.status, got.stderr)
			}
		})
	}
}
