package main

import (
	"path/filepath"
	"testing"
)

// Pictures that people bring, and what is none.
func TestFieldPictures(t *testing.T) {
	dir := corpus(t, "field")
	out := filepath.Join(t.TempDir(), "seen.png")
	var list []situation
	add := func(folder, name string, status int, says ...string) {
		list = append(list, situation{
			name: name, args: []string{"pixels", filepath.Join(dir, folder, name), "-o", out}, status: status, says: says,
		})
	}
	for name, says := range map[string]string{
		"gif_named.jpg": "found a GIF image", "heic.jpg": "found a HEIF image", "heic_burst.jpg": "found a HEIF image", "heic_sequence.jpg": "found a HEIF image",
		"jxl.jpg": "found a JPEG XL image", "video.jpg": "found an MP4 video",
		"print_cmyk.tif": "CMYK colours are not supported", "slide_jpeg.tif": "JPEG compression is not supported",
		"sticker.png": "animated images are not supported", "sticker.webp": "animated images are not supported",
	} {
		add("47_pictures", name, exitInternal, says, name)
	}
	for _, name := range []string{"turned.jpg", "turned.png", "turned.webp"} {
		add("47_pictures", name, exitOK, "48 x 64 pixels")
	}
	for _, name := range []string{"two.mpo", "samsung_trailer.jpg", "cmyk.jpg", "grey16.png"} {
		add("47_pictures", name, exitOK, "64 x 48 pixels")
	}
	files, err := filepath.Glob(filepath.Join(dir, "37_jpeg", "*.jpg"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no JPEG files: %v", err)
	}
	for _, file := range files {
		if name := filepath.Base(file); name == "322111.jpg" { // OpenCV reads it no more than zoo does
			add("37_jpeg", name, exitInternal, "a ratio of sampling factors that is not whole is not supported")
		} else {
			add("37_jpeg", name, exitOK, "61 x 45 pixels")
		}
	}
	play(t, t.TempDir(), list)
}
