package metrics_test

import (
	"math"
	"testing"

	"github.com/gozoo/zoo/metrics"
)

// Expected values were added up from exact binomial coefficients.
func TestAtMost(t *testing.T) {
	for _, tt := range []struct {
		k, n int
		p    float64
		want float64
	}{
		{0, 12, 0.699, math.Pow(0.301, 12)},
		{1, 2, 0.5, 0.75},
		{2, 2, 0.5, 1},
		{-1, 2, 0.5, 0},
		{0, 3, 1, 0},
		{3, 3, 1, 1},
		{0, 3, 0, 1},
		{0, 0, 0.3, 1},
		{10, 50, 0.3, 0.0788530637},
		{5, 9, 0.9861, 4.448060135508932e-06},
		{72, 360, 0.3, 1.1543645440445112e-05},
		{25000, 50000, 0.5, 0.5017841},
		{49999, 50000, 0.3, 1},
	} {
		if got := metrics.AtMost(tt.k, tt.n, tt.p); math.Abs(got-tt.want) > 2e-3*tt.want {
			t.Errorf("AtMost(%d, %d, %g) = %g, want %g", tt.k, tt.n, tt.p, got, tt.want)
		}
	}
	if got := metrics.AtMost(38000, 50000, 0.7955); got > 1e-60 || got < 0 {
		t.Errorf("far below: %g", got)
	}
}
