//go:build !purego

package cpu

// Bits of CPUID and XCR0 for tiles: Intel 64 and IA-32 Architectures Software
// Developer's Manual, volume 2, CPUID, and volume 1, 13.1 and 18.
const (
	leaf7Tile = 1 << 24 // edx
	leaf7Bf16 = 1 << 22 // products of bf16 in tiles

	stateTile = 1<<17 | 1<<18 // the configuration and the contents of tiles

	tileLeaf = 0x1d // palettes by subleaf
)

// tiles reports whether processor and operating system know tiles as the kernels use
// them. saved is the lower half of XCR0.
func tiles(saved uint32) bool {
	maxSubleaf, _, _, d7 := CPUID(7, 0)
	if maxLeaf, _, _, _ := CPUID(0, 0); maxLeaf < tileLeaf || maxSubleaf < 1 {
		return false
	}
	a71, _, _, _ := CPUID(7, 1)
	var palette [4]uint32
	palette[0], palette[1], palette[2], palette[3] = CPUID(tileLeaf, 1)
	return tilesOf(d7, a71, saved, palette)
}

// tilesOf is tiles for edx of leaf 7, eax of its subleaf 1, and what CPUID says of
// palette 1: there have to be 8 tiles of at least 16 rows of 64 bytes.
func tilesOf(d7, a71, saved uint32, palette [4]uint32) bool {
	count, rowBytes, rows := palette[1]>>16, palette[1]&0xffff, palette[2]&0xffff
	return has(d7, leaf7Tile|leaf7Bf16) && has(a71, leaf71BF16) && has(saved, stateTile) &&
		count >= 8 && rowBytes >= 64 && rows >= 16
}
