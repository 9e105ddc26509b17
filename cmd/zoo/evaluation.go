package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/printable"
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
	err := a.writeEvaluation(e, format, classes, show.collect)
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
	Unreadable []unreadableJSON `json:"unreadable"`
	PerClass   []classJSON      `json:"per_class,omitempty"`
	Notes      []string         `json:"notes,omitempty"`
	Version    string           `json:"version"`
}

func (a *app) writeEvaluation(e *evaluate.Evaluation, format string, classes []classJSON, collect *[]evaluationJSON) error {
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
			e.Subject, e.Dataset, e.From, e.To, n, e.Set + e.LeftOut, e.Complete(), rate(e.Accuracy.Top1, n), rate(e.Accuracy.Top5, n),
			unreadable, classes, e.Notes, zoo.Version,
		}
		if collect == nil {
			return a.printJSON(out)
		}
		*collect = append(*collect, out)
		return nil
	}
	a.prose("%s on %s: %d of %d images, precision %s", e.Model, e.Dataset, n, e.Set+e.LeftOut, e.Precision)
	for _, t := range []struct {
		name    string
		correct int
	}{{"Top-1", e.Accuracy.Top1}, {"Top-5", e.Accuracy.Top5}} {
		low, high := metrics.Wilson(t.correct, n)
		a.prose("%s %6.2f %%  %d correct, 95 %% interval %.2f to %.2f", t.name, metrics.Percent(t.correct, n), t.correct, low, high)
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
