package evaluate_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
)

// tampered returns a log of twenty images in which a text is replaced once.
func tampered(t *testing.T, log, old, by string) string {
	t.Helper()
	if !strings.Contains(log, old) {
		t.Fatalf("the log has no %q", old)
	}
	path := filepath.Join(t.TempDir(), "log.jsonl")
	if err := os.WriteFile(path, []byte(strings.Replace(log, old, by, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A log in which anything but the classes that the network computed was altered is merged
// nowhere and gone on with nowhere.
func TestTamperedLogs(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	part, whole := filepath.Join(t.TempDir(), "part.jsonl"), filepath.Join(t.TempDir(), "whole.jsonl")
	for _, o := range []evaluate.Options{{Log: part, Limit: 20}, {Log: whole, Dataset: "embedded"}} {
		if _, err := evaluate.Run(t.Context(), m, nano.Images(t), o); err != nil {
			t.Fatal(err)
		}
		if _, err := evaluate.Merge(o.Log); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{part, whole} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		log := string(data)
		lines := strings.SplitAfter(log, "\n")
		second := lines[2]
		top := second[strings.Index(second, `"top":`):strings.Index(second, "]")]
		for name, change := range map[string]struct{ old, by, err string }{
			"a label":              {`"label":5,`, `"label":8,`, "digest"},
			"a path":               {"val/00003.png", "val/00003.pnq", "digest"},
			"labels swapped":       {lines[1] + lines[2], strings.Replace(lines[1], `"label":0`, `"label":5`, 1) + strings.Replace(second, `"label":5`, `"label":0`, 1), "digest"},
			"order":                {lines[1] + lines[2], strings.Replace(second, `"i":1`, `"i":0`, 1) + strings.Replace(lines[1], `"i":0`, `"i":1`, 1), "order of their paths"},
			"an unknown key":       {`{"i":1,`, `{"i":1,"x":1,`, "as zoo writes it"},
			"a key twice":          {`{"i":1,`, `{"i":7,"i":1,`, "as zoo writes it"},
			"a key in capitals":    {`{"i":1,`, `{"I":1,`, "as zoo writes it"},
			"a key missing":        {`"label":5,`, ``, "as zoo writes it"},
			"null":                 {`"label":5,`, `"label":null,`, "as zoo writes it"},
			"a number written":     {`"label":5,`, `"label":5.0,`, "line 3"},
			"space":                {`{"i":1,`, `{ "i":1,`, "as zoo writes it"},
			"a second value":       {second, strings.TrimSuffix(second, "\n") + `{"i":2}` + "\n", "line 3"},
			"a class too high":     {second, strings.Replace(second, top, `"top":[5,10,0,1,2`, 1), "classes from 0 to 9"},
			"a negative class":     {second, strings.Replace(second, top, `"top":[5,-1,0,1,2`, 1), "classes from 0 to 9"},
			"a class twice":        {second, strings.Replace(second, top, `"top":[5,5,0,1,2`, 1), "class 5 once"},
			"few classes":          {second, strings.Replace(second, top, `"top":[5`, 1), "first 5 classes"},
			"many classes":         {second, strings.Replace(second, top, `"top":[5,1,2,3,4,6`, 1), "first 5 classes"},
			"an error and top":     {`]}`, `],"error":"x"}`, "or an error"},
			"neither":              {second, strings.Replace(second, ","+top+"]", "", 1), "or an error"},
			"a label too high":     {`"label":5,`, `"label":10,`, "label from 0 to 9"},
			"control characters":   {`"dataset":"`, `"dataset":"\u001b[2J`, "prints"},
			"marks of direction":   {`"dataset":"`, "\"dataset\":\"\u202e", "prints"},
			"a header's key twice": {`"format":`, `"format":"zoo-eval/1","format":`, "as zoo writes it"},
			"a header's key":       {`"set":360`, `"set":360,"note":1`, "as zoo writes it"},
			"a second header":      {lines[1], lines[0] + lines[1], "line 2"},
			"precision":            {`"precision":"high"`, `"precision":"best"`, "best"},
			"no model":             {`"model":"` + nano.Names[1] + `"`, `"model":""`, "names of a model"},
			"a short digest":       {`"list_sha256":"`, `"list_sha256":"01234567","x":"`, "as zoo writes it"},
			"another list":         {log[strings.Index(log, `"list_sha256":`):][:80], `"list_sha256":"` + strings.Repeat("0", 64) + `"`, "digest"},
			"text at the end":      {log, log + `{"i":`, "follow the last image"},
			"a line at the end":    {log, log + second, "expected the outcome"},
		} {
			if name == "another list" && path == part || strings.Contains(name, "follow") {
				continue // the digest of the first images stands beside it
			}
			t.Run(filepath.Base(path)+"/"+name, func(t *testing.T) {
				_, err := evaluate.Merge(tampered(t, log, change.old, change.by))
				if err == nil || !strings.Contains(err.Error(), change.err) || !errors.Is(err, model.ErrOption) {
					t.Errorf("%v, want %q", err, change.err)
				}
			})
		}
	}
}

// What an evaluation says of images that it leaves out stands in its log, and in what the
// log becomes.
func TestLogOfPartialSet(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"5/a.png": nano.Digit(t, 3), "5/b\xff.png": nano.Digit(t, 5), "5/c\n.png": nano.Digit(t, 5),
		"5/d.png": []byte("no image\x1b[2J"), "cats/e.png": nano.Digit(t, 1),
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Skipf("left out: this file system has no such names: %v", err)
		}
	}
	set, closer, err := evaluate.OpenData(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if _, err := evaluate.Run(t.Context(), m, set, evaluate.Options{}); !errors.Is(err, model.ErrOption) ||
		!strings.Contains(err.Error(), "1 of 5 images cannot be evaluated: 1 image in folders that are no class: cats") {
		t.Errorf("error %v", err)
	}
	log := filepath.Join(t.TempDir(), "log.jsonl")
	o := evaluate.Options{Partial: true, Log: log, Dataset: "a\x1b[2Jb"}
	for _, resumed := range []int{0, 4} { // names that are no UTF-8 are known again
		e, err := evaluate.Run(t.Context(), m, set, o)
		if err != nil {
			t.Fatal(err)
		}
		if e.LeftOut != 1 || e.Unreadable != 1 || e.Set != 4 || e.Accuracy.N != 3 || e.Resumed != resumed || e.Complete() {
			t.Errorf("%+v", e)
		}
	}
	e, err := evaluate.Merge(log)
	if err != nil {
		t.Fatal(err)
	}
	if e.LeftOut != 1 || e.Unreadable != 1 || e.Accuracy.N != 3 || e.Images[1].Path != "5/b\xff.png" || e.Dataset != `a\x1b[2Jb` {
		t.Errorf("%+v", e)
	}
}

// An evaluation of which nothing could be read is an error, of a part of a set alone it is not.
func TestNothing(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	set := fstest.MapFS{"5/a.png": {Data: []byte("x")}, "5/b.png": {Data: []byte("x")}}
	if _, err := evaluate.Run(t.Context(), m, set, evaluate.Options{}); !errors.Is(err, model.ErrOption) || !strings.Contains(err.Error(), "none of 2 images could be read") {
		t.Errorf("error %v", err)
	}
	if e, err := evaluate.Run(t.Context(), m, set, evaluate.Options{Shard: 1, Shards: 2}); err != nil || e.Unreadable != 1 {
		t.Errorf("a shard: %v", err)
	}
}

// An accuracy that the published one makes unlikely is refused, and small sets are not.
func TestImplausible(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	wrong := func(n int) fstest.MapFS { // fives, called zeros
		set := fstest.MapFS{}
		for i := range n {
			set["0/"+string(rune('a'+i))+".png"] = &fstest.MapFile{Data: nano.Digit(t, 3)}
		}
		return set
	}
	for _, tt := range []struct {
		n    int
		o    evaluate.Options
		fail bool
	}{
		{3, evaluate.Options{Expected: 0.9861}, false},
		{4, evaluate.Options{Expected: 0.9861}, true},
		{4, evaluate.Options{Expected: 0.9861, AllowChance: true}, false},
		{2, evaluate.Options{Expected: 1}, false},
		{20, evaluate.Options{Expected: evaluate.Unpublished}, false},
		{40, evaluate.Options{Expected: evaluate.Unpublished}, true},
		{40, evaluate.Options{}, false},
	} {
		_, err := evaluate.Run(t.Context(), m, wrong(tt.n), tt.o)
		var chance *evaluate.ChanceError
		if errors.As(err, &chance) != tt.fail || err != nil && !tt.fail {
			t.Errorf("%d images, %+v: %v", tt.n, tt.o, err)
		}
		if tt.fail && !strings.Contains(err.Error(), "less likely than one in a million") {
			t.Error(err)
		}
	}
	// Of the first images of a set that is sorted by class nothing much is expected.
	sorted := wrong(8)
	for _, class := range "1234" {
		sorted[string(class)+"/x.png"] = &fstest.MapFile{Data: nano.Digit(t, 3)}
	}
	if _, err := evaluate.Run(context.Background(), m, sorted, evaluate.Options{Limit: 8, Expected: 0.9861}); err != nil {
		t.Error(err)
	}
}

// One row of a classifier is no Top-1.
func TestOneRow(t *testing.T) {
	m := nano.Open(t, nano.Names[1], model.Compute{})
	for offset, want := range map[int]string{-1: "expected 0 to 9", 10: "expected 0 to 9"} {
		if _, err := evaluate.Run(t.Context(), m, nano.Images(t), evaluate.Options{ClassesOffset: offset}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("offset %d: %v", offset, err)
		}
	}
	if _, err := evaluate.Run(t.Context(), m, nano.Images(t), evaluate.Options{Classes: []string{"a"}}); err == nil || !strings.Contains(err.Error(), "1 class names for 10 rows") {
		t.Errorf("one name: %v", err)
	}
}
