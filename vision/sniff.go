package vision

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"strings"
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

// others are what is taken for a picture and is none of the formats, each told by a
// signature at some byte.
var others = []struct {
	signature string
	at        int
	name      string
}{
	{"GIF8", 0, "a GIF image"},
	{"II+\x00", 0, "a BigTIFF image"},
	{"MM\x00+", 0, "a BigTIFF image"},
	{"\xff\x0a", 0, "a JPEG XL image"},
	{"\x00\x00\x00\x0cJXL \r\n\x87\n", 0, "a JPEG XL image"},
	{"\x00\x00\x00\x0cjP  \r\n\x87\n", 0, "a JPEG 2000 image"},
	{"\xff\x4f\xff\x51", 0, "a JPEG 2000 image"},
	{"II\xbc\x01", 0, "a JPEG XR image"},
	{"8BPS", 0, "a Photoshop document"},
	{"gimp xcf", 0, "a GIMP document"},
	{"SIMPLE  =", 0, "a FITS image"},
	{"DICM", 128, "a DICOM image"},
	{"v/1\x01", 0, "an OpenEXR image"},
	{"#?RADIANCE", 0, "a Radiance HDR image"},
	{"qoif", 0, "a QOI image"},
	{"DDS ", 0, "a DDS texture"},
	{"\x00\x00\x01\x00", 0, "a Windows icon"},
	{"\xd7\xcd\xc6\x9a", 0, "a Windows metafile"},
	{"FUJIFILMCCD-RAW", 0, "a camera's raw image"},
	{"IIRO", 0, "a camera's raw image"},
	{"IIRS", 0, "a camera's raw image"},
	{"MMOR", 0, "a camera's raw image"},
	{"IIU\x00", 0, "a camera's raw image"},
	{"\x00MRM", 0, "a camera's raw image"},
	{"FOVb", 0, "a camera's raw image"},
	{"II\x1a\x00\x00\x00HEAPCCDR", 0, "a camera's raw image"},
	{"\x1aE\xdf\xa3", 0, "a Matroska or WebM video"},
	{"AVI ", 8, "an AVI video"},
	{"WAVE", 8, "a WAVE sound"},
	{"moov", 4, "a QuickTime video"},
	{"mdat", 4, "a QuickTime video"},
	{"wide", 4, "a QuickTime video"},
	{"free", 4, "a QuickTime video"},
	{"\x00\x00\x01\xba", 0, "an MPEG video"},
	{"\x00\x00\x01\xb3", 0, "an MPEG video"},
	{"FLV\x01", 0, "a Flash video"},
	{"OggS", 0, "an Ogg file"},
	{"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, "a Windows Media file"},
	{"ID3", 0, "an MP3 sound"},
	{"%PDF", 0, "a PDF document"},
	{"%!PS", 0, "a PostScript document"},
	{"\xc5\xd0\xd3\xc6", 0, "a PostScript document"},
	{"{\\rtf", 0, "an RTF document"},
	{"\xd0\xcf\x11\xe0", 0, "an old Office document or thumbnail file"},
	{"PK\x03\x04", 0, "a zip archive"},
	{"Rar!", 0, "a RAR archive"},
	{"7z\xbc\xaf\x27\x1c", 0, "a 7z archive"},
	{"\x1f\x8b", 0, "gzip"},
	{"\x28\xb5\x2f\xfd", 0, "zstd"},
	{"bplist00", 0, "a property list"},
	{"\x00\x05\x16\x07", 0, "the resources that macOS keeps beside a file"},
	{"\x93NUMPY", 0, "a numpy array"},
	{"\x7fELF", 0, "a program"},
	{"version https://git-lfs", 0, "a pointer of Git LFS, in place of the file: git lfs pull fetches it"},
}

// brands are those of files of boxes (ISO/IEC 14496-12), whose first box begins with ftyp.
var brands = map[string]string{
	"heic": heif, "heix": heif, "hevc": heif, "hevx": heif, "heim": heif, "heis": heif, "hevm": heif, "hevs": heif,
	"mif1": heif, "mif2": heif, "mif3": heif, "msf1": heif, "miaf": heif, "MiHE": heif, "j2ki": heif, "jpeg": heif, "jpgs": heif,
	"vvic": heif, "vvis": heif, "evbi": heif, "evbs": heif, "avci": heif, "avcs": heif, "unif": heif, "geo1": heif,
	"avif": avif, "avis": avif, "avio": avif, "avic": avif, "MA1B": avif, "MA1A": avif,
	"jxl ": "a JPEG XL image", "jp2 ": "a JPEG 2000 image", "jpx ": "a JPEG 2000 image", "jpm ": "a JPEG 2000 image", "jph ": "a JPEG 2000 image",
	"mjp2": "a JPEG 2000 video", "crx ": "a camera's raw image", "qt  ": "a QuickTime video",
}

const (
	heif = "a HEIF image (HEIC): export it as JPEG"
	avif = "an AVIF image"
)

// boxed says what a file of boxes is: its major brand tells, or else the first of the
// compatible ones that does; what is left are videos.
func boxed(data []byte) string {
	major := string(data[8:12])
	found := brands[major]
	for at := 16; at+4 <= min(len(data), int(binary.BigEndian.Uint32(data)), 16+4*32); at += 4 {
		// Brands that begin with mi or ms are of any coding.
		if name := brands[string(data[at:at+4])]; found == "" || name == avif && strings.HasPrefix(major, "m") {
			found = name
		}
	}
	return cmp.Or(found, "an MP4 video")
}

// describe says in words what bytes that are not of these formats may be.
func describe(data []byte) string {
	if len(data) >= 12 && starts(data[4:], "ftyp") {
		return boxed(data)
	}
	for _, known := range others {
		if len(data) >= known.at && starts(data[known.at:], known.signature) {
			return known.name
		}
	}
	head := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 512)], []byte("\ufeff")), " \t\r\n"))
	switch {
	case starts(head, "<!doctype html"), starts(head, "<html"), starts(head, "<head"):
		return "HTML"
	case starts(head, "<svg"), starts(head, "<?xml") && bytes.Contains(head, []byte("<svg")):
		return "an SVG drawing"
	case starts(head, "<?xml"), starts(head, "<!doctype svg"):
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
