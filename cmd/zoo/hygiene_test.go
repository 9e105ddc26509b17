package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/tensor"
)

// forged begins a line where a text from outside could begin one.
const forged = "zoo: FORGED"

// nastyName has one of everything that acts on a terminal, a table, a spreadsheet or a page,
// and may be a file's name.
const nastyName = "=1+1 \x1b]0;t\a\x7f\u009b31m\u202e\u200b|<script>`*[x](y)\t\r\n" + forged + "\n" + forged + "|"

// nastyWorld is a folder with the texts in every place that a user could have from elsewhere.
type nastyWorld struct {
	dir, cache                                          string
	classes, checkpoint, foreign, images, image, golden string
	zip, tar, log, lock, key, config, broken, bundle    string
	prints                                              string // rows whose texts print
	pixels                                              string // where an output goes
}

func newNastyWorld(t *testing.T) *nastyWorld {
	t.Helper()
	dir := filepath.Join(t.TempDir(), nastyName)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Skip("this file system has no such names:", err)
	}
	w := &nastyWorld{dir: dir, cache: filepath.Join(dir, "cache "+nastyName), images: filepath.Join(dir, "set"+nastyName)}
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name+nastyName)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.Mkdir(w.images, 0o700); err != nil {
		t.Fatal(err)
	}
	five := embedded(t, "val/00003.png")
	w.image = file("image", five)
	for name, data := range map[string][]byte{"a" + nastyName + ".png": five, "\xff\xfe.png": five, "b\n" + forged + ".png": []byte("none")} {
		if err := os.WriteFile(filepath.Join(w.images, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	nano := filepath.Join(dir, "nano.safetensors")
	if got := command(t, w.cache, "convert", "cspresnet-nano_digits", "-o", nano); got.status != exitOK {
		t.Fatal(got.stderr)
	}
	f, err := safetensors.Open(nano)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("%s %d", nastyName, i))
	}
	text, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	w.classes = file("classes", text)
	meta := f.Metadata()
	meta[converter.MetaClasses], meta[converter.MetaSource], meta[nastyName] = string(text), nastyName, nastyName
	w.checkpoint = filepath.Join(dir, "check"+nastyName+".safetensors")
	if err := safetensors.WriteFile(w.checkpoint, f.StateDict(), meta); err != nil {
		t.Fatal(err)
	}
	foreign := new(tensor.StateDict)
	for name, x := range f.StateDict().All() {
		if err := foreign.Add(name+nastyName, x); err != nil {
			t.Fatal(err)
		}
	}
	w.foreign = filepath.Join(dir, "foreign"+nastyName+".pth")
	if err := converter.Write(t.Context(), w.foreign, foreign, converter.Output{Format: converter.PTH, Provenance: converter.Provenance{Source: nastyName, Classes: names}}); err != nil {
		t.Fatal(err)
	}
	g, err := safetensors.Open(goldenFile(t, "cspresnet-nano_digits", func(string, []float32) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	meta = g.Metadata()
	meta["framework"], meta[nastyName] = nastyName, nastyName
	images := strings.Split(strings.TrimPrefix(meta["input"], "images:"), ",")
	for i := range images {
		images[i] = fmt.Sprint(nastyName, i)
	}
	meta["input"] = "images:" + strings.Join(images, ",")
	w.golden = filepath.Join(dir, "golden"+nastyName+".safetensors")
	if err := safetensors.WriteFile(w.golden, g.StateDict(), meta); err != nil {
		t.Fatal(err)
	}

	var z, tarred bytes.Buffer
	zw, tw := zip.NewWriter(&z), tar.NewWriter(&tarred)
	list := ""
	for i, name := range []string{"val/" + strings.NewReplacer("\n", "", "\r", "", "\t", "").Replace(nastyName) + ".png", "val/broken\u202e\x1b.png"} {
		data := [][]byte{five, []byte("none")}[i]
		list += strings.TrimPrefix(name, "val/") + " 5\n"
		e, err := zw.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		e.Write(data)
		tw.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data))})
		tw.Write(data)
	}
	e, err := zw.Create("val.txt")
	if err != nil {
		t.Fatal(err)
	}
	e.Write([]byte(list))
	tw.WriteHeader(&tar.Header{Name: "val.txt", Mode: 0o600, Size: int64(len(list))})
	tw.Write([]byte(list))
	zw.Close()
	tw.Close()
	w.zip, w.tar = filepath.Join(dir, nastyName+".zip"), filepath.Join(dir, nastyName+".tar")
	for path, data := range map[string][]byte{w.zip: z.Bytes(), w.tar: tarred.Bytes()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	w.log = file("log", []byte(`{"format":"zoo-eval/1","model":"\u009b\u202e","dataset":"\n`+forged+`"}`+"\n"+nastyName))
	w.lock = file("lock", []byte("zoo-lock/1\n"+nastyName))
	w.key = file("key", []byte(nastyName))
	w.config = file("rows", []byte("[cspresnet-nano_digits.published]\nnote = "+fmt.Sprintf("%q", "\u009b"+forged)+"\n"))
	w.prints = file("prints", []byte(fmt.Sprintf("[cspresnet-nano_digits]\nweights.licence = %q\nweights.converted_from = %q\npublished.note = %[1]q\npublished.source = %[1]q\n",
		"=1+1|<script>`*[x](y)&", "@SUM(A1)|<script>")))
	w.broken = file("broken", []byte(nastyName))
	w.bundle = file("bundle", tarred.Bytes())
	w.pixels = filepath.Join(dir, "seen"+nastyName+".png")
	return w
}

