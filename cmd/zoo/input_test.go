package main

import (
	"os"
	"testing"
)

// TestInputFlags: flags stand for the preprocessing and the names of a row, and no log of an
// evaluation goes on with another preprocessing.
func TestInputFlags(t *testing.T) {
	cache := t.TempDir()
	ownProject(t, cache, "")
	for name, text := range map[string]string{"ten.json": `["a","b","c","d","e","fünf","g","h","i","j"]`, "two.txt": "a\nb\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	predict := func(args ...string) []string {
		return append([]string{"predict", nanoModel, "five.png", "--format", "json"}, args...)
	}
	eval := func(args ...string) []string {
		return append([]string{"eval", nanoModel, "--limit", "5", "--allow-chance"}, args...)
	}
	play(t, cache, []situation{
		{name: "as the row has it", args: predict(), says: []string{`"preprocessing": "short edge 32 bicubic (pillow), centre crop 32, rgb, mean 123.675 116.28 103.53, std 58.395 57.12 57.375`, "0.9986"}},
		{name: "said again", args: predict("--size", "32", "--resize", "32", "--mean", "123.675,116.28,103.53"), says: []string{"0.9986"}},
		{name: "size", args: predict("--size", "48"), says: []string{"short edge 48 bicubic (pillow), centre crop 48"}, never: []string{"0.99864"}},
		{name: "resize", args: predict("--resize", "40", "--interpolation", "bilinear"), says: []string{"short edge 40 bilinear (pillow), centre crop 32"}},
		{name: "no resize", args: predict("--resize", "none"), says: []string{"no resize, centre crop 32"}},
		{name: "mean and std", args: predict("--mean", "0", "--std", "255"), says: []string{"mean 0 0 0, std 255 255 255"}},
		{name: "embed", args: []string{"embed", nanoModel, "five.png", "--format", "json", "--size", "64"}, says: []string{"centre crop 64"}},
		{name: "class names", args: predict("--classes", "ten.json"), says: []string{`"fünf"`, "0.9986"}},
		{name: "with a file", args: predict("--classes", "ten.json", "--checkpoint", "nano.pth", "--size", "48"), says: []string{`"name": "`, "centre crop 48"}},
		{name: "too few names", args: predict("--classes", "two.txt"), status: exitUsage, says: []string{"--classes", "2 class names, but the classifier has 10 rows"}},
		{name: "smaller than the crop", args: predict("--resize", "16"), status: exitUsage, says: []string{"--resize", "an edge of 16 and then cropped to 32"}},
		{name: "no number", args: predict("--resize", "all"), status: exitUsage, says: []string{"--resize all"}},
		{name: "no side", args: predict("--size", "-1"), status: exitUsage, says: []string{"--size -1"}},
		{name: "a side of nothing", args: predict("--size", "0"), status: exitUsage, says: []string{"--size 0"}},
		{name: "too large a side", args: predict("--size", "99999"), status: exitUsage, says: []string{"expected", "99999"}},
		{name: "interpolation", args: predict("--interpolation", "sinc"), status: exitUsage, says: []string{"--interpolation", "sinc"}},
		{name: "two means", args: predict("--mean", "1,2"), status: exitUsage, says: []string{"--mean 1,2"}},
		{name: "std of zero", args: predict("--std", "0"), status: exitUsage, says: []string{"std above 0"}},
		{name: "of 0 to 1", args: predict("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"), status: exitUsage, says: []string{"multiply each by 255"}},
		{name: "not finite", args: predict("--mean", "inf"), status: exitUsage},
		{name: "an unknown model", args: []string{"predict", "nope", "five.png", "--size", "48"}, status: exitUnknown},
		{name: "a log", args: eval("-o", "a.log", "--size", "48"), says: []string{"centre crop 48"}},
		{name: "gone on with another", args: eval("-o", "a.log"), status: exitUsage, says: []string{"pixels: "}},
		{name: "gone on with the same", args: eval("-o", "a.log", "--size", "48"), says: []string{"5 images were in a.log already"}},
	})
}
