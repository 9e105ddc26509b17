package dataset

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/internal/bounded"
)

// A member is an entry of an archive: a file, or a link whose content is the target.
type member struct {
	name, content string
	mode          fs.FileMode
}

func zipOf(tb testing.TB, members ...member) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate, NonUTF8: true}
		h.SetMode(m.mode | 0o644)
		e, err := w.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(e, m.content)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func tarWith(tb testing.TB, members ...member) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content)), Typeflag: tar.TypeReg}
		switch {
		case m.mode&fs.ModeSymlink != 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, m.content, 0
		case m.mode&fs.ModeIrregular != 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, m.content, 0
		case m.mode&fs.ModeNamedPipe != 0:
			h.Typeflag, h.Size = tar.TypeFifo, 0
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, m.content); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func compressed(tb testing.TB, data []byte, to func(io.Writer) io.WriteCloser) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := to(&b)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func gz(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zst(w io.Writer) io.WriteCloser {
	e, err := zstd.NewWriter(w)
	if err != nil {
		panic(err)
	}
	return e
}

func written(tb testing.TB, name string, data []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// The same set in every container: names in GBK, links to files and folders, what macOS leaves,
// and links that lead out or round in circles.
func TestContainers(t *testing.T) {
	members := []member{
		{"set/dog/\xcd\xbc\xc6\xac.JPEG", "bytes", 0},
		{"set/store/a.JPEG", "other bytes", 0},
		{"set/cat", "store", fs.ModeSymlink},
		{"set/dog/linked.JPEG", "../store/a.JPEG", fs.ModeSymlink},
		{"set/dog/loop", "..", fs.ModeSymlink},
		{"set/dog/out.JPEG", "../../../etc/passwd", fs.ModeSymlink},
		{"set/dog/absolute.JPEG", "/etc/passwd", fs.ModeSymlink},
		{"set/dog/round.JPEG", "round.JPEG", fs.ModeSymlink},
		{"__MACOSX/set/dog/._a.JPEG", "x", 0},
		{"set/.DS_Store", "x", 0},
	}
	plain := tarWith(t, append(members, member{"set/dog/pipe", "", fs.ModeNamedPipe})...)
	for name, data := range map[string][]byte{
		"set.zip": zipOf(t, members...), "SET.TAR": plain, "set.tar.gz": compressed(t, plain, gz), "set.tgz": compressed(t, plain, gz),
		"set.tar.zst": compressed(t, plain, zst), "no suffix": plain,
	} {
		t.Run(name, func(t *testing.T) {
			fsys, closer, err := Open(t.Context(), written(t, name, data))
			if err != nil {
				t.Fatal(err)
			}
			defer closer.Close()
			s, err := Walk(t.Context(), fsys, Options{Classes: 2, Names: []string{"cat", "dog"}})
			if err != nil {
				t.Fatal(err)
			}
			want := []Item{{Path: "set/cat/a.JPEG", Label: 0}, {Path: "set/dog/linked.JPEG", Label: 1}, {Path: "set/dog/\xcd\xbc\xc6\xac.JPEG", Label: 1}}
			if diff := cmp.Diff(want, s.Items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if s.LeftOut() != 4 { // three links to nothing, and store under its own name
				t.Errorf("left out: %v", s.Left)
			}
			for _, it := range s.Items {
				want := "other bytes"
				if strings.Contains(it.Path, "\xcd") {
					want = "bytes"
				}
				if data, err := ReadImage(fsys, it.Path, func(int64) {}); err != nil || string(data) != want {
					t.Errorf("%q: %q, %v", it.Path, data, err)
				}
			}
		})
	}
}

func TestWindowsZip(t *testing.T) {
	fsys, closer, err := Open(t.Context(), written(t, "w.zip", zipOf(t, member{`val\n01440764\a.JPEG`, "x", 0}, member{`val\n01443537\`, "", 0})))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	s, err := Walk(t.Context(), fsys, Options{Classes: 1000})
	if err != nil || len(s.Items) != 1 || s.Items[0].Path != "val/n01440764/a.JPEG" {
		t.Errorf("%v, %v", s, err)
	}
}

func TestHardLink(t *testing.T) {
	fsys, closer, err := Open(t.Context(), written(t, "h.tar", tarWith(t, member{"n01440764/a.JPEG", "x", 0}, member{"n01440764/b.JPEG", "n01440764/a.JPEG", fs.ModeIrregular})))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if data, err := ReadImage(fsys, "n01440764/b.JPEG", func(int64) {}); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestContainersRefused(t *testing.T) {
	before := unpackBase
	unpackBase = 1 << 20
	defer func() { unpackBase = before }()
	bomb := tarWith(t, member{"a.JPEG", strings.Repeat("\x00", 3<<20), 0})
	deep := make([]member, 300)
	for i := range deep {
		deep[i] = member{strings.Repeat("d/", 1000) + string(rune('a'+i%26)) + "/" + strings.Repeat(string(rune('a'+i/26))+"/", 900) + "x", "", 0}
	}
	for name, tt := range map[string]struct {
		data []byte
		err  string
	}{
		"gzip bomb":    {compressed(t, bomb, gz), "unpacks to more than"},
		"zstd bomb":    {compressed(t, bomb, zst), "unpacks to more than"},
		"folders":      {zipOf(t, deep...), "folders"},
		"bzip2":        {[]byte("BZh91AY"), "bzip2: unpack it"},
		"xz":           {[]byte("\xfd7zXZ\x00"), "xz: unpack it"},
		"7-Zip":        {[]byte("7z\xbc\xaf\x27\x1c"), "7-Zip: unpack it"},
		"RAR":          {[]byte("Rar!\x1a"), "RAR: unpack it"},
		"no zip":       {[]byte("PK\x03\x04"), "expected a zip file"},
		"gzip of text": {compressed(t, []byte("text"), gz), "expected a tar file"},
		"empty":        {nil, "expected a folder, a .zip or a .tar file"},
		"leaves":       {zipOf(t, member{"../../a.JPEG", "x", 0}), "within the archive"},
		"leaves back":  {zipOf(t, member{`..\a.JPEG`, "x", 0}), "within the archive"},
		"absolute":     {zipOf(t, member{"/a.JPEG", "x", 0}), "within the archive"},
		"twice":        {zipOf(t, member{"a.JPEG", "x", 0}, member{"./a.JPEG", "x", 0}), "twice"},
		"long link":    {zipOf(t, member{"a.JPEG", strings.Repeat("x", 1<<20), fs.ModeSymlink}), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, closer, err := Open(t.Context(), written(t, "set", tt.data))
			if err == nil {
				closer.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v: want %q", err, tt.err)
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "zoo-*.tar"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Unpacking ends with its context.
func TestUnpackInterrupted(t *testing.T) {
	path := written(t, "set.tgz", compressed(t, tarWith(t, member{"a.JPEG", "x", 0}), gz))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Open(ctx, path); err == nil {
		t.Error("no error")
	}
}

// An image is not read past what its entry says, nor past the bound.
func TestReadImage(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, size := range map[string]uint64{"fits.JPEG": 5, "big.JPEG": bounded.Image + 1, "huge.JPEG": 1 << 63, "more.JPEG": 4, "less.JPEG": 6} {
		e, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Store, CompressedSize64: 5, UncompressedSize64: size, CRC32: crc32.ChecksumIEEE([]byte("bytes"))})
		if err == nil {
			_, err = io.WriteString(e, "bytes")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	fsys, closer, err := Open(t.Context(), written(t, "a.zip", b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if data, err := ReadImage(fsys, "fits.JPEG", func(int64) {}); err != nil || string(data) != "bytes" {
		t.Errorf("%q, %v", data, err)
	}
	for _, name := range []string{"big.JPEG", "huge.JPEG"} {
		if _, err := ReadImage(fsys, name, func(int64) { t.Error("its memory was taken") }); err == nil || !strings.Contains(err.Error(), "an image may have") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, name := range []string{"more.JPEG", "less.JPEG"} {
		if data, err := ReadImage(fsys, name, func(int64) {}); err == nil && len(data) != 5 {
			t.Errorf("%s: %q", name, data)
		}
	}
}
