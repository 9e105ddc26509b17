package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo/converter"
)

// holdsResult checks what a command line came to: what it printed is as docs/json.md says, and an
// error is an object on standard error.
func holdsResult(t *testing.T, doc map[string]*docSection, command, format string, got result) {
	t.Helper()
	section := strings.ReplaceAll(command, " ", "-")
	switch {
	case got.stdout != "" && format == formatNDJSON:
		for _, line := range strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n") {
			holds(t, doc, doc[section].line, object(t, line))
		}
	case got.stdout != "":
		holds(t, doc, section, object(t, got.stdout))
	case got.status == exitOK:
		t.Error("nothing is printed")
	}
	lines := strings.Split(strings.TrimSuffix(got.stderr, "\n"), "\n")
	if last := lines[len(lines)-1]; got.status != exitOK && (got.stdout == "" || strings.Contains(last, `"exit_status"`)) {
		v := object(t, last)
		holds(t, doc, "error", v)
		if v["exit_status"] != float64(got.status) {
			t.Errorf("exit status %d: %s", got.status, last)
		}
		lines = lines[:len(lines)-1]
	}
	if format == formatNDJSON && got.stderr != "" {
		for _, line := range lines {
			holds(t, doc, "event", object(t, line))
		}
	}
}

// jsonLines are command lines that succeed, by command. A command that is in neither table makes
// the test fail.
func jsonLines(t *testing.T, cache string) map[string][]string {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	images, _ := badImages(t)
	must := func(args ...string) {
		if got := command(t, cache, args...); got.status != exitOK {
			t.Fatalf("%q: %s", args, got.stderr)
		}
	}
	rows := "[mine]\nbase = \"" + nanoModel + "\"\nclass_names = [\"a\", \"b\"]\n[repvgg-A0_8xb32_in1k.weights]\nlicence = \"none\"\n"
	if err := os.WriteFile(at("zoo.toml"), []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	must("convert", nanoModel, "-o", at("nano.safetensors"))
	must("eval", nanoModel, "-o", at("run.jsonl"))
	must("lock", "key", at("key"))
	must("lock", nanoModel, "--lock", at("zoo.lock"))
	must("lock", "sign", "--key", at("key"), "--lock", at("zoo.lock"))
	must("bundle", "create", nanoModel, "-o", at("b.tar"))
	published := filepath.Join("..", "..", "golden", "nano", "cspresnet-nano_digits-30dbf170.pth")
	return map[string][]string{
		"zoo": {""}, "zoo version": {""}, "zoo env": {""},
		"zoo demo": {""},
		"zoo list": {"csp*", "csp* --format ndjson"},
		"zoo info": {nanoModel + " --layers", "repvgg-A0_8xb32_in1k --config " + at("zoo.toml"), "mine --config " + at("zoo.toml"),
			"efficientnet-lite0_3rdparty_in1k", "efficientnet-b0_3rdparty_8xb32-aa_in1k"},
		"zoo download": {nanoModel, nanoModel + " --format ndjson", "efficientnet-lite1_3rdparty_in1k --offline --format ndjson"},
		"zoo import":   {nanoModel + " " + published, nanoModel + " " + published + " --format ndjson", nanoModel + " " + at("run.jsonl")},
		"zoo convert": {nanoModel + " --explain", at("nano.safetensors") + " --dry-run -o " + at("x.npz"), published + " -o " + at("x.pth"),
			at("nano.safetensors") + " --model efficientnet-lite0_3rdparty_in1k --explain -o " + at("y.pth")},
		"zoo inspect": {published + " --tensors"},
		"zoo scan":    {published},
		"zoo row":     {at("nano.safetensors") + " --like " + nanoModel + " --name own"},
		"zoo verify": {nanoModel, nanoModel + " --format ndjson", nanoModel + " --checkpoint " + at("nano.safetensors"),
			"cspdarknet-nano_digits --checkpoint " + at("nano.safetensors")},
		"zoo predict":       {images, images + " --multi-label", images + " --format ndjson"},
		"zoo embed":         {images, images + " --format ndjson"},
		"zoo pixels":        {filepath.Join(images, "1.png") + " -o " + at("o.png")},
		"zoo eval":          {nanoModel + " --per-class", nanoModel + " --limit 20"},
		"zoo eval merge":    {at("run.jsonl") + " -o " + at("merged.jsonl")},
		"zoo report":        {nanoModel, "repvgg-A0_8xb32_in1k"},
		"zoo bench":         {nanoModel + " --runs 1 --layers", nanoModel + " --duration 10ms --format ndjson"},
		"zoo lock":          {nanoModel + " --lock " + at("zoo.lock"), nanoModel + " --format ndjson --lock " + at("zoo.lock")},
		"zoo lock key":      {at("other")},
		"zoo lock sign":     {"--key " + at("key") + " --lock " + at("zoo.lock")},
		"zoo lock verify":   {"--key " + at("key.pub") + " --lock " + at("zoo.lock")},
		"zoo bundle create": {nanoModel + " -o " + at("c.tar")},
		"zoo bundle load":   {at("b.tar")},
		"zoo cache ls":      {"", "--format ndjson"}, "zoo cache path": {""}, "zoo cache verify": {""}, "zoo cache prune": {"--keep 0"},
		"zoo cache rm": {nanoModel + " cspresnext-nano_digits"},
	}
}

// notByLine are commands that have no command line in jsonLines: those that only have commands
// below them, and those that need a server and are tested beside it.
var notByLine = []string{"zoo bundle", "zoo cache", "zoo push"}

// printText are commands whose output is text for people and shells, whatever the format.
var printText = []string{"zoo help", "zoo completion", "zoo man"}

// Every command, for programs: what it prints is JSON with schema_version, as docs/json.md
// describes it field by field, and so is what it says when it fails.
func TestEveryCommandPrintsJSON(t *testing.T) {
	cache := t.TempDir()
	doc := readDoc(t)
	lines := jsonLines(t, cache)
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		path := c.CommandPath()
		if slices.Contains(printText, path) {
			return
		}
		words := strings.Fields(path)[1:]
		if lines[path] == nil && !slices.Contains(notByLine, path) {
			t.Errorf("%s: no command line of it is in jsonLines, and docs/json.md does not have it", path)
		}
		for _, line := range lines[path] {
			t.Run(path+" "+filepath.Base(line), func(t *testing.T) {
				args, format := strings.Fields(line), formatJSON
				if slices.Contains(args, formatNDJSON) {
					format = formatNDJSON
				} else {
					args = append(args, "--format", format)
				}
				if path == "zoo predict" || path == "zoo embed" {
					args = append([]string{nanoModel}, args...)
				}
				holdsResult(t, doc, path, format, command(t, cache, append(slices.Clone(words), args...)...))
			})
		}
		for _, args := range [][]string{
			{"--no-such-flag", "--format", "json"}, {"--format=ndjson", "--no-such-flag"}, {"--format", "json", "no/such/thing"},
		} {
			t.Run(path+" "+args[0], func(t *testing.T) {
				got := command(t, cache, append(slices.Clone(words), args...)...)
				if got.status == exitOK && args[0] != "--format" || got.status != exitOK && got.stdout != "" {
					t.Errorf("exit status %d, printed %.200q", got.status, got.stdout)
				}
				holdsResult(t, doc, path, formatJSON, got)
			})
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit((&app{}).command())

	// A field that no command line above prints is one that the program has all the same.
	tags := jsonTags(t)
	for name, s := range doc {
		for key := range s.fields {
			if name != "in-converted-files" && !s.used[key] && !tags[key] {
				t.Errorf("docs/json.md: section %q: nothing prints `%s`", name, key)
			}
		}
	}
}

// jsonTags returns the names that struct tags give fields in JSON, anywhere in the module.
func jsonTags(t *testing.T) map[string]bool {
	t.Helper()
	tags, tag := make(map[string]bool), regexp.MustCompile(`json:"([a-z0-9_]+)`)
	for _, pattern := range []string{"*.go", "../../*.go", "../../*/*.go", "../../*/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range tag.FindAllSubmatch(text, -1) {
				tags[string(m[1])] = !strings.HasSuffix(file, "_test.go") || tags[string(m[1])]
			}
		}
	}
	return tags
}

