package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// BenchmarkWays times single layers in each way that they can be computed: the middle one of
// three, so that neither the reordering of the input nor the first conversion takes part.
func BenchmarkWays(b *testing.B) {
	for _, l := range []struct{ k, stride, in, out, side int }{
		{3, 1, 32, 64, 128}, {3, 1, 64, 64, 64}, {3, 1, 128, 128, 32}, {3, 1, 256, 256, 16}, {3, 1, 512, 512, 8},
		{3, 1, 64, 64, 56}, {3, 1, 128, 128, 28}, {3, 1, 256, 256, 14},
		{3, 2, 64, 128, 128}, {3, 2, 128, 256, 64}, {1, 1, 64, 128, 128}, {1, 1, 128, 128, 64}, {1, 1, 256, 256, 16},
	} {
		for _, v := range kernel.Variants()[1:] {
			for _, way := range []struct {
				name string
				o    Options
			}{
				{"highest", Options{}}, {"high, early", Options{Precision: High, early: 100}},
				{"high", Options{Precision: High, early: -1}}, {"medium", Options{Precision: Medium}},
			} {
				b.Run(fmt.Sprintf("%dx%d, stride %d, %dx%d, %d to %d/%s/%s", l.k, l.k, l.stride, l.side, l.side, l.in, l.out,
					v.Name, way.name), func(b *testing.B) {
					way.o.Threads, way.o.Variant = 1, v
					benchmarkLayer(b, way.o, tensor.Shape{1, 32, l.side, l.side}, l.in, l.out, nn.K(l.k), nn.Stride(l.stride))
				})
			}
		}
	}
}

func benchmarkLayer(b *testing.B, o Options, shape tensor.Shape, in, out int, options ...nn.Option) {
	builder := nn.NewBuilder(shape[1], 1e-5, nn.LeakyReLU(0.01))
	x := builder.At("in").Conv(builder.Input(), in)
	x = builder.At("layer").ConvNormAct(x, out, options...)
	x = builder.Features(builder.Flatten(builder.GlobalAvgPool(builder.At("out").Conv(x, 32))))
	g, err := builder.Graph(builder.At("fc").Linear(x, 1))
	if err != nil {
		b.Fatal(err)
	}
	plan, err := Compile(bindRandom(b, g, rand.New(rand.NewPCG(1, 1))), shape, o)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(2, 2))
	n, _ := shape.Numel()
	s, logits, input, times := plan.NewSession(), make([]float32, 1), randomInput(r, n), make([]StepTime, len(plan.Layers()))
	best := time.Duration(1 << 62)
	for b.Loop() {
		if err := s.RunTimed(logits, input, times); err != nil {
			b.Fatal(err)
		}
		best = min(best, times[2].Wall)
	}
	l := plan.Layers()[2]
	b.Logf("%s: %s", l.Kernel, l.Why)
	b.ReportMetric(float64(best.Microseconds()), "best-us")
	b.ReportMetric(float64(2*l.MACs)/float64(best.Nanoseconds()), "GFLOP/s")
	b.ReportMetric(0, "ns/op")
}
