package vision_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/vision"
)

const goldenFile = "testdata/golden.safetensors"

// tensors returns the bytes and the shape of every tensor of a file, whose tensors
// are all bytes.
func tensors(t testing.TB, path string) (data map[string][]byte, images map[string]*vision.Image) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse(path, raw)
	if err != nil {
		t.Fatal(err)
	}
	data, images = map[string][]byte{}, map[string]*vision.Image{}
	for name, x := range f.StateDict().All() {
		data[name] = x.Bytes()
		if s := x.Shape(); len(s) == 3 {
			images[name] = &vision.Image{W: s[1], H: s[0], Pix: x.Bytes()}
		}
	}
	return data, images
}

// shared returns the path of a reference file that is not part of the repository,
// and skips the test where it is absent.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	name := filepath.Join(append([]string{"..", "..", "shared"}, path...)...)
	if _, err := os.Stat(name); err != nil {
		t.Skipf("reference data: %v", err)
	}
	return name
}

// difference returns the largest difference of two bytes at the same place, and how
// many bytes differ. It fails the test for images of different size.
func difference(t *testing.T, want, got *vision.Image) (largest, count int) {
	t.Helper()
	if want.W != got.W || want.H != got.H || len(want.Pix) != len(got.Pix) {
		t.Fatalf("expected %dx%d, found %dx%d", want.W, want.H, got.W, got.H)
	}
	for i, w := range want.Pix {
		if d := max(int(w), int(got.Pix[i])) - min(int(w), int(got.Pix[i])); d != 0 {
			count++
			largest = max(largest, d)
		}
	}
	return largest, count
}

func equal(t *testing.T, want, got *vision.Image) {
	t.Helper()
	if d, n := difference(t, want, got); n != 0 {
		t.Errorf("%d bytes differ, by up to %d", n, d)
	}
}

func TestResize(t *testing.T) {
	_, images := tensors(t, goldenFile)
	n := 0
	for name, want := range images {
		part := strings.Split(name, "/")
		if len(part) != 4 {
			continue
		}
		n++
		t.Run(name, func(t *testing.T) {
			resize := vision.ResizePillow
			if part[0] == vision.BackendOpenCV {
				resize = vision.ResizeOpenCV
			}
			equal(t, want, resize(images["from/"+part[1]], want.W, want.H, vision.Filter(part[2])))
		})
	}
	if n < 100 {
		t.Errorf("expected at least 100 resizes, found %d", n)
	}
}

// Whole transforms of mmpretrain, each in a pipeline of the same words, but for one.
func TestTransforms(t *testing.T) {
	_, images := tensors(t, goldenFile)
	n := 0
	for name, want := range images {
		var p vision.Pipeline
		var from string
		words := strings.NewReplacer(",", "", "/", " ", "short-edge", vision.ResizeShort).Replace(name)
		if _, err := fmt.Sscanf(words, "%s %d %s %s crop %d %s", &p.Resize.Kind, &p.Resize.Edge,
			&p.Resize.Interpolation, &p.Resize.Backend, &p.Crop, &from); err != nil {
			continue
		}
		n++
		t.Run(name, func(t *testing.T) {
			if p.Resize.Kind == vision.ResizeEfficientNet && p.Resize.Edge == 24 {
				p.Resize.Padding = 8
			}
			p.Std = [3]float32{1, 1, 1}
			got, err := p.Pixels(images["from/"+from])
			if err != nil {
				t.Fatal(err)
			}
			equal(t, want, got)
		})
	}
	if n != 19 {
		t.Errorf("expected 19 transforms, found %d", n)
	}
}

// The other filter must be far from the reference: the comparison can fail.
func TestPhotographs(t *testing.T) {
	_, images := tensors(t, shared(t, "real", "preprocess.safetensors"))
	for name, want := range images {
		kind, file, _ := strings.Cut(name, "/")
		if kind == "decoded" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var edge, crop int
			var filter vision.Filter
			fields := strings.Split(strings.TrimPrefix(kind, "short"), "-")
			edge, _ = strconv.Atoi(fields[0])
			filter = vision.Filter(fields[1])
			crop, _ = strconv.Atoi(strings.TrimPrefix(fields[2], "crop"))
			p := pipeline(edge, crop, filter)
			got, err := p.Pixels(images["decoded/"+file])
			if err != nil {
				t.Fatal(err)
			}
			equal(t, want, got)

			if min(images["decoded/"+file].W, images["decoded/"+file].H) == edge {
				return // no filter is used
			}
			other := vision.Bilinear
			if filter == other {
				other = vision.Bicubic
			}
			p = pipeline(edge, crop, other)
			if got, err = p.Pixels(images["decoded/"+file]); err != nil {
				t.Fatal(err)
			}
			if _, n := difference(t, want, got); n < len(want.Pix)/20 {
				t.Errorf("with %s: expected another image, found %d differing bytes", other, n)
			}
		})
	}
}

