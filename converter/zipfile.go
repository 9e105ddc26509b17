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
	zip *zip.Writer
	w   *sink
}

func newZipWriter(w *sink) *zipWriter { return &zipWriter{zip.NewWriter(w), w} }

const (
	recordAlignment  = 64
	localHeaderBytes = 30
	extraHeaderBytes = 4
)

// record starts a record and returns where its content goes. Padding is an extra
// field "FB", as torch writes it.
func (z *zipWriter) record(name string) (io.Writer, error) {
	if len(name) > math.MaxUint16 {
		return nil, fmt.Errorf("converter: record of a name of %d bytes: a zip archive holds %d", len(name), math.MaxUint16)
	}
	if err := z.zip.Flush(); err != nil { // so that w.n is where the header goes
		return nil, err
	}
	fixed := int(z.w.n) + localHeaderBytes + len(name) + extraHeaderBytes
	pad := -fixed & (recordAlignment - 1)
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
