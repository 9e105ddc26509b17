package evaluate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/dataset"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/printable"
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

	rows []int // of the classes that are scored, in order; nil for all
}

func (e *Evaluation) header() header {
	return header{Format: logFormat, Subject: e.Subject, From: e.From, To: e.To, Dataset: e.Dataset}
}

// line is one further line of a log: an image.
type line struct {
	Index int    `json:"i"`                    // in the list of the set, by path
	Bytes []byte `json:"path_bytes,omitempty"` // of a path that is no UTF-8, in place of it
	ImageResult
}

// encode returns an image as a line of a log.
func (l line) encode() ([]byte, error) {
	if !utf8.ValidString(l.Path) {
		l.Bytes, l.Path = []byte(l.Path), ""
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(l)
	return b.Bytes(), err
}

// encode returns the header as the first line of a log.
func (h header) encode() ([]byte, error) {
	text, err := json.Marshal(h)
	return append(text, '\n'), err
}

// log is a file that the outcome of each image is appended to, a line each. What
// is there of a line that was cut off does not count.
type log struct {
	file *os.File
}

// openLog opens or makes the log of an evaluation that has not begun, and counts
// the images that are in it already.
func openLog(path string, e *Evaluation, items []dataset.Item) (*log, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil, option.Errorf("Log", "evaluate: log %s: it is no regular file, which a log is appended to and read from: name another", path)
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

func (l *log) resume(e *Evaluation, items []dataset.Item) error {
	h, lines, whole, err := readLog(l.file)
	if err != nil {
		return err
	}
	if whole == 0 { // new, or cut off in its first line
		return l.start(e)
	}
	if h.Classes == 0 { // of the first version, which did not say
		h.Classes = e.Classes
		if h.Limit < h.Set && h.LimitList == (digest.Digest{}) {
			h.LimitList = e.LimitList
		}
	}
	if what := e.Differs(h.Subject); what != "" {
		return option.Errorf("Log", "it is of another evaluation: %s: name another file", what)
	}
	if h.From != e.From || h.To != e.To {
		return option.Errorf("Log", "it is of images %d to %d, not %d to %d: name another file", h.From, h.To-1, e.From, e.To-1)
	}
	for i, line := range lines {
		want := ImageResult{Label: items[i].Label, Also: items[i].Also}
		if path := items[i].Path; line.Path != path || !slices.Equal(line.labels(), want.labels()) {
			return option.Errorf("Log", "image %d is %s with label %s, expected %s with label %s: name another file",
				line.Index, printable.Text(line.Path), labelText(line.labels()), printable.Text(path), labelText(want.labels()))
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

// labelText returns labels as messages and lists have them.
func labelText(labels []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(labels), " ", ","), "[]")
}

func (l *log) start(e *Evaluation) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	text, err := e.header().encode()
	if err != nil {
		return err
	}
	_, err = l.file.Write(text)
	return err
}

// append writes the last n images in one piece.
func (l *log) append(e *Evaluation, n int) error {
	if err := e.writeImages(l.file, len(e.Images)-n); err != nil {
		return fmt.Errorf("evaluate: log: %w", err)
	}
	return nil
}

// writeImages writes the lines of the images from a position on in one piece.
func (e *Evaluation) writeImages(w io.Writer, first int) error {
	var b bytes.Buffer
	for i, r := range e.Images[first:] {
		text, err := line{Index: e.From + first + i, ImageResult: r}.encode()
		if err != nil {
			return err
		}
		b.Write(text)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// WriteLog writes the evaluation as Run would have logged it, such as the whole that Merge puts
// together: Merge and reports take it. Equal evaluations give equal bytes.
func (e *Evaluation) WriteLog(w io.Writer) error {
	text, err := e.header().encode()
	if err == nil {
		if _, err = w.Write(text); err == nil {
			err = e.writeImages(w, 0)
		}
	}
	if err != nil {
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
