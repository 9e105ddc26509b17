package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// randomGraph makes a network of random operators: convolutions of every kind with and
// without what can be fused, residual additions, slices, concatenations and pools, and
// values with several readers.
func randomGraph(r *rand.Rand) (*nn.Graph, error) {
	acts := []nn.Act{nn.LeakyReLU(0.01), nn.ReLU(), nn.ReLU6(), nn.Sigmoid(), nn.HardSigmoid(), nn.SiLU(), nn.HardSwish(), nn.GELU()}
	b := nn.NewBuilder(1+r.IntN(4), 1e-3, acts[r.IntN(len(acts))])
	x := b.Input()
	for i := range 2 + r.IntN(6) {
		at := b.At("layer", i)
		switch r.IntN(14) {
		case 0:
			x = at.ConvNormAct(x, 2*(1+r.IntN(20)), nn.K(1+2*r.IntN(3)), nn.Stride(1+r.IntN(2)))
		case 1: // grouped or depthwise, with TensorFlow's border
			x = at.Conv(x, x.C*(1+r.IntN(2)), nn.K(3), nn.Groups(x.C), nn.Same(), nn.Stride(1+r.IntN(2)))
		case 2: // a block with a residual; the activation before or after the addition
			y := at.At("a").ConvNormAct(x, 1+r.IntN(9))
			y = at.At("b").BatchNorm(at.At("c").Conv(y, x.C, nn.K(3)))
			if r.IntN(2) == 0 {
				y = at.Act(y)
			}
			x = at.Add(y, x)
			if r.IntN(2) == 0 {
				x = at.Act(x)
			}
		case 3: // a partial stage
			x = at.At("expand").ConvNormAct(x, 2*(1+r.IntN(12)), nn.NoAct())
			keep, work := at.Halves(x)
			work = at.At("work").ConvNormAct(work, work.C, nn.K(3))
			x = at.At("join").Conv(at.Concat(keep, work), 4+r.IntN(30))
		case 4:
			x = at.MaxPool(x, 2+r.IntN(2), 1+r.IntN(2), r.IntN(2))
		case 5: // operators that follow nothing they could be fused with
			x = at.Act(at.BatchNorm(x))
		case 6: // a value read twice, and joined with itself
			y := at.At("a").Conv(x, 1+r.IntN(7))
			x = at.Concat(y, at.Act(y), y)
		case 7:
			if x.C%2 == 0 {
				first, second := at.Halves(x)
				x = at.Concat(second, first)
			}
		case 8:
			x = at.AvgPool(x, nn.AvgPool{K: 2 + r.IntN(2), Stride: 1 + r.IntN(2), Pad: r.IntN(2), Ceil: r.IntN(2) == 0, CountPad: r.IntN(2) == 0})
		case 9: // a gate over the channels
			y := at.At("squeeze").Conv(at.GlobalAvgPool(x), 1+r.IntN(5), nn.Bias())
			y = at.At("excite").Conv(at.Act(y), x.C, nn.Bias())
			x = at.Mul(x, at.WithAct(nn.Sigmoid()).Act(y))
		case 10: // small groups, and their channels of another number
			groups, size := 1+r.IntN(5), 2<<r.IntN(3)
			x = at.At("widen").Conv(x, groups*size)
			x = at.ConvNormAct(x, x.C, nn.K(3), nn.Stride(1+r.IntN(2)), nn.Groups(groups))
			if r.IntN(4) == 0 {
				x = at.At("wide").Conv(x, 3*groups, nn.Groups(groups))
			}
		case 11: // as many channels as Winograd's way wants
			x = at.At("widen").Conv(x, 32)
			x = at.ConvNormAct(x, 32+16*r.IntN(2), nn.K(3))
		case 12: // a branch at another resolution
			scale := 1 + r.IntN(3)
			x = at.At("a").Conv(x, 1+r.IntN(20), nn.Stride(2))
			y := at.Upsample(x, scale)
			x = at.Upsample(at.Act(at.At("b").BatchNorm(at.At("c").Conv(x, 1+r.IntN(20)))), scale)
			x = at.Concat(y, x)
		case 13: // runs of channels, each with what the one before it became
			runs := at.Split(at.At("widen").ConvNormAct(x, 3*(1+r.IntN(20))), 3)
			y := at.At("a").ConvNormAct(runs[0], runs[0].C, nn.K(3))
			z := at.At("b").ConvNormAct(at.Add(y, runs[1]), y.C, nn.K(3))
			x = at.Concat(y, z, runs[2])
		}
	}
	x = b.Flatten(b.At("pool").GlobalAvgPool(x))
	if r.IntN(2) == 0 {
		x = b.At("norm").LayerNorm(x)
	}
	x = b.At("pool").Features(x)
	return b.Graph(b.At("fc").Linear(x, 1+r.IntN(40)))
}

