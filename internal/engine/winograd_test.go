package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// winogradNet has 3x3 convolutions that Winograd's way is taken for: into half of a
// concatenation, with a residual, and with the activation after it.
func winogradNet(channels, out int, act nn.Act) (*nn.Graph, error) {
	b := nn.NewBuilder(3, 1e-5, act)
	x := b.At("stem").ConvNormAct(b.Input(), channels, nn.K(3))
	y := b.At("a").ConvNormAct(x, channels, nn.K(3))
	y = b.Add(y, x)
	z := b.At("b").BatchNorm(b.At("b", "conv").Conv(y, channels, nn.K(3)))
	z = b.At("c").Act(b.Add(z, y))
	z = b.Concat(b.At("d").ConvNormAct(z, out, nn.K(3)), b.At("e").ConvNormAct(z, 8))
	z = b.At("gap").Features(b.Flatten(b.At("gap").GlobalAvgPool(z)))
	return b.Graph(b.At("fc").Linear(z, 10))
}

// winogradVariants returns the variants that take Winograd's way, best last.
func winogradVariants() []*kernel.Variant {
	return slices.DeleteFunc(slices.Clone(kernel.Variants()), func(v *kernel.Variant) bool { return v.PanelSplit != nil })
}

// winogradBest returns the best of them.
func winogradBest() *kernel.Variant {
	vs := winogradVariants()
	return vs[len(vs)-1]
}

func TestWinogradEqualsReference(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for i, tt := range []struct{ images, h, w, channels, out int }{
		{1, 16, 16, 32, 32}, {2, 13, 15, 32, 80}, {1, 30, 9, 48, 48}, {3, 17, 14, 64, 32}, {1, 36, 33, 32, 96},
	} {
		if testing.Short() && i > 1 {
			break
		}
		for _, act := range []nn.Act{nn.LeakyReLU(0.1), nn.ReLU6()} {
			g, err := winogradNet(tt.channels, tt.out, act)
			if err != nil {
				t.Fatal(err)
			}
			shape := tensor.Shape{tt.images, 3, tt.h, tt.w}
			c := newReferenced(t, g, shape, r)
			for _, v := range winogradVariants() {
				t.Run(fmt.Sprintf("%+v/%s/%s", tt, act.Kind(), v.Name), func(t *testing.T) {
					o := Options{Threads: 1 + i, Precision: High, Variant: v}
					if got := countWinograd(t, g, shape, o); got != 3 {
						t.Fatalf("%d steps take Winograd's way, want 3", got)
					}
					c.check(t, o)
				})
			}
		}
	}
}

func countWinograd(t *testing.T, g *nn.Graph, shape tensor.Shape, o Options) (n int) {
	t.Helper()
	p, err := Compile(bindRandom(t, g, rand.New(rand.NewPCG(1, 1))), shape, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range p.Layers() {
		if l.Kernel == "winograd 4x4" {
			n++
		}
	}
	return n
}

// TestWinogradOnlyWhereItPays: not at the highest precision, not for few tiles, and not
// where numbers are split.
func TestWinogradOnlyWhereItPays(t *testing.T) {
	g, err := winogradNet(32, 32, nn.ReLU())
	if err != nil {
		t.Fatal(err)
	}
	thin, err := winogradNet(24, 32, nn.ReLU())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		graph *nn.Graph
		side  int
		p     Precision
		want  int
	}{
		{"high", g, 14, High, 3}, {"medium", g, 14, Medium, 3}, {"highest", g, 14, Highest, 0},
		{"few tiles", g, 7, High, 0}, {"channels that fill no register", thin, 14, High, 0},
	} {
		if got := countWinograd(t, tt.graph, tensor.Shape{8, 3, tt.side, tt.side}, Options{Precision: tt.p, Variant: winogradBest()}); got != tt.want {
			t.Errorf("%s: %d steps take Winograd's way, want %d", tt.name, got, tt.want)
		}
		if got := countWinograd(t, tt.graph, tensor.Shape{8, 3, tt.side, tt.side},
			Options{Precision: tt.p, Variant: portableVariants(t)[1], early: -1}); got != 0 {
			t.Errorf("%s: %d steps take Winograd's way, though numbers are split", tt.name, got)
		}
	}
}

// TestWinogradDoesNotDependOnTasks: the bits of an image are the same for any number
// of threads, alone and in a batch.
func TestWinogradDoesNotDependOnTasks(t *testing.T) {
	g, err := winogradNet(32, 160, nn.ReLU())
	if err != nil {
		t.Fatal(err)
	}
	const images, h, w = 3, 18, 15
	bound := bindRandom(t, g, rand.New(rand.NewPCG(1, 1)))
	input := randomInput(rand.New(rand.NewPCG(2, 2)), images*3*h*w)
	run := func(images, threads int, input []float32) []float32 {
		p, err := Compile(bound, tensor.Shape{images, 3, h, w}, Options{Threads: threads, Precision: High, Variant: winogradBest()})
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, images*p.Classes())
		if err := p.NewSession().Run(out, input); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := run(images, 1, input)
	for threads := 1; threads <= 6; threads++ {
		for n := range images {
			got := run(1, threads, input[n*3*h*w:(n+1)*3*h*w])
			for i := range got {
				if got[i] != want[n*len(got)+i] {
					t.Fatalf("%d threads, image %d: logit %d is %v alone, %v in a batch", threads, n, i, got[i], want[n*len(got)+i])
				}
			}
		}
	}
}

// TestWinogradScratchIsOfOneThread: sessions that run at the same time, on more threads
// than there are cores, do not meet in their scratch memory.
func TestWinogradScratchIsOfOneThread(t *testing.T) {
	g, err := winogradNet(32, 64, nn.ReLU())
	if err != nil {
		t.Fatal(err)
	}
	shape := tensor.Shape{2, 3, 16, 16}
	bound, input := bindRandom(t, g, rand.New(rand.NewPCG(1, 1))), randomInput(rand.New(rand.NewPCG(2, 2)), 2*3*16*16)
	plan, err := Compile(bound, shape, Options{Threads: 4, Precision: High, Variant: winogradBest()})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, 2*plan.Classes())
	if err := plan.NewSession().Run(want, input); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, got := plan.NewSession(), make([]float32, len(want))
			for range 20 {
				if err := s.Run(got, input); err != nil {
					t.Error(err)
					return
				}
				if !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
