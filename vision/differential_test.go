package vision_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/gozoo/zoo/vision"
)

// elsewhere decodes a file with Go's own packages, which take more memory; nil where they
// cannot, or where the file has no size that is worth it.
func elsewhere(data []byte) image.Image {
	decode, config := png.Decode, png.DecodeConfig
	switch {
	case bytes.HasPrefix(data, []byte("BM")):
		decode, config = bmp.Decode, bmp.DecodeConfig
	case bytes.HasPrefix(data, []byte("RIFF")):
		decode, config = webp.Decode, webp.DecodeConfig
	case bytes.HasPrefix(data, []byte("II")), bytes.HasPrefix(data, []byte("MM")):
		decode, config = tiff.Decode, tiff.DecodeConfig
	}
	c, err := config(bytes.NewReader(data))
	if err != nil || c.Width > 1<<16/max(c.Height, 1) {
		return nil
	}
	img, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	return img
}

// exceptions are why a file is refused that Go's own packages decode: what they take for
// something else, what costs more than it may, or what is no such file for OpenCV either.
var exceptions = []string{
	"not supported", "ends before", "too large", "too often", "canvas", "codes take more than", "pixels take at least", "key frame",
	"a palette for samples of 16 bits", "VP8", "a code that is not complete",
}

// The targets compare a format with Go's own packages: what both decode has the same pixels.
// Lossy WebP, and TIFF with colours, are decoded as OpenCV does, not as they do.

func FuzzPNG(f *testing.F)  { fuzzFormat(f, ".png") }
func FuzzTIFF(f *testing.F) { fuzzFormat(f, ".tif") }
func FuzzWebP(f *testing.F) { fuzzFormat(f, ".webp") }
func FuzzBMP(f *testing.F)  { fuzzFormat(f, ".bmp") }

func fuzzFormat(f *testing.F, suffix string) {
	data, _ := tensors(f, goldenFile)
	for name, file := range data {
		if strings.HasPrefix(name, "file/") && strings.Contains(name, suffix) {
			f.Add(file)
		}
	}
	for name, file := range madeByGo(f) {
		if strings.HasSuffix(name, suffix) {
			f.Add(file)
		}
	}
	isTIFF := func(data []byte) bool {
		return bytes.HasPrefix(data, []byte("II")) || bytes.HasPrefix(data, []byte("MM"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte("\xff\xd8")) {
			return
		}
		got, err := vision.Decode(data, vision.DecodeOptions{MaxPixels: 1 << 16, IgnoreEXIF: true})
		want := elsewhere(data)
		if want == nil || want.Bounds().Empty() { // without pixels it is no picture here
			return
		}
		if err != nil {
			for _, reason := range exceptions {
				if strings.Contains(err.Error(), reason) {
					return
				}
			}
			t.Fatalf("decoded elsewhere: %v", err)
		}
		switch want.(type) {
		case *image.YCbCr, *image.NYCbCrA:
			return
		case *image.Gray, *image.Gray16:
		default:
			if isTIFF(data) {
				return
			}
		}
		if b := want.Bounds(); isTIFF(data) && b.Dx() != b.Dy() && got.W == b.Dy() {
			return // turned, whatever the options say
		} else if got.W != b.Dx() || got.H != b.Dy() {
			t.Fatalf("%dx%d, elsewhere %dx%d", got.W, got.H, b.Dx(), b.Dy())
		}
		if d, n := difference(t, vision.FromImage(want), got); n > 0 && !isTIFF(data) {
			t.Fatalf("%d bytes differ from what is decoded elsewhere, by up to %d", n, d)
		}
	})
}

