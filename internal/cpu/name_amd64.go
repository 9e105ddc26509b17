//go:build amd64 && !purego

package cpu

import (
	"encoding/binary"
	"strings"
)

// Name returns what the processor calls itself, such as "AMD EPYC 9B14"; empty where it does
// not say.
func Name() string {
	const first, last = 0x80000002, 0x80000004 // the brand string, 16 bytes each
	if most, _, _, _ := CPUID(0x80000000, 0); most < last {
		return ""
	}
	var text []byte
	for leaf := uint32(first); leaf <= last; leaf++ {
		a, b, c, d := CPUID(leaf, 0)
		for _, word := range []uint32{a, b, c, d} {
			text = binary.LittleEndian.AppendUint32(text, word)
		}
	}
	name, _, _ := strings.Cut(string(text), "\x00")
	return strings.Join(strings.Fields(name), " ")
}
