package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ownProject makes a folder with a checkpoint of one's own, nano.pth, a copy of it, and pictures; it
// becomes the working directory.
func ownProject(t *testing.T, cache, catalogue string) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	if got := command(t, cache, "download", nanoModel, "--output", "nano.pth"); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	for name, data := range map[string][]byte{"zoo.toml": []byte(catalogue), "five.png": embedded(t, "val/00003.png")} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const ownNames = `class_names = ["nought", "one", "two", "three", "four", "cinq", "six", "seven", "eight", "nine"]`

// TestOwnRow: a row that states a base, classes and a file works wherever a model is named.
func TestOwnRow(t *testing.T) {
	cache := t.TempDir()
	ownProject(t, cache, "[mine]\nbase = \""+nanoModel+"\"\n"+ownNames+"\nweights.url = \"file:nano.pth\"\n")
	// Nothing of this cache knows the file by another name.
	cache = t.TempDir()
	play(t, cache, []situation{
		{name: "list", args: []string{"list", "mine"}, says: []string{"mine  cspnet  -         -        -      -      -"}},
		{name: "info", args: []string{"info", "mine"}, says: []string{"like           " + nanoModel, "10 nought, one", "file:nano.pth", "none is stated: the file is checked by nothing", "Top-1 -"}},
		{name: "info, json", args: []string{"info", "mine", "--format", "json"}, says: []string{`"base": "` + nanoModel + `"`, `"cinq"`}},
		{name: "predict", args: []string{"predict", "mine", "five.png", "--top", "1"}, says: []string{"0.9986  cinq"}},
		{name: "embed", args: []string{"embed", "mine", "five.png"}, says: []string{"five.png"}},
		{name: "download", args: []string{"download", "mine"}, says: []string{"checked by nothing, from file"}},
		{name: "convert", args: []string{"convert", "mine", "--to", "npz", "-o", "mine.npz"}},
		{name: "report", args: []string{"report", "mine"}, says: []string{"mine    - 0.0540"}},
		{name: "verify", args: []string{"verify", "mine"}, status: exitInternal, says: []string{"no golden is embedded"}},
		{name: "lock", args: []string{"lock", "mine"}, says: []string{"checked by nothing"}},
		{name: "locked", args: []string{"download", "mine"}, says: []string{"checked by lock"}},
	})
}

// TestOwnFileChanges: what counts without a digest is the file that is there, and a lock file holds it.
func TestOwnFileChanges(t *testing.T) {
	cache := t.TempDir()
	ownProject(t, cache, "[mine]\nbase = \""+nanoModel+"\"\nweights.url = \"file:nano.pth\"\n")
	first := command(t, cache, "download", "mine")
	other := command(t, cache, "convert", "nano.pth", "-o", "other.safetensors")
	if first.status != exitOK || other.status != exitOK {
		t.Fatal(first, other)
	}
	if err := os.Rename("other.safetensors", "nano.pth"); err != nil {
		t.Fatal(err)
	}
	second := command(t, cache, "download", "mine")
	if second.status != exitOK || second.stdout == first.stdout {
		t.Errorf("the file has changed, and the one before stands for it: %+v", second)
	}
	if got := command(t, cache, "predict", "mine", "five.png"); got.status != exitOK || !strings.Contains(got.stdout, "0.9986") {
		t.Errorf("%+v", got)
	}
	if err := os.Remove("nano.pth"); err != nil {
		t.Fatal(err)
	}
	if got := command(t, cache, "predict", "mine", "five.png"); got.status == exitOK || !strings.Contains(got.stderr, "nano.pth") {
		t.Errorf("the file is not there: %+v", got)
	}
}

