package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry/store"
)

// rateJSON is an accuracy with its 95 % interval, in percent to four decimals.
type rateJSON struct {
	Correct int         `json:"correct"`
	Percent json.Number `json:"percent"`
	Low     json.Number `json:"low"`
	High    json.Number `json:"high"`
}

func rate(correct, n int) rateJSON {
	percent := func(x float64) json.Number { return json.Number(strconv.FormatFloat(x, 'f', 4, 64)) }
	low, high := metrics.Wilson(correct, n)
	return rateJSON{correct, percent(metrics.Percent(correct, n)), percent(low), percent(high)}
}

// unreadableJSON is an image that could not be evaluated.
type unreadableJSON struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

// classJSON is the accuracy on the images of one class.
type classJSON struct {
	Class      int      `json:"class"`
	Name       string   `json:"name,omitempty"`
	Images     int      `json:"images"`
	Top1       rateJSON `json:"top1"`
	Top5       rateJSON `json:"top5"`
	Unreadable int      `json:"unreadable"`
}

// perClass returns the accuracy for each class. Names are those of the rows, or of those from the
// offset on; nil where nobody named them.
func perClass(e *evaluate.Evaluation, names []string) []classJSON {
	var classes []classJSON
	before := e.Classes - len(names) // rows without a name
	for _, c := range e.PerClass() {
		row := classJSON{Class: c.Class, Images: c.Accuracy.N, Top1: rate(c.Accuracy.Top1, c.Accuracy.N),
			Top5: rate(c.Accuracy.Top5, c.Accuracy.N), Unreadable: c.Unreadable}
		if i := c.Class - before; names != nil && i >= 0 && i < len(names) {
			row.Name = names[i]
		}
		classes = append(classes, row)
	}
	return classes
}

// amongAllJSON is the accuracy among all classes, where that of the evaluation is among some.
type amongAllJSON struct {
	Top1 rateJSON `json:"top1"`
	Top5 rateJSON `json:"top5"`
}

// publishedJSON is what others publish of the same checkpoint on the same set.
type publishedJSON struct {
	Top1   json.Number `json:"top1"` // percent, with the digits of the source
	Top5   json.Number `json:"top5"`
	Source string      `json:"source"`
	Pixels string      `json:"pixels"` // that theirs were measured on
}

// publishedOf returns what is published of an evaluation's checkpoint on its benchmark; nil where
// nothing is, and where weights or preprocessing are not the row's. The weights of a row without a
// digest are those in the cache whose digest the host stated.
func (a *app) publishedOf(e *evaluate.Evaluation) (*publishedJSON, error) {
	z, err := a.open()
	if err != nil {
		return nil, err
	}
	entry, err := z.Registry().Row(e.Model)
	if err != nil {
		return nil, nil // of others nothing is known
	}
	f, ok := entry.OnBenchmark(e.Benchmark)
	if !ok || e.Pixels != evaluate.PixelsOf(entry.Input) {
		return nil, nil
	}
	stated := entry.Weights.Digest
	if stated == (digest.Digest{}) {
		here, err := cachedAs(z, entry.Name)
		if err != nil || here == nil || here.CheckedBy != store.ByHost {
			return nil, err
		}
		stated = here.Digest
	}
	if d, ok := e.Weights.Digest(); !ok || !stated.Matches(d) {
		return nil, nil
	}
	return &publishedJSON{json.Number(f.Top1.String()), json.Number(f.Top5.String()), f.Source, f.Pixels}, nil
}

// printEvaluation prints an evaluation. The error is about images that could not be read, unless
// the figure without them will do.
func (a *app) printEvaluation(e *evaluate.Evaluation, format string, show evalShow, names []string) error {
	for _, note := range e.Notes {
		a.hint("note: %s", note)
	}
	var classes []classJSON
	if show.perClass {
		classes = perClass(e, names)
	}
	published, err := a.publishedOf(e)
	if err == nil {
		err = a.writeEvaluation(e, format, classes, published, show.collect)
	}
	if err == nil && e.Unreadable > 0 && !show.noStrict {
		err = usage("%d of %d images could not be read: mend them, or take the figure without them with --no-strict", e.Unreadable, len(e.Images))
	}
	return err
}

// evaluationJSON is an evaluation as JSON.
type evaluationJSON struct {
	evaluate.Subject
	Dataset    string           `json:"dataset"`
	From       int              `json:"from"`
	To         int              `json:"to"`
	Images     int              `json:"images"`
	Total      int              `json:"total"` // images that are there, with those that have no label
	Complete   bool             `json:"complete"`
	Top1       rateJSON         `json:"top1"`
	Top5       rateJSON         `json:"top5"`
	AmongAll   *amongAllJSON    `json:"among_all,omitempty"`
	Published  *publishedJSON   `json:"published,omitempty"`
	Unreadable []unreadableJSON `json:"unreadable"`
	PerClass   []classJSON      `json:"per_class,omitempty"`
	Notes      []string         `json:"notes,omitempty"`
	Version    string           `json:"version"`
}