// Every command, in every format, over a world in which every text from outside has one of
// everything: what reaches the outputs prints, begins no line of its own, and is what each
// format says it is.
func TestNothingFromOutsideActs(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	w := newNastyWorld(t)
	host := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.Header().Set("Etag", "\"\u009b\u202e\"")
		if strings.Contains(r.URL.Path, "moved") {
			rw.Header().Set("Location", "http://\u202e.invalid/\u009b")
			rw.WriteHeader(http.StatusFound)
			return
		}
		rw.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(rw, "<title>%s</title>%s", nastyName, nastyName)
	}))
	defer host.Close()
	row := func(path string) string {
		name := filepath.Join(w.dir, filepath.Base(path)+".toml")
		text := fmt.Sprintf("[efficientnet-lite0_3rdparty_in1k.weights]\nurl = %q\n", host.URL+path)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const remote = "efficientnet-lite0_3rdparty_in1k"
	out := func(name string) string { return filepath.Join(w.dir, name) }
	commands := []struct {
		args    string // words, in which {x} stands for a path of the world
		formats string
	}{
		{"predict " + nano + " {image} {images} --checkpoint {checkpoint}", "json ndjson csv"},
		{"predict " + nano + " {image} --checkpoint {checkpoint} --cam {pixels}", "json ndjson csv"},
		{"predict " + nano + " {broken}", "json"},
		{"predict " + nano + " {dir}", ""},
		{"predict {evil} {image}", "json"},
		{"embed " + nano + " {image} {images} --checkpoint {checkpoint}", "json ndjson csv"},
		{"convert {checkpoint} --explain -o {out}.safetensors", "json"},
		{"convert {checkpoint} --explain --dry-run -o {out}.npz", "json"},
		{"convert {checkpoint} --model " + nano + " --classes {classes} --explain -o {out}.pth", "json"},
		{"convert {foreign} --explain -o {out}.safetensors", "json"},
		{"convert {foreign} --model " + nano + " --explain -o {out}.pth", "json"},
		{"convert {foreign} --dtype f32 -o {out}.npz", "json"},
		{"convert {broken}.pth -o {out}.npz", "json"},
		{"convert {broken} --model {evil} -o {out}.npz", "json"},
		{"convert " + nano + " --classes {broken} -o {out}.npz", "json"},
		{"convert " + nano + " -o {dir}", "json"},
		{"verify " + nano + " --golden {golden}", "json ndjson"},
		{"verify " + nano + " --checkpoint {foreign}", "json"},
		{"verify " + nano + " --images {images}", ""},
		{"verify " + nano + " --golden {broken}", "json"},
		{"eval " + nano + " --data {zip}", "json"},
		{"eval " + nano + " --data {tar} -o {out}.jsonl", "json"},
		{"eval " + nano + " --data {images}", "json"},
		{"eval " + nano + " --data {broken}", "json"},
		{"eval " + nano + " -o {log}", "json"},
		{"eval merge {out}.jsonl", "json"},
		{"eval merge {out}.jsonl -o {out}.merged", "json"},
		{"report " + nano + " --measured {out}.jsonl", "json csv md html"},
		{"eval merge {log}", "json"},
		{"report " + nano + " --measured {log}", "json"},
		{"report " + nano + " --plot {out}.svg", "json csv md html"},
		{"report " + nano + " --config {prints}", "json csv md html"},
		{"list " + nano + " --config {prints}", "json ndjson csv"},
		{"info " + nano + " --config {prints}", "json"},
		{"info " + nano + " --layers", "json csv md"},
		{"report {evil}", ""},
		{"pixels {image} -o {pixels}", ""},
		{"pixels {broken} -o {pixels}", ""},
		{"bench " + nano + " --runs 0 --weights {checkpoint} --logits {out}.logits", "json"},
		{"bench " + nano + " --runs 0 --weights {foreign}", "json"},
		{"download " + nano, "json ndjson"},
		{"download " + nano + " --output {out}.copy", "json ndjson"},
		{"download " + remote + " --config {404}", "json ndjson"},
		{"download " + remote + " --config {moved}", "json ndjson"},
		{"download " + remote + " --mirror {evil}", "json"},
		{"import " + nano + " {broken}", "json"},
		{"lock " + nano + " --lock {out}.lock", "json ndjson"},
		{"lock " + nano + " --lock {lock}", "json"},
		{"lock key {out}.key", ""},
		{"lock sign --key {key} --lock {out}.lock", ""},
		{"lock verify --key {key} --lock {out}.lock", ""},
		{"download " + nano + " --lock-key {key} --lock {out}.lock", "json"},
		{"bundle create " + nano + " -o {out}.tar", ""},
		{"bundle load {bundle}", ""},
		{"push " + nano + " {evil}", ""},
		{"cache ls", "json ndjson"},
		{"cache verify", "json"},
		{"cache prune --dry-run --keep 0", "json"},
		{"cache path", ""},
		{"env --config {config}", "json"},
		{"list --config {config}", "json ndjson csv"},
		{"list --config {broken}", "json"},
		{"list --filter {evil}", ""},
		{"list {evil}", "csv"},
		{"info " + nano + " --size {evil}", "json"},
		{"{evil}", ""},
		{"list --{evil}", ""},
		{"--format {evil} list", ""},
	}
	for _, c := range commands {
		for _, format := range append([]string{"human"}, strings.Fields(c.formats)...) {
			t.Run(c.args+" "+format, func(t *testing.T) {
				var args []string
				for _, word := range strings.Fields(c.args) {
					args = append(args, strings.NewReplacer("{image}", w.image, "{images}", w.images, "{checkpoint}", w.checkpoint, "{foreign}", w.foreign,
						"{classes}", w.classes, "{golden}", w.golden, "{zip}", w.zip, "{tar}", w.tar, "{log}", w.log, "{lock}", w.lock, "{key}", w.key,
						"{config}", w.config, "{prints}", w.prints, "{broken}", w.broken, "{bundle}", w.bundle, "{pixels}", w.pixels, "{dir}", w.dir, "{evil}", nastyName,
						"{404}", row("/404"), "{moved}", row("/moved"), "{out}", out("out"+nastyName+format)).Replace(word))
				}
				if format != "human" {
					args = append(args, "--format", format)
				}
				got := command(t, w.cache, args...)
				checkPrints(t, "standard output", got.stdout)
				checkPrints(t, "standard error", got.stderr)
				switch format {
				case "json", "ndjson":
					checkDocuments(t, got.stdout)
				case "csv":
					checkCells(t, got.stdout)
				case "html":
					if n := strings.Count(got.stdout, "<script"); n > 1 {
						t.Errorf("%d scripts, want the page's own", n)
					}
				case "md":
					if strings.Contains(got.stdout, "<script") || strings.Contains(got.stdout, "[x](") && !strings.Contains(got.stdout, `\[x\](`) {
						t.Errorf("more than text in\n%s", got.stdout)
					}
				}
				if testing.Verbose() {
					t.Logf("exit status %d\n%.800s%.800s", got.status, got.stdout, got.stderr)
				}
			})
		}
	}
	for _, svg := range []string{out("out" + nastyName + "human.svg")} {
		data, err := os.ReadFile(svg)
		if err != nil {
			t.Fatal(err)
		}
		checkPrints(t, "plot", string(data))
	}
}

