package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/internal/imagenet"
)

// Files that label images which lie beside them or in folders.
const (
	ListFile   = "val.txt"                                // lines of "PATH LABEL"
	KaggleFile = "LOC_val_solution.csv"                   // Kaggle's: names without suffix, WordNet ids and boxes
	TinyFile   = "val_annotations.txt"                    // Tiny ImageNet's: names, WordNet ids and boxes, between tabs
	TruthFile  = "ILSVRC2012_validation_ground_truth.txt" // the development kit's: a number a line
)

// Bounds of lists: bytes of a line, and lines by which the way that a list is written is told.
const (
	maxLine = 64 << 10
	sampled = 1000
)

// listEntry is one line of a list, its label not yet understood.
type listEntry struct {
	path  string
	label string
	line  int
}

// readList reads a list of labelled images, whose paths are relative to a folder or to where
// images lie below it.
func (s *Set) readList(w *walker, o Options, dir, name string, text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[[")) { // no path begins so
		return s.readReal(w, o, dir, name, text)
	}
	r := &listReader{w: w, o: o, labels: o.labeller(), name: name, at: w.locator(dir)}
	entries, err := r.parse(text)
	if err != nil {
		return err
	}
	if name == TinyFile {
		s.Benchmark = "Tiny ImageNet"
	}
	if r.header != "" {
		s.note("the first line of %s, %.100q, was taken for a heading", name, r.header)
	}
	by, err := s.tell(r, entries)
	if err != nil {
		return err
	}
	for _, e := range entries {
		label, why := r.label(e, by)
		if why != "" {
			s.leave(why, fmt.Sprintf("%s line %d (%.60s)", name, e.line, e.label), 1)
			continue
		}
		p, why, err := r.at.find(e.path)
		switch {
		case err != nil:
			return fmt.Errorf("%s line %d: %w", name, e.line, err)
		case why != "":
			s.leave(why, fmt.Sprintf("%s line %d (%.200s)", name, e.line, e.path), 1)
		default:
			s.Items = append(s.Items, Item{Path: p, Label: label})
		}
	}
	if n := r.at.unlisted(s.Items); n > 0 {
		s.note("%s beside those that %s lists", count(n, "image lies", "images lie"), name)
	}
	return nil
}

// A listReader understands the lines of one list.
type listReader struct {
	w      *walker
	o      Options
	labels *labeller
	name   string
	at     *locator
	header string // the first line, where it labels no image
	kit    bool   // it is the development kit's file of numbers
}

// lines calls f with each line that is not blank, and its number.
func (r *listReader) lines(text []byte, f func(n int, line string) error) error {
	n := 0
	for line := range bytes.Lines(text) {
		if n++; n%(1<<16) == 0 && r.w.ctx.Err() != nil {
			return r.w.ctx.Err()
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(line) > maxLine {
			return fmt.Errorf("%s line %d: %d bytes, expected at most %d", r.name, n, len(line), maxLine)
		}
		if err := f(n, string(line)); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends the reading of a sample.
var errEnough = errors.New("enough")

// parse returns the entries of a list.
func (r *listReader) parse(text []byte) ([]listEntry, error) {
	var sample []string
	err := r.lines(text, func(_ int, line string) error {
		if sample = append(sample, line); len(sample) == sampled {
			return errEnough
		}
		return nil
	})
	if err != nil && err != errEnough {
		return nil, err
	}
	if len(sample) == 0 {
		return nil, fmt.Errorf("%s lists no image", r.name)
	}
	way := r.way(sample)
	r.kit = way.numbers && r.name == TruthFile
	if way.numbers && r.o.Classes-r.o.Offset != len(imagenet.IDs()) {
		return nil, fmt.Errorf("%s labels images with ImageNet's %d classes, the model has %d", r.name, len(imagenet.IDs()), r.o.Classes-r.o.Offset)
	}
	var entries []listEntry
	err = r.lines(text, func(n int, line string) error {
		e, err := way.read(line)
		if err != nil && len(entries) == 0 && r.header == "" && len(sample) > 1 && !listsImage(line) {
			r.header = line
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s line %d: %w", r.name, n, err)
		}
		if len(entries) == maxImages {
			return fmt.Errorf("%s lists more than %d images", r.name, maxImages)
		}
		if e.line = n; way.numbers {
			e.path = fmt.Sprintf(validationName, len(entries)+1)
		}
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// label returns the label of an entry, or why it has none.
func (r *listReader) label(e listEntry, by numbering) (label int, why string) {
	classes := r.o.Classes - r.o.Offset
	n, err := strconv.Atoi(e.label)
	if err != nil {
		if label, ok := r.labels.label(e.label); ok {
			return label, ""
		}
		if wordNet.MatchString(e.label) && !r.labels.imageNet {
			return 0, "with labels that are no class" + r.o.notImageNets()
		}
		return 0, "with labels that are no class (" + r.o.hint() + ")"
	}
	label, ok := by.label(n)
	if !ok || label >= classes {
		return 0, fmt.Sprintf("with another label than 0 to %d", classes-1)
	}
	return label + r.o.Offset, ""
}

// isLabel reports whether a text may label an image.
func (r *listReader) isLabel(text string) bool {
	if text == "" {
		return false
	}
	if _, err := strconv.Atoi(text); err == nil || wordNet.MatchString(text) {
		return true
	}
	_, ok := r.labels.byName[text]
	return ok
}

// clean returns a listed path as sets have them.
func clean(p string) string { return path.Clean(strings.TrimSpace(p)) }
