//go:build amd64 && !purego

package cpu

// CPUID returns what the CPUID instruction answers for leaf eax, subleaf ecx.
//
//go:noescape
func CPUID(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// XGETBV returns the halves of extended control register 0: the register state that the operating
// system saves. It may be called only where CPUID says OSXSAVE.
//
//go:noescape
func XGETBV() (eax, edx uint32)

// Bits of CPUID and of XCR0: Intel 64 and IA-32 Architectures Software Developer's
// Manual, volume 2, CPUID, and volume 1, 13.1.
const (
	leaf1FMA     = 1 << 12 // ecx
	leaf1OSXSAVE = 1 << 27
	leaf1AVX     = 1 << 28

	leaf7AVX2     = 1 << 5 // ebx
	leaf7AVX512F  = 1 << 16
	leaf7AVX512DQ = 1 << 17
	leaf7AVX512BW = 1 << 30
	leaf7AVX512VL = 1 << 31

	stateYMM = 1<<1 | 1<<2                   // XMM and the upper halves of YMM
	stateZMM = stateYMM | 1<<5 | 1<<6 | 1<<7 // and masks, upper halves of ZMM, ZMM16–31
)

// Written tells whether this build has code for levels above Generic.
const Written = true

func detect() Level {
	maxLeaf, _, _, _ := CPUID(0, 0)
	if maxLeaf < 7 {
		return Generic
	}
	_, _, c1, _ := CPUID(1, 0)
	_, b7, _, _ := CPUID(7, 0)
	if !has(c1, leaf1OSXSAVE|leaf1AVX|leaf1FMA) {
		return Generic
	}
	saved, _ := XGETBV()
	level := levelOf(b7, saved)
	if level == AVX512 && tiles(saved) && requestTiles() {
		return AMX
	}
	return level
}

// levelOf returns the level for the features in b7, of which those count whose
// registers the operating system saves.
func levelOf(b7 uint32, saved uint32) Level {
	if !has(b7, leaf7AVX2) || saved&stateYMM != stateYMM {
		return Generic
	}
	if !has(b7, leaf7AVX512F|leaf7AVX512DQ|leaf7AVX512BW|leaf7AVX512VL) || saved&stateZMM != stateZMM {
		return AVX2
	}
	return AVX512
}

func has(bits, all uint32) bool { return bits&all == all }
