package kernel

// Max sets every dst[i] to the larger of dst[i] and src[i].
func Max(dst, src []float32) {
	src = src[:len(dst)]
	for i, x := range src {
		if x > dst[i] || x != x { // a NaN wins, as in PyTorch
			dst[i] = x
		}
	}
}

// Sum adds src to the float64 sums.
func Sum(sums []float64, src []float32) {
	src = src[:len(sums)]
	for i, x := range src {
		sums[i] += float64(x)
	}
}
