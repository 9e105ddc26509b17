//go:build amd64 && !purego

package cpu

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestDetectAgreesWithLinux compares with the flags that Linux lists, which leave
// out what it does not save.
func TestDetectAgreesWithLinux(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no list of flags to compare with")
	}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skipf("no list of flags to compare with: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "\nflags")
	line, _, _ := strings.Cut(rest, "\n")
	flags := strings.Fields(line)
	offers := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(flags, n) })
	}
	want := Generic
	if offers("avx2", "fma") {
		want = AVX2
		if offers("avx512f", "avx512bw", "avx512dq", "avx512vl") {
			want = AVX512
			if offers("avx512_bf16", "amx_tile", "amx_bf16") && requestTiles() {
				want = AMX
			}
		}
	}
	if best != want {
		t.Errorf("detected %s, Linux lists the flags of %s", best, want)
	}
}

// TestLevelOfNeedsSavedRegisters: features whose registers are not saved do not count.
func TestLevelOfNeedsSavedRegisters(t *testing.T) {
	const all512 = leaf7AVX512F | leaf7AVX512DQ | leaf7AVX512BW | leaf7AVX512VL
	tests := []struct {
		b7    uint32
		saved uint32
		want  Level
	}{
		{leaf7AVX2 | all512, 0xe7, AVX512},
		{leaf7AVX2 | all512, 0x07, AVX2},    // the operating system leaves ZMM out
		{leaf7AVX2 | all512, 0x03, Generic}, // and YMM
		{leaf7AVX2 | all512&^leaf7AVX512VL, 0xe7, AVX2},
		{leaf7AVX2, 0xe7, AVX2},
		{all512, 0xe7, Generic},
		{0, 0xe7, Generic},
	}
	for _, tt := range tests {
		if got := levelOf(tt.b7, tt.saved); got != tt.want {
			t.Errorf("features %#x, saved %#x: %s, want %s", tt.b7, tt.saved, got, tt.want)
		}
	}
}

func TestTilesOf(t *testing.T) {
	type words = [4]uint32
	d7, a71, palette := uint32(1<<22|1<<24), uint32(1<<5), words{1024<<16 | 8192, 8<<16 | 64, 16, 0}
	tests := []struct {
		name    string
		d7, a71 uint32
		saved   uint32
		palette words
		want    bool
	}{
		{"Sapphire Rapids", d7, a71, 0x602e7, palette, true},
		{"no tiles", 1 << 22, a71, 0x602e7, palette, false},
		{"tiles without bf16", 1 << 24, a71, 0x602e7, palette, false},
		{"no AVX512_BF16", d7, 0, 0x602e7, palette, false},
		{"configuration not saved", d7, a71, 0x402e7, palette, false},
		{"tiles not saved", d7, a71, 0x202e7, palette, false},
		{"smaller tiles", d7, a71, 0x602e7, words{512<<16 | 4096, 8<<16 | 64, 8, 0}, false},
		{"fewer tiles", d7, a71, 0x602e7, words{1024<<16 | 4096, 4<<16 | 64, 16, 0}, false},
		{"no palette", d7, a71, 0x602e7, words{}, false},
	}
	for _, tt := range tests {
		if got := tilesOf(tt.d7, tt.a71, tt.saved, tt.palette); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestNameAgreesWithLinux compares with the model name that Linux reads by the same
// instruction.
func TestNameAgreesWithLinux(t *testing.T) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skipf("no name to compare with: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "model name" {
			if got, want := Name(), strings.Join(strings.Fields(value), " "); got != want {
				t.Errorf("%q, Linux says %q", got, want)
			}
			return
		}
	}
	t.Skip("Linux names no processor")
}
