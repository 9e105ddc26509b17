package metrics

import "math"

// AtMost returns how likely it is that at most k of n images are classified correctly, where each
// is with probability p: the lower tail of the binomial distribution.
func AtMost(k, n int, p float64) float64 {
	switch {
	case k >= n || p <= 0:
		return 1
	case k < 0 || p >= 1:
		return 0
	}
	logGamma := func(x int) float64 {
		y, _ := math.Lgamma(float64(x) + 1)
		return y
	}
	// The largest term first; the others by their ratio to the one before.
	top := min(k, int(float64(n+1)*p))
	largest := logGamma(n) - logGamma(top) - logGamma(n-top) + float64(top)*math.Log(p) + float64(n-top)*math.Log1p(-p)
	sum, term := 1.0, 1.0
	for i := top; i > 0 && term > 1e-18*sum; i-- {
		term *= float64(i) / float64(n-i+1) * (1 - p) / p
		sum += term
	}
	term = 1
	for i := top; i < k && term > 1e-18*sum; i++ {
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
		sum += term
	}
	return min(1, math.Exp(largest+math.Log(sum)))
}
