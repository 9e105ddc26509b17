package golden

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/tensor"
)

// The rule: max|Δ| ≤ tol · max|reference|, with tol = max(1e-4, 8 · noise) at highest,
// max(1e-4, 64 · noise) at high, max(5e-2, 3e4 · noise) at medium, which is not judged
// beyond 0.2.
func TestTolerance(t *testing.T) {
	tests := []struct {
		p      tensor.Precision
		noise  float64
		tol    float64
		judged bool
	}{
		{tensor.Highest, 0, 1e-4, true},
		{tensor.Highest, 2e-6, 1e-4, true},
		{tensor.Highest, 1e-4, 8e-4, true},
		{tensor.High, 1e-6, 1e-4, true},
		{tensor.High, 1e-5, 6.4e-4, true},
		{tensor.Medium, 0, 5e-2, true},
		{tensor.Medium, 2e-6, 6e-2, true},
		{tensor.Medium, 7e-6, 0.21, false},
	}
	for _, tt := range tests {
		tol, judged := Tolerance(tt.p, tt.noise)
		if math.Abs(tol-tt.tol) > 1e-12 || judged != tt.judged {
			t.Errorf("%s, noise %g: %g, %v; want %g, %v", tt.p, tt.noise, tol, judged, tt.tol, tt.judged)
		}
	}
}

// probeOf returns probe values that are 0 but for the first.
func probeOf(path string, peak float32) ProbeValues {
	v := make([]float32, probeLen)
	v[0] = peak
	return ProbeValues{path, v}
}

func testGolden() *Golden {
	return &Golden{
		Name: "test", Shape: tensor.Shape{2, 3, 4, 4}, K: 3,
		Logits: []float32{1, -10, 2, 5, 5, 0},
		Probes: []ProbeValues{probeOf("stem", 2), probeOf("stage", 4)},
	}
}

func TestJudge(t *testing.T) {
	nan := float32(math.NaN())
	tests := []struct {
		name   string
		logits []float32
		probes []ProbeValues
		pass   bool
		bad    string
		flips  []Flip
	}{
		{"equal", []float32{1, -10, 2, 5, 5, 0}, []ProbeValues{probeOf("stem", 2), probeOf("stage", 4)}, true, "", nil},
		{"within the tolerance", []float32{1.0009, -10, 2, 5, 5, 0}, []ProbeValues{probeOf("stem", 2.0001), probeOf("stage", 4)}, true, "", nil},
		{"a logit beyond it", []float32{1.0011, -10, 2, 5, 5, 0}, []ProbeValues{probeOf("stem", 2), probeOf("stage", 4)}, false, "logits", nil},
		{"a probe beyond it", []float32{1, -10, 2, 5, 5, 0}, []ProbeValues{probeOf("stem", 2), probeOf("stage", 4.001)}, false, "stage", nil},
		{"the first bad layer is named", []float32{9, -10, 2, 5, 5, 0}, []ProbeValues{probeOf("stem", 2.1), probeOf("stage", 5)}, false, "stem", []Flip{{0, 2, 0}}},
		{"other probes do not matter", []float32{1, -10, 2, 5, 5, 0}, []ProbeValues{probeOf("stem", 2), probeOf("more", 9), probeOf("stage", 4)}, true, "", nil},
		{"NaN", []float32{1, -10, nan, 5, 5, 0}, []ProbeValues{probeOf("stem", 2), probeOf("stage", 4)}, false, "logits", []Flip{{0, 2, 0}}},
		{"a tie may go either way", []float32{1, -10, 2, 5, 5.0001, 0}, []ProbeValues{probeOf("stem", 2), probeOf("stage", 4)}, true, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := testGolden().Judge(tensor.Highest, Run{Logits: tt.logits, Probes: tt.probes})
			if err != nil {
				t.Fatal(err)
			}
			bad := ""
			if v.FirstBad != nil {
				bad = v.FirstBad.Path
			}
			if v.Pass != tt.pass || bad != tt.bad {
				t.Errorf("pass %v, first bad layer %q; want %v, %q: %v", v.Pass, bad, tt.pass, tt.bad, v)
			}
			if diff := cmp.Diff(tt.flips, v.Flips); diff != "" {
				t.Errorf("flips (-want +got):\n%s", diff)
			}
			if (v.Headroom() >= 1) != (bad == "") {
				t.Errorf("headroom %v with first bad layer %q", v.Headroom(), bad)
			}
		})
	}
}

func TestJudgeRefusesWhatCannotBeCompared(t *testing.T) {
	g := testGolden()
	probes := []ProbeValues{probeOf("stem", 2), probeOf("stage", 4)}
	if _, err := g.Judge(tensor.Highest, Run{Logits: g.Logits[1:], Probes: probes}); err == nil {
		t.Error("fewer logits: no error")
	}
	if _, err := g.Judge(tensor.Highest, Run{Probes: probes}); err == nil {
		t.Error("no logits: no error")
	}
	if _, err := g.Judge(tensor.Highest, Run{Logits: g.Logits, Probed: g.Logits[1:], Probes: probes}); err == nil {
		t.Error("fewer logits beside probes: no error")
	}
	if _, err := g.Judge(tensor.Highest, Run{Logits: g.Logits, Probes: probes[:1]}); err == nil {
		t.Error("a missing probe: no error")
	}
}

// TestJudgeBothRuns: logits that are wrong in one of two runs fail, and the run is named.
func TestJudgeBothRuns(t *testing.T) {
	g := testGolden()
	wrong := slices.Clone(g.Logits)
	wrong[2] += 0.1
	for _, tt := range []struct {
		name           string
		logits, probed []float32
		bad            string
	}{
		{"both right", g.Logits, g.Logits, ""},
		{"the network as it is used", wrong, g.Logits, "logits"},
		{"beside probes", g.Logits, wrong, "logits beside probes"},
	} {
		v, err := g.Judge(tensor.Highest, Run{Logits: tt.logits, Probed: tt.probed,
			Probes: []ProbeValues{probeOf("stem", 2), probeOf("stage", 4)}})
		if err != nil {
			t.Fatal(err)
		}
		bad := ""
		if v.FirstBad != nil {
			bad = v.FirstBad.Path
		}
		if v.Pass != (tt.bad == "") || bad != tt.bad {
			t.Errorf("%s: pass %v, first bad %q, want %q", tt.name, v.Pass, bad, tt.bad)
		}
	}
}
