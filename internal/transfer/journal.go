package transfer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// A journal is the file beside a download that says which bytes of it are there:
// a line of JSON, then for each segment a line of fixed width, which is written
// over as the segment grows. It is not synced: after a power cut it may be wrong,
// and the digest of the whole file tells.
type journal struct {
	f    *os.File
	base int64 // offset of the first segment's line
}

// header is the journal's first line.
type header struct {
	Format    string `json:"format"`
	URL       string `json:"url"`
	Validator string `json:"validator"`
	Size      int64  `json:"size"` // -1: not known
	Segment   int64  `json:"segment"`
}

const (
	journalFormat = "zoo-partial/1"
	journalLine   = 20 // bytes of a segment's line: 19 digits and a newline
	maxSegments   = 1 << 20
	maxHeader     = 16 << 10
)

// createJournal writes the journal of a plan.
func createJournal(path, url string, p *plan) (*journal, error) {
	head, err := json.Marshal(header{journalFormat, url, p.validator, p.size, p.segment})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(append(head, '\n'))
	j := &journal{base: int64(b.Len())}
	for _, done := range p.done {
		fmt.Fprintf(&b, "%0*d\n", journalLine-1, done)
	}
	// A new file: what is there may be half of another journal.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return j, j.open(path)
}

func (j *journal) open(path string) (err error) {
	j.f, err = os.OpenFile(path, os.O_WRONLY, 0)
	return err
}

// write notes how many bytes of a segment are there. An error is of no account:
// a journal that lags behind costs some bytes, not trust.
func (j *journal) write(segment int, done int64) {
	line := fmt.Appendf(make([]byte, 0, journalLine), "%0*d\n", journalLine-1, done)
	j.f.WriteAt(line, j.base+int64(segment)*journalLine)
}

// readJournal returns the plan that a journal describes, with the address that
// the bytes came from. fileSize is the size of the file beside it.
func readJournal(r io.Reader, fileSize int64) (url string, p *plan, err error) {
	b := bufio.NewReaderSize(r, maxHeader)
	line, err := b.ReadSlice('\n')
	if err != nil {
		return "", nil, fmt.Errorf("journal: no first line: %w", err)
	}
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return "", nil, fmt.Errorf("journal: %w", err)
	}
	if h.Format != journalFormat || h.Size < -1 || h.Segment < 0 || h.Segment > 0 && h.Size/h.Segment >= maxSegments ||
		h.Segment == 0 && h.Size > 0 {
		return "", nil, fmt.Errorf("journal: expected format %s and a size in segments, found %s, %d in %d", journalFormat,
			h.Format, h.Size, h.Segment)
	}
	p = newPlan()
	p.validator = h.Validator
	p.lay(h.Size, h.Segment)
	for i := range p.done {
		var line [journalLine]byte
		if _, err := io.ReadFull(b, line[:]); err != nil {
			return "", nil, fmt.Errorf("journal: segment %d: %w", i, err)
		}
		done, err := strconv.ParseInt(string(line[:journalLine-1]), 10, 64)
		from, to := p.span(i)
		if err != nil || line[0] == '-' || line[0] == '+' || done < 0 || to >= 0 && done > to-from || done > fileSize-from && done > 0 {
			return "", nil, fmt.Errorf("journal: segment %d: %q bytes in a file of %d", i, line[:], fileSize)
		}
		p.done[i] = done
	}
	p.ahead = p.frontier()
	return h.URL, p, nil
}