// The keys of converted files are those that docs/json.md lists, and what is JSON in them is as it
// says.
func TestMetadataIsDocumented(t *testing.T) {
	cache, dir, doc := t.TempDir(), t.TempDir(), readDoc(t)
	const section = "in-converted-files"
	for i, args := range [][]string{
		{nanoModel}, {filepath.Join(dir, "0.safetensors"), "--model", nanoModel}, {filepath.Join("..", "..", "converter", "testdata", "zip.pth")},
	} {
		out := filepath.Join(dir, fmt.Sprint(i, ".safetensors"))
		if got := command(t, cache, append([]string{"convert", "-o", out}, args...)...); got.status != exitOK {
			t.Fatal(got.stderr)
		}
		c, err := converter.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		facts := make(map[string]any)
		for key, text := range c.Metadata {
			facts[key] = any(text)
			if s := strings.TrimPrefix(key, "zoo."); doc[s] != nil {
				d := json.NewDecoder(bytes.NewBufferString(text))
				var v any
				if err := d.Decode(&v); err != nil {
					t.Errorf("%s: %v: %s", key, err, text)
				}
				facts[key] = v
			}
		}
		holds(t, doc, section, facts)
	}
	for key := range doc[section].fields {
		if !slices.Contains([]string{
			converter.MetaSource, converter.MetaSHA256, converter.MetaContainer, converter.MetaVersion, converter.MetaModel, converter.MetaArch,
			converter.MetaPreprocessing, converter.MetaPublished, converter.MetaClasses, converter.MetaLabels, converter.MetaRecipe,
			converter.MetaNetwork, converter.MetaWeights, converter.MetaEdits, "format",
		}, key) {
			t.Errorf("docs/json.md: no converted file has the key %q", key)
		}
	}
}