func (a *app) writeEvaluation(e *evaluate.Evaluation, format string, classes []classJSON, published *publishedJSON,
	collect *[]evaluationJSON) error {
	n := e.Accuracy.N
	unreadable := []unreadableJSON{}
	for _, r := range e.Images {
		if r.Err != "" {
			unreadable = append(unreadable, unreadableJSON{r.Path, r.Err})
		}
	}
	switch format {
	case formatCSV:
		return a.writeClassesCSV(classes)
	case formatJSON:
		out := evaluationJSON{
			Subject: e.Subject, Dataset: e.Dataset, From: e.From, To: e.To, Images: n, Total: e.Set + e.LeftOut, Complete: e.Complete(),
			Top1: rate(e.Accuracy.Top1, n), Top5: rate(e.Accuracy.Top5, n), Published: published,
			Unreadable: unreadable, PerClass: classes, Notes: e.Notes, Version: zoo.Version,
		}
		if e.Scored > 0 {
			out.AmongAll = &amongAllJSON{rate(e.AmongAll.Top1, n), rate(e.AmongAll.Top5, n)}
		}
		if collect == nil {
			return a.printJSON(out)
		}
		*collect = append(*collect, out)
		return nil
	}
	a.prose("%s on %s: %d of %d images, precision %s", e.Model, e.Dataset, n, e.Set+e.LeftOut, e.Precision)
	a.accuracy(e.Accuracy)
	if e.Scored > 0 {
		a.prose("among the %d classes of %s, as this benchmark is defined; among all %d:", e.Scored, e.Benchmark, e.Classes)
		a.accuracy(e.AmongAll)
	}
	switch {
	case published != nil:
		a.prose("published for this checkpoint on %s: Top-1 %s %%, Top-5 %s %% (%s: %s)", e.Benchmark, published.Top1, published.Top5,
			published.Source, published.Pixels)
	case e.Benchmark != "":
		a.prose("published on %s: nothing that a source ties to this checkpoint and its preprocessing", e.Benchmark)
	}
	if e.LeftOut > 0 {
		a.prose("%d of %d images were left out, and are in no figure", e.LeftOut, e.Set+e.LeftOut)
	}
	if len(unreadable) > 0 {
		a.prose("%d of %d images could not be read, and are in no figure:", len(unreadable), len(e.Images))
	}
	for _, u := range unreadable {
		a.prose("  %s: %s", u.Path, strings.TrimPrefix(u.Error, u.Path+": "))
	}
	if classes != nil {
		a.line("class   Top-1 %%   Top-5 %%   images  name")
	}
	for _, c := range classes {
		a.field(36, fmt.Sprintf("%5d  %8.2f  %8.2f  %7d", c.Class, metrics.Percent(c.Top1.Correct, c.Images),
			metrics.Percent(c.Top5.Correct, c.Images), c.Images), c.Name)
	}
	a.prose("weights %s, list %s", a.hex(fmt.Sprint(e.Weights)), a.hex("sha256:"+e.List.String()))
	a.prose("%s", e.Pixels)
	return nil
}

// accuracy prints Top-1 and Top-5 with their intervals.
func (a *app) accuracy(acc metrics.Accuracy) {
	for _, t := range []struct {
		name    string
		correct int
	}{{"Top-1", acc.Top1}, {"Top-5", acc.Top5}} {
		low, high := metrics.Wilson(t.correct, acc.N)
		a.prose("%s %6.2f %%  %d correct, 95 %% interval %.2f to %.2f", t.name, metrics.Percent(t.correct, acc.N), t.correct, low, high)
	}
}

// writeClassesCSV writes the accuracy for each class, a line each.
func (a *app) writeClassesCSV(classes []classJSON) error {
	w := csv.NewWriter(a.stdout)
	w.Write([]string{"class", "name", "images", "unreadable", "top1_correct", "top1_percent", "top5_correct", "top5_percent"})
	for _, c := range classes {
		w.Write(printable.Cells(strconv.Itoa(c.Class), c.Name, strconv.Itoa(c.Images), strconv.Itoa(c.Unreadable), strconv.Itoa(c.Top1.Correct),
			c.Top1.Percent.String(), strconv.Itoa(c.Top5.Correct), c.Top5.Percent.String()))
	}
	w.Flush()
	return w.Error()
}
