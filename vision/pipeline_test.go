package vision_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/vision"
)

func TestPipelineCheck(t *testing.T) {
	nan := float32(math.NaN())
	tests := []struct {
		name string
		edit func(*vision.Pipeline)
		want string // empty: no error
	}{
		{"as it is", func(p *vision.Pipeline) {}, ""},
		{"no crop", func(p *vision.Pipeline) { p.Crop = 0 }, ""},
		{"no resize", func(p *vision.Pipeline) { p.Resize = vision.Resize{Kind: vision.ResizeNone} }, ""},
		{"no resize with an edge", func(p *vision.Pipeline) { p.Resize.Kind = vision.ResizeNone }, "takes no edge"},
		{"the longer edge", func(p *vision.Pipeline) { p.Resize.Kind, p.Fill = vision.ResizeLong, vision.FillMean }, ""},
		{"fill", func(p *vision.Pipeline) { p.Fill = "white" }, `fill: expected "none", "black" or "mean", found "white"`},
		{"filled with nothing", func(p *vision.Pipeline) { p.Fill = vision.FillNone }, ""},
		{"levels of 0 to 1", func(p *vision.Pipeline) { p.Scale = 1. / 255 }, ""},
		{"scale below 0", func(p *vision.Pipeline) { p.Scale = -1 }, "scale: expected a number above 0"},
		{"scale NaN", func(p *vision.Pipeline) { p.Scale = math.NaN() }, "found NaN"},
		{"scale too large", func(p *vision.Pipeline) { p.Scale = math.Inf(1) }, "up to 65536"},
		{"both edges", func(p *vision.Pipeline) { p.Resize.Kind = vision.ResizeBoth }, ""},
		{"EfficientNet", func(p *vision.Pipeline) { p.Resize.Kind, p.Resize.Padding = vision.ResizeEfficientNet, 3 }, ""},
		{"OpenCV", func(p *vision.Pipeline) { p.Resize.Backend = vision.BackendOpenCV }, ""},
		{"OpenCV, area", func(p *vision.Pipeline) { p.Resize.Backend, p.Resize.Interpolation = vision.BackendOpenCV, vision.Area }, ""},
		{"Pillow, area", func(p *vision.Pipeline) { p.Resize.Interpolation = vision.Area }, `found "area"`},
		{"padding of another kind", func(p *vision.Pipeline) { p.Resize.Padding = 3 }, `found 3 for "short"`},
		{"negative padding", func(p *vision.Pipeline) { p.Resize.Kind, p.Resize.Padding = vision.ResizeEfficientNet, -1 }, "found -1"},
		{"kind", func(p *vision.Pipeline) { p.Resize.Kind = "width" }, `found "width"`},
		{"zero", func(p *vision.Pipeline) { *p = vision.Pipeline{} }, `found ""`},
		{"edge 0", func(p *vision.Pipeline) { p.Resize.Edge = 0 }, "resize.edge: expected 1 to 16384, found 0"},
		{"edge too large", func(p *vision.Pipeline) { p.Resize.Edge = 1<<14 + 1 }, "found 16385"},
		{"interpolation", func(p *vision.Pipeline) { p.Resize.Interpolation = "lanczos" }, `found "lanczos"`},
		{"backend", func(p *vision.Pipeline) { p.Resize.Backend = "opencv" }, `found "opencv"`},
		{"negative crop", func(p *vision.Pipeline) { p.Crop = -1 }, "crop: expected 0 to 16384, found -1"},
		{"std 0", func(p *vision.Pipeline) { p.Std[1] = 0 }, "channel 1: expected a finite mean and a std above 0"},
		{"order", func(p *vision.Pipeline) { p.Order = "gbr" }, `order: expected "rgb" or "bgr", found "gbr"`},
		{"orientation", func(p *vision.Pipeline) { p.EXIF = "yes" }, `exif: expected "apply" or "ignore", found "yes"`},
		{"std NaN", func(p *vision.Pipeline) { p.Std[2] = nan }, "channel 2"},
		{"mean NaN", func(p *vision.Pipeline) { p.Mean[0] = nan }, "channel 0"},
	}
	img := &vision.Image{W: 3, H: 2, Pix: make([]uint8, 18)}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := pipeline(8, 4, vision.Bicubic)
			tt.edit(&p)
			err := p.Check()
			_, _, _, applyErr := p.Apply(img)
			if (err == nil) != (applyErr == nil) {
				t.Errorf("Check says %v, Apply %v", err, applyErr)
			}
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && err == nil:
				t.Errorf("expected %q, found no error", tt.want)
			case tt.want != "" && !strings.Contains(err.Error(), tt.want):
				t.Errorf("expected %q, found %q", tt.want, err)
			}
		})
	}
}