func pipeline(edge, crop int, f vision.Filter) vision.Pipeline {
	return vision.Pipeline{
		Resize: vision.Resize{Kind: vision.ResizeShort, Edge: edge, Interpolation: f, Backend: vision.BackendPillow},
		Crop:   crop,
		Mean:   [3]float32{123.675, 116.28, 103.53},
		Std:    [3]float32{58.395, 57.12, 57.375},
	}
}

func TestDecode(t *testing.T) {
	data, images := tensors(t, goldenFile)
	for name, file := range data {
		name, ok := strings.CutPrefix(name, "file/")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, ignore := range []bool{false, true} {
				want := images["pixels/"+name]
				if stored := images["stored/"+name]; ignore && stored != nil {
					want = stored
				}
				got, err := vision.Decode(file, vision.DecodeOptions{IgnoreEXIF: ignore})
				if err != nil {
					t.Fatal(err)
				}
				if d, n := difference(t, want, got); n != 0 {
					t.Errorf("ignoring EXIF %v: %d bytes differ, by up to %d", ignore, n, d)
				}
			}
		})
	}
}

func TestDecodePhotographs(t *testing.T) {
	_, images := tensors(t, shared(t, "real", "preprocess.safetensors"))
	for name, want := range images {
		file, ok := strings.CutPrefix(name, "decoded/")
		if !ok {
			continue
		}
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(shared(t, "real", "images", file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := vision.Decode(data, vision.DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, want, got)
		})
	}
}

// sizes is what the transforms make of a source size, as far as an image shows it.
type sizes struct{ W, H, CropX, CropY, CropW, CropH int }

// The reference's transforms on 456 sizes. An image is too much for each; it is enough
// that the sizes and where the crop begins are right.
func TestSizes(t *testing.T) {
	f, err := os.Open(shared(t, "facts", "preprocess_sizes.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// kind, source height and width, scale, crop, padding, then what becomes of it;
		// fields that a kind does not have are empty.
		field := strings.Split(lines.Text(), "\t")
		var v [12]int
		for i, text := range field {
			v[i], _ = strconv.Atoi(text)
		}
		h, w, scale, crop, padding := v[1], v[2], v[3], v[4], v[5]
		want := sizes{W: v[7], H: v[6], CropX: v[8], CropY: v[9], CropW: v[11], CropH: v[10]}
		var got sizes
		switch field[0] {
		case "ResizeEdge+CenterCrop":
			got.W, got.H = vision.ShortEdge(w, h, scale)
			got.CropX, got.CropY, got.CropW, got.CropH = cropOf(got.W, got.H, crop)
		case "EfficientNetCenterCrop":
			got.CropX, got.CropY, got.CropW = vision.EfficientNetCrop(w, h, crop, padding)
			got.CropH = got.CropW
		default:
			continue // the heading
		}
		n++
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", lines.Text(), diff)
		}
	}
	if n != 456 {
		t.Errorf("expected 456 rows, found %d", n)
	}
}

// cropOf returns the box that CenterCrop takes of a w by h image, found by cropping
// images that hold their coordinates: first a row, then a column.
func cropOf(w, h, c int) (x, y, cw, ch int) {
	row := &vision.Image{W: w, H: 1, Pix: ramp(w)}
	row = vision.CenterCrop(row, c, c)
	column := &vision.Image{W: 1, H: h, Pix: ramp(h)}
	column = vision.CenterCrop(column, c, c)
	return position(row), position(column), row.W, column.H
}

// ramp returns n pixels whose red and green are their number.
func ramp(n int) []uint8 {
	p := make([]uint8, 3*n)
	for i := range n {
		p[3*i], p[3*i+1] = uint8(i>>8), uint8(i)
	}
	return p
}

func position(m *vision.Image) int { return int(m.Pix[0])<<8 | int(m.Pix[1]) }
