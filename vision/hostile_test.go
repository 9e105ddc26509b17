package vision_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gozoo/zoo/vision"
)

// scansJPEG returns a progressive grey JPEG of a side, with one scan of DC coefficients and
// many more that hold next to nothing: of first bits, or of one more bit.
func scansJPEG(side, scans int, refine bool) []byte {
	segment := func(marker byte, body ...byte) []byte {
		return append([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
	}
	out := append([]byte("\xff\xd8"), segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	out = append(out, segment(0xc2, 8, byte(side>>8), byte(side), byte(side>>8), byte(side), 1, 1, 0x11, 0)...)
	table := make([]byte, 17)
	table[1] = 1
	out = append(out, segment(0xc4, append(table, 0)...)...) // DC: the code 0 means no difference
	table[0] = 0x10
	out = append(out, segment(0xc4, append(table, 0xe0)...)...) // AC: the code 0 begins a run of blocks
	blocks := side / 8 * (side / 8)
	out = append(append(out, segment(0xda, 1, 1, 0, 0, 0, 0)...), make([]byte, (blocks+7)/8)...)
	// Each run is of 16384 blocks: 15 bits of zeros.
	runs := make([]byte, (blocks/16384+1)*15/8+1)
	for i := range scans {
		high := byte(0)
		if refine && i > 0 {
			high = 0x10
		}
		out = append(append(out, segment(0xda, 1, 1, 0, 1, 63, high)...), runs...)
	}
	return append(out, 0xff, 0xd9)
}

// stripsTIFF returns a grey TIFF whose strips all have the same bytes.
func stripsTIFF(w, h int, compression uint32, rows int, strip []byte) []byte {
	n := (h + rows - 1) / rows
	offsets, counts := []byte{}, []byte{}
	for range n {
		offsets = binary.LittleEndian.AppendUint32(offsets, 8)
		counts = binary.LittleEndian.AppendUint32(counts, uint32(len(strip)))
	}
	atOffsets, atCounts := uint32(8+len(strip)), uint32(8+len(strip)+len(offsets))
	if n == 1 {
		atOffsets, atCounts = 8, uint32(len(strip))
	}
	out := binary.LittleEndian.AppendUint32([]byte("II*\x00"), uint32(8+len(strip)+8*n))
	out = append(append(append(out, strip...), offsets...), counts...)
	fields := [][3]uint32{
		{0x100, 1, uint32(w)}, {0x101, 1, uint32(h)}, {0x102, 1, 8}, {0x103, 1, compression}, {0x106, 1, 1},
		{0x111, uint32(n), atOffsets}, {0x116, 1, uint32(rows)}, {0x117, uint32(n), atCounts},
	}
	out = binary.LittleEndian.AppendUint16(out, uint16(len(fields)))
	for _, f := range fields {
		out = binary.LittleEndian.AppendUint16(out, uint16(f[0]))
		out = binary.LittleEndian.AppendUint16(out, 4)
		out = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(out, f[1]), f[2])
	}
	return append(out, 0, 0, 0, 0)
}

// bitWriter writes bits, the first as the lowest of a byte.
type bitWriter struct {
	out []byte
	n   int
}

func (b *bitWriter) bits(v uint64, n int) {
	for i := range n {
		if b.n%8 == 0 {
			b.out = append(b.out, 0)
		}
		b.out[len(b.out)-1] |= byte(v>>i&1) << (b.n % 8)
		b.n++
	}
}

// one writes a code of one symbol.
func (b *bitWriter) one(symbol uint64) {
	b.bits(0b101, 3)
	b.bits(symbol, 8)
}

// webpFile returns a lossless WebP file of what f writes behind the header.
func webpFile(w, h int, f func(*bitWriter)) []byte {
	b := &bitWriter{out: []byte{0x2f}, n: 8}
	b.bits(uint64(w-1), 14)
	b.bits(uint64(h-1), 14)
	b.bits(0, 4)
	f(b)
	out := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8L"), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(out[16:], uint32(len(b.out)))
	out = append(append(out, b.out...), make([]byte, len(b.out)%2)...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// plainWebP is all of one colour, in codes of one symbol that take no bits.
func plainWebP(w, h int) []byte {
	return webpFile(w, h, func(b *bitWriter) {
		b.bits(0, 3) // no transform, no cache, one group
		for _, symbol := range []uint64{7, 9, 5, 255, 0} {
			b.one(symbol)
		}
	})
}

// groupsWebP is a small image whose only block of pixels has the last of many groups, each
// of codes with every symbol, which cost no bits.
func groupsWebP(groups int) []byte {
	return webpFile(4, 4, func(b *bitWriter) {
		b.bits(0, 2)
		b.bits(1, 1) // several groups
		b.bits(0, 3) // for blocks of 4x4
		b.bits(0, 1)
		last := uint64(groups - 1)
		for _, symbol := range []uint64{last & 255, last >> 8, 0, 255, 0} {
			b.one(symbol)
		}
		for range groups {
			b.one(7)
			for range 3 { // all 256 symbols of 8 bits
				b.bits(0, 1)
				b.bits(8, 4) // the first 12 lengths: 17, 18, 0 to 5, 16, 6, 7, 8
				for i := range 12 {
					b.bits(map[bool]uint64{true: 1}[i == 11], 3)
				}
				b.bits(0, 1)
			}
			b.one(0)
		}
		b.bits(0, 64)
		b.bits(0, 3*16*8)
	})
}

// TestHostilePictures decodes small files that ask for much. The bounds are generous: what
// would be wrong takes gigabytes, or minutes.
func TestHostilePictures(t *testing.T) {
	emptyBlocks := append([]byte{0x78, 1}, bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 100_000)...)
	emptyBlocks = append(emptyBlocks, deflated(t, make([]byte, 300))[2:]...)
	bomb := deflated(t, make([]byte, 64<<20))
	var exif []byte // many segments, whose fields run in circles
	for range 70 {
		tiff := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + strings.Repeat("\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00", 5000))
		exif = append(append(exif, 0xff, 0xe1, byte((len(tiff)+2)>>8), byte(len(tiff)+2)), tiff...)
	}
	data, _ := tensors(t, goldenFile)
	jpegFile := data["file/orientation-6.jpg"]
	many := append(append(bytes.Clone(jpegFile[:2]), exif...), jpegFile[2:]...)
	pngHead := []byte("\x00\x00\x00\x08\x00\x00\x00\x08\x08\x00\x00\x00\x00")
	pixels := pngPart{"IDAT", deflated(t, make([]byte, 8*9))}
	for _, tc := range []struct {
		name string
		data []byte
		want string // part of the error; empty for an image
	}{
		{"JPEG of many scans", scansJPEG(2048, 400, false), ""},
		{"JPEG of so many scans that they take minutes", scansJPEG(8192, 490, true), "so many scans"},
		{"JPEG of more scans than anybody writes", scansJPEG(8, 501, false), "more than 500 scans"},
		{"JPEG with fields in circles", many, ""},
		{"TIFF of one-row strips that are the same", stripsTIFF(64, 100_000, 8, 1, deflated(t, make([]byte, 64))), ""},
		{"TIFF of strips of empty blocks", stripsTIFF(300, 100_000, 8, 1, emptyBlocks), "too often"},
		{"TIFF whose strip is a bomb", stripsTIFF(8, 8, 8, 8, bomb), ""},
		{"TIFF of more strips than bytes", stripsTIFF(8, 1<<20, 1, 1, nil)[:9000], ""},
		{"PNG with bombs beside the pixels", pngFile(pngPart{"IHDR", pngHead}, pngPart{"iCCP", append([]byte("x\x00\x00"), bomb...)},
			pngPart{"zTXt", append([]byte("x\x00\x00"), bomb...)}, pngPart{"iTXt", append([]byte("x\x00\x01\x00\x00\x00"), bomb...)}, pixels, pngPart{"IEND", nil}), ""},
		{"PNG with broken profiles", pngFile(pngPart{"IHDR", pngHead}, pngPart{"iCCP", []byte("x")}, pngPart{"eXIf", []byte("MM\x00*\xff\xff\xff\xff")}, pixels, pngPart{"IEND", nil}), ""},
		{"PNG of a bomb", pngFile(pngPart{"IHDR", pngHead}, pngPart{"IDAT", bomb}, pngPart{"IEND", nil}), "bad filter|too much"},
		{"WebP of one colour", plainWebP(5000, 5000), ""},
		{"WebP of groups that nobody uses", groupsWebP(1 << 16), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if testing.Short() && strings.Contains(tc.name, "minutes") {
				t.Skip("takes seconds")
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			begin := time.Now()
			img, err := vision.Decode(tc.data, vision.DecodeOptions{})
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			grown := int64(after.Sys-before.Sys) >> 20
			t.Logf("%d bytes: %v, %d MB more, %v", len(tc.data), took, grown, err)
			switch {
			case tc.name == "TIFF of more strips than bytes":
				if err == nil {
					t.Error("no error")
				}
			case tc.want == "" && (err != nil || img.W < 1):
				t.Error(err)
			case tc.want != "" && (err == nil || !containsAny(err.Error(), tc.want)):
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if took > time.Minute || grown > 800 {
				t.Errorf("takes %v and %d MB", took, grown)
			}
		})
	}
}

// containsAny reports whether one of several texts, between bars, is part of s.
func containsAny(s, texts string) bool {
	for text := range strings.SplitSeq(texts, "|") {
		if strings.Contains(s, text) {
			return true
		}
	}
	return false
}

// What is no picture of these formats is called by its name.
func TestRecognised(t *testing.T) {
	box := func(major string, compatible ...string) string {
		body := "ftyp" + major + "\x00\x00\x00\x00" + strings.Join(compatible, "")
		return fmt.Sprintf("\x00\x00\x00%c%s", rune(4+len(body)), body) + "\x00\x00\x00\x08free"
	}
	for _, tc := range []struct{ data, want string }{
		{box("heic", "mif1"), "a HEIF image"}, {box("heix"), "a HEIF image"}, {box("hevc"), "a HEIF image"}, {box("hevx"), "a HEIF image"},
		{box("heim"), "a HEIF image"}, {box("heis"), "a HEIF image"}, {box("hevm"), "a HEIF image"}, {box("hevs"), "a HEIF image"},
		{box("mif1", "heic"), "a HEIF image"}, {box("msf1", "hevc"), "a HEIF image"}, {box("mif1"), "a HEIF image"}, {box("abcd", "heic"), "a HEIF image"},
		{box("avif", "mif1"), "an AVIF image"}, {box("avis"), "an AVIF image"}, {box("avic"), "an AVIF image"}, {box("mif1", "avif"), "an AVIF image"},
		{box("jxl "), "a JPEG XL image"}, {"\xff\x0a\x00\x00", "a JPEG XL image"}, {"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL image"},
		{"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 image"}, {"\xff\x4f\xff\x51", "a JPEG 2000 image"},
		{box("isom", "mp41"), "an MP4 video"}, {box("mp42"), "an MP4 video"}, {box("qt  "), "a QuickTime video"}, {"\x00\x00\x00\x08wide", "a QuickTime video"},
		{box("M4V "), "an MP4 video"}, {box("3gp4"), "an MP4 video"}, {box("crx "), "a camera's raw image"},
		{"GIF89a", "a GIF image"}, {"\x1aE\xdf\xa3", "WebM"}, {"RIFF\x00\x00\x00\x00AVI LIST", "an AVI video"}, {"%PDF-1.7", "a PDF"},
		{"<svg xmlns=", "an SVG drawing"}, {"<?xml version='1.0'?>\n<svg>", "an SVG drawing"}, {"8BPS\x00\x01", "a Photoshop"}, {"\x00\x00\x01\x00", "icon"},
		{"II\x2b\x00", "a BigTIFF"}, {"FUJIFILMCCD-RAW", "a camera's raw image"}, {"IIU\x00\x18", "a camera's raw image"},
		{"version https://git-lfs.github.com", "Git LFS"}, {box("heic")[:8], "bytes"}, {box("mif1")[:13], "a HEIF image"},
	} {
		_, err := vision.Decode([]byte(tc.data), vision.DecodeOptions{})
		if err == nil || !strings.Contains(err.Error(), "found "+tc.want) && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: error %v, want %q", tc.data, err, tc.want)
		}
	}
}

// TIFF files of kinds that are not read say which.
func TestTIFFKinds(t *testing.T) {
	grey := stripsTIFF(8, 8, 1, 8, make([]byte, 64))
	field := func(i int, value uint32) []byte {
		file := bytes.Clone(grey)
		binary.LittleEndian.PutUint32(file[8+64+8+2+12*i+8:], value)
		return file
	}
	if _, err := vision.Decode(grey, vision.DecodeOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		data []byte
		want string
	}{
		{field(3, 7), "tiff: JPEG compression is not supported"}, {field(3, 6), "JPEG compression"}, {field(3, 50000), "zstd compression"},
		{field(3, 34925), "LZMA compression"}, {field(3, 12345), "compression 12345 is not supported"},
		{field(4, 5), "tiff: CMYK colours are not supported"}, {field(4, 6), "YCbCr colours"}, {field(4, 8), "L*a*b*"}, {field(4, 32803), "a camera's raw image"},
	} {
		if _, err := vision.Decode(tc.data, vision.DecodeOptions{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want %q", err, tc.want)
		}
	}
}
