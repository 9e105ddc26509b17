package metrics_test

import (
	"strings"
	"testing"

	"github.com/gozoo/zoo/metrics"
)

func TestFigure(t *testing.T) {
	tests := []struct {
		name      string
		published string
		unit      int64
		exact     int64
		delta     int64
		verdict   metrics.Verdict
		text      string
	}{
		{"rounded up", "27.64", metrics.Million, 27_642_184, 2_184, metrics.Rounded, "27.64"},
		{"rounded down", "5.04", metrics.Billion, 5_035_000_001, -4_999_999, metrics.Rounded, "5.04"},
		{"half a unit above", "5.04", metrics.Billion, 5_045_000_000, 5_000_000, metrics.Rounded, "5.04"},
		{"more than half a unit", "5.04", metrics.Billion, 5_045_000_001, 5_000_001, metrics.Differs, "5.05"},
		{"the other counter", "5.04", metrics.Billion, 5_027_334_144, -12_665_856, metrics.Differs, "5.03"},
		{"exact", "2.400000001", metrics.Billion, 2_400_000_001, 0, metrics.Exact, "2.400000001"},
		{"one off", "2.400000001", metrics.Billion, 2_400_000_002, 1, metrics.Differs, "2.400000002"},
		{"exact by chance", "3.5", metrics.Million, 3_500_000, 0, metrics.Exact, "3.5"},
		{"whole number", "5", metrics.Million, 5_416_680, 416_680, metrics.Rounded, "5"},
		{"small", "0.055650", metrics.Million, 55_650, 0, metrics.Exact, "0.055650"},
		{"not published", "", metrics.Million, 27_642_184, 0, metrics.NotPublished, "27.64"},
		{"not published, small", "", metrics.Billion, 2_700_800, 0, metrics.NotPublished, "0.00270"},
		{"not published, zero", "", metrics.Billion, 0, 0, metrics.NotPublished, "0.00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := metrics.NewFigure(tt.published, tt.unit, tt.exact)
			if err != nil {
				t.Fatal(err)
			}
			if f.Delta != tt.delta || f.Verdict != tt.verdict || f.String() != tt.text {
				t.Errorf("delta %d, %q, text %q; want %d, %q, %q", f.Delta, f.Verdict, f, tt.delta, tt.verdict, tt.text)
			}
		})
	}
	for published, want := range map[string]string{
		"5.04G": "expected a decimal number", "-5": "expected a decimal number", ".5": "expected a decimal number", "5.": "expected a decimal number",
		"1.2.3": "expected a decimal number", "0.0000001": "more digits than its unit", "99999999999999999": "does not fit", "1234567890123456789": "at most 18 digits",
	} {
		if _, err := metrics.NewFigure(published, metrics.Million, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want %q in it", published, err, want)
		}
	}
}

func TestRate(t *testing.T) {
	tests := []struct {
		name            string
		published       string
		correct, n, set int
		verdict         metrics.Verdict
		text            string
	}{
		{"whole set", "80.05", 40026, 50000, 50000, metrics.Reproduced, "80.05"},
		{"one image more than rounds", "80.05", 40028, 50000, 50000, metrics.Differs, "80.06"},
		{"tie above", "80.05", 40027, 50000, 49999, metrics.Consistent, "80.05"},
		{"tie, either way", "80.0", 8005, 10000, 10000, metrics.Reproduced, "80.0"},
		{"tie, other way", "80.1", 8005, 10000, 10000, metrics.Reproduced, "80.0"},
		{"digits", "98.33", 354, 360, 360, metrics.Reproduced, "98.33"},
		{"all right", "100.00", 360, 360, 360, metrics.Reproduced, "100.00"},
		{"part, inside the interval", "80.05", 83, 100, 50000, metrics.Consistent, "83.00"},
		{"part, outside", "80.05", 95, 100, 50000, metrics.Differs, "95.00"},
		{"set not known", "80.05", 83, 100, 0, metrics.Consistent, "83.00"},
		{"not measured", "80.05", 0, 0, 50000, metrics.NotMeasured, ""},
		{"not published", "", 83, 100, 0, metrics.NotPublished, "83.00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := metrics.NewRate(tt.published, tt.correct, tt.n, tt.set)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != tt.verdict || r.String() != tt.text {
				t.Errorf("%q, text %q; want %q, %q", r.Verdict, r, tt.verdict, tt.text)
			}
		})
	}
	if _, err := metrics.NewRate("80", 11, 10, 10); err == nil {
		t.Error("11 of 10 is accepted")
	}
	if _, err := metrics.NewRate("80%", 1, 10, 10); err == nil {
		t.Error("a figure with a percent sign is accepted")
	}
	r, _ := metrics.NewRate("80.00", 81, 100, 1000)
	if d, ok := r.Delta(); !ok || d != 1 {
		t.Errorf("delta = %v %v, want 1", d, ok)
	}
	r, _ = metrics.NewRate("", 81, 100, 1000)
	if _, ok := r.Delta(); ok {
		t.Error("a delta from nothing published")
	}
}
