package evaluate

import (
	"cmp"
	"fmt"
	"slices"
)

// A logPart is one complete log.
type logPart struct {
	path   string
	header header
	lines  []line
}

// Merge puts the logs of an evaluation's parts together. It is a *DataError when they are
// not of the same model, weights, pixels, precision and images, when one of them is
// not complete, when they overlap or leave images out, and when a line was altered: each must be
// as Run writes it, and paths and labels have the digest that the logs name. That the classes
// are those which the network computed no log can prove.
func Merge(paths ...string) (*Evaluation, error) {
	e, err := merge(paths)
	if err != nil {
		return nil, dataErrorf("evaluate: merge: %w", err)
	}
	return e, nil
}

func merge(paths []string) (*Evaluation, error) {
	var parts []logPart
	for _, path := range paths {
		p, err := readPart(path)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("no file is named")
	}
	slices.SortStableFunc(parts, func(a, b logPart) int { return cmp.Compare(a.header.From, b.header.From) })
	first := parts[0].header
	e := &Evaluation{Subject: first.Subject, Dataset: first.Dataset, To: first.Limit}
	last := "the beginning"
	for _, p := range parts {
		if what := first.Differs(p.header.Subject); what != "" {
			return nil, fmt.Errorf("%s and %s are not of one evaluation: %s", parts[0].path, p.path, what)
		}
		switch done := len(e.Images); {
		case p.header.From < done:
			return nil, fmt.Errorf("%s and %s overlap: images %d to %d are in both", last, p.path,
				p.header.From, min(done, p.header.To)-1)
		case p.header.From > done:
			return nil, fmt.Errorf("images %d to %d are in no file, between %s and %s", done, p.header.From-1, last, p.path)
		}
		for _, line := range p.lines {
			e.add(line.ImageResult)
		}
		last = p.path
	}
	if done := len(e.Images); done < e.Limit {
		return nil, fmt.Errorf("images %d to %d are in no file, after %s", done, e.Limit-1, last)
	}
	if err := first.prove(e.Images); err != nil {
		return nil, fmt.Errorf("%s: %w", last, err)
	}
	for i := 1; i < len(e.Images); i++ {
		if e.Images[i].Path <= e.Images[i-1].Path {
			return nil, fmt.Errorf("image %q is not in the order of paths", e.Images[i].Path)
		}
	}
	e.Resumed = len(e.Images)
	return e, e.nothing()
}

// readPart reads a log that must be complete.
func readPart(path string) (logPart, error) {
	f, err := openRegular(path)
	if err != nil {
		return logPart{}, err
	}
	defer f.Close()
	h, lines, whole, err := readLog(f)
	size := whole
	if st, serr := f.Stat(); serr == nil {
		size = st.Size()
	}
	switch {
	case err != nil:
		return logPart{}, fmt.Errorf("%s: %w", path, err)
	case whole == 0:
		return logPart{}, fmt.Errorf("%s: it is empty", path)
	case len(lines) < h.To-h.From:
		return logPart{}, fmt.Errorf("%s: %d of %d images are done: run that part again to go on", path, len(lines), h.To-h.From)
	case size != whole:
		return logPart{}, fmt.Errorf("%s: %d bytes follow the last image: the log is damaged, or was altered", path, size-whole)
	}
	return logPart{path, h, lines}, nil
}
