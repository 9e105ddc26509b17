package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// freeFlags are those whose values nobody can list: files and folders, which shells complete, names of one's
// own, and numbers.
var freeFlags = []string{
	"cache-dir", "config", "lock", "lock-key", "mirror", "key", "golden", "checkpoint", "images", "output", "cam", "classes", "data",
	"labels",
	"logits", "measured", "plot", "name", "mean", "std", "pixel-memory", "shard", "size", "keep", "only", "cam-class", "completion-command",
}

// TestFlagsComplete: a flag either has values that can be listed, and completes, or is known to be free.
func TestFlagsComplete(t *testing.T) {
	a := &app{}
	root := a.command()
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.HasPrefix(f.Value.Type(), "string") || slices.Contains(freeFlags, f.Name) {
				return
			}
			args := slices.Concat([]string{"__complete"}, path, []string{"--" + f.Name, ""})
			if f.Name == "weights" {
				if c.Name() != "bench" { // else it is about a file
					args = slices.Insert(args, len(args)-2, "--checkpoint", nanoCheckpoint(t))
				}
				if c.Name() == "convert" {
					args = append([]string{"__complete"}, "convert", nanoCheckpoint(t), "--weights", "")
				}
			}
			got := command(t, t.TempDir(), args...)
			lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
			if got.status != exitOK || len(lines) < 2 || !strings.HasPrefix(lines[len(lines)-1], ":") {
				t.Errorf("zoo %s: exit status %d, %q: complete it (flagValues), or list it as free", strings.Join(args, " "), got.status, got.stdout)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub, append(path[:len(path):len(path)], sub.Name()))
		}
	}
	walk(root, nil)
}

// nanoCheckpoint writes a checkpoint of an embedded model to a file.
func nanoCheckpoint(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nano.pth")
	if got := command(t, t.TempDir(), "download", nanoModel, "--output", path); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	return path
}

// completions returns what a command line completes to, without descriptions.
func completions(t *testing.T, args ...string) []string {
	t.Helper()
	got := command(t, t.TempDir(), append([]string{"__complete"}, args...)...)
	var values []string
	for line := range strings.Lines(got.stdout) {
		value, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if !strings.HasPrefix(value, ":") {
			values = append(values, value)
		}
	}
	return values
}

func TestCompletions(t *testing.T) {
	picture := imageFile(t, "val/00003.png")
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"list --sort=-t", []string{"-top1", "-top5"}},
		{"list --filter top1>", []string{"top1>", "top1>="}},
		{"list --dataset ", []string{"digits", "imagenet-1k", "all"}},
		{"list --family mobilenet", []string{"mobilenet_v2", "mobilenet_v3"}},
		{"list --licence ", []string{"Apache-2.0"}},
		{"convert x.pth --dtype f", []string{"f16", "f32"}},
		{"convert x.pth --to ", []string{"safetensors", "pth", "npz", "onnx"}},
		{"convert x.pth --model vgg16 --recipe torchvision/", []string{"torchvision/vgg16"}},
		{"predict efficientnet_b0 --arch ", []string{"efficientnet_b0", "tf_efficientnet_b0"}},
		{"predict NAME --precision h", []string{"highest", "high"}},
		{"verify --precision highest,m", []string{"highest,medium"}},
		{"convert " + nanoCheckpoint(t) + " --weights ", []string{"state_dict"}},
		{"predict x --checkpoint " + picture + " --weights ", nil},
		{"info cspdarknet5", []string{"cspdarknet50_3rdparty_8xb32_in1k", "cspdarknet50", "cspdarknet53"}},
	} {
		if d := cmp.Diff(tt.want, completions(t, strings.Split(tt.args, " ")...)); d != "" {
			t.Errorf("zoo %s (-want +got)\n%s", tt.args, d)
		}
	}
}

// TestFormatsComplete holds the formats that complete, which are those of the help text, against those that the
// command takes.
func TestFormatsComplete(t *testing.T) {
	picture, dir := imageFile(t, "val/00003.png"), t.TempDir()
	file := nanoCheckpoint(t)
	for _, args := range [][]string{
		{"list"}, {"info", nanoModel}, {"download", nanoModel}, {"import", nanoModel, file}, {"convert", file, "-o", filepath.Join(dir,
			"x.npz")}, {"inspect", file}, {"scan", file},
		{"verify", nanoModel}, {"predict", nanoModel, picture}, {"embed", nanoModel, picture}, {"eval", nanoModel}, {"eval", "merge", file},
		{"report", nanoModel}, {"bench", nanoModel},
		{"lock", nanoModel}, {"cache", "ls"}, {"cache", "verify"}, {"env"}, {"version"},
	} {
		path := args[:1]
		if args[0] == "cache" || args[0] == "eval" && args[1] == "merge" {
			path = args[:2]
		}
		got := completions(t, append(slices.Clone(path), "--format", "")...)
		_, list, ok := strings.Cut(command(t, t.TempDir(), append(slices.Clone(args), "--format", "none")...).stderr, "this command knows ")
		want := strings.Split(strings.TrimSpace(list), ", ")
		if !ok {
			t.Errorf("zoo %s does not say which formats it knows", strings.Join(args, " "))
			continue
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("zoo %s (-taken +completed)\n%s", strings.Join(path, " "), d)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x.npz")); err == nil {
		t.Error("a file was written")
	}
}