// madeByGo returns PNG, BMP and TIFF files of every kind that Go's packages write, among them
// rows that each filter of PNG suits.
func madeByGo(t testing.TB) map[string][]byte {
	rect := image.Rect(0, 0, 37, 19)
	files := make(map[string][]byte)
	ramp := func(x, y, c int) uint16 { return uint16(x*x*(c+3)*97 + y*y*31*(4-c) + x*y*113) }
	fill := func(img interface {
		image.Image
		Set(x, y int, c color.Color)
	}) image.Image {
		for y := range rect.Dy() {
			for x := range rect.Dx() {
				img.Set(x, y, color.NRGBA64{ramp(x, y, 0), ramp(x, y, 1), ramp(x, y, 2), 0xffff - ramp(x, y, 3)/2})
			}
		}
		return img
	}
	palette := color.Palette{}
	for i := range 200 {
		palette = append(palette, color.RGBA{uint8(i), uint8(3 * i), uint8(7 * i), 255})
	}
	for name, img := range map[string]image.Image{
		"grey": fill(image.NewGray(rect)), "grey16": fill(image.NewGray16(rect)), "rgba": fill(image.NewRGBA(rect)), "nrgba": fill(image.NewNRGBA(rect)),
		"nrgba64": fill(image.NewNRGBA64(rect)), "palette": fill(image.NewPaletted(rect, palette)),
		"palette16": fill(image.NewPaletted(rect, palette[:16])), "palette4": fill(image.NewPaletted(rect, palette[:4])), "palette2": fill(image.NewPaletted(rect, palette[:2])),
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		files[name+".png"] = bytes.Clone(b.Bytes())
		files[name+"-interlaced.png"] = interlaced(t, img)
		for suffix, o := range map[string]*tiff.Options{
			".tif": nil, "-deflate.tif": {Compression: tiff.Deflate}, "-deflate-differences.tif": {Compression: tiff.Deflate, Predictor: true},
		} {
			b.Reset()
			if err := tiff.Encode(&b, img, o); err != nil {
				t.Fatal(err)
			}
			files[name+suffix] = bytes.Clone(b.Bytes())
		}
		b.Reset()
		if err := bmp.Encode(&b, img); err == nil {
			files[name+".bmp"] = bytes.Clone(b.Bytes())
		}
	}
	return files
}

// interlaced returns a PNG file of an image in the seven passes of Adam7, in RGBA of 16 or 8
// bits, with a filter of its own for each row.
func interlaced(t testing.TB, img image.Image) []byte {
	t.Helper()
	b := img.Bounds()
	wide := map[bool]int{true: 2, false: 1}[strings.Contains(fmt.Sprintf("%T", img), "64") || strings.Contains(fmt.Sprintf("%T", img), "16")]
	var raw bytes.Buffer
	for _, p := range [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		above := make([]byte, 4*wide*b.Dx())
		for y := p[1]; y < b.Dy() && p[0] < b.Dx(); y += p[3] {
			var row []byte
			for x := p[0]; x < b.Dx(); x += p[2] {
				c := color.NRGBA64Model.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA64)
				for _, v := range []uint16{c.R, c.G, c.B, c.A} {
					row = append(row, byte(v>>8))
					if wide == 2 {
						row = append(row, byte(v))
					}
				}
			}
			filter := byte(y % 3) // none, left, above
			raw.WriteByte(filter)
			for i, v := range row {
				switch {
				case filter == 1 && i >= 4*wide:
					v -= row[i-4*wide]
				case filter == 2:
					v -= above[i]
				}
				raw.WriteByte(v)
			}
			copy(above, row)
		}
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(b.Dx())), uint32(b.Dy()))
	return pngFile(pngPart{"IHDR", append(head, byte(8*wide), 6, 0, 0, 1)}, pngPart{"IDAT", deflated(t, raw.Bytes())}, pngPart{"IEND", nil})
}

type pngPart struct {
	name string
	body []byte
}

// pngFile returns a PNG file of chunks.
func pngFile(parts ...pngPart) []byte {
	out := []byte("\x89PNG\r\n\x1a\n")
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p.body)))
		chunk := append([]byte(p.name), p.body...)
		out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
	}
	return out
}

// deflated returns data compressed by zlib.
func deflated(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOthers(t *testing.T) {
	for name, data := range madeByGo(t) {
		t.Run(name, func(t *testing.T) {
			want := elsewhere(data)
			got, err := vision.Decode(data, vision.DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			off := 0
			if strings.HasSuffix(name, ".tif") {
				off = 255 // colours with alpha, and of 16 bits, are as libtiff has them: the goldens have those
				if strings.HasPrefix(name, "grey") || strings.HasPrefix(name, "palette") {
					off = 0
				}
			}
			if d, n := difference(t, vision.FromImage(want), got); d > off {
				t.Errorf("%d bytes differ, by up to %d", n, d)
			}
		})
	}
}