// Bounds of the difference of a computation from the same in float64, as a share of
// the largest value: sums of a few hundred products through a dozen layers err by less
// than 1e-5 in float32, by 3e-5 where numbers are split. With products of bf16 they err by
// 1e-2, and where few large sums cancel by several times that; a wrong pixel or weight
// errs by more.
const (
	tolerance      = 2e-5
	splitTolerance = 2e-4
	bf16Tolerance  = 0.15
)

// check runs a graph on random weights and compares all its values, when kept, and
// its logits with the reference.
func check(t testing.TB, g *nn.Graph, shape tensor.Shape, o Options, r *rand.Rand) {
	t.Helper()
	b := bindRandom(t, g, r)
	n, _ := shape.Numel()
	input := randomInput(r, n)
	want := reference(t, b, shape, input)
	plan, err := Compile(b, shape, o)
	if err != nil {
		t.Fatal(err)
	}
	s := plan.NewSession()
	logits := make([]float32, shape[0]*plan.Classes())
	for range 2 { // the second run finds the first one's values in memory
		if err := s.Run(logits, input); err != nil {
			t.Fatal(err)
		}
	}
	bound := tolerance
	switch {
	case o.Precision == Medium && o.Variant.PanelBF16 != nil:
		bound = bf16Tolerance
	case o.Precision == High && o.Variant.PanelSplit != nil:
		bound = splitTolerance
	}
	compare(t, "logits", want[g.Logits], logits, bound)
	for _, v := range o.Keep {
		got, err := s.Value(v)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, fmt.Sprint("value ", v), want[v], got, bound)
	}
}

func compare(t testing.TB, what string, want []float64, got []float32, bound float64) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	scale, worst, at := 0.0, -1.0, 0
	for i, w := range want {
		scale = max(scale, math.Abs(w))
		if d := math.Abs(w - float64(got[i])); d > worst || d != d {
			worst, at = d, i
		}
	}
	if !(worst <= bound*max(scale, 1e-3)) {
		t.Errorf("%s: value %d is %v, want %v: error %.2g of %v", what, at, got[at], want[at], worst/scale, scale)
	}
}

func TestRandomGraphsEqualReference(t *testing.T) {
	variants := slices.Concat(kernel.Variants(), portableVariants(t))
	seeds := uint64(150)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		for _, v := range variants {
			if err := checkRandom(t, seed, v); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			if t.Failed() {
				t.Fatalf("seed %d, variant %s", seed, v.Name)
			}
		}
	}
}

// checkRandom checks one random graph, fused or with all values kept.
func checkRandom(t testing.TB, seed uint64, v *kernel.Variant) error {
	r := rand.New(rand.NewPCG(seed, 1))
	g, err := randomGraph(r)
	if err != nil {
		return err
	}
	shape := tensor.Shape{1 + r.IntN(3), g.Channels, 7 + r.IntN(30), 7 + r.IntN(30)}
	if _, err := g.Shapes(shape); err != nil {
		return nil // too small for its pools
	}
	o := Options{Threads: 1 + r.IntN(3), Variant: v, Precision: tensor.Precisions()[r.IntN(3)]}
	switch r.IntN(3) {
	case 1:
		for i := range g.Values {
			o.Keep = append(o.Keep, i)
		}
	case 2:
		for _, p := range g.Probes {
			o.Keep = append(o.Keep, p.Value)
		}
	}
	check(t, g, shape, o, r)
	return nil
}

