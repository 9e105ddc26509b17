package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var curveNames = [curves]string{Sigmoid: "sigmoid", SiLU: "silu", HardSigmoid: "hardsigmoid", HardSwish: "hardswish",
	GELU: "gelu", QuickGELU: "quick_gelu", GELUTanh: "gelu_tanh", Tanh: "tanh"}

// ulps is how many units in the last place each curve may err by.
var ulps = [curves]float64{Sigmoid: 3, SiLU: 3, HardSigmoid: 3, HardSwish: 3, GELU: 5, QuickGELU: 3, GELUTanh: 3, Tanh: 5}

// rounded is twice the number that a curve takes the exponential function of, where that is rounded before.
func rounded(c Curve, x float64) float64 {
	switch c {
	case QuickGELU:
		return 2 * 1.702 * math.Abs(x)
	case GELUTanh:
		return 4 * math.Sqrt(2/math.Pi) * math.Abs(x) * (1 + 0.044715*x*x)
	}
	return 0
}

// curveValue returns the value at x in float64: of a small share of the normal
// distribution too, which erfc has to all digits.
func curveValue(c Curve, x float64) float64 {
	gate := min(max(x+3, 0), 6) / 6
	switch c {
	case Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case SiLU:
		return x / (1 + math.Exp(-x))
	case HardSigmoid:
		return gate
	case HardSwish:
		return x * gate
	case GELU:
		return x / 2 * math.Erfc(-x/math.Sqrt2)
	case QuickGELU:
		return x / (1 + math.Exp(-1.702*x))
	case GELUTanh:
		if x < -1 { // where 1 plus the tangent leaves few digits
			return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}
		return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case Tanh:
		return math.Tanh(x)
	}
	panic("no such curve")
}

// curveError returns by how many units in the last place got errs, not counting what is
// allowed because of subnormal numbers.
func curveError(c Curve, x, got float32) float64 {
	want := curveValue(c, float64(x))
	if want != want || math.IsInf(want, 0) {
		if same(got, float32(want)) {
			return 0
		}
		return math.Inf(1)
	}
	if got != got {
		return math.Inf(1)
	}
	d := max(0, math.Abs(float64(got)-want)-0x1p-119)
	unit := float64(math.Nextafter32(float32(math.Abs(want)), math.MaxFloat32)) - math.Abs(float64(float32(math.Abs(want))))
	return max(0, d/unit-rounded(c, float64(x)))
}

// TestActivateEveryExponent compares with float64 for numbers of every size, densely
// where the curves bend.
func TestActivateEveryExponent(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		src := slices.Clone(specials)
		r := rand.New(rand.NewPCG(1, 1))
		for range 200000 {
			src = append(src, math.Float32frombits(r.Uint32()))
		}
		for x := float32(-110); x < 110; x += 0.0013 {
			src = append(src, x)
		}
		dst := make([]float32, len(src))
		for c := Sigmoid; c < curves; c++ {
			v.Activate(&Activation{Curve: c, Channels: len(src), SrcStride: len(src), DstStride: len(src)}, 1, dst, src)
			worst, at := 0.0, 0
			for i, x := range src {
				if e := curveError(c, x, dst[i]); e > worst {
					worst, at = e, i
				}
			}
			t.Logf("%s errs by %.2f units in the last place at %v", curveNames[c], worst, src[at])
			if worst > ulps[c] {
				t.Errorf("%s(%v) = %v, want %v: %.2f units in the last place", curveNames[c], src[at], dst[at], curveValue(c, float64(src[at])), worst)
			}
		}
	})
}

// An activationCase is a call of Activate on random data.
type activationCase struct {
	curve            Curve
	m, channels, gap int
	inPlace          bool
	seed             uint64
	memory           memory
}

func (c activationCase) test(t testing.TB, v *Variant) {
	t.Helper()
	r := rand.New(rand.NewPCG(c.seed, 7))
	slice, check := c.memory.slices(t, r)
	a := &Activation{Curve: c.curve, Channels: c.channels, SrcStride: c.channels + c.gap, DstStride: c.channels + c.gap/2}
	src := slice("src", (c.m-1)*a.SrcStride+c.channels)
	dst := src
	if c.inPlace {
		a.DstStride = a.SrcStride
	} else {
		dst = slice("dst", (c.m-1)*a.DstStride+c.channels)
	}
	x, before := slices.Clone(src), slices.Clone(dst)
	v.Activate(a, c.m, dst, src)
	check()
	for i, got := range dst {
		pixel, ch := i/a.DstStride, i%a.DstStride
		if ch >= c.channels {
			if got != before[i] {
				t.Fatalf("%s: %+v: wrote between pixels %d and %d", v.Name, c, pixel, pixel+1)
			}
			continue
		}
		if e := curveError(c.curve, x[pixel*a.SrcStride+ch], got); e > ulps[c.curve] {
			t.Fatalf("%s: %+v: pixel %d channel %d: %v gives %v: %.1f units in the last place", v.Name, c, pixel, ch, x[pixel*a.SrcStride+ch], got, e)
		}
	}
}

func TestActivate(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		seed := uint64(0)
		for c := Sigmoid; c < curves; c++ {
			for _, channels := range []int{1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100} {
				for _, gap := range []int{0, 1, 5} {
					for memory := range memories {
						seed++
						activationCase{c, 1 + int(seed%4), channels, gap, seed%2 == 0, seed, memory}.test(t, v)
					}
				}
			}
		}
	})
}

func TestActivateContract(t *testing.T) {
	everyVariant(t, func(t *testing.T, v *Variant) {
		a := Activation{Curve: SiLU, Channels: 5, SrcStride: 6, DstStride: 7}
		none, other := a, a
		none.Curve, other.Curve = NoCurve, curves
		f := func(n int) []float32 { return make([]float32, n) }
		for _, tt := range []struct {
			name     string
			a        *Activation
			m        int
			dst, src []float32
		}{
			{"no curve", &none, 2, f(12), f(11)},
			{"unknown curve", &other, 2, f(12), f(11)},
			{"no pixel", &a, 0, f(12), f(11)},
			{"short dst", &a, 2, f(11), f(11)},
			{"short src", &a, 2, f(12), f(10)},
		} {
			t.Run(tt.name, func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				v.Activate(tt.a, tt.m, tt.dst, tt.src)
			})
		}
	})
}

func FuzzActivate(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(17), uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, m, channels, gap, kind uint8) {
		for _, v := range Variants() {
			activationCase{Sigmoid + Curve(kind)%(curves-1), 1 + int(m)%9, 1 + int(channels), int(gap) % 5, kind&64 != 0, seed, amongGuards}.test(t, v)
		}
	})
}

func BenchmarkActivate(b *testing.B) {
	for _, v := range Variants() {
		for c := Sigmoid; c < curves; c++ {
			b.Run(fmt.Sprintf("%s/%s", curveNames[c], v.Name), func(b *testing.B) {
				a := &Activation{Curve: c, Channels: 32, SrcStride: 96, DstStride: 96}
				src, dst := make([]float32, 96*14), make([]float32, 96*14)
				fill(src, rand.New(rand.NewPCG(1, 1)))
				for b.Loop() {
					v.Activate(a, 14, dst, src)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*14*32), "ns/value")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
