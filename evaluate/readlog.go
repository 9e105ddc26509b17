package evaluate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/internal/dataset"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/tensor"
)

// maxLogLine bounds a line of a log, in bytes.
const maxLogLine = 1 << 20

// readLog returns what a log holds, and how many bytes its whole lines take; 0 when not even
// the first one is whole. Every line must be the one that Run writes for what it says, to the
// byte: no key is unknown, missing or there twice, and nothing follows.
func readLog(r io.Reader) (h header, lines []line, whole int64, err error) {
	scanner := bufio.NewScanner(io.LimitReader(r, bounded.EvalLog))
	scanner.Buffer(make([]byte, 1<<16), maxLogLine)
	scanner.Split(wholeLines)
	for n := 1; scanner.Scan(); n++ {
		text := scanner.Bytes()
		if n == 1 {
			if h, err = parseHeader(text); err != nil {
				return h, nil, 0, dataErrorf("line 1: %w", err)
			}
		} else {
			one, err := parseLine(text)
			if err == nil {
				err = h.check(one, lines)
			}
			if err != nil {
				return h, nil, 0, dataErrorf("line %d: %w, found %.100q: the log is damaged, or was altered", n, err, strings.TrimSpace(string(text)))
			}
			lines = append(lines, one)
		}
		whole += int64(len(text))
	}
	if err := scanner.Err(); err != nil {
		return h, nil, 0, dataErrorf("after %d lines: %w", len(lines)+1, err)
	}
	return h, lines, whole, nil
}

// wholeLines splits input into lines with their ends, and drops a last one without.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF {
		return len(data), nil, nil
	}
	return 0, nil, nil
}

// errForm says that a line is not as Run writes it.
var errForm = errors.New("expected a line as zoo writes it: each key once, in its order, and nothing else")

// parseHeader reads and checks the first line of a log.
func parseHeader(text []byte) (h header, err error) {
	if err := json.Unmarshal(text, &h); err != nil || h.Format != logFormat {
		return h, fmt.Errorf("expected the format %q, found %.100q: it is no evaluation's log", logFormat, strings.TrimSpace(string(text)))
	}
	if again, err := h.encode(); err != nil || !bytes.Equal(again, text) {
		return h, errForm
	}
	if h.From < 0 || h.From >= h.To || h.To > h.Limit || h.Limit > h.Set {
		return h, fmt.Errorf("images %d to %d of %d in a set of %d", h.From, h.To-1, h.Limit, h.Set)
	}
	for _, s := range []string{h.Model, h.Pixels, h.Dataset, h.Benchmark, string(h.Precision), h.Weights.String()} {
		if err := printable.Check(s); err != nil {
			return h, err
		}
	}
	_, err = tensor.ParsePrecision(string(h.Precision))
	switch {
	case err != nil:
		return h, err
	case h.Model == "" || h.Weights == (golden.Weights{}):
		return h, errors.New("expected the names of a model and of its weights")
	case !h.List.Full() || h.LimitList != (digest.Digest{}) && (!h.LimitList.Full() || h.Limit == h.Set):
		return h, errors.New("expected the whole digest of the list of images")
	case h.Classes < 0 || h.Classes == 1 || h.LeftOut < 0:
		return h, fmt.Errorf("%d classes, %d images left out", h.Classes, h.LeftOut)
	}
	if h.rows = h.scored(); h.Scored != 0 && h.rows == nil {
		return h, fmt.Errorf("%d of %d classes are scored, which are not those of %q", h.Scored, h.Classes, h.Benchmark)
	}
	return h, nil
}

// parseLine reads a line about an image.
func parseLine(text []byte) (l line, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, err
	}
	if l.Bytes != nil {
		if l.Path != "" {
			return l, errForm
		}
		l.Path, l.Bytes = string(l.Bytes), nil
	}
	if again, err := l.encode(); err != nil || !bytes.Equal(again, text) {
		return l, errForm
	}
	return l, nil
}

// check returns what of a line cannot be, after those before it.
func (h header) check(l line, before []line) error {
	classes := h.Classes
	if classes == 0 {
		classes = 1 << 20 // no log says so much
	}
	top := min(topN, classes)
	if want := h.From + len(before); l.Index != want || l.Index >= h.To {
		return fmt.Errorf("expected the outcome of image %d", want)
	}
	if l.Path == "" || len(before) > 0 && l.Path <= before[len(before)-1].Path {
		return errors.New("expected images in the order of their paths")
	}
	for i, label := range l.labels() {
		if label < 0 || label >= classes {
			return fmt.Errorf("expected a label from 0 to %d", classes-1)
		}
		if slices.Contains(l.labels()[:i], label) {
			return fmt.Errorf("expected label %d once", label)
		}
	}
	if (l.Err == "") != (len(l.Top) > 0) || len(l.Top) > top || h.Classes > 0 && l.Err == "" && len(l.Top) != top {
		return fmt.Errorf("expected the first %d classes, or an error", top)
	}
	for _, ranked := range [][]int{l.Top, l.All} {
		for i, class := range ranked {
			if class < 0 || class >= classes {
				return fmt.Errorf("expected classes from 0 to %d", classes-1)
			}
			if slices.Contains(ranked[:i], class) {
				return fmt.Errorf("expected class %d once", class)
			}
		}
	}
	return h.checkScored(l)
}

// checkScored returns what of a line cannot be where some classes are scored: the others are
// only among the first of all, which without them are the first of those that are scored.
func (h header) checkScored(l line) error {
	if h.rows == nil {
		if l.All != nil {
			return errors.New("expected one list of classes, since all are scored")
		}
		return nil
	}
	other := func(class int) bool {
		_, ok := slices.BinarySearch(h.rows, class)
		return !ok
	}
	if slices.ContainsFunc(l.labels(), other) || slices.ContainsFunc(l.Top, other) {
		return fmt.Errorf("expected classes of %s", h.Benchmark)
	}
	if len(l.All) != len(l.Top) {
		return fmt.Errorf("expected the first %d of all classes", len(l.Top))
	}
	if some := slices.DeleteFunc(slices.Clone(l.All), other); !slices.Equal(some, l.Top[:len(some)]) {
		return errors.New("expected the same order among all classes and among those that are scored")
	}
	return nil
}

// prove returns an error unless lines are about the images that a log's header names by their
// digest. They must be all of them up to the limit.
func (h header) prove(images []ImageResult) error {
	want := h.List
	if h.Limit < h.Set {
		if want = h.LimitList; want == (digest.Digest{}) {
			return errors.New("it has no digest of the first images, since an earlier version wrote it: evaluate again")
		}
	}
	items := make([]dataset.Item, len(images))
	for i, r := range images {
		items[i] = dataset.Item{Path: r.Path, Label: r.Label, Also: r.Also}
	}
	if found := listDigest(items); found != want {
		return fmt.Errorf("the paths and labels of the images have digest %s, expected %s: lines were altered, or are of another list", found.Short(), want.Short())
	}
	return nil
}
