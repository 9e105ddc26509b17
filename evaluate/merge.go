package evaluate

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
		header header
		lines  []line
	}
	var parts []part
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("evaluate: merge: %w", err)
		}
		h, lines, whole, err := readLog(f)
		f.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("evaluate: merge: %s: %w", path, err)
		case whole == 0:
			return nil, fmt.Errorf("evaluate: merge: %s: it is empty", path)
		case len(lines) < h.To-h.From:
			return nil, fmt.Errorf("evaluate: merge: %s: %d of %d images are done: run that part again to go on", path, len(lines), h.To-h.From)
		}
		parts = append(parts, part{path, h, lines})
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("evaluate: merge: no file is named")
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.header.From, b.header.From) })
	first := parts[0].header
	e := &Evaluation{Subject: first.Subject, Dataset: first.Dataset, To: first.Limit}
	last := "the beginning"
	for _, p := range parts {
		if what := first.Differs(p.header.Subject); what != "" {
			return nil, fmt.Errorf("evaluate: merge: %s and %s are not of one evaluation: %s", parts[0].path, p.path, what)
		}
		switch done := len(e.Images); {
		case p.header.From < done:
			return nil, fmt.Errorf("evaluate: merge: %s and %s overlap: images %d to %d are in both", last, p.path,
				p.header.From, min(done, p.header.To)-1)
		case p.header.From > done:
			return nil, fmt.Errorf("evaluate: merge: images %d to %d are in no file, between %s and %s", done, p.header.From-1, last, p.path)
		}
		for _, line := range p.lines {
			e.add(line.ImageResult)
		}
		last = p.path
	}
	if done := len(e.Images); done < e.Limit {
		return nil, fmt.Errorf("evaluate: merge: images %d to %d are in no file, after %s", done, e.Limit-1, last)
	}
	e.Resumed = len(e.Images)
	return e, nil
}
