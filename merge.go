package zoo

import (
	"cmp"
	"fmt"
	"os"
	"slices"
)

// Merge puts the logs of an evaluation's parts together. It is an error when they are
// not of the same model, weights, pixels, precision and images, when one of them is
// not complete, and when they overlap or leave images out.
func Merge(paths ...string) (*Evaluation, error) {
	type part struct {
		path   string
		header evalHeader
		lines  []evalLine
	}
	var parts []part
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("zoo: merge: %w", err)
		}
		h, lines, whole, err := readEvalLog(f)
		f.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("zoo: merge: %s: %w", path, err)
		case whole == 0:
			return nil, fmt.Errorf("zoo: merge: %s: it is empty", path)
		case len(lines) < h.To-h.From:
			return nil, fmt.Errorf("zoo: merge: %s: %d of %d images are done: run that part again to go on", path, len(lines), h.To-h.From)
		}
		parts = append(parts, part{path, h, lines})
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("zoo: merge: no file is named")
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.header.From, b.header.From) })
	first := parts[0].header
	e := &Evaluation{
		Model: first.Model, Dataset: first.Dataset, Weights: first.Weights, Pixels: first.Pixels, Precision: first.Precision,
		ListSHA256: first.List, Set: first.Set, Limit: first.Limit, To: first.Limit,
	}
	last := "the beginning"
	for _, p := range parts {
		if what := first.differs(p.header); what != "" {
			return nil, fmt.Errorf("zoo: merge: %s and %s are not of one evaluation: %s", parts[0].path, p.path, what)
		}
		switch done := len(e.Images); {
		case p.header.From < done:
			return nil, fmt.Errorf("zoo: merge: %s and %s overlap: images %d to %d are in both", last, p.path, p.header.From, min(done, p.header.To)-1)
		case p.header.From > done:
			return nil, fmt.Errorf("zoo: merge: images %d to %d are in no file, between %s and %s", done, p.header.From-1, last, p.path)
		}
		for _, line := range p.lines {
			e.add(ImageResult{Path: line.Path, Label: line.Label, Top: line.Top, Err: line.Err})
		}
		last = p.path
	}
	if done := len(e.Images); done < e.Limit {
		return nil, fmt.Errorf("zoo: merge: images %d to %d are in no file, after %s", done, e.Limit-1, last)
	}
	e.Resumed = len(e.Images)
	return e, nil
}
