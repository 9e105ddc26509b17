package table

import (
	"cmp"
	"math"
	"slices"
)

// A scale maps values to 0 to 1.
type scale struct {
	low, high float64
	log       bool
	ticks     []float64
}

// newScale returns a scale that holds all values with some room, and has about five
// ticks at round numbers. A share of their range more is left free: of a logarithmic one
// below, of a linear one above, where no tick is over 100 %.
func newScale(values []float64, log bool, room float64) scale {
	low, high := slices.MinFunc(values, cmp.Compare), slices.MaxFunc(values, cmp.Compare)
	if log {
		s := scale{low: low / 1.35 * math.Pow(low/high, room), high: high * 1.35, log: true}
		for _, steps := range [][]float64{{1, 1.5, 2, 3, 5, 7}, {1, 2, 5}, {1, 3}, {1}} {
			s.ticks = nil
			for e := math.Floor(math.Log10(s.low)); e <= math.Log10(s.high); e++ {
				for _, m := range steps {
					if t := m * math.Pow(10, e); t >= s.low && t <= s.high {
						s.ticks = append(s.ticks, t)
					}
				}
			}
			if len(s.ticks) <= 8 {
				break
			}
		}
		return s
	}
	margin := max(high-low, 1) * 0.18
	s := scale{low: low - margin, high: high + margin + (high-low)*room}
	step := math.Pow(10, math.Floor(math.Log10((s.high-s.low)/4)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (s.high-s.low)/(m*step) <= 7 {
			step *= m
			break
		}
	}
	for i := math.Ceil(s.low / step); i*step <= min(s.high, 100); i++ {
		s.ticks = append(s.ticks, i*step)
	}
	return s
}

func (s scale) at(v float64) float64 {
	if s.log {
		return math.Log(v/s.low) / math.Log(s.high/s.low)
	}
	return (v - s.low) / (s.high - s.low)
}
