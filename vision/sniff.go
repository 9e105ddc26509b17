package vision

import (
	"bytes"
	"fmt"
)

// signaturePNG begins a PNG file.
const signaturePNG = "\x89PNG\r\n\x1a\n"

// formats are what Decode reads, each told by its first bytes. In a signature a ? stands
// for any byte.
var formats = []struct {
	signature string
	open      func([]byte) (file, error)
}{
	{"\xff\xd8\xff", openJPEG},
	{signaturePNG, openPNG},
	{"RIFF????WEBP", openWebP},
	{"BM", openBMP},
	{"II*\x00", openTIFF},
	{"MM\x00*", openTIFF},
}

// sniff tells the format by the first bytes, and returns what reads its header.
func sniff(data []byte) (open func([]byte) (file, error), err error) {
	if len(data) == 0 {
		return nil, ErrEmpty
	}
	for _, f := range formats {
		n := min(len(data), len(f.signature))
		if !matches(data[:n], f.signature) {
			continue
		}
		if n < len(f.signature) {
			return nil, ErrTruncated
		}
		return f.open, nil
	}
	return nil, &FormatError{describe(data)}
}

// matches reports whether the bytes are those of the signature, as far as they go.
func matches(data []byte, signature string) bool {
	for i, c := range data {
		if signature[i] != c && signature[i] != '?' {
			return false
		}
	}
	return true
}

func starts(data []byte, prefix string) bool { return bytes.HasPrefix(data, []byte(prefix)) }

// describe says in words what bytes that are not of these formats may be.
func describe(data []byte) string {
	for _, known := range []struct {
		signature string
		at        int
		name      string
	}{
		{"GIF8", 0, "a GIF image"},
		{"II+\x00", 0, "a BigTIFF image"},
		{"MM\x00+", 0, "a BigTIFF image"},
		{"ftypavif", 4, "an AVIF image"},
		{"ftyphei", 4, "a HEIC image"},
		{"ftypmif1", 4, "a HEIC image"},
		{"\x00\x00\x00\x0cjP  ", 0, "a JPEG 2000 image"},
		{"%PDF", 0, "a PDF document"},
		{"PK\x03\x04", 0, "a zip archive"},
		{"\x1f\x8b", 0, "gzip"},
	} {
		if len(data) >= known.at && starts(data[known.at:], known.signature) {
			return known.name
		}
	}
	head := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 512)], []byte("\ufeff")), " \t\r\n"))
	switch {
	case starts(head, "<!doctype html"), starts(head, "<html"), starts(head, "<head"):
		return "HTML"
	case starts(head, "<svg"), starts(head, "<?xml"):
		return "XML or SVG"
	}
	first := data[:min(len(data), 16)]
	for _, c := range first {
		if c != '\t' && c != '\n' && c != '\r' && (c < ' ' || c > '~') {
			return fmt.Sprintf("bytes % x", first)
		}
	}
	return fmt.Sprintf("text %q", first)
}
