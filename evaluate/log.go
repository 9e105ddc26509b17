package evaluate

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
	"github.com/gozoo/zoo/internal/option"
)

// logFormat is the "format" of an evaluation's log.
const logFormat = "zoo-eval/1"

// header is the first line of a log: what is evaluated. A log goes on, and logs are
// merged, only where the subject is the same.
type header struct {
	Format string `json:"format"`
	Subject
	From    int    `json:"from"`
	To      int    `json:"to"`
	Dataset string `json:"dataset"`
}

func (e *Evaluation) header() header {
	return header{logFormat, e.Subject, e.From, e.To, e.Dataset}
}

// line is one further line of a log: an image.
type line struct {
	Index int `json:"i"` // in the list of the set, by path
	ImageResult
}

// log is a file that the outcome of each image is appended to, a line each. What
// is there of a line that was cut off does not count.
type log struct {
	file *os.File
}

// openLog opens or makes the log of an evaluation that has not begun, and counts
// the images that are in it already.
func openLog(path string, e *Evaluation, items []imagenet.Item) (*log, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil, option.Errorf("Log", "evaluate: log %s: expected a regular file, which is appended to and gone on from: name another file", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("evaluate: log: %w", err)
	}
	l := &log{f}
	if err := l.resume(e, items); err != nil {
		f.Close()
		return nil, fmt.Errorf("evaluate: log %s: %w", path, err)
	}
	return l, nil
}

func (l *log) resume(e *Evaluation, items []imagenet.Item) error {
	h, lines, whole, err := readLog(l.file)
	if err != nil {
		return err
	}
	if whole == 0 { // new, or cut off in its first line
		return l.start(e)
	}
	if what := e.Differs(h.Subject); what != "" {
		return option.Errorf("Log", "it is of another evaluation: %s: name another file", what)
	}
	if h.From != e.From || h.To != e.To {
		return option.Errorf("Log", "it is of images %d to %d, not %d to %d: name another file", h.From, h.To-1, e.From, e.To-1)
	}
	for i, line := range lines {
		if want := items[i]; line.Path != want.Path || line.Label != want.Label {
			return option.Errorf("Log", "image %d is %s with label %d, expected %s with label %d: name another file",
				line.Index, line.Path, line.Label, want.Path, want.Label)
		}
		e.add(line.ImageResult)
	}
	e.Resumed = len(lines)
	if err := l.file.Truncate(whole); err != nil {
		return err
	}
	_, err = l.file.Seek(whole, io.SeekStart)
	return err
}

func (l *log) start(e *Evaluation) error {
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
func (l *log) append(e *Evaluation, n int) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	first := len(e.Images) - n
	for i, r := range e.Images[first:] {
		if err := encoder.Encode(line{e.From + first + i, r}); err != nil {
			return fmt.Errorf("evaluate: log: %w", err)
		}
	}
	if _, err := l.file.Write(b.Bytes()); err != nil {
		return fmt.Errorf("evaluate: log: %w", err)
	}
	return nil
}

// close makes sure that the log is on disk. It may be called twice.
func (l *log) close() error {
	err := l.file.Sync()
	if cerr := l.file.Close(); err == nil {
		err = cerr
	}
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("evaluate: log: %w", err)
	}
	return nil
}

// maxLogLine bounds a line of a log, in bytes.
const maxLogLine = 1 << 20

// readLog returns what a log holds, and how many bytes its whole lines take; 0
// when not even the first one is whole.
func readLog(r io.Reader) (h header, lines []line, whole int64, err error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 1<<16), maxLogLine)
	scanner.Split(wholeLines)
	for n := 1; scanner.Scan(); n++ {
		text := scanner.Bytes()
		if n == 1 {
			if err := strict(text, &h); err != nil || h.Format != logFormat {
				return h, nil, 0, fmt.Errorf("line 1: expected the format %q, found %.100q: it is no evaluation's log",
					logFormat, strings.TrimSpace(string(text)))
			}
			if h.From < 0 || h.From >= h.To || h.To > h.Limit || h.Limit > h.Set {
				return h, nil, 0, fmt.Errorf("line 1: images %d to %d of %d in a set of %d", h.From, h.To-1, h.Limit, h.Set)
			}
		} else {
			var one line
			if err := strict(text, &one); err != nil {
				return h, nil, 0, fmt.Errorf("line %d: %w: the log is damaged", n, err)
			}
			if want := h.From + len(lines); one.Index != want || one.Index >= h.To || len(one.Top) > topN || (one.Err == "") != (len(one.Top) > 0) {
				return h, nil, 0, fmt.Errorf("line %d: expected the outcome of image %d, found %.100q: the log is damaged",
					n, want, strings.TrimSpace(string(text)))
			}
			lines = append(lines, one)
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
