package zoo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/faulthost"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/nn"
)

// Each class of errors is told by errors.Is, and by one class only.
func TestErrorClasses(t *testing.T) {
	classes := map[string]error{
		"unknown": zoo.ErrUnknown, "network": zoo.ErrNetwork, "digest": zoo.ErrDigest,
		"checkpoint": zoo.ErrCheckpoint, "option": zoo.ErrOption, "verify": zoo.ErrVerify,
	}
	const absent = "cspresnet50_3rdparty_8xb32_in1k"
	ctx := t.Context()
	z := newZoo(t)
	html := faulthost.Start(t, []byte("<html>not here</html>"), nil)
	online := newZoo(t, func(c *zoo.Config) { c.Offline, c.Mirror = false, html.URL })
	garbage := filepath.Join(t.TempDir(), "garbage.pth")
	if err := os.WriteFile(garbage, []byte("no checkpoint at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := altered(t, nano.Names[1], func(g *golden.Golden) { g.Model = nano.Names[0] })
	wrong := &zoo.VerifyError{Failed: []zoo.Check{{Model: "m", Verdict: &golden.Verdict{}}}}
	for _, tt := range []struct {
		class string
		f     func() error
	}{
		{"unknown", func() error { _, err := z.Open(ctx, "cspresnet_50"); return err }},
		{"unknown", func() error { _, err := z.Graph("cspresnet_50", nn.AsTrained); return err }},
		{"unknown", func() error { _, err := z.Images("cspresnet_50"); return err }},
		{"unknown", func() error { _, err := z.Preprocessing("cspresnet_50"); return err }},
		{"unknown", func() error { _, err := z.Bench(ctx, "cspresnet_50", zoo.BenchOptions{}); return err }},
		{"unknown", func() error { _, err := z.Pin(ctx, []string{"cspresnet_50"}, false); return err }},
		{"unknown", func() error { _, err := z.DownloadTo(ctx, "cspresnet_50", "x"); return err }},
		{"unknown", func() error {
			_, err := z.ConvertFile(ctx, garbage, zoo.ConvertOptions{Model: "x", Output: "y"})
			return err
		}},
		{"network", func() error { _, err := z.Open(ctx, absent); return err }},
		{"network", func() error {
			_, err := z.Push(ctx, nano.Names[0], "oci://localhost:1/x:v1", zoo.PushOptions{})
			return err
		}},
		{"digest", func() error { _, err := online.Download(ctx, absent); return err }},
		{"digest", func() error { _, err := z.Import(ctx, absent, garbage); return err }},
		{"checkpoint", func() error { _, err := z.OpenFile(nano.Names[0], garbage); return err }},
		{"checkpoint", func() error {
			_, err := z.ConvertFile(ctx, garbage, zoo.ConvertOptions{Output: garbage + ".npz"})
			return err
		}},
		{"checkpoint", func() error { _, err := zoo.OpenGolden(garbage); return err }},
		{"option", func() error { _, err := z.Convert(ctx, nano.Names[0], zoo.ConvertOptions{All: true}); return err }},
		{"option", func() error {
			_, err := z.Convert(ctx, nano.Names[0], zoo.ConvertOptions{Recipe: "keras", Output: garbage + ".npz"})
			return err
		}},
		{"option", func() error { _, err := zoo.New(zoo.Config{Precision: "exact"}); return err }},
		{"option", func() error { _, err := zoo.New(zoo.Config{Threads: -1}); return err }},
		{"option", func() error { _, err := z.Pin(ctx, nano.Names[:1], false); return err }},
		{"option", func() error { return z.SignLock(garbage) }},
		{"option", func() error { _, err := z.Pull(ctx, "https://example.org/x", zoo.PullOptions{}); return err }},
		{"network", func() error { _, err := z.Pull(ctx, "oci://localhost:1/x:v1", zoo.PullOptions{}); return err }},
		{"option", func() error {
			_, err := z.Push(ctx, nano.Names[0], "https://example.org/x", zoo.PushOptions{})
			return err
		}},
		{"option", func() error {
			_, err := z.Bench(ctx, nano.Names[0], zoo.BenchOptions{Weights: other.Weights})
			return err
		}},
		{"verify", func() error {
			_, err := z.Verify(ctx, nano.Names[1], zoo.VerifyOptions{Goldens: []*golden.Golden{other}})
			return err
		}},
		{"verify", func() error { return wrong }},
	} {
		err := tt.f()
		if err == nil {
			t.Errorf("%s: no error", tt.class)
			continue
		}
		for name, class := range classes {
			if got := errors.Is(err, class); got != (name == tt.class) {
				t.Errorf("%v: is of class %s: %v, want of %s", err, name, got, tt.class)
			}
		}
	}
}

// Options that go together only with a file, or only with a network, are refused before
// anything is read, and the field to blame is named.
func TestConvertOptions(t *testing.T) {
	z := newZoo(t)
	file := edited(t, z, nil, nil)
	out := filepath.Join(t.TempDir(), "out.safetensors")
	for _, tt := range []struct {
		field string
		name  string // of an entry; empty: the file
		o     zoo.ConvertOptions
	}{
		{"Format", "", zoo.ConvertOptions{Format: "npz", Output: out}},
		{"Format", "", zoo.ConvertOptions{Format: "onnx", Output: out[:len(out)-len(".safetensors")]}},
		{"Format", "", zoo.ConvertOptions{Output: out + ".onnx"}},
		{"All", "", zoo.ConvertOptions{All: true, Model: nano.Names[1], Output: out}},
		{"All", "", zoo.ConvertOptions{All: true, Recipe: "timm", Output: out}},
		{"All", nano.Names[0], zoo.ConvertOptions{All: true, Output: out}},
		{"Model", nano.Names[0], zoo.ConvertOptions{Model: nano.Names[0], Output: out}},
		{"Recipe", "", zoo.ConvertOptions{Recipe: "timm", Output: out}},
		{"Deploy", "", zoo.ConvertOptions{Deploy: true, Output: out}},
		{"Deploy", nano.Names[0], zoo.ConvertOptions{Deploy: true, Output: out}},
		{"Output", "", zoo.ConvertOptions{}},
		{"Output", "", zoo.ConvertOptions{Output: file}},
		{"Output", nano.Names[0], zoo.ConvertOptions{Recipe: "timm"}},
		{"Output", nano.Names[0], zoo.ConvertOptions{Classes: []string{"a"}}},
		{"Classes", nano.Names[0], zoo.ConvertOptions{Classes: []string{"a"}, Output: out}},
	} {
		var err error
		if tt.name == "" {
			_, err = z.ConvertFile(t.Context(), file, tt.o)
		} else {
			_, err = z.Convert(t.Context(), tt.name, tt.o)
		}
		var option *zoo.OptionError
		if !errors.As(err, &option) || option.Field != tt.field {
			t.Errorf("%+v: %v, want an error of the field %s", tt.o, err, tt.field)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%+v: a file was written", tt.o)
		}
	}
}

// Files of the working directory are the command's business. A program that calls Open is
// not led astray by what lies where it was started.
func TestWorkingDirectoryIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"zoo.toml": "no = TOML [", "zoo.lock": "no lock file\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv(zoo.EnvCache, t.TempDir())
	t.Setenv(zoo.EnvOffline, "1")
	m, err := zoo.Open(context.Background(), nano.Names[0])
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	project := zoo.ConfigOf(".")
	if project.Lock != "zoo.lock" || len(project.Registries) == 0 || project.Registries[len(project.Registries)-1] != "zoo.toml" {
		t.Errorf("the project's files: lock %q, registries %q", project.Lock, project.Registries)
	}
	if _, err := zoo.New(project); err == nil || !strings.Contains(err.Error(), "zoo.toml") {
		t.Errorf("the project's registry cannot be read: %v", err)
	}
	t.Setenv(zoo.EnvLock, "other.lock")
	t.Setenv(zoo.EnvConfig, "last.toml")
	project = zoo.ConfigOf(".")
	if n := len(project.Registries); project.Lock != "other.lock" || project.Registries[n-1] != "last.toml" ||
		project.Registries[n-2] != "zoo.toml" {
		t.Errorf("with variables: lock %q, registries %q", project.Lock, project.Registries)
	}
}
