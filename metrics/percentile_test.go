package metrics_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/metrics"
)

// The figures are those of NumPy 2.4.6:
//
//	np.percentile([i*7919 % 1009 for i in range(1, n+1)], [50, 90, 95, 99], method="inverted_cdf")
func TestPercentile(t *testing.T) {
	percents := []int{50, 90, 95, 99}
	for _, tt := range []struct {
		n     int
		want  []int
		shown []bool // whether the largest value is another one
	}{
		{1, []int{856, 856, 856, 856}, []bool{false, false, false, false}},
		{2, []int{703, 856, 856, 856}, []bool{true, false, false, false}},
		{3, []int{703, 856, 856, 856}, []bool{true, false, false, false}},
		{9, nil, []bool{true, false, false, false}},
		{10, []int{550, 856, 947, 947}, []bool{true, true, false, false}},
		{19, nil, []bool{true, true, false, false}},
		{20, []int{488, 885, 947, 976}, []bool{true, true, true, false}},
		{21, []int{550, 885, 947, 976}, []bool{true, true, true, false}},
		{99, []int{513, 914, 972, 1005}, []bool{true, true, true, false}},
		{100, []int{513, 910, 968, 1001}, []bool{true, true, true, true}},
		{101, []int{517, 910, 968, 1001}, []bool{true, true, true, true}},
		{1000, []int{505, 907, 958, 998}, []bool{true, true, true, true}},
	} {
		var x []int
		for i := 1; i <= tt.n; i++ {
			x = append(x, i*7919%1009)
		}
		slices.Sort(x)
		var got []int
		var shown []bool
		for _, p := range percents {
			v, ok := metrics.Percentile(x, p)
			got, shown = append(got, v), append(shown, ok)
		}
		if tt.want != nil {
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%d values (-want +got)\n%s", tt.n, diff)
			}
		}
		if diff := cmp.Diff(tt.shown, shown); diff != "" {
			t.Errorf("%d values, whether they show it (-want +got)\n%s", tt.n, diff)
		}
	}
	if v, ok := metrics.Percentile([]int(nil), 50); v != 0 || ok {
		t.Errorf("of no values: %d, %v", v, ok)
	}
}