func FuzzRandomGraphs(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		for _, v := range kernel.Variants() {
			if err := checkRandom(t, seed, v); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// small returns a bound network with a bit of everything, and an input for it.
func small(t testing.TB, shape tensor.Shape) (*nn.Bound, []float32) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	b := nn.NewBuilder(3, 1e-5, nn.LeakyReLU(0.1))
	x := b.At("stem").ConvNormAct(b.Input(), 16, nn.K(3), nn.Stride(2))
	x = b.At("pool").MaxPool(x, 3, 2, 1)
	keep, work := b.Halves(b.At("expand").ConvNormAct(x, 24))
	work = b.Add(b.At("block").ConvNormAct(work, work.C, nn.K(3)), work)
	x = b.At("final").ConvNormAct(b.Concat(keep, work), 40)
	x = b.At("gap").Features(b.Flatten(b.At("gap").GlobalAvgPool(x)))
	g, err := b.Graph(b.At("fc").Linear(x, 10))
	if err != nil {
		t.Fatal(err)
	}
	n, _ := shape.Numel()
	return bindRandom(t, g, r), randomInput(r, n)
}

// everyPrecision runs f for each precision.
func everyPrecision(t *testing.T, f func(t *testing.T, p Precision)) {
	for _, p := range tensor.Precisions() {
		t.Run(string(p), func(t *testing.T) { f(t, p) })
	}
}

func TestThreadsAndBatchesChangeNothing(t *testing.T) {
	everyPrecision(t, threadsAndBatchesChangeNothing)
}

func threadsAndBatchesChangeNothing(t *testing.T, p Precision) {
	bound, input := small(t, tensor.Shape{4, 3, 33, 29})
	logits := func(images int, threads int, input []float32) []float32 {
		plan, err := Compile(bound, tensor.Shape{images, 3, 33, 29}, Options{Threads: threads, Precision: p})
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, images*plan.Classes())
		if err := plan.NewSession().Run(out, input); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := logits(4, 1, input)
	for threads := 2; threads <= 5; threads++ {
		for i, v := range logits(4, threads, input) {
			if v != want[i] {
				t.Fatalf("%d threads: logit %d = %v, with one %v", threads, i, v, want[i])
			}
		}
	}
	per := len(input) / 4
	for n := range 4 {
		for i, v := range logits(1, 2, input[n*per:(n+1)*per]) {
			if v != want[10*n+i] {
				t.Fatalf("image %d alone: logit %d = %v, in a batch %v", n, i, v, want[10*n+i])
			}
		}
	}
}

// TestBatchesInParts: what does not fit in the cache together is computed in parts of two
// images, or one where their number is odd, with the same results; plans that keep
// values have them whole.
func TestBatchesInParts(t *testing.T) {
	const most = 6
	shape := tensor.Shape{most, 3, 33, 29}
	bound, input := small(t, shape)
	run := func(images int, o Options) (*Plan, []float32) {
		plan, err := Compile(bound, tensor.Shape{images, 3, 33, 29}, o)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, images*plan.Classes())
		times := make([]time.Duration, len(plan.Layers()))
		if err := plan.NewSession().RunTimed(out, input[:images*len(input)/most], times); err != nil {
			t.Fatal(err)
		}
		if slices.Min(times) <= 0 {
			t.Errorf("%d images: times of steps: %v", images, times)
		}
		return plan, out
	}
	whole, want := run(most, Options{Threads: 2})
	defer func(n int) { partFloats = n }(partFloats)
	partFloats = 1
	for images, parts := range map[int]int{1: 1, 2: 1, 3: 3, 4: 2, 5: 5, 6: 3} {
		plan, got := run(images, Options{Threads: 2})
		if plan.parts != parts || !plan.Input().Equal(tensor.Shape{images, 3, 33, 29}) {
			t.Errorf("%d images: input %v in %d parts, want %d", images, plan.Input(), plan.parts, parts)
		}
		if diff := cmp.Diff(want[:len(got)], got); diff != "" {
			t.Errorf("%d images in %d parts (-whole +parts):\n%s", images, parts, diff)
		}
		if images == most {
			for i, l := range plan.Layers() {
				if w := whole.Layers()[i]; l.MACs != w.MACs || !l.Out.Equal(w.Out) {
					t.Errorf("step %d: %v of %d MACs, whole %v of %d", i, l.Out, l.MACs, w.Out, w.MACs)
				}
			}
		}
	}
	if plan, _ := run(most, Options{Keep: []int{1}}); plan.parts != 1 {
		t.Errorf("a plan that keeps a value has %d parts", plan.parts)
	}
}

func TestSessionsShareAPlan(t *testing.T) { everyPrecision(t, sessionsShareAPlan) }

