package metrics_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/metrics"
)

var nan, inf = float32(math.NaN()), float32(math.Inf(1))

func TestTopK(t *testing.T) {
	tests := []struct {
		name   string
		logits []float32
		k      int
		want   []int
	}{
		{"three of five", []float32{1, 5, 3, 4, 2}, 3, []int{1, 3, 2}},
		{"more than there are", []float32{1, 2}, 5, []int{1, 0}},
		{"equal: lower index first", []float32{7, 9, 7, 9, 7}, 4, []int{1, 3, 0, 2}},
		{"zeros of both signs are equal", []float32{float32(math.Copysign(0, -1)), 0}, 2, []int{0, 1}},
		{"NaN last", []float32{nan, 1, nan, -inf, inf}, 5, []int{4, 1, 3, 0, 2}},
		{"NaN left out", []float32{nan, 1, 2}, 2, []int{2, 1}},
		{"none", nil, 5, nil},
		{"k of 0", []float32{1}, 0, nil},
		{"k below 0", []float32{1}, -1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, metrics.TopK(tt.logits, tt.k)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestTopKSorts compares with a stable sort on values with many ties.
func TestTopKSorts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 50 {
		logits := make([]float32, n)
		order := make([]int, n)
		for i := range logits {
			logits[i], order[i] = float32(r.IntN(8)), i
		}
		slices.SortStableFunc(order, func(i, j int) int { return int(logits[j] - logits[i]) })
		k := r.IntN(n + 1)
		if got := metrics.TopK(logits, k); !slices.Equal(got, order[:k]) {
			t.Fatalf("TopK(%v, %d) = %v, want %v", logits, k, got, order[:k])
		}
	}
}

func TestSoftmax(t *testing.T) {
	// torch 2.15, in float64.
	want := []float32{0.0889468172974043, 0.24178251715880075, 0.6572330228318554, 0.012037642711939448}
	if d := cmp.Diff(want, metrics.Softmax([]float32{1, 2, 3, -1})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff(want, metrics.Softmax([]float32{10001, 10002, 10003, 9999})); d != "" {
		t.Errorf("moved by 10000 (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]float32{0.5, 0, 0.5}, metrics.Softmax([]float32{inf, 1, inf})); d != "" {
		t.Errorf("infinite (-want +got)\n%s", d)
	}
	for _, s := range metrics.Softmax([]float32{1, nan}) {
		if s == s {
			t.Errorf("a score of %v beside NaN", s)
		}
	}
	if s := metrics.Softmax(nil); len(s) != 0 {
		t.Errorf("scores of nothing: %v", s)
	}
}

func TestAccuracy(t *testing.T) {
	var a metrics.Accuracy
	logits := []float32{6, 5, 4, 3, 2, 1}
	for label := range logits {
		a.Add(label, metrics.TopK(logits, 6))
	}
	ties := []float32{1, 1, 1, 1, 1, 1} // the lower index wins
	for _, label := range []int{0, 4, 5} {
		a.Add(label, metrics.TopK(ties, 5))
	}
	a.Add(1, metrics.TopK([]float32{0, 1}, 5)) // fewer than five classes
	if want := (metrics.Accuracy{N: 10, Top1: 3, Top5: 8}); a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
}

// TestWilson compares with scipy.stats.binomtest(k, n).proportion_ci(method="wilson").
func TestWilson(t *testing.T) {
	for _, tt := range []struct {
		correct, n int
		low, high  float64
	}{
		{354, 360, 96.4120841223222, 99.23397037843743},
		{0, 10, 0, 27.753279986288927},
		{10, 10, 72.24672001371108, 100},
		{1, 1, 20.654931437723747, 100},
		{40026, 50000, 79.69943044367909, 80.3999521702517},
		{5, 10, 23.6593090512564, 76.3406909487436},
		{0, 0, 0, 100},
	} {
		low, high := metrics.Wilson(tt.correct, tt.n)
		if math.Abs(low-tt.low) > 1e-9 || math.Abs(high-tt.high) > 1e-9 {
			t.Errorf("Wilson(%d, %d) = %v, %v, want %v, %v", tt.correct, tt.n, low, high, tt.low, tt.high)
		}
	}
	if p := metrics.Percent(0, 0); p != 0 {
		t.Errorf("Percent(0, 0) = %v", p)
	}
}
