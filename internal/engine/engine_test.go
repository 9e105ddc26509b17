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

	"github.com/gozoo/zoo/internal/race"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// Bounds of the difference of a computation from the same in float64, as a share of
// the largest value: sums of a few hundred products through a dozen layers err by less
// than 1e-5 in float32, by 3e-5 where numbers are split, and after norms of few channels
// that are nearly alike by ten times that. Where there is attention, exponentials of scores
// multiply what those err by. With products of bf16 they err by 1e-2, and
// where few large sums cancel by several times that; a wrong pixel or weight errs by more.
const (
	tolerance          = 2e-5
	attentionTolerance = 5e-5
	splitTolerance     = 1e-3
	bf16Tolerance      = 0.2
)

// A referenced is a graph on random weights, with an input and what its values are.
type referenced struct {
	bound *nn.Bound
	shape tensor.Shape
	input []float32
	want  [][]float64
}

func newReferenced(t testing.TB, g *nn.Graph, shape tensor.Shape, r *rand.Rand) *referenced {
	t.Helper()
	n, _ := shape.Numel()
	c := &referenced{bound: bindRandom(t, g, r), shape: shape, input: randomInput(r, n)}
	c.want = reference(t, c.bound, shape, c.input)
	return c
}

// check runs a graph on random weights and compares all its values, when kept, and
// its logits with the reference.
func check(t testing.TB, g *nn.Graph, shape tensor.Shape, o Options, r *rand.Rand) {
	t.Helper()
	newReferenced(t, g, shape, r).check(t, o)
}

func (c *referenced) check(t testing.TB, o Options) {
	t.Helper()
	plan, err := Compile(c.bound, c.shape, o)
	if err != nil {
		t.Fatal(err)
	}
	s := plan.NewSession()
	logits := make([]float32, c.shape[0]*plan.Classes())
	for range 2 { // the second run finds the first one's values in memory
		if err := s.Run(logits, c.input); err != nil {
			t.Fatal(err)
		}
	}
	bound := tolerance
	if attends(c.bound.Graph) {
		bound = attentionTolerance
	}
	switch {
	case o.Precision == Medium && o.Variant.PanelBF16 != nil:
		bound = bf16Tolerance
	case o.Precision == High && o.Variant.PanelSplit != nil:
		bound = splitTolerance
	}
	compare(t, "logits", c.want[c.bound.Graph.Logits], logits, bound)
	for _, v := range o.Keep {
		got, err := s.Value(v)
		if err != nil {
			t.Fatal(err)
		}
		compareWith(t, fmt.Sprint("value ", v), c.want[v], got, bound, c.scale(v))
	}
}

// scale returns the largest magnitude of what a value is made of: what an activation has cut off
// leaves values that are small beside the errors of its input.
func (c *referenced) scale(value int) float64 {
	most := 0.0
	for _, x := range c.want[value] {
		most = max(most, math.Abs(x))
	}
	for _, n := range c.bound.Graph.Nodes {
		if _, ok := n.Op.(nn.Act); ok && n.Out == value {
			return max(most, c.scale(n.In[0]))
		}
	}
	return most
}

// attends reports whether a graph has an attention.
func attends(g *nn.Graph) bool {
	return slices.ContainsFunc(g.Nodes, func(n nn.Node) bool {
		switch n.Op.(type) {
		case nn.Attention, nn.ChannelAttention:
			return true
		}
		return false
	})
}

func compare(t testing.TB, what string, want []float64, got []float32, bound float64) {
	t.Helper()
	compareWith(t, what, want, got, bound, 0)
}

// compareWith is compare where values of a scale are made into these.
func compareWith(t testing.TB, what string, want []float64, got []float32, bound, scale float64) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	worst, at := -1.0, 0
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
	y := b.Act(b.At("up").Linear(b.At("norm").LayerNorm(x), 48))
	x = b.Add(x, b.At("down").Linear(b.At("response").ResponseNorm(y), x.C))
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

