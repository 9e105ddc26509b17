package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// blackPNG writes a grey PNG of bits a sample that is all black, which takes a byte for a
// thousand pixels.
func blackPNG(t testing.TB, w, h int, bits byte) string {
	t.Helper()
	var b, packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	row := make([]byte, 1+w*int(bits)/8)
	for range h {
		z.Write(row)
	}
	z.Close()
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	b.WriteString("\x89PNG\r\n\x1a\n")
	for _, c := range []struct {
		name string
		body []byte
	}{{"IHDR", append(head, bits, 0, 0, 0, 0)}, {"IDAT", packed.Bytes()}, {"IEND", nil}} {
		chunk := append([]byte(c.name), c.body...)
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(c.body))))
		b.Write(chunk)
		b.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(chunk)))
	}
	path := filepath.Join(t.TempDir(), "black.png")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A picture above a bound is refused by every command, with the flag that raises it.
func TestPictureBounds(t *testing.T) {
	picture, out := blackPNG(t, 200, 100, 8), filepath.Join(t.TempDir(), "out.png")
	var list []situation
	for name, args := range map[string][]string{
		"predict": {"predict", nanoModel, picture}, "embed": {"embed", nanoModel, picture}, "pixels": {"pixels", picture, "-o", out},
		"pixels for": {"pixels", picture, "--for", nanoModel, "-o", out},
	} {
		with := func(more ...string) []string { return append(append([]string{}, args...), more...) }
		list = append(list,
			situation{name: name, args: with(), status: exitOK},
			situation{name: name + " at the bound", args: with("--max-pixels", "20000", "--pixel-memory", "1MB"), status: exitOK},
			situation{name: name + " above", args: with("--max-pixels", "19999"), status: exitInternal,
				says: []string{picture, "expected 1 to 19999 pixels, found 200x100", "--max-pixels"}},
			situation{name: name + " above the memory", args: with("--pixel-memory", "50KB"), status: exitInternal,
				says: []string{picture, "--pixel-memory", "--max-pixels"}},
			situation{name: name + " no number", args: with("--max-pixels", "0"), status: exitUsage, says: []string{"--max-pixels 0"}},
			situation{name: name + " no size", args: with("--pixel-memory", "5"), status: exitUsage, says: []string{"--pixel-memory 5"}},
		)
	}
	huge := blackPNG(t, 16320, 12240, 8)
	list = append(list, situation{name: "200 megapixels", args: []string{"predict", nanoModel, huge}, status: exitInternal,
		says: []string{"expected 1 to 178956970 pixels, found 16320x12240", "--max-pixels"}})
	if !testing.Short() {
		list = append(list, situation{name: "200 megapixels, allowed", args: []string{"predict", nanoModel, huge, "--max-pixels", "200000000"}, status: exitOK})
	}
	play(t, t.TempDir(), list)
}

// silent is a standard input that never says anything.
type silent struct{}

func (silent) Read([]byte) (int, error) { select {} }

// A command that waits for standard input ends when it is interrupted.
func TestSilentInputIsInterrupted(t *testing.T) {
	for _, args := range [][]string{
		{"predict", nanoModel, "-"}, {"embed", nanoModel, "-"}, {"pixels", "-", "-o", filepath.Join(t.TempDir(), "out.png")},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if r := commandIn(t, ctx, t.TempDir(), silent{}, args...); r.status != exitInterrupted {
			t.Errorf("%v: exit status %d: %s", args, r.status, r.stderr)
		}
		cancel()
	}
}

// A standard input that never ends is read no further than the longest picture.
func TestEndlessInput(t *testing.T) {
	if testing.Short() {
		t.Skip("reads half a gigabyte")
	}
	r := commandIn(t, t.Context(), t.TempDir(), io.Reader(zeros{}), "predict", nanoModel, "-")
	if r.status != exitUsage || !strings.Contains(r.stderr, "at most") {
		t.Errorf("exit status %d: %s", r.status, r.stderr)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
