package converter

import (
	"archive/zip"
	"fmt"
	"io"
	"math"
	"strings"
)

// A zipWriter writes archives whose records are stored as they are, and start at
// multiples of 64 bytes so that readers can map them. They carry no times: equal
// records give equal bytes.
type zipWriter struct {
	zip  *zip.Writer
	w    *sink
	data int64 // where the content of the last record starts; 0 before the first
}

func newZipWriter(w *sink) *zipWriter { return &zipWriter{zip: zip.NewWriter(w), w: w} }

const (
	recordAlignment = 64
	localBytes      = 30 // of a header, without name and extra field
	extraBytes      = 4  // of an extra field, without its content
	descriptorBytes = 16 // what archive/zip writes behind a record,
	descriptor64    = 24 // and behind one of 4 GiB
)

// record starts a record and returns where its content goes. Padding is an extra
// field "FB", as torch writes it.
func (z *zipWriter) record(name string) (io.Writer, error) {
	if len(name) > math.MaxUint16 {
		return nil, fmt.Errorf("record of a name of %d bytes: a zip archive holds %d", len(name), math.MaxUint16)
	}
	if err := z.zip.Flush(); err != nil {
		return nil, err
	}
	at := z.w.n // of the header, once the record before it is ended
	switch {
	case z.data == 0:
	case at-z.data >= math.MaxUint32:
		at += descriptor64
	default:
		at += descriptorBytes
	}
	at += int64(localBytes + len(name) + extraBytes)
	pad := int(-at & (recordAlignment - 1))
	z.data = at + int64(pad)
	extra := "FB" + string([]byte{byte(pad), 0}) + strings.Repeat("Z", pad)
	return z.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Extra: []byte(extra)})
}

// text writes a record.
func (z *zipWriter) text(name, content string) error {
	w, err := z.record(name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, content)
	return err
}
