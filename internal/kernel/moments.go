package kernel

import (
	"fmt"
	"math"
)

// Runs are floats that follow one another, some of them a stride apart.
type Runs struct {
	// Floats is how many a run has.
	Floats int
	// Stride leads from one run to the next, in floats.
	Stride int
}

// check panics where the slices of a call are too short for it: an error of the caller.
func (r *Runs) check(m int, dst, src []float32) {
	checkPixels("moments", m, r.Floats, []int{0}, r.Floats, r.Stride, len(src))
	if 2*m > len(dst) {
		panic(fmt.Sprintf("kernel: moments: dst of %d floats, %d are written", len(dst), 2*m))
	}
}

// MomentsGeneric finds mean and standard deviation of m ≥ 1 runs. For every run i, in float64,
//
//	x = src[i*Stride:][:Floats]
//	mean = sum(x) / Floats
//	dst[2*i] = mean
//	dst[2*i+1] = sqrt(sum((x-mean)²) / Floats)
//
// What a run comes to does not depend on m. Variants add up in another order.
func MomentsGeneric(r *Runs, m int, dst, src []float32) {
	r.check(m, dst, src)
	n := float64(r.Floats)
	for i := range m {
		x := src[i*r.Stride:][:r.Floats]
		mean, squares := 0.0, 0.0
		for _, v := range x {
			mean += float64(v)
		}
		mean /= n
		for _, v := range x {
			d := float64(v) - mean
			squares += d * d
		}
		dst[2*i], dst[2*i+1] = float32(mean), float32(math.Sqrt(squares/n))
	}
}

// JoinMoments returns mean and variance of runs of as many floats each as one, whose moments are pairs.
func JoinMoments(pairs []float32) (mean, variance float64) {
	runs := float64(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		mean += float64(pairs[i])
	}
	mean /= runs
	for i := 0; i < len(pairs); i += 2 {
		d, s := float64(pairs[i])-mean, float64(pairs[i+1])
		variance += (d*d + s*s) / runs
	}
	return mean, variance
}
