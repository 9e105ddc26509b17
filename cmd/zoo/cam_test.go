package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	_ "image/jpeg" // read by sizes
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/nano"
	"github.com/gozoo/zoo/model"
)

// picturePNG is a picture in which every pixel is another colour, with an EXIF orientation unless that is 0.
func picturePNG(t testing.TB, w, h, orientation int, at func(x, y int) (int, int)) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := at(x, y)
			img.SetRGBA(x, y, color.RGBA{uint8(u * 5), uint8(v * 7), uint8(u * v), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if orientation == 0 {
		return b.Bytes()
	}
	exif := []byte("eXIfMM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	exif[4+19] = byte(orientation)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(exif)-4))
	chunk = binary.BigEndian.AppendUint32(append(chunk, exif...), crc32.ChecksumIEEE(exif))
	const header = 8 + 12 + 13
	return append(append(append([]byte{}, b.Bytes()[:header]...), chunk...), b.Bytes()[header:]...)
}

func upright(x, y int) (int, int) { return x, y }

// folderOf returns a folder with files.
func folderOf(t testing.TB, files map[string][]byte) (path func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
}

// sizes returns the pixels of the pictures in a folder by their names, and the formats that they have.
func sizes(t testing.TB, dir string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, f := range files {
		r, err := os.Open(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		img, format, err := image.Decode(r)
		if err != nil {
			t.Fatal(f.Name(), err)
		}
		out[f.Name()] = format + " " + img.Bounds().Size().String()
	}
	return out
}

// Maps have the size of their pictures, upright, whatever that is, and the format of their suffix.
func TestCAMFiles(t *testing.T) {
	at := folderOf(t, map[string][]byte{
		"in/wide.png": picturePNG(t, 50, 30, 0, upright), "in/tall.png": picturePNG(t, 9, 40, 0, upright),
		"in/one.png": picturePNG(t, 1, 1, 0, upright), "in/strip.png": picturePNG(t, 1, 3000, 0, upright),
		// Stored turned: what is shown has 50 columns and 30 rows.
		"in/turned.png": picturePNG(t, 30, 50, 6, func(x, y int) (int, int) { return 49 - y, x }),
	})
	cache := t.TempDir()
	for _, tt := range []struct {
		name string
		to   string
		args []string
		want map[string]string
	}{
		{"folder", "folder/", nil, map[string]string{"wide.cam.png": "png (50,30)", "tall.cam.png": "png (9,40)", "one.cam.png": "png (1,1)",
			"strip.cam.png": "png (1,3000)", "turned.cam.png": "png (50,30)"}},
		{"pattern", "pattern/m-*.JPG", []string{"--cam-on", "crop"}, map[string]string{"m-wide.JPG": "jpeg (32,32)", "m-tall.JPG": "jpeg (32,32)",
			"m-one.JPG": "jpeg (32,32)", "m-strip.JPG": "jpeg (32,32)", "m-turned.JPG": "jpeg (32,32)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := at(tt.to)
			if strings.HasSuffix(tt.to, "/") {
				to += string(filepath.Separator)
			}
			got := command(t, cache, append([]string{"predict", nanoModel, at("in"), "--cam", to}, tt.args...)...)
			if got.status != exitOK {
				t.Fatal(got)
			}
			if diff := cmp.Diff(tt.want, sizes(t, at(filepath.Dir(tt.to+"x")))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	// A picture that is turned when it is read has the map of the same picture stored upright, turned as it is.
	turned := func(orientation int, w, h int, from func(x, y int) (int, int)) []byte {
		path := folderOf(t, map[string][]byte{"p.png": picturePNG(t, w, h, orientation, from)})
		if got := command(t, cache, "predict", nanoModel, path("p.png"), "--cam", path("map.png")); got.status != exitOK {
			t.Fatal(got)
		}
		data, err := os.ReadFile(path("map.png"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	want := turned(0, 50, 30, upright)
	for orientation, got := range map[int][]byte{
		3: turned(3, 50, 30, func(x, y int) (int, int) { return 49 - x, 29 - y }),
		6: turned(6, 30, 50, func(x, y int) (int, int) { return 49 - y, x }),
	} {
		if !bytes.Equal(got, want) {
			t.Errorf("orientation %d: another map", orientation)
		}
	}
}

// To standard output goes the map and nothing else; opacity and class change what one expects.
func TestCAMOutput(t *testing.T) {
	at := folderOf(t, map[string][]byte{"p.png": picturePNG(t, 40, 20, 0, upright)})
	cache := t.TempDir()
	mapOf := func(args ...string) image.Image {
		t.Helper()
		got := command(t, cache, append([]string{"predict", nanoModel, at("p.png"), "--cam", "-"}, args...)...)
		if got.status != exitOK || !strings.Contains(got.stderr, "  0.") {
			t.Fatalf("%q: exit status %d: %s", args, got.status, got.stderr)
		}
		img, err := png.Decode(strings.NewReader(got.stdout))
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	plain := mapOf("--cam-opacity", "0")
	for y := range 20 {
		for x := range 40 {
			if got, want := plain.At(x, y), (color.RGBA{uint8(x * 5), uint8(y * 7), uint8(x * y), 255}); got != want {
				t.Fatalf("at opacity 0, pixel (%d,%d) is %v, want %v", x, y, got, want)
			}
		}
	}
	doc := command(t, cache, "predict", nanoModel, at("p.png"), "--cam", "-", "--format", "json", "--quiet")
	if !strings.HasPrefix(doc.stdout, "\x89PNG") || !json.Valid([]byte(doc.stderr)) || !strings.Contains(doc.stderr, `"results"`) {
		t.Errorf("a document beside the map: %s", doc.stderr)
	}
	// The middle 20 columns are what the network saw of 40.
	differ := func(a, b image.Image) (inside, outside int) {
		for y := range 20 {
			for x := range 40 {
				if a.At(x, y) != b.At(x, y) {
					if x < 10 || x >= 30 {
						outside++
					} else {
						inside++
					}
				}
			}
		}
		return inside, outside
	}
	best := mapOf()
	if inside, outside := differ(plain, best); inside < 300 || outside > 0 {
		t.Errorf("%d pixels differ in the crop of 400, %d outside", inside, outside)
	}
	if inside, _ := differ(mapOf("--cam-class", "3"), mapOf("--cam-class", "4")); inside < 100 {
		t.Errorf("two classes differ in %d pixels", inside)
	}
}

// classOf finds classes by index, by name and by one of several names.
func TestCAMClass(t *testing.T) {
	names := []string{"tench, Tinca tinca", "goldfish, Carassius auratus", "crane", "Crane", "7", "a, b", "b, c", "", "x", "y"}
	m, err := model.OpenFS(golden.Nano(), nano.File(t, nano.Names[0]),
		model.Options{Arch: nano.Arch(nano.Names[0]), Pipeline: nano.Pipeline, Classes: names})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, tt := range []struct {
		text  string
		class int
		wrong string
	}{
		{"0", 0, ""}, {"9", 9, ""}, {"7", 7, ""}, {"10", 0, "expected 0 to 9"}, {"-1", 0, "expected 0 to 9"},
		{"Tench", 0, ""}, {"tinca tinca", 0, ""}, {"goldfish, Carassius auratus", 1, ""}, {"a", 5, ""}, {"c", 6, ""},
		{"crane", 0, "classes 2 and 3"}, {"b", 0, "classes 5 and 6"}, {"shark", 0, "no class has that name"},
	} {
		class, err := classOf(m, tt.text)
		if (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) || class != tt.class {
			t.Errorf("%s: %d, %v", tt.text, class, err)
		}
	}
}

// What cannot be right is refused, and nothing is written.
func TestCAMRefuses(t *testing.T) {
	const far = "cspresnet50_3rdparty_8xb32_in1k"
	one := picturePNG(t, 8, 8, 0, upright)
	at := folderOf(t, map[string][]byte{
		"a/1.png": one, "b/1.png": one, "b/1.jpg": one, "c/UP.png": one, "d/up.png": one, "maps/bird.cam.png": one,
		"e/l\u202eve.png": one, "e/f/l\u202eve.png": one,
	})
	predict := func(args ...string) []string { return append([]string{"predict", nanoModel}, args...) }
	says := func(texts ...string) []string { return texts }
	play(t, t.TempDir(), []situation{
		{name: "suffix", args: predict(at("a/1.png"), "--cam", at("x.gif")),
			status: exitUsage, says: says(".png, .jpg or .jpeg, found .gif")},
		{name: "suffix, before the model", args: []string{"predict", far, at("a/1.png"), "--offline", "--cam", "x.webp"},
			status: exitUsage},
		{name: "two pictures, one file", args: predict(at("a"), at("b"), "--cam", at("x.png")),
			status: exitUsage, says: says("goes with one picture, found 3")},
		{name: "two pictures, standard output", args: predict(at("b"), "--cam", "-"),
			status: exitUsage, says: says("goes with one picture")},
		{name: "one name in two folders", args: predict(at("a/1.png"), at("b/1.png"), "--cam", at("x")+"/"),
			status: exitUsage, says: says("would both be written", at("a/1.png"), at("b/1.png"))},
		{name: "two suffixes", args: predict(at("b"), "--cam", at("x/*.png")), status: exitUsage, says: says("would both be written")},
		{name: "capitals", args: predict(at("c"), at("d"), "--cam", at("x")+"/"), status: exitUsage, says: says("would both be written")},
		{name: "over the picture", args: predict(at("a/1.png"), "--cam", at("a/1.png")), status: exitUsage, says: says("over the picture")},
		{name: "the map of a map", args: predict(at("maps"), at("a/1.png"), "--cam", at("maps/*.cam.png")), status: exitOK},
		{name: "over a picture, by a pattern", args: predict(at("a/1.png"), at("d/up.png"), "--cam", at("d/*.png")),
			status: exitUsage, says: says("over the picture " + at("d/up.png"))},
		{name: "names that act", args: predict(at("e"), "--cam", at("x")+"/"), status: exitUsage, says: says(`l\u202eve`), never: says("\u202e")},
		{name: "stars", args: predict(at("a/1.png"), "--cam", at("x/*-*.png")), status: exitUsage, says: says("expected one *")},
		{name: "a star of a folder", args: predict(at("a/1.png"), "--cam", at("*/x.png")), status: exitUsage, says: says("expected one *")},
		{name: "opacity", args: predict(at("a/1.png"), "--cam", at("x.png"), "--cam-opacity", "1.5"),
			status: exitUsage, says: says("expected 0 to 1")},
		{name: "opacity NaN", args: predict(at("a/1.png"), "--cam", at("x.png"), "--cam-opacity", "nan"), status: exitUsage},
		{name: "on", args: predict(at("a/1.png"), "--cam", at("x.png"), "--cam-on", "image"),
			status: exitUsage, says: says("expected picture or crop")},
		{name: "class", args: predict(at("a/1.png"), "--cam", at("x.png"), "--cam-class", "ten"),
			status: exitUsage, says: says("an index from 0 to 9")},
		{name: "without --cam", args: predict(at("a/1.png"), "--cam-opacity", "0.5"), status: exitUsage, says: says("goes with --cam")},
	})
	for _, name := range []string{"x", "x.png"} {
		if _, err := os.Stat(at(name)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if data, err := os.ReadFile(at("a/1.png")); err != nil || !bytes.Equal(data, one) {
		t.Errorf("the picture was changed: %v", err)
	}
	// A side that JPEG has no room for is an error that says so, and leaves nothing.
	strip := blackPNG(t, 1, maxJPEGSide+1, 8)
	got := command(t, t.TempDir(), "predict", nanoModel, strip, "--cam", at("strip.jpg"))
	if got.status != exitInternal || !strings.Contains(got.stderr, "write a .png") {
		t.Error(got)
	}
	if _, err := os.Stat(at("strip.jpg")); err == nil {
		t.Error("strip.jpg was written")
	}
}

// An interrupt ends the writing of a map.
func TestCAMInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	at := folderOf(t, map[string][]byte{"p.png": picturePNG(t, 600, 600, 0, upright)})
	var stderr bytes.Buffer
	written := 0
	first := writerFunc(func(p []byte) (int, error) {
		written += len(p)
		cancel()
		return len(p), nil
	})
	status := run(ctx, []string{"predict", nanoModel, at("p.png"), "--cam", "-", "--cache-dir", t.TempDir()}, nil, first, &stderr)
	if status != exitInterrupted || written > 1<<16 {
		t.Errorf("exit status %d, %d bytes: %s", status, written, &stderr)
	}
}