// TestOwnRowAndKey: a key is asked for a row without a digest as for any other.
func TestOwnRowAndKey(t *testing.T) {
	cache := t.TempDir()
	ownProject(t, cache, "[mine]\nbase = \""+nanoModel+"\"\nweights.url = \"file:nano.pth\"\n")
	for _, args := range [][]string{{"lock", "key", "key"}, {"lock", nanoModel}, {"lock", "sign", "--key", "key"}} {
		if got := command(t, cache, args...); got.status != exitOK {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	predict := []string{"predict", "mine", "five.png", "--lock-key", "key.pub"}
	play(t, cache, []situation{
		{name: "not in the lock file", args: predict, status: exitDigest, says: []string{"it is not in zoo.lock"}},
		{name: "added", args: []string{"lock", "mine"}},
		{name: "not signed again", args: predict, status: exitDigest},
		{name: "signed", args: []string{"lock", "sign", "--key", "key"}},
		{name: "trusted", args: predict, says: []string{"0.9986"}},
	})
	if err := os.Remove("nano.pth"); err != nil {
		t.Fatal(err)
	}
	play(t, cache, []situation{{name: "from the cache", args: predict, says: []string{"0.9986"}}})
}

// TestBadRows: a row that is not right names itself and breaks nothing else.
func TestBadRows(t *testing.T) {
	cache := t.TempDir()
	rows := `[good]
base = "` + nanoModel + `"
[key]
base = "` + nanoModel + `"
colour = "red"
[value]
base = "` + nanoModel + `"
classes = 
[bracket]
base = "` + nanoModel + `"
class_names = ["a", "b"
[type.input]
crop = "x"
[nothing]
["two words"]
` + "[GOOD]\n"
	dir := ownProject(t, cache, rows)
	many := filepath.Join(dir, "many.toml")
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "[m%d]\n", i)
	}
	if err := os.WriteFile(many, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, cache, []situation{
		{name: "list", args: []string{"list"}, says: []string{"good  ", nanoModel, `entry "key": unknown key "colour"`, `entry "value": line 8: classes`, `entry "bracket": line 11`,
			`entry "nothing": missing`, `entry "two words": expected letters`, `entry "GOOD": the name differs from that of entry "good" in case only`}},
		{name: "list of many", args: []string{"list", "--config", many, "m*"}, says: []string{"left out: 40 more", `entry "m0"`}},
		{name: "list of a bad one", args: []string{"list", "key"}, status: exitUsage, says: []string{"unknown key"}},
		{name: "the good one", args: []string{"info", "good"}, says: []string{nanoModel}},
		{name: "a built-in one", args: []string{"predict", nanoModel, "five.png"}, says: []string{"0.9986"}},
		{name: "a bad one", args: []string{"predict", "key", "five.png"}, status: exitUsage, says: []string{"zoo.toml", `entry "key": unknown key "colour"`}},
		{name: "completion", args: []string{"__complete", "info", "go"}, says: []string{"good"}},
	})
}

// TestRowCommand: the row that is written is the one that works.
func TestRowCommand(t *testing.T) {
	cache := t.TempDir()
	ownProject(t, cache, "")
	row := []string{"row", "nano.pth", "--like", nanoModel}
	if err := os.WriteFile("names.txt", []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("ten.json", []byte(`["a","b","c","\"d\\","e","Käfer","g","h","i","j"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(args ...string) []string { return append(append([]string{}, row...), args...) }
	play(t, cache, []situation{
		{name: "as it is", args: row, says: []string{"[nano]", `base = "` + nanoModel + `"`, `class_names = ["0", "1"`, `url = "file:nano.pth"`, `sha256 = "30dbf170`, "size = 254319"}},
		{name: "no base", args: []string{"row", "nano.pth"}, status: exitUsage, says: []string{"--like"}},
		{name: "an unknown base", args: []string{"row", "nano.pth", "--like", "nope"}, status: exitUnknown},
		{name: "another network", args: []string{"row", "nano.pth", "--like", "resnet18_8xb32_in1k"}, status: exitCheckpoint},
		{name: "no file", args: []string{"row", "nope.pth", "--like", nanoModel}, status: exitUsage},
		{name: "a name that there is", args: with("--name", nanoModel), status: exitUsage, says: []string{"--name", "choose another name"}},
		{name: "a name that none has", args: with("--name", "a b"), status: exitUsage, says: []string{"--name"}},
		{name: "too few names", args: with("--classes", "names.txt"), status: exitUsage, says: []string{"--classes", "2 class names, but the classifier has 10"}},
	})
	got := command(t, cache, with("--classes", "ten.json", "--name", "v1.5")...)
	if got.status != exitOK {
		t.Fatal(got.stderr)
	}
	if err := os.WriteFile("zoo.toml", []byte(got.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, cache, []situation{
		{name: "used", args: []string{"predict", "v1.5", "five.png"}, says: []string{"0.9986  Käfer"}},
		{name: "shown", args: []string{"info", "v1.5"}, says: []string{`"d\`, "sha256:30dbf170"}},
	})
}