// tiled returns a bound network whose layers can be computed in tiles, in every form, and an input
// for it.
func tiled(t testing.TB, shape tensor.Shape) (*nn.Bound, []float32) {
	t.Helper()
	r := rand.New(rand.NewPCG(9, 9))
	b := nn.NewBuilder(3, 1e-5, nn.LeakyReLU(0.1))
	x := b.At("stem").ConvNormAct(b.Input(), 32, nn.K(3), nn.Stride(2))
	keep, work := b.Halves(b.At("expand").ConvNormAct(x, 128))
	work = b.Add(b.At("block").ConvNormAct(b.At("point").ConvNormAct(work, 64), work.C, nn.K(3)), work)
	x = b.At("final").ConvNormAct(b.Concat(keep, work), 64)
	x = b.At("down").ConvNormAct(x, 96, nn.K(3), nn.Stride(2))
	x = b.Add(b.At("late").ConvNormAct(x, x.C, nn.K(3)), x)
	x = b.At("gap").Features(b.Flatten(b.At("gap").GlobalAvgPool(x)))
	g, err := b.Graph(b.At("fc").Linear(x, 10))
	if err != nil {
		t.Fatal(err)
	}
	n, _ := shape.Numel()
	return bindRandom(t, g, r), randomInput(r, n)
}

func TestThreadsAndBatchesChangeNothing(t *testing.T) {
	everyPrecision(t, func(t *testing.T, p Precision) {
		t.Run("small", func(t *testing.T) { threadsAndBatchesChangeNothing(t, small, Options{Precision: p}) })
		for _, v := range tileVariants(t) {
			if race.Enabled && v.Name == "portable tiles" && p != Medium {
				continue // three parts take three times as long, by the same threads
			}
			for _, early := range []int{3, -1, 100} {
				if testing.Short() && early != 3 {
					continue
				}
				t.Run(fmt.Sprint("tiled/", v.Name, "/", early), func(t *testing.T) {
					threadsAndBatchesChangeNothing(t, tiled, Options{Precision: p, Variant: v, early: early})
				})
			}
		}
	})
}

func threadsAndBatchesChangeNothing(t *testing.T, network func(testing.TB, tensor.Shape) (*nn.Bound, []float32), o Options) {
	bound, input := network(t, tensor.Shape{4, 3, 33, 29})
	logits := func(images int, threads int, input []float32) []float32 {
		o.Threads = threads
		plan, err := Compile(bound, tensor.Shape{images, 3, 33, 29}, o)
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
		times := make([]StepTime, len(plan.Layers()))
		if err := plan.NewSession().RunTimed(out, input[:images*len(input)/most], times); err != nil {
			t.Fatal(err)
		}
		checkTimes(t, plan, times)
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

func TestRunAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("what is allocated is no race")
	}
	everyPrecision(t, func(t *testing.T, p Precision) {
		runAllocatesNothing(t, small, Options{Precision: p})
		runAllocatesNothing(t, neighbours, Options{Precision: p})
		for _, v := range tileVariants(t) {
			runAllocatesNothing(t, tiled, Options{Precision: p, Variant: v, early: 3})
		}
	})
}

func runAllocatesNothing(t *testing.T, network func(testing.TB, tensor.Shape) (*nn.Bound, []float32), o Options) {
	shape := tensor.Shape{1, 3, 24, 24}
	bound, input := network(t, shape)
	for _, threads := range []int{1, 2} {
		o.Threads = threads
		plan, err := Compile(bound, shape, o)
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
		"conv final.conv", "layer_norm norm", "linear up", "response_norm response", "linear down",
		"adaptive_avg_pool2d gap", "linear fc",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	// stem 12x12, then 6x6; two images.
	if want := int64(2 * (144*16*27 + 36*(24*16+12*12*9+40*24+2*40*48) + 400)); macs != want {
		t.Errorf("%d MACs, want %d", macs, want)
	}
	times := make([]StepTime, len(layers))
	if err := plan.NewSession().RunTimed(make([]float32, 20), input, times); err != nil {
		t.Fatal(err)
	}
	checkTimes(t, plan, times)
}

// checkTimes: every step took some time, and its threads were computing for some of it.
func checkTimes(t *testing.T, plan *Plan, times []StepTime) {
	t.Helper()
	for i, d := range times {
		if idle := d.Idle(plan.threads); d.Wall <= 0 || d.Busy <= 0 || d.Busy > time.Duration(plan.threads)*d.Wall || idle < 0 || idle >= 1 {
			t.Errorf("step %d took %v, %v of %d threads, idle for %v", i, d.Wall, d.Busy, plan.threads, idle)
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
