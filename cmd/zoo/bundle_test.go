package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestBundleRows: a model of one's own is used where its bundle was loaded, by its name and without a zoo.toml,
// whether the bundle is compressed or not; no row that is there already is changed.
func TestBundleRows(t *testing.T) {
	home, away := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	dir := ownProject(t, home, "[mine]\nbase = \""+nanoModel+"\"\n"+ownNames+"\nweights.url = \"file:nano.pth\"\n")
	five := filepath.Join(dir, "five.png")
	play(t, home, []situation{
		{name: "create", args: []string{"bundle", "create", "mine", nanoModel, "-o", "models.tar"}},
		{name: "create, compressed", args: []string{"bundle", "create", "mine", nanoModel, "-o", "models.tar.zst"}},
	})
	plain, err := os.ReadFile("models.tar")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile("models.tar.zst")
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := z.DecodeAll(packed, nil); err != nil || !bytes.Equal(back, plain) {
		t.Errorf("models.tar.zst is not models.tar: %v", err)
	}
	if bytes.Contains(plain, []byte("rows/"+nanoModel)) || bytes.Contains(plain, []byte("file:nano.pth\"")) {
		t.Error("a built-in row, or an address of this machine, goes along")
	}
	if err := os.Rename("models.tar.zst", "by another name"); err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(dir, "by another name")
	t.Chdir(t.TempDir())
	play(t, away, []situation{
		{name: "unknown", args: []string{"predict", "mine", five}, status: exitUnknown},
		{name: "load", args: []string{"bundle", "load", bundle}, says: []string{"mine\n", filepath.Join(away, "rows", "mine.toml")}},
		{name: "predict", args: []string{"--offline", "predict", "mine", five, "--top", "1"}, says: []string{"0.9986  cinq"}},
		{name: "list", args: []string{"list", "mine"}, says: []string{"mine  cspnet"}},
		{name: "info", args: []string{"info", "mine"}, says: []string{"row            bundle ", "unsigned or its signature not checked",
			"from bundle"}},
		{name: "info, json", args: []string{"info", "mine", "--format", "json"}, says: []string{`"row": "bundle `}},
		{name: "cache ls", args: []string{"cache", "ls"}, says: []string{"row of bundle "}},
		{name: "cache ls, json", args: []string{"cache", "ls", "--format", "json"}, says: []string{`"row": "bundle `}},
		{name: "carried on", args: []string{"bundle", "create", "mine", "-o", "on.tar"}},
		{name: "loaded twice", args: []string{"bundle", "load", bundle}, never: []string{"left out", "replaced"}},
		{name: "cache verify", args: []string{"cache", "verify"}},
		{name: "prune", args: []string{"cache", "prune"}, never: []string{"mine"}},
		{name: "still there", args: []string{"--offline", "predict", "mine", five}, says: []string{"cinq"}},
	})
	// A row of one's own stands, whatever a bundle says, and loading it says so.
	other := "[mine]\nbase = \"" + nanoModel + "\"\nweights.url = \"file:nano.pth\"\n"
	if err := os.WriteFile("zoo.toml", []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, away, []situation{
		{name: "the row here stands", args: []string{"info", "mine"},
			says: []string{"like           " + nanoModel}, never: []string{"cinq", "row  "}},
	})
	if err := os.WriteFile("nano.pth", nanoBytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, filepath.Join(t.TempDir(), "cache"), []situation{
		{name: "left out", args: []string{"bundle", "load", bundle},
			says:  []string{"mine: its row was left out, since the one here says something else and stands: labels, class_names"},
			never: []string{"mine.toml"}},
		{name: "and not used", args: []string{"predict", "mine", five}, never: []string{"cinq"}},
	})
	// What was changed in the cache is not used.
	if err := os.Remove("zoo.toml"); err != nil {
		t.Fatal(err)
	}
	row := filepath.Join(away, "rows", "mine.toml")
	text, err := os.ReadFile(row)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(row, []byte(strings.Replace(string(text), "cinq", "sept", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, away, []situation{
		{name: "changed", args: []string{"predict", "mine", five}, status: exitCheckpoint, says: []string{"load its bundle again"}},
		{name: "list", args: []string{"list", "csp*"}},
		{name: "loaded again", args: []string{"bundle", "load", bundle}},
		{name: "used again", args: []string{"predict", "mine", five}, says: []string{"cinq"}},
	})
}

// TestBundleRowsAndKey: with a key, a row counts that the key signed, and its model that the lock file pins.
func TestBundleRowsAndKey(t *testing.T) {
	home, away := t.TempDir(), t.TempDir()
	dir := ownProject(t, home, "[mine]\nbase = \""+nanoModel+"\"\n"+ownNames+"\nweights.url = \"file:nano.pth\"\n")
	for _, args := range [][]string{
		{"lock", "key", "key"}, {"bundle", "create", "mine", "-o", "plain.tar"}, {"lock", "mine"}, {"lock", "sign", "--key", "key"},
		{"bundle", "create", "mine", "-o", "signed.tar.zst", "--key", "key"},
	} {
		if got := command(t, home, args...); got.status != exitOK {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	project := t.TempDir()
	for _, name := range []string{"zoo.lock", "zoo.lock.sig", "key.pub", "five.png"} {
		data, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(project, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(project)
	key := []string{"--lock-key", "key.pub"}
	with := func(args ...string) []string { return append(key[:2:2], args...) }
	play(t, away, []situation{
		{name: "unsigned, with a key", args: with("bundle", "load", filepath.Join(dir, "plain.tar")), status: exitDigest},
		{name: "unsigned", args: []string{"bundle", "load", filepath.Join(dir, "plain.tar")}},
		{name: "its row, with a key", args: with("predict", "mine", "five.png"), status: exitDigest,
			says: []string{"rows", "is asked for"}},
		{name: "signed", args: with("bundle", "load", filepath.Join(dir, "signed.tar.zst"))},
		{name: "its row", args: with("predict", "mine", "five.png"), says: []string{"cinq"}},
		{name: "unsigned again", args: []string{"bundle", "load", filepath.Join(dir, "plain.tar")}},
		{name: "the signed one stays", args: with("predict", "mine", "five.png"), says: []string{"cinq"}},
		{name: "whose it is", args: []string{"info", "mine"}, says: []string{"signed by key"}},
	})
}
