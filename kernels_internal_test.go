package zoo

import (
	"strings"
	"testing"
)

func TestPortable(t *testing.T) {
	all := []string{"generic", "avx2", "avx512"}
	for _, tt := range []struct {
		name, active string
		variants     []string
		arch         string
		written      bool
		says         string // empty: nothing
		chosen       bool
	}{
		{"best", "avx512", all, "amd64", true, "", false},
		{"another", "avx2", all, "amd64", true, "", false},
		{"chosen", "generic", all, "amd64", true, "ZOO_CPU", true},
		{"an old processor", "generic", all[:1], "amd64", true, "does not offer AVX2", false},
		{"purego", "generic", all[:1], "amd64", false, "tag purego", false},
		{"arm64", "generic", all[:1], "arm64", false, "for arm64", false},
	} {
		reason, chosen := portable(tt.active, tt.variants, tt.arch, tt.written)
		if chosen != tt.chosen || (reason == "") != (tt.says == "") || !strings.Contains(reason, tt.says) {
			t.Errorf("%s: %q, chosen %v", tt.name, reason, chosen)
		}
	}
}
