package zoo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/gozoo/zoo/internal/imagenet"
)

// evalFormat is the "format" of an evaluation's log.
const evalFormat = "zoo-eval/1"

// evalHeader is the first line of a log: what is evaluated. A log goes on, and logs are
// merged, only where it says the same.
type evalHeader struct {
	Format    string    `json:"format"`
	Model     string    `json:"model"`
	Weights   string    `json:"weights"`
	Pixels    string    `json:"pixels"`
	Precision Precision `json:"precision"`
	List      string    `json:"list_sha256"`
	Set       int       `json:"set"`
	Limit     int       `json:"limit"`
	From      int       `json:"from"`
	To        int       `json:"to"`
	Dataset   string    `json:"dataset"`
}

func (e *Evaluation) header() evalHeader {
	return evalHeader{evalFormat, e.Model, e.Weights, e.Pixels, e.Precision, e.ListSHA256, e.Set, e.Limit, e.From, e.To, e.Dataset}
}

// differs names the first fact in which two evaluations are not the same, apart from
// the part of the images they are about; empty for none.
func (h evalHeader) differs(o evalHeader) string {
	for _, f := range []struct {
		what string
		a, b any
	}{
		{"model", h.Model, o.Model}, {"weights", h.Weights, o.Weights}, {"pixels", h.Pixels, o.Pixels}, {"precision", h.Precision, o.Precision},
		{"list of images", h.List, o.List}, {"number of images in the set", h.Set, o.Set}, {"limit", h.Limit, o.Limit},
	} {
		if f.a != f.b {
			return fmt.Sprintf("%s: %v and %v", f.what, f.a, f.b)
		}
	}
	return ""
}

// evalLine is one further line of a log: an image.
type evalLine struct {
	Index int    `json:"i"` // in the list of the set, by path
	Path  string `json:"path"`
	Label int    `json:"label"`
	Top   []int  `json:"top,omitempty"`
	Err   string `json:"error,omitempty"`
}

// evalLog is a file that the outcome of each image is appended to, a line each. What
// is there of a line that was cut off does not count.
type evalLog struct {
	file *os.File
}

// openEvalLog opens or makes the log of an evaluation that has not begun, and counts
// the images that are in it already.
func openEvalLog(path string, e *Evaluation, items []imagenet.Item) (*evalLog, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("zoo: log: %w", err)
	}
	l := &evalLog{f}
	if err := l.resume(e, items); err != nil {
		f.Close()
		return nil, fmt.Errorf("zoo: log %s: %w", path, err)
	}
	return l, nil
}

func (l *evalLog) resume(e *Evaluation, items []imagenet.Item) error {
	h, lines, whole, err := readEvalLog(l.file)
	if err != nil {
		return err
	}
	if whole == 0 { // new, or cut off in its first line
		return l.start(e)
	}
	if what := e.header().differs(h); what != "" {
		return badOption("it is of another evaluation: %s: name another file", what)
	}
	if h.From != e.From || h.To != e.To {
		return badOption("it is of images %d to %d, not %d to %d: name another file", h.From, h.To-1, e.From, e.To-1)
	}
	for i, line := range lines {
		if want := items[i]; line.Path != want.Path || line.Label != want.Label {
			return badOption("image %d is %s with label %d, expected %s with label %d: name another file", line.Index, line.Path, line.Label, want.Path, want.Label)
		}
		e.add(ImageResult{Path: line.Path, Label: line.Label, Top: line.Top, Err: line.Err})
	}
	e.Resumed = len(lines)
	if err := l.file.Truncate(whole); err != nil {
		return err
	}
	_, err = l.file.Seek(whole, io.SeekStart)
	return err
}

func (l *evalLog) start(e *Evaluation) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	text, err := json.Marshal(e.header())
	if err != nil {
		return err
	}
	_, err = l.file.Write(append(text, '\n'))
	return err
}

// append writes the last n images in one piece.
func (l *evalLog) append(e *Evaluation, n int) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	first := len(e.Images) - n
	for i, r := range e.Images[first:] {
		if err := encoder.Encode(evalLine{e.From + first + i, r.Path, r.Label, r.Top, r.Err}); err != nil {
			return fmt.Errorf("zoo: log: %w", err)
		}
	}
	if _, err := l.file.Write(b.Bytes()); err != nil {
		return fmt.Errorf("zoo: log: %w", err)
	}
	return nil
}

// close makes sure that the log is on disk. It may be called twice.
func (l *evalLog) close() error {
	err := l.file.Sync()
	if cerr := l.file.Close(); err == nil {
		err = cerr
	}
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("zoo: log: %w", err)
	}
	return nil
}

// maxLogLine bounds a line of a log, in bytes.
const maxLogLine = 1 << 20

// readEvalLog returns what a log holds, and how many bytes its whole lines take; 0
// when not even the first one is whole.
func readEvalLog(r io.Reader) (h evalHeader, lines []evalLine, whole int64, err error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 1<<16), maxLogLine)
	scanner.Split(wholeLines)
	for n := 1; scanner.Scan(); n++ {
		text := scanner.Bytes()
		if n == 1 {
			if err := strict(text, &h); err != nil || h.Format != evalFormat {
				return h, nil, 0, fmt.Errorf("line 1: expected the format %q, found %.100q: it is no evaluation's log", evalFormat, strings.TrimSpace(string(text)))
			}
			if h.From < 0 || h.From >= h.To || h.To > h.Limit || h.Limit > h.Set {
				return h, nil, 0, fmt.Errorf("line 1: images %d to %d of %d in a set of %d", h.From, h.To-1, h.Limit, h.Set)
			}
		} else {
			var line evalLine
			if err := strict(text, &line); err != nil {
				return h, nil, 0, fmt.Errorf("line %d: %w: the log is damaged", n, err)
			}
			if want := h.From + len(lines); line.Index != want || line.Index >= h.To || len(line.Top) > topN || (line.Err == "") != (len(line.Top) > 0) {
				return h, nil, 0, fmt.Errorf("line %d: expected the outcome of image %d, found %.100q: the log is damaged", n, want, strings.TrimSpace(string(text)))
			}
			lines = append(lines, line)
		}
		whole += int64(len(text))
	}
	return h, lines, whole, scanner.Err()
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

// strict decodes one line of JSON without unknown keys.
func strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
