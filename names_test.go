package zoo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
)

// TestNames: an alias is its row, for programs too, and is told once; patterns are rows.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "zoo.toml")
	text := "[aliases]\nnano = \"cspresnet-nano_digits\"\n[bad]\nx = 1\n[resnet50]\nbase = \"cspresnet-nano_digits\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []string
	z, err := zoo.New(zoo.Config{CacheDir: filepath.Join(dir, "cache"), Registries: []string{config},
		Notice: func(text string) { told = append(told, text) }})
	if err != nil {
		t.Fatal(err)
	}
	m, err := z.Open(t.Context(), "nano")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Name() != "cspresnet-nano_digits" {
		t.Errorf("the model is called %q", m.Name())
	}
	src, err := z.Download(t.Context(), "nano")
	if err != nil || src.Model != m.Name() {
		t.Errorf("downloaded as %+v, %v", src, err)
	}
	entries, err := z.Entries("vgg1*bn_*", "nano", "csp*-nano_*", "vgg16", "resnet50", "vgg16bn_8xb32_in1k")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	want := []string{"vgg11bn_8xb32_in1k", "vgg13bn_8xb32_in1k", "vgg16bn_8xb32_in1k", "vgg19bn_8xb32_in1k",
		"cspresnet-nano_digits", "cspdarknet-nano_digits", "cspresnext-nano_digits", "vgg16_8xb32_in1k", "resnet50"}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("entries (-want +got)\n%s", d)
	}
	wantTold := []string{"nano stands for cspresnet-nano_digits", "vgg16 stands for vgg16_8xb32_in1k",
		"resnet50 is a row of its own here, and does not stand for resnet50_8xb32_in1k"}
	if d := cmp.Diff(wantTold, told); d != "" {
		t.Errorf("told (-want +got)\n%s", d)
	}
	for pattern, says := range map[string]string{"q*": "no model's name matches", "[": "pattern", "bad*": `entry "bad"`,
		"nano/*": "did you mean"} {
		told = nil
		_, err := z.Entries("vgg16", pattern)
		if text := strings.Join(told, "\n"); err == nil || !strings.Contains(err.Error()+text, says) {
			t.Errorf("%s: %v, told %q, want %q", pattern, err, told, says)
		}
		if pattern == "q*" && !errors.Is(err, zoo.ErrUnknown) || pattern == "[" && !errors.Is(err, zoo.ErrOption) {
			t.Errorf("%s: %v is of another class", pattern, err)
		}
	}
}
