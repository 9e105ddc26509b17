package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRoundPlanes compares each variant with the definition, for all numbers of channels
// and rows of awkward lengths, and looks at what lies around them.
func TestRoundPlanes(t *testing.T) {
	for _, v := range directVariants() {
		for channels := 1; channels <= 4; channels++ {
			t.Run(fmt.Sprintf("%s/%d channels", v.Name, channels), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(channels), 6))
				for _, m := range []int{1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 79, 259} {
					p := Planes{Channels: channels, Plane: m + r.IntN(5)}
					src, checkSrc := guarded(t, "src", (channels-1)*p.Plane+m, r)
					dst, checkDst := guarded(t, "dst", QuadWords*m, r)
					fill(src, r)
					var want []Pair
					for i := range m {
						var x [4]float32
						for c := range channels {
							x[c] = src[c*p.Plane+i]
						}
						want = append(want, MakePair(x[0], x[1]), MakePair(x[2], x[3]))
					}
					v.RoundPlanes(&p, m, pairsIn(dst), src)
					if got := pairsIn(dst); !slices.Equal(got, want) {
						t.Fatalf("%d pixels: %x, expected %x", m, got, want)
					}
					checkSrc()
					checkDst()
				}
			})
		}
	}
}

// BenchmarkRoundPlanes times a row of 256 pixels of three channels.
func BenchmarkRoundPlanes(b *testing.B) {
	const m = 256
	for _, v := range directVariants() {
		p := Planes{Channels: 3, Plane: m}
		dst, src := make([]Pair, QuadWords*m), make([]float32, 3*m)
		fill(src, rand.New(rand.NewPCG(1, 1)))
		b.Run(v.Name, func(b *testing.B) {
			for b.Loop() {
				v.RoundPlanes(&p, m, dst, src)
			}
		})
	}
}
