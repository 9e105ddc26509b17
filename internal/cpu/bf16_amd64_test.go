//go:build amd64 && !purego

package cpu

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestFastBF16AgreesWithLinux compares with the vendor and the flags that Linux lists.
func TestFastBF16AgreesWithLinux(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no list of flags to compare with")
	}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skipf("no list of flags to compare with: %v", err)
	}
	field := func(name string) []string {
		_, rest, _ := strings.Cut(string(text), "\n"+name)
		line, _, _ := strings.Cut(rest, "\n")
		return strings.Fields(line)
	}
	want := slices.Contains(field("vendor_id"), "AuthenticAMD") && slices.Contains(field("flags"), "avx512_bf16")
	if got := FastBF16(); got != want {
		t.Errorf("fast bf16: %v, Linux lists what makes it %v", got, want)
	}
}

func TestFastBF16(t *testing.T) {
	vendor := func(name string) (v [3]uint32) {
		for i, b := range []byte(name) {
			v[i/4] |= uint32(b) << (8 * (i % 4))
		}
		return v
	}
	for _, tt := range []struct {
		vendor string
		a71    uint32
		want   bool
	}{
		{"AuthenticAMD", 1 << 5, true},
		{"AuthenticAMD", 1 << 4, false},
		{"GenuineIntel", 1 << 5, false}, // there, but slow
		{"GenuineIntel", 0, false},
	} {
		if got := fastBF16(vendor(tt.vendor), tt.a71); got != tt.want {
			t.Errorf("%s with %#x: %v, want %v", tt.vendor, tt.a71, got, tt.want)
		}
	}
}
