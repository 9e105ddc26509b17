package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// slideNet has depthwise convolutions with large windows: with a residual, with a curve behind it, and into one half
// of a concatenation.
func slideNet(channels, kh, kw int, act nn.Act) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, act)
	large := func(b *nn.Builder, x nn.Value) nn.Value {
		return b.At("bn").BatchNorm(b.At("conv").Conv(x, x.C, nn.Kernel(kh, kw), nn.Groups(x.C), nn.Same()))
	}
	x := b.At("stem").ConvNormAct(b.Input(), channels, nn.K(3))
	y := b.At("a").Act(large(b.At("a"), x))
	z := b.Act(b.Add(large(b.At("b"), y), y))
	z = b.Concat(y, b.WithAct(nn.GELU()).Act(large(b.At("c"), z)))
	z = b.At("gap").Features(b.Flatten(b.GlobalAvgPool(b.At("join").ConvNormAct(z, 16))))
	return b.Graph(b.At("fc").Linear(z, 10))
}

// slideCases are images that are larger than the window, as wide and narrower, in whole blocks of channels and parts of one.
var slideCases = []struct{ images, h, w, channels, kh, kw int }{
	{1, 14, 14, 16, 27, 27}, {1, 7, 7, 40, 13, 13}, {2, 19, 25, 17, 31, 31}, {1, 30, 33, 32, 15, 9}, {3, 5, 29, 8, 10, 13},
	{1, 29, 5, 3, 21, 9}, {1, 1, 1, 33, 13, 13}, {2, 24, 24, 16, 27, 27}, {1, 17, 12, 24, 9, 23}, {1, 40, 9, 16, 11, 11},
	{1, 11, 13, 20, 10, 14},
}

func TestSlideEqualsReference(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for i, tt := range slideCases {
		g, err := slideNet(tt.channels, tt.kh, tt.kw, nn.LeakyReLU(0.1))
		if err != nil {
			t.Fatal(err)
		}
		c := newReferenced(t, g, tensor.Shape{tt.images, 3, tt.h, tt.w}, r)
		for _, v := range kernel.Variants() {
			t.Run(fmt.Sprintf("%+v/%s", tt, v.Name), func(t *testing.T) {
				o := Options{Threads: 1 + i%5, Precision: Highest, Variant: v}
				if got := countSlides(t, g, c.shape, o); got != 3 {
					t.Fatalf("%d steps slide, want 3", got)
				}
				c.check(t, o)
			})
		}
	}
}

// TestSlideOfPart: a border that is less than half the window, and none.
func TestSlideOfPart(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, pad := range []int{0, 3, 9} {
		b := nn.NewBuilder(20, 1e-5, nn.ReLU())
		x := b.At("large").Conv(b.Input(), 20, nn.K(11), nn.Groups(20), nn.Pad(pad), nn.Bias())
		x = b.At("gap").Features(b.Flatten(b.GlobalAvgPool(b.Act(x))))
		g, err := b.Graph(b.At("fc").Linear(x, 10))
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range [][2]int{{21, 32}, {32, 14}, {11, 11}, {30, 11}} {
			c := newReferenced(t, g, tensor.Shape{2, 20, size[0], size[1]}, r)
			for _, v := range kernel.Variants() {
				c.check(t, Options{Threads: 1, Precision: Highest, Variant: v})
			}
		}
	}
}

func countSlides(t *testing.T, g *nn.Graph, shape tensor.Shape, o Options) (n int) {
	t.Helper()
	p, err := Compile(bindRandom(t, g, rand.New(rand.NewPCG(1, 1))), shape, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.steps {
		if _, ok := s.step.(*slideStep); ok {
			n++
		}
	}
	return n
}

// TestSlideDoesNotDependOnTasks: the bits of an image are the same for any number of threads, alone and in a batch.
func TestSlideDoesNotDependOnTasks(t *testing.T) {
	for _, size := range [][2]int{{37, 45}, {14, 11}} {
		g, err := slideNet(24, 13, 13, nn.ReLU())
		if err != nil {
			t.Fatal(err)
		}
		const images = 3
		b := bindRandom(t, g, rand.New(rand.NewPCG(2, 9)))
		input := randomInput(rand.New(rand.NewPCG(3, 9)), images*3*size[0]*size[1])
		run := func(input []float32, images, threads int) []float32 {
			p, err := Compile(b, tensor.Shape{images, 3, size[0], size[1]}, Options{Threads: threads, Precision: Highest})
			if err != nil {
				t.Fatal(err)
			}
			logits := make([]float32, images*p.Classes())
			if err := p.NewSession().Run(logits, input); err != nil {
				t.Fatal(err)
			}
			return logits
		}
		want := run(input, images, 1)
		for threads := 2; threads <= 7; threads++ {
			if !slices.Equal(run(input, images, threads), want) {
				t.Errorf("%v: %d threads give others than one", size, threads)
			}
		}
		for i := range images {
			n := len(input) / images
			if got := run(input[i*n:][:n], 1, 3); !slices.Equal(got, want[i*len(got):][:len(got)]) {
				t.Errorf("%v: image %d alone gives others than in a batch", size, i)
			}
		}
	}
}

// TestSlideInBands: what a task reads of a large image stays within what fits in cache.
func TestSlideInBands(t *testing.T) {
	g, err := slideNet(16, 31, 31, nn.ReLU())
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(bindRandom(t, g, rand.New(rand.NewPCG(1, 1))), tensor.Shape{1, 3, 200, 200}, Options{Threads: 1, Precision: Highest})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.steps {
		if s, ok := s.step.(*slideStep); ok && s.bands() == 1 {
			t.Errorf("one task computes %d rows of an image of %d columns", s.rowsPerTask, s.in.buf.w)
		}
	}
}
