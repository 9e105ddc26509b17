package golden_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gozoo/zoo/golden"
)

func TestWeights(t *testing.T) {
	hex := strings.Repeat("0123abcd", 8)
	for _, text := range []string{
		"sha256:" + hex, "synthetic:0", "synthetic:18446744073709551615", "synthetic:0*0.35", "synthetic:7*12", "published",
	} {
		w, err := golden.ParseWeights(text)
		if err != nil || w.String() != text {
			t.Errorf("%q: %v, %v", text, w, err)
		}
		again, err := golden.ParseWeights(w.String())
		if err != nil || again != w {
			t.Errorf("%v is not %v", again, w)
		}
	}
	for _, bad := range []string{"", "sha256:" + hex[:8], "sha256:" + strings.ToUpper(hex), hex, "synthetic:",
		"synthetic:-1", "synthetic:1.5", "synthetic:18446744073709551616", "synthetic:0*", "synthetic:0*0", "synthetic:0*-1",
		"synthetic:0*1e-1", "synthetic:0*0x1", "synthetic:0*inf", "synthetic:0*0.5*2", "synthetic:*2", "published:1", "Published"} {
		if w, err := golden.ParseWeights(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, w)
		}
	}
	w := golden.Synthetic(7)
	if seed, ok := w.Seed(); seed != 7 || !ok {
		t.Errorf("seed %d, %v", seed, ok)
	}
	if g := w.Gain(); g != 1 {
		t.Errorf("gain %v", g)
	}
	if one, err := golden.ParseWeights("synthetic:7*1.0"); err != nil || one != w {
		t.Errorf("a gain of 1: %v, %v, want %v", one, err, w)
	}
	if _, ok := w.Digest(); ok {
		t.Error("synthetic weights have a digest")
	}
	if w == golden.Synthetic(8) || w == golden.Published || w == (golden.Weights{}) {
		t.Error("different weights are equal")
	}
}

// Weights are their text in JSON, and unknown ones an empty text.
func TestWeightsJSON(t *testing.T) {
	for _, w := range []golden.Weights{{}, golden.Published, golden.Synthetic(3)} {
		text, err := json.Marshal(w)
		if err != nil || string(text) != fmt.Sprintf("%q", w) {
			t.Errorf("%v: %s, %v", w, text, err)
		}
		back := golden.Synthetic(9)
		if err := json.Unmarshal(text, &back); err != nil || back != w {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
	var w golden.Weights
	if err := json.Unmarshal([]byte(`"sha256:x"`), &w); err == nil {
		t.Errorf("taken for %v", w)
	}
}
