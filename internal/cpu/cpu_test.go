package cpu

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for l := range levels {
		got, err := Parse(l.String())
		if err != nil || got != l {
			t.Errorf("Parse(%q) = %v, %v", l.String(), got, err)
		}
	}
	if _, err := Parse("avx1024"); err == nil || !strings.Contains(err.Error(), "generic, avx2, avx512, amx") {
		t.Errorf("unknown level: error %v does not list the levels", err)
	}
}

func TestChoose(t *testing.T) {
	saved := best
	defer func() { best = saved }()
	tests := []struct {
		best   Level
		asked  string
		want   Level
		reason string // a part of it; none when empty
	}{
		{AVX512, "", AVX512, ""},
		{Generic, "", Generic, ""},
		{AVX512, "avx2", AVX2, ""},
		{AVX512, "generic", Generic, ""},
		{AVX2, "avx512", AVX2, "does not offer avx512"},
		{Generic, "avx512", Generic, "using generic"},
		{AVX2, "AVX2", AVX2, `unknown level "AVX2"`},
		{AVX512, "sse", AVX512, "using avx512"},
		{AVX512, "amx", AVX512, "does not offer amx"},
		{AMX, "", AMX, ""},
		{AMX, "avx512", AVX512, ""},
	}
	for _, tt := range tests {
		best = tt.best
		c := Choose(tt.asked)
		if c.Level != tt.want || (c.Reason == "") != (tt.reason == "") || !strings.Contains(c.Reason, tt.reason) {
			t.Errorf("best %s, asked %q: got %+v, want %s, %q", tt.best, tt.asked, c, tt.want, tt.reason)
		}
	}
}

func TestSetAndUndo(t *testing.T) {
	before := Active()
	for l := Generic; l <= best; l++ {
		outer := Active()
		undo, err := Set(l)
		if err != nil {
			t.Fatal(err)
		}
		inner, err := Set(Generic)
		if err != nil {
			t.Fatal(err)
		}
		inner()
		if got := Active(); got != (Choice{Level: l}) {
			t.Errorf("after undoing the inner Set: %+v, want %s", got, l)
		}
		undo()
		if got := Active(); got != outer {
			t.Errorf("after undo: %+v, want %+v", got, outer)
		}
	}
	if got := Active(); got != before {
		t.Errorf("the choice changed from %+v to %+v", before, got)
	}
	if _, err := Set(best + 1); err == nil {
		t.Errorf("Set above the best level gives no error")
	}
}
