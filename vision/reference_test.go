package vision_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gozoo/zoo/vision"
)

// What the reference makes of awkward pictures, for the preprocessing of every row of zoo.toml and for
// timm's and torchvision's: testdata/reference.py says what a line is. That the rows are those, registry tests.
func TestReference(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "reference.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(text)))[1:] // the first says what the file is
	head := strings.Fields(lines[0])
	names := head[2 : len(head)-1]
	files, _ := tensors(t, goldenFile)
	pictures := make(map[bool][]*vision.Image) // in the order of names, by whether EXIF is ignored
	for _, ignore := range []bool{false, true} {
		for _, name := range names {
			pictures[ignore] = append(pictures[ignore], picture(t, files, name, vision.DecodeOptions{IgnoreEXIF: ignore}))
		}
	}
	for _, line := range lines[1:] {
		field := strings.Split(strings.TrimSpace(line), "\t")
		var p vision.Pipeline
		if err := json.Unmarshal([]byte(field[0]), &p); err != nil {
			t.Fatal(err)
		}
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			all := uint32(0)
			for i, name := range names {
				want := field[2+i]
				if want == "-" {
					continue
				}
				pixels, err := p.Pixels(pictures[p.DecodeOptions().IgnoreEXIF][i])
				if err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprintf("%08x", crc(0, pixels, pixels.Pix)); got != want {
					t.Errorf("%s: expected pixels %s, found %s of %dx%d", name, want, got, pixels.W, pixels.H)
				}
				input := p.Normalize(pixels)
				raw := make([]byte, 0, 4*len(input))
				for _, v := range input {
					raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
				}
				all = crc(all, pixels, raw)
			}
			if got := fmt.Sprintf("%08x", all); got != field[1] && !t.Failed() {
				t.Errorf("pixels are right: expected inputs %s, found %s", field[1], got)
			}
		})
	}
}

// crc returns the digest of what is made of a picture of that size, after that of others.
func crc(before uint32, size *vision.Image, data []byte) uint32 {
	before = crc32.Update(before, crc32.IEEETable, fmt.Appendf(nil, "%dx%d ", size.W, size.H))
	return crc32.Update(before, crc32.IEEETable, data)
}

// picture returns a picture of reference.py: a file of the repository, one of golden.safetensors, or one
// that is drawn.
func picture(t *testing.T, files map[string][]byte, name string, o vision.DecodeOptions) *vision.Image {
	t.Helper()
	var w, h int
	if n, _ := fmt.Sscanf(name, "%dx%d", &w, &h); n == 2 {
		return drawn(w, h)
	}
	file := files["file/"+name]
	if cat, turned := strings.CutSuffix(name, "-turned"); file == nil {
		var err error
		if file, err = os.ReadFile(filepath.Join("..", "cmd", "zoo", "embedded", cat)); err != nil {
			t.Fatal(err)
		}
		if turned {
			file = slices.Insert(file, 2, exifTurned...)
		}
	}
	img, err := vision.Decode(file, o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// exifTurned is EXIF data of a JPEG that is to be turned by 90 degrees clockwise.
var exifTurned = []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")

func drawn(w, h int) *vision.Image {
	img := &vision.Image{W: w, H: h, Pix: make([]uint8, 0, 3*w*h)}
	for y := range h {
		for x := range w {
			for c := range 3 {
				img.Pix = append(img.Pix, uint8((x*x+3*y*y+5*(c+1)*x*y)>>5))
			}
		}
	}
	return img
}
