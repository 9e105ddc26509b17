package vision_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/vision"
)

// Regions that were worked out by hand from what mmpretrain does.
func TestRegion(t *testing.T) {
	short := pipeline(256, 224, vision.Bicubic)
	uncropped := pipeline(256, 0, vision.Bicubic)
	padded := pipeline(64, 224, vision.Bicubic) // a crop larger than what is scaled
	squashed := pipeline(224, 224, vision.Bicubic)
	squashed.Resize.Kind = vision.ResizeBoth
	efficient := pipeline(224, 224, vision.Bicubic)
	efficient.Resize.Kind, efficient.Resize.Padding = vision.ResizeEfficientNet, 32
	plain := pipeline(1, 224, vision.Bicubic)
	plain.Resize = vision.Resize{Kind: vision.ResizeNone}
	framed := pipeline(200, 224, vision.Bicubic)
	framed.Resize.Kind, framed.Fill = vision.ResizeLong, vision.FillMean
	tests := []struct {
		name     string
		pipeline vision.Pipeline
		w, h     int
		want     vision.Region
	}{
		// 640x480 becomes 341x256, of which columns 58 to 282 and rows 16 to 240 are left.
		{"landscape", short, 640, 480, vision.Region{X: 58 * 640. / 341, Y: 30, W: 224 * 640. / 341, H: 420}},
		{"portrait", short, 480, 640, vision.Region{X: 30, Y: 58 * 640. / 341, W: 420, H: 224 * 640. / 341}},
		{"square", short, 256, 256, vision.Region{X: 16, Y: 16, W: 224, H: 224}},
		{"one pixel", short, 1, 1, vision.Region{X: 1. / 16, Y: 1. / 16, W: .875, H: .875}},
		// One row of 100000 becomes 256x25600000, whose middle 224x224 is not one pixel high.
		{"strip", short, 1, 100000, vision.Region{X: 1. / 16, Y: 12799888. / 256, W: .875, H: .875}},
		{"not cropped", uncropped, 640, 480, vision.Region{W: 640, H: 480}},
		{"crop larger than the picture", padded, 640, 480, vision.Region{W: 640, H: 480}},
		{"squashed", squashed, 640, 480, vision.Region{W: 640, H: 480}},
		// 7/8 of 480 is 420: columns 110 to 529 and rows 30 to 449.
		{"EfficientNet", efficient, 640, 480, vision.Region{X: 110, Y: 30, W: 420, H: 420}},
		// 640x480 becomes 200x150 in the middle of 224x224.
		{"framed", framed, 640, 480, vision.Region{X: -12 * 3.2, Y: -37 * 3.2, W: 224 * 3.2, H: 224 * 3.2}},
		{"not scaled", plain, 640, 480, vision.Region{X: 208, Y: 128, W: 224, H: 224}},
		{"not scaled, small", plain, 100, 300, vision.Region{Y: 38, W: 100, H: 224}},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a)) })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.pipeline.Region(tt.w, tt.h)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, near); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for _, size := range [][2]int{{0, 1}, {1, 0}, {-1, -1}} {
		if _, err := short.Region(size[0], size[1]); err == nil {
			t.Errorf("%v: expected an error", size)
		}
	}
	if _, err := (vision.Pipeline{}).Region(1, 1); err == nil {
		t.Error("no pipeline: expected an error")
	}
}

// On a picture whose red is the column and whose green is the row, each pixel that the network sees
// tells where it came from: there lies its place in the region.
func TestRegionIsWhatPixelsSees(t *testing.T) {
	for _, size := range [][2]int{{200, 150}, {90, 250}, {64, 64}, {40, 31}} {
		img := &vision.Image{W: size[0], H: size[1]}
		for y := range img.H {
			for x := range img.W {
				img.Pix = append(img.Pix, uint8(x), uint8(y), 0)
			}
		}
		for _, kind := range []string{vision.ResizeNone, vision.ResizeShort, vision.ResizeLong, vision.ResizeBoth, vision.ResizeEfficientNet} {
			for _, backend := range []string{vision.BackendPillow, vision.BackendOpenCV} {
				for _, crop := range []int{0, 32, 49} {
					p := pipeline(56, crop, vision.Bilinear)
					p.Resize.Kind, p.Resize.Backend = kind, backend
					if kind == vision.ResizeNone {
						p.Resize = vision.Resize{Kind: kind}
					}
					name := fmt.Sprintf("%v, %s (%s), crop %d", size, kind, backend, crop)
					r, err := p.Region(img.W, img.H)
					if err != nil {
						t.Fatal(name, err)
					}
					seen, err := p.Pixels(img)
					if err != nil {
						t.Fatal(name, err)
					}
					// In the middle half the filters see no border, and a ramp stays a ramp.
					for y := seen.H / 4; y < seen.H*3/4; y++ {
						for x := seen.W / 4; x < seen.W*3/4; x++ {
							pixel := seen.Pix[3*(y*seen.W+x):]
							wantX := r.X + (float64(x)+0.5)*r.W/float64(seen.W) - 0.5
							wantY := r.Y + (float64(y)+0.5)*r.H/float64(seen.H) - 0.5
							if math.Abs(float64(pixel[0])-wantX) > 0.75 || math.Abs(float64(pixel[1])-wantY) > 0.75 {
								t.Fatalf("%s: pixel (%d,%d) came from (%d,%d), the region %+v says (%.2f,%.2f)", name, x, y, pixel[0], pixel[1], r, wantX, wantY)
							}
						}
					}
				}
			}
		}
	}
}
