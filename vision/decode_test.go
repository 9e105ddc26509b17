package vision_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/vision"
)

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// headerPNG returns a PNG file that ends after a header of the given size.
func headerPNG(w, h uint32) []byte {
	chunk := []byte("IHDR")
	chunk = binary.BigEndian.AppendUint32(chunk, w)
	chunk = binary.BigEndian.AppendUint32(chunk, h)
	chunk = append(chunk, 8, 2, 0, 0, 0) // 8 bits, RGB
	file := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	file = append(file, chunk...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(chunk))
}

func TestDecodeErrors(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 40, 30))
	pngFile, jpegFile := encodePNG(t, grey), encodeJPEG(t, grey)
	damaged := bytes.Clone(pngFile)
	damaged[len(damaged)-20]++ // in the compressed pixels
	hugeJPEG := bytes.Clone(jpegFile)
	frame := bytes.Index(hugeJPEG, []byte("\xff\xc0"))
	binary.BigEndian.PutUint16(hugeJPEG[frame+5:], 5000)
	binary.BigEndian.PutUint16(hugeJPEG[frame+7:], 5000)

	// One directory of width, height, bits, compression: all there is before the pixels.
	faxTIFF := []byte("II*\x00\x08\x00\x00\x00\x05\x00" +
		"\x00\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00" + "\x01\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00" +
		"\x02\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00" + "\x03\x01\x03\x00\x01\x00\x00\x00\x04\x00\x00\x00" +
		"\x06\x01\x03\x00\x01\x00\x00\x00\x00\x00\x00\x00")

	// field puts another tag and number in place of a field of that file.
	field := func(file []byte, i int, tag string, value byte) []byte {
		file = bytes.Clone(file)
		copy(file[10+12*i:], tag)
		file[10+12*i+8] = value
		return file
	}
	animated := slices.Insert(bytes.Clone(pngFile), 33, []byte("\x00\x00\x00\x08acTL\x00\x00\x00\x02\x00\x00\x00\x00\xf3\x8d\x93\x70")...)
	bmp16 := append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x10\x00"), make([]byte, 28)...)

	tests := []struct {
		name string
		data []byte
		max  int
		want string // part of the text
		is   error  // nil: not one of the sentinels
	}{
		{"empty", nil, 0, "found no bytes", vision.ErrEmpty},
		{"HTML", []byte("\n <!DOCTYPE html><title>404"), 0, "found HTML", nil},
		{"GIF", []byte("GIF89a\x01\x00\x01\x00"), 0, "found a GIF image", nil},
		{"WebP cut", []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), 0, "ends before", vision.ErrTruncated},
		{"RIFF that is no WebP", []byte("RIFF\x00\x00\x00\x00WAVEfmt "), 0, "found a WAVE sound", nil},
		{"part of the WebP signature", []byte("RIFF\x00\x00\x00\x00WE"), 0, "ends before", vision.ErrTruncated},
		{"BMP cut", []byte("BM\x00\x00"), 0, "ends before", vision.ErrTruncated},
		{"TIFF cut", []byte("II*\x00\x08\x00"), 0, "ends before", vision.ErrTruncated},
		{"BigTIFF", []byte("II+\x00\x08\x00"), 0, "found a BigTIFF image", nil},
		{"animated PNG", animated, 0, "png: animated images are not supported", nil},
		{"animated WebP", []byte("RIFF\x1a\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x07\x00\x00\x07\x00\x00"), 0, "webp: animated images", nil},
		{"BMP with 16 bits", bmp16, 0, "bmp: run-length coding", nil},
		{"TIFF with planes", field(field(faxTIFF, 3, "\x03\x01", 1), 4, "\x1c\x01", 2), 0, "a plane for each colour", nil},
		{"TIFF with reversed bits", field(field(faxTIFF, 3, "\x03\x01", 1), 4, "\x0a\x01", 2), 0, "bits reversed", nil},
		{"TIFF of a fax machine", faxTIFF, 0, "CCITT compression is not supported", nil},
		{"AVIF", []byte("\x00\x00\x00\x1cftypavif"), 0, "found an AVIF image", nil},
		{"zip", []byte("PK\x03\x04"), 0, "found a zip archive", nil},
		{"SVG", []byte("<svg xmlns="), 0, "found an SVG drawing", nil},
		{"text", []byte("not found\n"), 0, `found text "not found\n"`, nil},
		{"bytes", []byte{0, 1, 2, 255}, 0, "found bytes 00 01 02 ff", nil},
		{"PNG signature only", pngFile[:8], 0, "ends before", vision.ErrTruncated},
		{"part of the PNG signature", pngFile[:5], 0, "ends before", vision.ErrTruncated},
		{"part of the JPEG signature", jpegFile[:1], 0, "ends before", vision.ErrTruncated},
		{"half a PNG", pngFile[:len(pngFile)/2], 0, "ends before", vision.ErrTruncated},
		{"half a JPEG", jpegFile[:len(jpegFile)/2], 0, "ends before", vision.ErrTruncated},
		{"JPEG without the last scan bytes", jpegFile[:len(jpegFile)-8], 0, "ends before", vision.ErrTruncated},
		{"damaged PNG", damaged, 0, "png: invalid format", nil},
		{"JPEG without its end", jpegFile[:len(jpegFile)-2], 0, "ends before", vision.ErrTruncated},
		{"half a JPEG with an end", append(bytes.Clone(jpegFile[:len(jpegFile)-8]), 0xff, 0xd9), 0, "damaged: jpeg: scan 1: row", nil},
		{"JPEG with more pixels than the bytes can hold", hugeJPEG, 0, "5000x5000 pixels take at least", vision.ErrTruncated},
		{"above the limit", pngFile, 1199, "expected 1 to 1199 pixels, found 40x30", nil},
		{"above the default limit", headerPNG(1<<14, 1<<14), 0, "expected 1 to 178956970 pixels, found 16384x16384", nil},
		{"product overflows", headerPNG(1<<31-1, 1<<31-1), 0, "expected 1 to 178956970 pixels, found 2147483647x2147483647", nil},
		{"more pixels than the bytes can hold", headerPNG(13000, 13000), 0, "ends before the image does: 13000x13000 pixels take at least", vision.ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			img, err := vision.Decode(tt.data, vision.DecodeOptions{MaxPixels: tt.max})
			if err == nil {
				t.Fatalf("expected an error, found an image of %v", img.Bounds())
			}
			if !strings.HasPrefix(err.Error(), "vision: decode: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("expected %q, found %q", tt.want, err)
			}
			for _, sentinel := range []error{vision.ErrEmpty, vision.ErrTruncated} {
				if want := tt.is == sentinel; errors.Is(err, sentinel) != want {
					t.Errorf("is %v: expected %v, found %v", sentinel, want, !want)
				}
			}
		})
	}
	if _, err := vision.Decode(pngFile, vision.DecodeOptions{MaxPixels: 1200}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	var format *vision.FormatError
	if _, err := vision.Decode([]byte("GIF89a"), vision.DecodeOptions{}); !errors.As(err, &format) {
		t.Errorf("expected a *FormatError, found %T", err)
	}
	var size *vision.SizeError
	_, err := vision.Decode(pngFile, vision.DecodeOptions{MaxPixels: 10})
	if !errors.As(err, &size) {
		t.Fatalf("expected a *SizeError, found %T", err)
	}
	if diff := cmp.Diff(vision.SizeError{W: 40, H: 30, Max: 10}, *size); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A damaged file is an error, which holds the pixels that OpenCV would have made up, turned
// as the options say.
func TestDecodeDamaged(t *testing.T) {
	data, _ := tensors(t, goldenFile)
	whole := data["file/orientation-6.jpg"]
	start := bytes.Index(whole, []byte("\xff\xda")) + 14
	cut := append(bytes.Clone(whole[:start]), 0xff, 0xd9)
	for _, ignore := range []bool{false, true} {
		o := vision.DecodeOptions{IgnoreEXIF: ignore}
		good, err := vision.Decode(whole, o)
		if err != nil {
			t.Fatal(err)
		}
		img, err := vision.Decode(cut, o)
		var damage *vision.DamagedError
		if img != nil || !errors.As(err, &damage) {
			t.Fatalf("expected a *DamagedError and no image, found %v", err)
		}
		if damage.Image.W != good.W || damage.Image.H != good.H {
			t.Errorf("expected %dx%d, found %dx%d", good.W, good.H, damage.Image.W, damage.Image.H)
		}
	}
}

// slow is an image that no fast path knows.
type slow struct{ image.Image }

func TestFromImage(t *testing.T) {
	bounds := image.Rect(-2, 3, 3, 7) // does not begin at 0
	inner := image.Rect(-1, 4, 3, 6)  // nor do the samples of a part of it
	nrgba := image.NewNRGBA(bounds)
	nrgba64 := image.NewNRGBA64(bounds)
	rgba := image.NewRGBA(bounds)
	opaque := image.NewRGBA(bounds)
	grey := image.NewGray(bounds)
	grey16 := image.NewGray16(bounds)
	ycc := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)
	palette := image.NewPaletted(bounds, color.Palette{color.NRGBA{1, 2, 3, 0}, color.NRGBA{4, 5, 6, 128}})
	at := func(x, y int) (uint8, uint8, uint8) { return uint8(40*x + 100), uint8(30 * y), uint8(7*x + 9*y + 50) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b := at(x, y)
			nrgba.SetNRGBA(x, y, color.NRGBA{r, g, b, uint8(60 * (x + 2))})
			nrgba64.SetNRGBA64(x, y, color.NRGBA64{uint16(r)<<8 | 0xff, uint16(g) << 8, uint16(b) << 8, uint16(6000 * (x + 2))})
			rgba.SetRGBA(x, y, color.RGBA{r / 2, g / 2, b / 2, 128})
			opaque.SetRGBA(x, y, color.RGBA{r, g, b, 255})
			grey.SetGray(x, y, color.Gray{g})
			grey16.SetGray16(x, y, color.Gray16{uint16(g)<<8 | 0xff})
			palette.SetColorIndex(x, y, uint8(x+y)&1)
			ycc.Y[ycc.YOffset(x, y)], ycc.Cb[ycc.COffset(x, y)], ycc.Cr[ycc.COffset(x, y)] = r, g, b
		}
	}
	exact := func(x, y int) [3]uint8 { r, g, b := at(x, y); return [3]uint8{r, g, b} }
	greyAt := func(x, y int) [3]uint8 { _, g, _ := at(x, y); return [3]uint8{g, g, g} }
	tests := []struct {
		name string
		img  image.Image
		want func(x, y int) [3]uint8
		off  int // allowed difference
	}{
		{"NRGBA", nrgba, exact, 0},
		{"NRGBA without a fast path", slow{nrgba}, exact, 0},
		{"NRGBA64", nrgba64, exact, 0},
		{"RGBA half transparent", rgba, exact, 2},
		{"RGBA opaque", opaque, exact, 0},
		{"RGBA without a fast path", slow{opaque}, exact, 0},
		{"part of RGBA", opaque.SubImage(inner), exact, 0},
		{"part of NRGBA", nrgba.SubImage(inner), exact, 0},
		{"grey", grey, greyAt, 0},
		{"part of grey", grey.SubImage(inner), greyAt, 0},
		{"grey of 16 bits", grey16, greyAt, 0},
		{"YCbCr", ycc, func(x, y int) [3]uint8 {
			c := ycc.YCbCrAt(x, y)
			r, g, b := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
			return [3]uint8{r, g, b}
		}, 0},
		{"palette", palette, func(x, y int) [3]uint8 {
			if (x+y)&1 == 0 {
				return [3]uint8{1, 2, 3}
			}
			return [3]uint8{4, 5, 6}
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := vision.FromImage(tt.img)
			b := tt.img.Bounds()
			want := &vision.Image{W: b.Dx(), H: b.Dy()}
			for y := b.Min.Y; y < b.Max.Y; y++ {
				for x := b.Min.X; x < b.Max.X; x++ {
					p := tt.want(x, y)
					want.Pix = append(want.Pix, p[:]...)
				}
			}
			if d, n := difference(t, want, got); d > tt.off {
				t.Errorf("%d bytes differ, by up to %d: want %v, got %v", n, d, want.Pix, got.Pix)
			}
			if again := vision.FromImage(got); again != got {
				t.Error("an *Image is copied")
			}
			if again := vision.FromImage(slow{got}); !bytes.Equal(again.Pix, got.Pix) {
				t.Error("At does not give the image's own pixels")
			}
		})
	}
}

