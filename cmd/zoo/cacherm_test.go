package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// below returns the files in a folder of a cache, and their bytes.
func below(t *testing.T, cache string) (paths []string, bytes int64) {
	t.Helper()
	err := filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(cache, path)
		if err != nil {
			return err
		}
		if top, _, _ := strings.Cut(filepath.ToSlash(rel), "/"); top == "locks" || top == "checked" || top == "zoo.lock" {
			return nil
		}
		info, err := d.Info()
		paths, bytes = append(paths, filepath.ToSlash(rel)), bytes+info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths, bytes
}

// TestCacheRemove: what is there of models goes, and nothing else; names are told from slips.
func TestCacheRemove(t *testing.T) {
	cache := t.TempDir()
	dir := ownProject(t, cache, "[mine]\nbase = \""+nanoModel+"\"\n"+ownNames+"\nweights.url = \"file:nano.pth\"\n")
	five := filepath.Join(dir, "five.png")
	play(t, cache, []situation{
		{name: "a bundle", args: []string{"bundle", "create", "mine", nanoModel, "-o", "b.tar"}},
		{name: "loaded", args: []string{"bundle", "load", "b.tar"}},
		{name: "used", args: []string{"predict", "mine", five}},
		{name: "another one", args: []string{"predict", "cspdarknet-nano_digits", five}},
	})
	if err := os.Remove("zoo.toml"); err != nil {
		t.Fatal(err)
	}
	all, before := below(t, cache)
	dry := command(t, cache, "cache", "rm", "mine", "--dry-run", "--format", "json")
	if left, _ := below(t, cache); strings.Join(left, " ") != strings.Join(all, " ") {
		t.Errorf("a dry run left %q of %q", left, all)
	}
	var plan, done struct {
		DryRun  bool  `json:"dry_run"`
		Bytes   int64 `json:"bytes"`
		Removed []struct {
			Path   string `json:"path"`
			Reason string `json:"reason"`
		} `json:"removed"`
	}
	play(t, cache, []situation{
		{name: "unknown", args: []string{"cache", "rm", "cspdarknet-nano_digit"}, status: exitUnknown,
			says: []string{"did you mean cspdarknet-nano_digits"}},
		{name: "one of two is unknown", args: []string{"cache", "rm", "mine", "nope"}, status: exitUnknown},
		{name: "not cached", args: []string{"cache", "rm", "cspresnext-nano_digits"},
			says: []string{"cspresnext-nano_digits: nothing of it is in the cache", "removed 0 files, 0 bytes"}},
		{name: "no such name", args: []string{"cache", "rm", "resnet*"}, says: []string{"resnet*: nothing in the cache has such a name"}},
		{name: "a bad pattern", args: []string{"cache", "rm", "a["}, status: exitUsage},
		{name: "no name", args: []string{"cache", "rm"}, status: exitUsage},
		{name: "completion", args: []string{"__complete", "cache", "rm", "m"}, says: []string{"mine\n"}, never: []string{nanoModel}},
	})
	got := command(t, cache, "cache", "rm", "mine", "--format", "json")
	for text, into := range map[string]any{dry.stdout: &plan, got.stdout: &done} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	left, after := below(t, cache)
	if !plan.DryRun || done.DryRun || plan.Bytes != done.Bytes || before-after != done.Bytes || len(all)-len(left) != len(done.Removed) {
		t.Errorf("%d bytes of %d were left: %+v, planned %+v", after, before, done, plan)
	}
	for _, path := range left {
		if strings.Contains(path, "mine") {
			t.Errorf("%s is left", path)
		}
	}
	play(t, cache, []situation{
		{name: "its row is gone", args: []string{"info", "mine"}, status: exitUnknown},
		{name: "whose file it shared stays", args: []string{"--offline", "predict", nanoModel, five}, says: []string{"0.9986"}},
		{name: "verify", args: []string{"cache", "verify"}, says: []string{"PASS"}},
		{name: "by a pattern", args: []string{"cache", "rm", "csp*nano*", "cspdarknet-nano_digits"},
			says: []string{"refs/" + nanoModel, "refs/cspdarknet-nano_digits", "removed "}},
		{name: "all is gone", args: []string{"cache", "ls"}, says: []string{"0 checkpoints, 0.0 MB; 0 files made of them"}},
	})
	if left, _ := below(t, cache); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}
