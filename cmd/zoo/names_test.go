package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/safetensors"
)

// nanoAlias makes a folder whose zoo.toml calls an embedded model nano, and goes there.
func nanoAlias(t *testing.T, more string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, data := range map[string][]byte{
		"zoo.toml": []byte("[aliases]\nnano = \"" + nanoModel + "\"\n" + more), "five.png": embedded(t, "val/00003.png"),
	} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAliasIsTheRow: each command takes an alias, says once what that stands for, and prints what it prints for
// the row's name.
func TestAliasIsTheRow(t *testing.T) {
	const says = "nano stands for " + nanoModel
	for _, args := range [][]string{
		{"info", "NAME"}, {"info", "NAME", "--format", "json"}, {"download", "NAME", "--format", "json"}, {"convert", "NAME", "--format",
			"json"},
		{"convert", "NAME", "--to", "npz"}, {"verify", "NAME", "--format", "json"}, {"verify", "NAME", "NAME"}, {"predict", "NAME",
			"five.png", "--format", "json"},
		{"predict", "NAME", "five.png", "--size", "32", "--format", "csv"}, {"embed", "NAME", "five.png"}, {"pixels", "five.png", "--for",
			"NAME", "-o", "five.out.png"},
		{"eval", "NAME", "--limit", "9", "--format", "json"}, {"eval", "NAME", "--limit", "9", "-o", "logs/"}, {"report", "NAME", "--format",
			"json"},
		{"bench", "NAME", "--runs", "0"}, {"lock", "NAME"}, {"bundle", "create", "NAME", "-o", "a.tar"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			nanoAlias(t, "")
			cache := filepath.Join(t.TempDir(), "cache")
			with := func(name string, more ...string) result {
				command := append([]string{}, args...)
				for i := range command {
					command[i] = strings.ReplaceAll(command[i], "NAME", name)
				}
				os.RemoveAll("logs")
				os.Remove("zoo.lock")
				return commandTwice(t, cache, append(command, more...))
			}
			want, got := with(nanoModel), with("nano")
			if want.status != exitOK || got.status != exitOK {
				t.Fatalf("exit status %d %s, by the alias %d %s", want.status, want.stderr, got.status, got.stderr)
			}
			if d := cmp.Diff(want.stdout, got.stdout); d != "" {
				t.Errorf("output (-by the name +by the alias)\n%s", d)
			}
			if n := strings.Count(got.stderr, says); n != 1 {
				t.Errorf("%q is said %d times: %s", says, n, got.stderr)
			}
			if strings.Contains(want.stderr, "stands for") {
				t.Errorf("of a row's own name it is said: %s", want.stderr)
			}
			if quiet := with("nano", "-q"); strings.Contains(quiet.stderr, "nano ") {
				t.Errorf("with -q it is said: %s", quiet.stderr)
			}
			files, err := os.ReadDir(".")
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if strings.HasPrefix(f.Name(), "nano") {
					t.Errorf("a file has the alias's name: %s", f.Name())
				}
			}
		})
	}
}

// commandTwice returns what a command gives when all that it needs is in the cache.
func commandTwice(t *testing.T, cache string, args []string) result {
	t.Helper()
	if got := command(t, cache, "convert", nanoModel, "-q"); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	return command(t, cache, args...)
}