func TestImageAtOutside(t *testing.T) {
	m := &vision.Image{W: 1, H: 1, Pix: []uint8{1, 2, 3}}
	if diff := cmp.Diff(color.Color(color.RGBA{1, 2, 3, 255}), m.At(0, 0)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, p := range []image.Point{{-1, 0}, {1, 0}, {0, 1}, {0, -1}} {
		if diff := cmp.Diff(color.Color(color.RGBA{}), m.At(p.X, p.Y)); diff != "" {
			t.Errorf("%v: (-want +got)\n%s", p, diff)
		}
	}
}

// FuzzDecode looks for panics, and for images that do not keep their own rules or
// that the pipeline cannot take.
func FuzzDecode(f *testing.F) {
	data, _ := tensors(f, goldenFile)
	for name, file := range data {
		if strings.HasPrefix(name, "file/") {
			f.Add(file)
		}
	}
	f.Add([]byte("<html>"))
	f.Add(headerPNG(1<<20, 1))
	p := pipeline(8, 6, vision.Bicubic)
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 18
		img, err := vision.Decode(data, vision.DecodeOptions{MaxPixels: limit})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "vision: decode: ") {
				t.Errorf("error without its place: %q", err)
			}
			return
		}
		if img.W*img.H > limit {
			t.Errorf("%dx%d is above the limit", img.W, img.H)
		}
		stored, err := vision.Decode(data, vision.DecodeOptions{MaxPixels: limit, IgnoreEXIF: true})
		if err != nil || len(stored.Pix) != len(img.Pix) {
			t.Errorf("without EXIF: %v", err)
		}
		if _, _, _, err := p.Apply(img); err != nil {
			t.Error(err)
		}
	})
}