func TestPixelsRefusesImages(t *testing.T) {
	for name, img := range map[string]*vision.Image{
		"no columns":       {W: 0, H: 2},
		"negative":         {W: -1, H: -1, Pix: make([]uint8, 3)},
		"too few bytes":    {W: 2, H: 2, Pix: make([]uint8, 11)},
		"too many bytes":   {W: 2, H: 2, Pix: make([]uint8, 13)},
		"overflow":         {W: math.MaxInt, H: math.MaxInt, Pix: make([]uint8, 3)},
		"huge when scaled": {W: 1, H: 100000, Pix: make([]uint8, 300000)},
	} {
		p := pipeline(256, 0, vision.Bicubic)
		if _, err := p.Pixels(img); err == nil || !strings.HasPrefix(err.Error(), "vision: ") {
			t.Errorf("%s: expected an error, found %v", name, err)
		}
	}
}

// The crop decides how much is computed: a strip whose scaled size would be 6.5 G
// pixels is no trouble.
func TestPixelsOfStrip(t *testing.T) {
	img := &vision.Image{W: 1, H: 100000, Pix: bytes.Repeat([]uint8{10, 20, 30}, 100000)}
	got, err := pipeline(256, 224, vision.Bicubic).Pixels(img)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, &vision.Image{W: 224, H: 224, Pix: bytes.Repeat([]uint8{10, 20, 30}, 224*224)}, got)
}

// What Pixels computes of a window is what the whole image has there.
func TestPixelsEqualsResizeThenCrop(t *testing.T) {
	_, images := tensors(t, goldenFile)
	for _, size := range []string{"31x23", "64x48", "13x1", "1x9", "3x7"} {
		img := images["from/"+size]
		for _, r := range []struct {
			backend string
			filter  vision.Filter
			resize  func(*vision.Image, int, int, vision.Filter) *vision.Image
		}{
			{vision.BackendPillow, vision.Bilinear, vision.ResizePillow},
			{vision.BackendPillow, vision.Bicubic, vision.ResizePillow},
			{vision.BackendOpenCV, vision.Bilinear, vision.ResizeOpenCV},
			{vision.BackendOpenCV, vision.Bicubic, vision.ResizeOpenCV},
			{vision.BackendOpenCV, vision.Area, vision.ResizeOpenCV},
		} {
			for _, edge := range []int{1, 7, 12, 23, 24, 30, 31, 50} {
				w, h := vision.ShortEdge(img.W, img.H, edge)
				whole := r.resize(img, w, h, r.filter)
				for _, crop := range []int{1, 6, 20, 33, 60} {
					p := pipeline(edge, crop, r.filter)
					p.Resize.Backend = r.backend
					got, err := p.Pixels(img)
					if err != nil {
						t.Fatal(err)
					}
					equal(t, vision.CenterCrop(whole, crop, crop), got)
				}
			}
		}
	}
}

