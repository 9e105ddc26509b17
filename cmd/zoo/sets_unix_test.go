//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What lies in folders and is no image, or none that may be opened: pipes, devices, links that
// lead nowhere or round in circles.
func TestOddFolders(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	dir := t.TempDir()
	fives, loops := filepath.Join(dir, "odd", "5"), filepath.Join(dir, "loops", "5")
	for _, folder := range []string{fives, loops} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "a.PNG"), embedded(t, "val/00003.png"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(fives, "pipe.png"), 0o600); err != nil {
		t.Skip(err)
	}
	for name, target := range map[string]string{"zero.png": "/dev/zero", "gone.png": "nowhere.png"} {
		if err := os.Symlink(target, filepath.Join(fives, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"up": "..", "root": "/", "self": "."} {
		if err := os.Symlink(target, filepath.Join(loops, name)); err != nil {
			t.Fatal(err)
		}
	}
	odd := []string{"pipe.png (a named pipe)", "zero.png (a device)", "gone.png (a link that leads nowhere)"}
	play(t, t.TempDir(), []situation{
		{name: "strict", args: []string{"eval", nano, "--data", filepath.Join(dir, "odd")}, status: exitUsage, says: append(odd, "3 of 4 images cannot be evaluated")},
		{name: "not strict", args: []string{"eval", nano, "--data", filepath.Join(dir, "odd"), "--no-strict", "--format", "json"}, says: []string{`"left_out": 3`, `"images": 1`, `"total": 4`}},
		{name: "loops", args: []string{"eval", nano, "--data", filepath.Join(dir, "loops")}, says: []string{"1 of 1 images"}},
		{name: "predict", args: []string{"predict", nano, filepath.Join(dir, "odd")}, status: exitInternal, says: []string{"a.PNG", "3 of 4 images could not be read"}},
		{name: "predict loops", args: []string{"predict", nano, filepath.Join(dir, "loops")}, says: []string{"0.9986"}},
		{name: "embed loops", args: []string{"embed", nano, filepath.Join(dir, "loops")}, says: []string{"a.PNG"}},
		{name: "log that is a device", args: []string{"eval", nano, "--limit", "1", "-o", "/dev/zero"}, status: exitUsage, says: []string{"regular file"}},
	})
}

// An accuracy that the published figure makes unlikely is no figure, and classes are listed.
func TestEvalSays(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	dir := t.TempDir()
	var list strings.Builder
	for _, line := range strings.SplitAfterN(string(embedded(t, "val.txt")), "\n", 13)[:12] {
		name, _, _ := strings.Cut(line, " ")
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, embedded(t, name), 0o600); err != nil {
			t.Fatal(err)
		}
		list.WriteString(name + ",seven\n")
	}
	names := filepath.Join(t.TempDir(), "names.json")
	if err := os.WriteFile(names, []byte(`{"zero":0,"one":1,"two":2,"three":3,"four":4,"five":5,"six":6,"seven":7,"eight":8,"nine":9}`), 0o600); err != nil {
		t.Fatal(err)
	}
	labels := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(labels, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"eval", nano, "--data", dir, "--labels", labels, "--classes", names}
	play(t, t.TempDir(), []situation{
		{name: "chance", args: args, status: exitVerify, says: []string{"less likely than one in a million", "--allow-chance"}, never: []string{"Top-1   0.00"}},
		{name: "chance allowed", args: append(args[:8:8], "--allow-chance"), says: []string{"0 correct"}},
		{name: "per class", args: append(args[:8:8], "--allow-chance", "--per-class"), says: []string{"    7      0.00", "12  seven"}},
		{name: "per class, CSV", args: append(args[:8:8], "--allow-chance", "--per-class", "--format", "csv"), says: []string{"class,name,images", "7,seven,12,0,0,0.0000,"}},
		{name: "per class, JSON", args: append(args[:8:8], "--allow-chance", "--per-class", "--format", "json"), says: []string{`"per_class"`, `"name": "seven"`}},
		{name: "CSV of no classes", args: append(args[:8:8], "--format", "csv"), status: exitUsage, says: []string{"--per-class"}},
		{name: "no such names", args: []string{"eval", nano, "--classes", labels}, status: exitUsage, says: []string{"12 class names for 10 rows"}},
		{name: "several labels", args: []string{"predict", nano, filepath.Join(dir, "val", "00003.png"), "--multi-label"}, says: []string{"0.9997  sigmoid  5"}},
	})
}
