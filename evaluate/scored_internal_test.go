package evaluate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/dataset"
	"github.com/gozoo/zoo/internal/imagenet"
)

// subset returns an evaluation of three images of a benchmark, by a classifier with so many rows
// before the first class.
func subset(benchmark string, offset int) *Evaluation {
	labels := imagenet.SubsetLabels(benchmark)
	e := &Evaluation{
		Subject: Subject{
			Model: "m", Weights: golden.Synthetic(1), Precision: "high", List: digest.Of([32]byte{1}), Set: 3, Limit: 3,
			Classes: 1000 + offset, Benchmark: benchmark, Scored: len(labels),
		},
		To: 3,
	}
	scored := e.scored()
	var others []int
	for row := range e.Classes {
		if !slices.Contains(scored, row) {
			others = append(others, row)
		}
	}
	for i, scores := range []map[int]float32{
		{scored[1]: 9, scored[0]: 1},               // right among both
		{others[0]: 9, others[7]: 8, scored[2]: 7}, // right among those that are scored, third among all
		{others[0]: 9, others[1]: 8, others[2]: 7, others[3]: 6, others[4]: 5, scored[5]: 4, scored[3]: 3}, // second, and none of the first five
	} {
		logits := make([]float32, e.Classes)
		for row, score := range scores {
			logits[row] = score
		}
		top, all := best(logits, scored)
		e.add(ImageResult{Path: string(rune('a' + i)), Label: scored[i+1], Top: top, All: all})
	}
	return e
}

// Where a benchmark has some of the classes, the best of these counts, and the best of all is
// counted beside it; a log has both, and says so.
func TestScored(t *testing.T) {
	for _, tt := range []struct {
		benchmark string
		offset    int
	}{{"ImageNet-A", 0}, {"ImageNet-R", 1}, {"imagenette2-160", 0}, {"imagewoof", 0}} {
		e := subset(tt.benchmark, tt.offset)
		if a, all := e.Accuracy, e.AmongAll; a.N != 3 || a.Top1 != 2 || a.Top5 != 3 || all.N != 3 || all.Top1 != 1 || all.Top5 != 2 {
			t.Errorf("%s: %+v among those that are scored, %+v among all", tt.benchmark, a, all)
		}
		if e.among() != len(imagenet.SubsetLabels(tt.benchmark)) {
			t.Errorf("%s: a guess is among %d classes", tt.benchmark, e.among())
		}
		var log bytes.Buffer
		if err := e.WriteLog(&log); err != nil {
			t.Fatal(err)
		}
		h, lines, _, err := readLog(&log)
		if err != nil || len(lines) != 3 || h.Subject != e.Subject || !slices.Equal(lines[1].All, e.Images[1].All) {
			t.Errorf("%s: %+v, %d lines, %v", tt.benchmark, h, len(lines), err)
		}
	}
}

// Of an image with several labels any is right; each is in the digest of the list and in the log.
func TestSeveralLabels(t *testing.T) {
	e := &Evaluation{Subject: Subject{Model: "m", Weights: golden.Synthetic(1), Precision: "high", Set: 3, Limit: 3, Classes: 1000, Benchmark: "ImageNet-Real"}, To: 3}
	images := []ImageResult{
		{Path: "a", Label: 970, Also: []int{795}, Top: []int{795, 1, 2, 3, 4}},
		{Path: "b", Label: 809, Top: []int{1, 2, 3, 4, 809}},
		{Path: "c", Label: 516, Also: []int{850, 1}, Top: []int{2, 3, 4, 5, 6}},
	}
	var items, one []dataset.Item
	for _, r := range images {
		e.add(r)
		items = append(items, dataset.Item{Path: r.Path, Label: r.Label, Also: r.Also})
		one = append(one, dataset.Item{Path: r.Path, Label: r.Label})
	}
	if a := e.Accuracy; a.N != 3 || a.Top1 != 1 || a.Top5 != 2 {
		t.Errorf("%+v", a)
	}
	if e.List = listDigest(items); e.List == listDigest(one) {
		t.Error("the list's digest does not know of further labels")
	}
	var per []string
	for _, c := range e.PerClass() {
		per = append(per, fmt.Sprint(c.Class, c.Accuracy.Top1))
	}
	if want := []string{"1 0", "516 0", "795 1", "809 0", "850 0", "970 1"}; !slices.Equal(per, want) {
		t.Errorf("classes %q, want %q", per, want)
	}
	var b bytes.Buffer
	if err := e.WriteLog(&b); err != nil {
		t.Fatal(err)
	}
	log := b.String()
	h, lines, _, err := readLog(strings.NewReader(log))
	if err != nil || len(lines) != 3 {
		t.Fatal(err)
	}
	if err := h.prove([]ImageResult{lines[0].ImageResult, lines[1].ImageResult, lines[2].ImageResult}); err != nil {
		t.Error(err)
	}
	for by, says := range map[string]string{`[850,850]`: "label 850 once", `[516]`: "label 516 once", `[1000]`: "a label from 0 to 999", `[]`: "as zoo writes it"} {
		if _, _, _, err := readLog(strings.NewReader(strings.Replace(log, `[850,1]`, by, 1))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", by, err, says)
		}
	}
	lines[2].Also = []int{850}
	if err := h.prove([]ImageResult{lines[0].ImageResult, lines[1].ImageResult, lines[2].ImageResult}); err == nil {
		t.Error("a label was taken away, and the digest is the same")
	}
}

// A log that says otherwise of what was scored is refused.
func TestTamperedScored(t *testing.T) {
	e := subset("imagenette", 0)
	var b bytes.Buffer
	if err := e.WriteLog(&b); err != nil {
		t.Fatal(err)
	}
	log := b.String()
	scored := imagenet.SubsetLabels("imagenette")
	if scored[0] != 0 || scored[1] != 217 {
		t.Fatal(scored)
	}
	for name, change := range map[string]struct{ old, by, err string }{
		"all scored":        {`,"scored":10`, ``, "since all are scored"},
		"other number":      {`"scored":10`, `"scored":11`, `11 of 1000 classes are scored`},
		"other benchmark":   {`"benchmark":"imagenette"`, `"benchmark":"ImageNet-A"`, `not those of "ImageNet-A"`},
		"unknown benchmark": {`"benchmark":"imagenette"`, `"benchmark":"x"`, `not those of "x"`},
		"few classes":       {`"classes":1000`, `"classes":999`, "are scored"},
		"a row before":      {`"classes":1000`, `"classes":1001`, "classes of imagenette"},
		"one list":          {`,"all":[217,0,1,2,3]`, ``, "first 5 of all classes"},
		"another class":     {`"top":[217,0,`, `"top":[217,1,`, "classes of imagenette"},
		"another order":     {`"all":[217,0,`, `"all":[0,217,`, "the same order"},
	} {
		if !strings.Contains(log, change.old) {
			t.Fatalf("%s: no %q in %s", name, change.old, log)
		}
		if _, _, _, err := readLog(strings.NewReader(strings.Replace(log, change.old, change.by, 1))); err == nil || !strings.Contains(err.Error(), change.err) {
			t.Errorf("%s: %v, want %q", name, err, change.err)
		}
	}
}