func TestNames(t *testing.T) {
	cache := t.TempDir()
	nanoAlias(t, "")
	const csp, digits = "cspdarknet-nano_digits", "csp*-nano_digits"
	file := filepath.Join(t.TempDir(), "nano.pth")
	if got := command(t, cache, "download", nanoModel, "--output", file); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	own := filepath.Join(t.TempDir(), "own.toml")
	if err := os.WriteFile(own, []byte("[resnet50]\nbase = \""+nanoModel+"\"\nweights.url = \"file:"+filepath.ToSlash(file)+"\"\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.toml")
	if err := os.WriteFile(bad, []byte("[aliases]\nresnet50 = \"resnet18_8xb32_in1k\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	play(t, cache, []situation{
		{name: "download of a pattern", args: []string{"download", digits, nanoModel}, says: []string{digits + " " + nanoModel + ": 3 models",
			csp + ": ", nanoModel + ": "}},
		{name: "lock of a pattern", args: []string{"lock", "*-nano_digits", "--lock", "x.lock"}, says: []string{"3 pinned in x.lock"}},
		{name: "verify of a pattern", args: []string{"verify", "csp*net-nano_*"}, says: []string{"PASS " + csp, "PASS " + nanoModel}},
		{name: "of which some have none", args: []string{"verify", "resnet1*_8xb32_in1k"}, says: []string{"PASS resnet18_8xb32_in1k",
			"left out: 2 of 3 models"}},
		{name: "none of which has one", args: []string{"verify", "resnet15*_8xb32_in1k"}, status: exitInternal,
			says: []string{"resnet152_8xb32_in1k: no golden is embedded"}},
		{name: "report of an alias", args: []string{"report", "nano", "--format", "csv"}, says: []string{nanoModel}},
		{name: "a pattern of nothing", args: []string{"download", "resnt50*"}, status: exitUnknown,
			says: []string{`no model's name matches "resnt50*": did you mean resnet50_8xb32_in1k`}},
		{name: "in lock", args: []string{"lock", "xyz*"}, status: exitUnknown, says: []string{`"xyz*": zoo list prints every name`}},
		{name: "in verify", args: []string{"verify", "cspdarknett*"}, status: exitUnknown,
			says: []string{"did you mean cspdarknet50_3rdparty_8xb32_in1k"}},
		{name: "in eval", args: []string{"eval", "cspdarknett*"}, status: exitUnknown,
			says: []string{"did you mean cspdarknet50_3rdparty_8xb32_in1k"}},
		{name: "a broken pattern", args: []string{"download", "csp[", nanoModel}, status: exitUsage, says: []string{`pattern "csp["`}},
		{name: "one output for several", args: []string{"download", digits, "--output", "x"}, status: exitUsage,
			says: []string{"--output goes with one NAME, found 3"}},
		{name: "an output for a pattern of one", args: []string{"download", "cspresnet-nano_*", "--output", "one.pth"},
			says: []string{"one.pth"}},
		{name: "a golden for several", args: []string{"verify", digits, "--golden", "five.png"}, status: exitUsage,
			says: []string{"need exactly one NAME, found 3"}},
		{name: "import by an alias", args: []string{"import", "nano", file}, says: []string{nanoModel + ": 254319 bytes"}},
		{name: "conversion for an alias", args: []string{"convert", file, "--model", "nano", "-o", "m.safetensors"},
			says: []string{"m.safetensors"}},
		{name: "row like an alias", args: []string{"row", file, "--like", "nano", "--name", "mine"},
			says: []string{`base = "` + nanoModel + `"`}},
		{name: "a row called like an alias", args: []string{"row", file, "--like", "nano", "--name", "vgg16"}, status: exitUsage,
			says: []string{`"vgg16" is an alias of vgg16_8xb32_in1k already`}},
		{name: "a bundle of a pattern", args: []string{"bundle", "create", digits, "-o", "digits.tar"}, says: []string{digits + ": 3 models"}},
		{name: "a row before an alias", args: []string{"info", "resnet50", "--config", own},
			says: []string{"resnet50 is a row of its own here, and does not stand for resnet50_8xb32_in1k", nanoModel}},
		{name: "another's alias", args: []string{"list", "--config", bad}, status: exitUsage, says: []string{"bad.toml",
			`alias "resnet50" of "resnet18_8xb32_in1k": "resnet50" is an alias of resnet50_8xb32_in1k already`}},
		{name: "a misspelt one", args: []string{"info", "resnt-50"}, status: exitUnknown, says: []string{"did you mean resnet50_8xb32_in1k"}},
		{name: "version", args: []string{"--version"}, says: []string{"zoo ", " go1."}},
		{name: "version as JSON", args: []string{"--version", "--format", "json"}, says: []string{`"platform"`}},
		{name: "ONNX of a published file", args: []string{"convert", file, "--to", "onnx", "-o", "nano.onnx"},
			says: []string{"converted as " + nanoModel + ", whose published file it is by its sha256"}},
		{name: "ONNX of another file", args: []string{"convert", "m.safetensors", "--to", "onnx", "-o", "m.onnx"}, status: exitUsage,
			says: []string{"name a model"}},
		{name: "deploy of a published file", args: []string{"convert", file, "--deploy", "-o", "d.safetensors"}, status: exitUsage,
			says: []string{"no deploy form"}},
	})
	data, err := os.ReadFile("m.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	prefix := func(base string) string {
		text := fmt.Sprintf("[mine]\nbase = %q\nweights.url = \"https://example.org/x\"\nweights.sha256 = \"%.4x\"\n", base,
			sha256.Sum256(data))
		path := filepath.Join(t.TempDir(), "prefix.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	play(t, cache, []situation{
		{name: "eight digits and a fit", args: []string{"convert", "m.safetensors", "-o", "n.safetensors", "--config", prefix(nanoModel)},
			says: []string{"converted as mine, whose published file it is by its sha256 as far as that is known, 8 digits, and by its tensors"}},
		{name: "eight digits of another network", args: []string{"convert", "m.safetensors", "-o", "n.safetensors", "--config", prefix(csp)},
			says: []string{"the tensors are those of --model"}, never: []string{"converted as"}},
	})
	if plain, version := command(t, cache, "version"), command(t, cache, "--version"); plain.stdout != version.stdout {
		t.Errorf("zoo --version prints %q, zoo version %q", version.stdout, plain.stdout)
	}
	f, err := safetensors.Open("m.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Metadata()["model"]; got != nanoModel {
		t.Errorf("the metadata name the model %q, want %q", got, nanoModel)
	}
}

func TestEvalOfSeveral(t *testing.T) {
	cache := t.TempDir()
	t.Chdir(t.TempDir())
	const names = "csp*-nano_digits"
	play(t, cache, []situation{
		{name: "a log each", args: []string{"eval", names, "--limit", "20", "-o", "runs/"},
			says: []string{"cspdarknet-nano_digits on embedded: 20 of 360", nanoModel + " on embedded: 20 of 360"}},
		{name: "gone on from", args: []string{"eval", names, "--limit", "20", "-o", "runs"}, says: []string{filepath.Join("runs",
			nanoModel+".jsonl")}},
		{name: "a log of a part", args: []string{"eval", nanoModel, "--shard", "2/8", "-o", "runs"}, says: []string{"45 of 360"}},
		{name: "one log", args: []string{"eval", names, "-o", "run.jsonl"}, status: exitUsage,
			says: []string{"each of 3 models has a log of its own: name a folder, such as run.jsonl" + string(filepath.Separator)}},
		{name: "one file", args: []string{"eval", names, "--checkpoint", "x.pth"}, status: exitUsage, says: []string{"name one, found 3"}},
		{name: "other pixels", args: []string{"eval", nanoModel, "cspdarknet-nano_digits", "--size", "32"}, status: exitUsage,
			says: []string{"--size", "name one, found 2"}},
		{name: "one table", args: []string{"eval", names, "--per-class", "--format", "csv"}, status: exitUsage,
			says: []string{"name one, found 3"}},
		{name: "one that fails", args: []string{"eval", "resnet18_8xb32_in1k", nanoModel, "--limit", "9"}, status: exitUsage,
			says: []string{"resnet18_8xb32_in1k: --data: no images", nanoModel + " on embedded: 9 of 360"}},
	})
	for _, name := range []string{nanoModel + ".jsonl", "cspdarknet-nano_digits.jsonl", "cspresnext-nano_digits.jsonl",
		nanoModel + "-2of8.jsonl"} {
		if _, err := os.Stat(filepath.Join("runs", name)); err != nil {
			t.Error(err)
		}
	}
	got := command(t, cache, "eval", names, "--limit", "20", "--format", "json")
	var several struct {
		SchemaVersion int `json:"schema_version"`
		Evaluations   []json.RawMessage
	}
	if err := json.Unmarshal([]byte(got.stdout), &several); err != nil || several.SchemaVersion != 1 || len(several.Evaluations) != 3 {
		t.Fatalf("%v: %s", err, got.stdout)
	}
	var one, among map[string]any
	if err := json.Unmarshal([]byte(command(t, cache, "eval", nanoModel, "--limit", "20", "--format", "json").stdout), &one); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(several.Evaluations[1], &among); err != nil {
		t.Fatal(err)
	}
	delete(one, "schema_version")
	if d := cmp.Diff(one, among); d != "" {
		t.Errorf("alone and among others (-alone +among)\n%s", d)
	}
}
