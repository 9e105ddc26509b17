package jpeg_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/gozoo/zoo/internal/cpu"
	"github.com/gozoo/zoo/vision/internal/jpeg"
)

// A sample is a file of testdata/images.zip and what OpenCV makes of it.
type sample struct {
	name   string
	data   []byte
	w, h   int
	digest string // of the pixels; "none" where OpenCV refuses the file
}

func samples(t testing.TB) (list []sample) {
	t.Helper()
	archive, err := zip.OpenReader("testdata/images.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	files := map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = data
	}
	for line := range strings.Lines(string(files["pixels.tsv"])) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		s := sample{name: f[0], data: files[f[0]+".jpg"], digest: f[3]}
		s.w, _ = strconv.Atoi(f[1])
		s.h, _ = strconv.Atoi(f[2])
		list = append(list, s)
	}
	if len(list) != len(archive.File)-1 {
		t.Fatalf("expected a digest for each of %d files, found %d", len(archive.File)-1, len(list))
	}
	return list
}

func decode(data []byte) (f *jpeg.File, pix []byte, err error) {
	if f, err = jpeg.Open(data); err == nil {
		pix, err = f.Decode(context.Background())
	}
	return f, pix, err
}

// Every image has OpenCV's bytes, damaged ones included; what OpenCV refuses is an error.
func TestImages(t *testing.T) {
	list := samples(t)
	for l := cpu.Generic; l <= cpu.Best(); l++ {
		t.Run(l.String(), func(t *testing.T) {
			undo, err := cpu.Set(l)
			if err != nil {
				t.Fatal(err)
			}
			defer undo()
			testImages(t, list)
		})
	}
}

func testImages(t *testing.T, list []sample) {
	damaged := 0
	for _, s := range list {
		f, pix, err := decode(s.data)
		if s.digest == "none" {
			if pix != nil || err == nil {
				t.Errorf("%s: expected an error and no pixels, found %v and %d bytes", s.name, err, len(pix))
			}
			continue
		}
		var damage jpeg.DamageError
		if errors.As(err, &damage) && strings.HasPrefix(s.name, "damaged") {
			damaged++
			err = nil
		}
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		digest := sha256.Sum256(pix)
		if f.Width != s.w || f.Height != s.h || hex.EncodeToString(digest[:]) != s.digest {
			t.Errorf("%s: expected other pixels of %dx%d, found %dx%d", s.name, s.w, s.h, f.Width, f.Height)
		}
	}
	if len(list) < 300 || damaged < 30 {
		t.Errorf("expected at least 300 files and 30 found to be damaged, found %d and %d", len(list), damaged)
	}
}

// file puts a JPEG file together from segments, each a marker and its parameters.
func file(segments ...string) []byte {
	data := []byte("\xff\xd8")
	for _, s := range segments {
		n := len(s) + 1
		data = append(data, 0xff, s[0], byte(n>>8), byte(n))
		data = append(data, s[1:]...)
	}
	return data
}

// Segments of a grey image of one block.
var (
	quant = "\xdb\x00" + strings.Repeat("\x01", 64)
	frame = "\xc0\x08\x00\x08\x00\x08\x01\x01\x11\x00"
	// One code of 2 bits in each table: nothing follows.
	dc     = "\xc4\x00\x00\x01" + strings.Repeat("\x00", 14) + "\x00"
	ac     = "\xc4\x10\x00\x01" + strings.Repeat("\x00", 14) + "\x00"
	scan   = "\xda\x01\x01\x00\x00\x3f\x00"
	scanP  = "\xda\x01\x01\x00\x00\x00\x00"
	frameP = "\xc2" + frame[1:]
)

