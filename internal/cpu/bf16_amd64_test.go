//go:build amd64 && !purego

package cpu

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestBF16AgreesWithLinux compares with the vendor and the flags that Linux lists.
func TestBF16AgreesWithLinux(t *testing.T) {
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
	there := slices.Contains(field("flags"), "avx512_bf16")
	if got := HasBF16(); got != there {
		t.Errorf("bf16: %v, Linux lists it: %v", got, there)
	}
	fast := there && slices.Contains(field("vendor_id"), "AuthenticAMD")
	if got := FastBF16(); got != fast {
		t.Errorf("fast bf16: %v, Linux lists what makes it %v", got, fast)
	}
}

func TestFastBF16(t *testing.T) {
	vendor := func(name string) (v [3]uint32) {
		for i, b := range []byte(name) {
			v[i/4] |= uint32(b) << (8 * (i % 4))
		}
		return v
	}
	for name, want := range map[string]bool{
		"AuthenticAMD": true,
		"GenuineIntel": false, // there, but slow
	} {
		if got := fastBF16(vendor(name)); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