func TestApply(t *testing.T) {
	img := &vision.Image{W: 2, H: 1, Pix: []uint8{10, 20, 30, 0, 128, 255}}
	p := vision.Pipeline{
		Resize: vision.Resize{Kind: vision.ResizeNone},
		Mean:   [3]float32{10, 0, 127.5},
		Std:    [3]float32{2, 4, 127.5},
	}
	tests := []struct {
		name  string
		order string
		want  []float32
	}{
		{"no order", "", []float32{0, -5, 5, 32, (30 - 127.5) / 127.5, 1}},
		{"RGB", vision.RGB, []float32{0, -5, 5, 32, (30 - 127.5) / 127.5, 1}},
		{"BGR", vision.BGR, []float32{10, 122.5, 5, 32, (10 - 127.5) / 127.5, -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.Order = tt.order
			got, h, w, err := p.Apply(img)
			if err != nil {
				t.Fatal(err)
			}
			if h != 1 || w != 2 {
				t.Errorf("expected 1x2, found %dx%d", h, w)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What an image lacks for the crop is filled up: of an odd number one more pixel behind the image than before it. The
// colour is in RGB whatever the order of the mean.
func TestFill(t *testing.T) {
	img := &vision.Image{W: 3, H: 1, Pix: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9}}
	row := func(colour ...uint8) []uint8 { return bytes.Repeat(colour, 4) }
	for _, tt := range []struct {
		name string
		edit func(*vision.Pipeline)
		want [3]uint8 // the colour
	}{
		{"black", func(p *vision.Pipeline) { p.Fill = vision.FillBlack }, [3]uint8{0, 0, 0}},
		{"mean, halves to even", func(p *vision.Pipeline) { p.Fill = vision.FillMean }, [3]uint8{128, 126, 255}},
		{"mean of BGR", func(p *vision.Pipeline) { p.Fill, p.Order = vision.FillMean, vision.BGR }, [3]uint8{255, 126, 128}},
		{"mean of scaled levels", func(p *vision.Pipeline) {
			p.Fill, p.Scale, p.Mean = vision.FillMean, 1./255, [3]float32{0.5, 0.4, -1}
		}, [3]uint8{128, 102, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := vision.Pipeline{
				Resize: vision.Resize{Kind: vision.ResizeNone}, Crop: 4, Mean: [3]float32{127.5, 126.5, 300}, Std: [3]float32{1, 1, 1},
			}
			tt.edit(&p)
			got, err := p.Pixels(img)
			if err != nil {
				t.Fatal(err)
			}
			c := tt.want[:]
			middle := append(bytes.Clone(img.Pix), c...) // 3 pixels, none before and one behind
			want := slices.Concat(row(c...), middle, row(c...), row(c...))
			equal(t, &vision.Image{W: 4, H: 4, Pix: want}, got)
		})
	}
}

// Levels of 0 to 1 are the quotients by 255 that other libraries compute.
func TestScale(t *testing.T) {
	img := &vision.Image{W: 256, H: 1}
	for x := range 256 {
		img.Pix = append(img.Pix, uint8(x), uint8(x), uint8(x))
	}
	p := vision.Pipeline{Resize: vision.Resize{Kind: vision.ResizeNone}, Scale: 1. / 255, Std: [3]float32{1, 1, 1}}
	for x, got := range p.Normalize(img)[:256] {
		if want := float32(x) / 255; got != want {
			t.Errorf("level %d: expected %v, found %v", x, want, got)
		}
	}
	p.Mean, p.Std = [3]float32{0.5, 0.25, 0}, [3]float32{0.5, 1, 2}
	levels := p.InLevels()
	if levels.Scale != 0 || levels.Mean != [3]float32{127.5, 63.75, 0} || levels.Std != [3]float32{127.5, 255, 510} {
		t.Errorf("in levels: %+v", levels)
	}
}

func TestResizePanics(t *testing.T) {
	img := &vision.Image{W: 1, H: 1, Pix: make([]uint8, 3)}
	for name, f := range map[string]func(){
		"no width":       func() { vision.ResizePillow(img, 0, 1, vision.Bicubic) },
		"no height":      func() { vision.ResizeOpenCV(img, 1, 0, vision.Bicubic) },
		"Pillow, filter": func() { vision.ResizePillow(img, 1, 1, vision.Area) },
		"OpenCV, filter": func() { vision.ResizeOpenCV(img, 1, 1, "box") },
	} {
		func() {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "vision: resize: ") {
					t.Errorf("%s: expected a panic that says which rule was broken, found %q", name, s)
				}
			}()
			f()
		}()
	}
}

// A photograph's size, 500x375, through decoding and through the rest.
func BenchmarkDecode(b *testing.B) {
	file := encodeJPEG(b, photograph())
	for b.Loop() {
		if _, err := vision.Decode(file, vision.DecodeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	img, p := photograph(), pipeline(288, 256, vision.Bicubic)
	for b.Loop() {
		if _, _, _, err := p.Apply(img); err != nil {
			b.Fatal(err)
		}
	}
}

func photograph() *vision.Image {
	m := &vision.Image{W: 500, H: 375}
	for i := range m.W * m.H {
		x, y := i%m.W, i/m.W
		m.Pix = append(m.Pix, uint8(x*y/64), uint8(x+y), uint8(x^y))
	}
	return m
}
