//go:build amd64 && !purego

package cpu

// HasBF16 reports whether this process may use AVX512_BF16.
func HasBF16() bool {
	if best < AVX512 {
		return false
	}
	maxSubleaf, _, _, _ := CPUID(7, 0) // leaf 7 is there: detect has read it
	if maxSubleaf < 1 {
		return false
	}
	a71, _, _, _ := CPUID(7, 1)
	return has(a71, leaf71BF16)
}

// FastBF16 reports whether this process may use AVX512_BF16 and gains by it.
//
// VDPBF16PS takes two products a lane where a fused multiply-add takes one. AMD's Zen 5
// issues both at the same rate, 8.6 of either a nanosecond as measured, so that panels
// are twice as fast; Zen 4 is taken to be alike, which was not measured. On Intel's Sapphire Rapids
// a loop of them came to 124 GFLOP/s beside the 238 of multiply-adds: its bf16 is AMX.
// CPUID does not tell the rate, so the vendor stands for it.
func FastBF16() bool {
	_, b, c, d := CPUID(0, 0)
	return HasBF16() && fastBF16([3]uint32{b, d, c})
}

// The vendor, as CPUID leaf 0 spells it in ebx, edx and ecx, and AVX512_BF16.
var vendorAMD = [3]uint32{0x68747541, 0x69746e65, 0x444d4163} // "Auth" "enti" "cAMD"

const leaf71BF16 = 1 << 5 // eax of leaf 7, subleaf 1

// fastBF16 reports whether a vendor's processors gain by AVX512_BF16.
func fastBF16(vendor [3]uint32) bool { return vendor == vendorAMD }
