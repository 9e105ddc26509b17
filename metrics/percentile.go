package metrics

// Percentile returns the value that a whole percentage, 1 to 99, of sorted ones does not exceed, by nearest
// rank: the smallest of which at least so many are not larger. It is one of the values, and nothing is
// interpolated. ok is false, and the value the largest, where there are too few values to show it: where
// none is beyond it. So the 50th wants 2 values, the 90th 10, the 95th 20 and the 99th 100.
func Percentile[T any](sorted []T, percent int) (value T, ok bool) {
	n := len(sorted)
	if n == 0 {
		return value, false
	}
	rank := (n*percent + 99) / 100
	return sorted[rank-1], rank < n
}