// checkPrints wants text that prints, in which nothing from outside begins a line.
func checkPrints(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("%s: %q does not print", what, line)
		}
		if strings.HasPrefix(line, forged) {
			t.Errorf("%s: %q is forged in\n%s", what, line, text)
		}
	}
}

// checkDocuments wants documents of JSON, in which a name that is there is there whole.
func checkDocuments(t *testing.T, text string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	for d.More() {
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		eachText(v, func(s string) {
			if strings.Contains(s, "31m") && !strings.Contains(s, `\x`) && !strings.Contains(s, "\u009b") && !strings.Contains(s, `\u009b`) {
				t.Errorf("%q lost its characters", s)
			}
		})
	}
}

func eachText(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, x := range v {
			eachText(x, f)
		}
	case map[string]any:
		for key, x := range v {
			f(key)
			eachText(x, f)
		}
	}
}

// checkCells wants rows of one length whose cells no spreadsheet computes.
func checkCells(t *testing.T, text string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+@\t\r\n") || len(cell) > 1 && cell[0] == '-' && !strings.ContainsAny(cell[1:2], ".0123456789") {
				t.Errorf("%q", cell)
			}
		}
	}
}

// A name comes back as it was from JSON, and only from there.
func TestNastyNameInJSON(t *testing.T) {
	w := newNastyWorld(t)
	got := command(t, w.cache, "predict", "cspresnet-nano_digits", w.image, "--checkpoint", w.checkpoint, "--top", "1", "--format", "json")
	var out struct {
		Results []struct {
			Image string
			Top   []struct{ Name string }
		}
	}
	if err := json.Unmarshal([]byte(got.stdout), &out); err != nil || len(out.Results) != 1 || out.Results[0].Image != w.image || out.Results[0].Top[0].Name != nastyName+" 5" {
		t.Errorf("%+v, %v: %s%s", out, err, got.stdout, got.stderr)
	}
}