func sessionsShareAPlan(t *testing.T, p Precision) {
	shape := tensor.Shape{1, 3, 24, 24}
	bound, input := small(t, shape)
	plan, err := Compile(bound, shape, Options{Threads: 3, Precision: p})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, plan.Classes())
	if err := plan.NewSession().Run(want, input); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			s, got := plan.NewSession(), make([]float32, plan.Classes())
			for range 50 {
				clear(got)
				if err := s.Run(got, input); err != nil {
					t.Error(err)
					return
				}
				for i, v := range got {
					if v != want[i] {
						t.Errorf("logit %d = %v, want %v", i, v, want[i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestRunAllocatesNothing(t *testing.T) { everyPrecision(t, runAllocatesNothing) }

func runAllocatesNothing(t *testing.T, p Precision) {
	shape := tensor.Shape{1, 3, 24, 24}
	bound, input := small(t, shape)
	for _, threads := range []int{1, 2} {
		plan, err := Compile(bound, shape, Options{Threads: threads, Precision: p})
		if err != nil {
			t.Fatal(err)
		}
		s, logits := plan.NewSession(), make([]float32, plan.Classes())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := testing.AllocsPerRun(20, func() {
			if err := s.RunContext(ctx, logits, input); err != nil {
				t.Error(err)
			}
		})
		if n > 0 {
			t.Errorf("%d threads: %v allocations in a run", threads, n)
		}
	}
}

func TestLayers(t *testing.T) {
	shape := tensor.Shape{2, 3, 24, 24}
	bound, input := small(t, shape)
	plan, err := Compile(bound, shape, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var macs int64
	layers := plan.Layers()
	for _, l := range layers {
		got = append(got, l.Kind+" "+l.Path)
		macs += l.MACs
	}
	want := []string{
		"input ", "conv stem.conv", "max_pool2d pool", "conv expand.conv", "conv block.conv",
		"conv final.conv", "adaptive_avg_pool2d gap", "linear fc",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	// stem 12x12, then 6x6; two images.
	if want := int64(2 * (144*16*27 + 36*(24*16+12*12*9+40*24) + 400)); macs != want {
		t.Errorf("%d MACs, want %d", macs, want)
	}
	times := make([]time.Duration, len(layers))
	if err := plan.NewSession().RunTimed(make([]float32, 20), input, times); err != nil {
		t.Fatal(err)
	}
	for i, d := range times {
		if d <= 0 {
			t.Errorf("step %d took %v", i, d)
		}
	}
}

func TestWeightsArePackedOnce(t *testing.T) {
	bound, _ := small(t, tensor.Shape{1, 3, 24, 24})
	net := New(bound)
	compile := func(n, h int) {
		if _, err := net.Compile(tensor.Shape{n, 3, h, h}, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	compile(1, 24)
	packed := len(net.weights.packed)
	compile(1, 40)
	compile(3, 24)
	if got := len(net.weights.packed); packed == 0 || got != packed {
		t.Errorf("%d packed weights after other shapes, %d before", got, packed)
	}
}

func TestErrors(t *testing.T) {
	shape := tensor.Shape{1, 3, 24, 24}
	bound, input := small(t, shape)
	plan, err := Compile(bound, shape, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, logits := plan.NewSession(), make([]float32, plan.Classes())
	if err := s.Run(logits, input[1:]); err == nil {
		t.Error("a short input: no error")
	}
	if err := s.Run(logits[1:], input); err == nil {
		t.Error("short logits: no error")
	}
	if _, err := s.Value(1); err == nil {
		t.Error("a value that is not kept: no error")
	}
	for _, tt := range []struct {
		what  string
		shape tensor.Shape
		o     Options
	}{
		{"other channels", tensor.Shape{1, 4, 24, 24}, Options{}},
		{"no such value", shape, Options{Keep: []int{-1}}},
		{"negative threads", shape, Options{Threads: -1}},
		{"too many threads", shape, Options{Threads: MaxThreads + 1}},
		{"more rows than tasks can be counted", tensor.Shape{maxTasks/9 + 1, 3, 9, 9}, Options{Keep: []int{0}}},
	} {
		if _, err := Compile(bound, tt.shape, tt.o); err == nil {
			t.Errorf("%s: no error", tt.what)
		}
	}
}