func TestErrors(t *testing.T) {
	with := func(data []byte, tail string) []byte { return append(data, tail...) }
	tests := []struct {
		name string
		data []byte
		want string // part of the text; empty: no error
	}{
		{"good", with(file(quant, frame, dc, ac, scan), "\x0f\xff\xd9"), ""},
		{"good, fill bytes and comments", with(file(quant, "\xfeabc", frame, dc, ac, scan), "\x0f\xff\xff\xff\xd9"), ""},
		{"bytes between segments", append(file(quant), append([]byte("abc\xff\x00"), with(file(frame, dc, ac, scan)[2:], "\x0f\xff\xd9")...)...), ""},
		{"standard tables", with(file(quant, frame, scan), "\x2b\xff\xd9"), ""},
		{"progressive has none", with(file(quant, frameP, scanP), "\x2b\xff\xd9"), "no Huffman table 0"},
		{"empty", nil, "expected the bytes ff d8"},
		{"no start", []byte("\x89PNG"), "found 89 50"},
		{"start only", []byte("\xff\xd8"), "end before the image"},
		{"marker cut", []byte("\xff\xd8\xff"), "end before the image"},
		{"length cut", []byte("\xff\xd8\xff\xdb\x00"), "end before the image"},
		{"segment cut", file(quant)[:20], "end before the image"},
		{"length 1", []byte("\xff\xd8\xff\xdb\x00\x01\x00"), "byte 4: expected the length of a segment, at least 2, found 1"},
		{"no frame", with(file(quant), "\xff\xd9"), "before its first scan"},
		{"two starts", with(file(quant), "\xff\xd8"), "second start"},
		{"unknown marker", with(file(quant), "\xff\x02"), "unknown marker ff 02"},
		{"two frames", file(frame, frame), "second frame header"},
		{"short frame", file("\xc0\x08\x00"), "at least 6 bytes"},
		{"long frame", file(frame + "\x00"), "expected 9 bytes for 1 components, found 10"},
		{"12 bits", file("\xc1\x0c" + frame[2:]), "other than 8 bits is not supported"},
		{"two components", file("\xc0\x08\x00\x08\x00\x08\x02\x01\x11\x00\x02\x11\x00"), "other than 1, 3 or 4 components"},
		{"no width", file("\xc0\x08\x00\x08\x00\x00\x01\x01\x11\x00"), "found 0x8"},
		{"too wide", file("\xc0\x08\x00\x08\xff\xff\x01\x01\x11\x00"), "found 65535x8"},
		{"sampling factor 0", file("\xc0\x08\x00\x08\x00\x08\x01\x01\x01\x00"), "found 0x1"},
		{"sampling factor 5", file("\xc0\x08\x00\x08\x00\x08\x01\x01\x15\x00"), "found 1x5"},
		{"ratio 3:2", file("\xc0\x08\x00\x08\x00\x08\x03\x01\x31\x00\x02\x21\x00\x03\x11\x00"), "not whole"},
		{"arithmetic coding", file("\xc9" + frame[1:]), "arithmetic coding is not supported"},
		{"lossless", file("\xc3" + frame[1:]), "lossless coding is not supported"},
		{"quantisation table 4", file("\xdb\x04" + quant[2:]), "index of 0 to 3, found 4"},
		{"quantisation table cut", file(quant[:60]), "expected 64 bytes, found 58"},
		{"quantisation table of 16 bits cut", file("\xdb\x10" + quant[2:]), "expected 128 bytes, found 64"},
		{"Huffman class", file("\xc4\x20" + dc[2:]), "found 2 and 0"},
		{"Huffman symbols cut", file(dc[:len(dc)-1]), "found 1 codes"},
		{"Huffman counts cut", file(dc + "\x00"), "at least 17 bytes, found 1"},
		{"too many codes", with(file(quant, frame, "\xc4\x00\x02"+strings.Repeat("\x00", 15)+"ab", ac, scan), "\x0f\xff\xd9"), "for DC: expected sizes of 0 to 15"},
		{"all ones", with(file(quant, frame, "\xc4\x00\x02"+strings.Repeat("\x00", 15)+"\x01\x02", ac, scan), "\x0f\xff\xd9"), "more codes of 1 bits"},
		{"restart interval", file("\xdd\x00"), "expected 2 bytes, found 1"},
		{"scan before frame", file(quant, scan), "before the frame header"},
		{"scan cut", file(frame, scan[:5]), "for each of 1 to 4 components"},
		{"scan of another component", file(quant, frame, "\xda\x01\x02\x00\x00\x3f\x00"), "each component once, found 2"},
		{"no quantisation table", file(frame, dc, ac, scan), "no quantisation table 0"},
		{"no Huffman table", file(quant, frame, dc, ac, "\xda\x01\x01\x30\x00\x3f\x00"), "no Huffman table 3"},
		{"progression", file(quant, frameP, dc, ac, scan), "no scan of 1 components has coefficients 0 to 63"},
		{"no end", with(file(quant, frame, dc, ac, scan), "\x0f"), "end before the image"},
		{"end of fill bytes", with(file(quant, frame, dc, ac, scan), "\x0f\xff"), "end before the image"},
		{"no end of the last scan", with(file(quant, frameP, dc, scanP), "\x3f\xff\xda"), "end before the image"},
		{"too few data", with(file(quant, frame, dc, ac, scan), "\xff\xd9"), "scan 1: row 1 of 1: the compressed data end early"},
		{"bad code", with(file(quant, frame, dc, ac, scan), "\xf0\x00\x00\xff\xd9"), "scan 1: row 1 of 1: a code that does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, pix, err := decode(tt.data)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "" && !bytes.Equal(pix, bytes.Repeat([]byte{128}, 3*64)):
				t.Errorf("expected 64 grey pixels, found % x", pix)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "jpeg: ") || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("expected %q, found %v", tt.want, err)
			}
		})
	}
}

// A file may ask for as many scans as it has room for, but not for endless work.
func TestScanLimit(t *testing.T) {
	data := file(quant, frameP, dc, scanP)
	one := append(file(scanP)[2:], 0x3f)
	data = append(data, bytes.Repeat(append([]byte{0x3f}, one...), 600)...)
	if _, _, err := decode(append(data, 0xff, 0xd9)); err == nil || !strings.Contains(err.Error(), "more than 500 scans") {
		t.Errorf("expected an error about the number of scans, found %v", err)
	}
}

// FuzzDecode looks for panics, and for pixels that are not as many as the header says.
func FuzzDecode(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := jpeg.Open(data)
		if err != nil || file.Width*file.Height > 1<<16 {
			return
		}
		pix, err := file.Decode(t.Context())
		var damage jpeg.DamageError
		if (err == nil || errors.As(err, &damage)) != (pix != nil) {
			t.Errorf("%d bytes of pixels beside the error %v", len(pix), err)
		}
		if pix != nil && len(pix) != 3*file.Width*file.Height {
			t.Errorf("%dx%d: %d bytes", file.Width, file.Height, len(pix))
		}
	})
}
