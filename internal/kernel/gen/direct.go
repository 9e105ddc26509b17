package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Registers of the functions that go from stored channels to stored channels, beside those
// named in tiles.go. While pixels are finished, those of products are free.
var (
	directRuns  = reg.R11 // the next kernel.TileRun
	directPiece = reg.R15 // the next kernel.TilePiece
	directSums  = reg.RBX
	directPitch = reg.R12 // tileBytes, from one row of a packed tile to the next
	directStep  = reg.R13 // from one block of channels to the next
	directNext  = reg.R14 // what is fetched next
)

// Sizes in bytes, and places in words of 8 bytes, of what package kernel passes.
const (
	tileRun    = 2 * 8 // kernel.TileRun
	tilePiece  = 4 * 8 // kernel.TilePiece
	wholeTile  = 16 * tileBytes
	cacheLine  = 64
	runPieces  = 1
	pieceRow   = 0
	pieceCount = 1
	pieceDst   = 2
	pieceRes   = 3
)

// word returns the operand of a word of 8 bytes.
func word(base reg.Register, i int) operand.Mem { return operand.Mem{Base: base, Disp: 8 * i} }

// partProducts are the products of parts: see kernel.partProducts.
var partProducts = [...][][2]int{
	1: {{0, 0}},
	2: {{1, 0}, {0, 0}, {0, 1}},
	3: {{2, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 2}, {0, 0}},
}

// direct writes the function that computes runs, two at a time as long as there are two, from
// stored channels to stored channels. It configures tiles and releases them, so that no
// other code finds them in use.
func (g *gen) direct() {
	const name = "directTiles"
	g.text(name, "func(cfg *byte, parts int, segments *int, segmentCount, depth int, src *uint32, srcStride, srcStep int, "+
		"w, biases, ahead *uint32, aheadPairs, spread int, runs *int, runCount int, pieces *int, sums *float32, "+
		"dst *uint32, dstStride, dstParts int, before, after *uint32, resStride, resParts int, slope, limit float32)",
		"directTiles computes runCount runs of pixels times 32 channels, with numbers in 1 to 3 parts, in",
		"tiles that cfg configures, and finishes and stores their pieces. Strides are in words;",
		"dstParts and resParts are 0 for float32. While it computes the first aheadPairs pairs of",
		"runs it fetches the panel at ahead, the whole of it while spread pairs are computed: one of",
		"directSpreads.")
	g.Load(g.Param("cfg"), reg.RAX)
	g.configure(reg.RAX)
	g.Load(g.Param("sums"), directSums)
	g.Load(g.Param("runs"), directRuns)
	g.Load(g.Param("pieces"), directPiece)
	g.MOVQ(operand.I32(tileBytes), directPitch)
	g.zero(zeroes)
	g.VBROADCASTSS(g.addr("slope"), slopes)
	g.VBROADCASTSS(g.addr("limit"), limits)

	done := operand.LabelRef(name + "_done")
	label := func(parts int, rest string) string { return fmt.Sprintf("%s_%d%s", name, parts, rest) }
	g.CMPQ(g.addr("parts"), operand.U8(2))
	g.JE(operand.LabelRef(label(2, "")))
	g.JG(operand.LabelRef(label(3, "")))
	for parts := 1; parts <= 3; parts++ {
		g.Label(label(parts, ""))
		g.CMPQ(g.addr("runCount"), operand.U8(2))
		g.JLT(operand.LabelRef(label(parts, "_last")))
		g.DECQ(g.addr("aheadPairs"))
		g.JLT(operand.LabelRef(label(parts, "_two")))
		for _, spread := range directSpreads {
			other, fetching := label(parts, fmt.Sprint("_not", spread)), label(parts, fmt.Sprint("_ahead", spread))
			g.CMPQ(g.addr("spread"), operand.U8(uint8(spread)))
			g.JNE(operand.LabelRef(other))
			g.directRuns(fetching, 2, parts, spread)
			g.JMP(operand.LabelRef(label(parts, "")))
			g.Label(other)
		}
		g.Label(label(parts, "_two"))
		g.directRuns(label(parts, "_two"), 2, parts, 0)
		g.JMP(operand.LabelRef(label(parts, "")))
		g.Label(label(parts, "_last"))
		g.CMPQ(g.addr("runCount"), operand.U8(1))
		g.JLT(done)
		g.directRuns(label(parts, "_last"), 1, parts, 0)
		g.JMP(done)
	}
	g.Label(string(done))
	g.release()
	g.VZEROUPPER()
	g.RET()
}

// directSpreads are how many pairs of runs are computed while the next panel is fetched.
var directSpreads = []int{2, 4, 8}

// directRuns computes one or two runs. Where spread is not 0, it fetches that part of the next panel.
func (g *gen) directRuns(name string, runs, parts, spread int) {
	g.Comment(fmt.Sprintf("%d runs", runs))
	g.directSum(name, runs, parts, spread)
	for r := range runs {
		g.directFinish(fmt.Sprintf("%s_run%d", name, r), r)
	}
	g.ADDQ(operand.U8(tileRun*runs), directRuns)
	g.SUBQ(operand.U8(runs), g.addr("runCount"))
}

// directSum makes the sums of one or two runs and stores them.
func (g *gen) directSum(name string, runs, parts, spread int) {
	biases, none := reg.RAX, reg.RDX
	g.Load(g.Param("biases"), biases) // the same row for all pixels
	g.XORL(none.As32(), none.As32())
	for c := range 2 {
		for r := range runs {
			g.loadTile(tileMem{biases, none, c * tileBytes}, sumTile(r, c))
		}
	}
	g.Load(g.Param("segments"), tileSegment)
	g.Load(g.Param("segmentCount"), tileLeft)
	g.Load(g.Param("w"), tileWeights[0])
	g.Load(g.Param("srcStride"), tileStride)
	g.SHLQ(operand.U8(2), tileStride)
	g.Load(g.Param("srcStep"), directStep)
	g.SHLQ(operand.U8(2), directStep)
	if spread > 0 {
		g.Load(g.Param("ahead"), directNext)
	}

	g.Label(name + "_segment")
	g.Load(g.Param("src"), tilePixels[0][0])
	g.MOVQ(word(tileSegment, 0), tileCount)
	g.LEAQ(operand.Mem{Base: tilePixels[0][0], Index: tileCount, Scale: 4}, tilePixels[0][0])
	for r := runs - 1; r >= 0; r-- {
		g.MOVQ(operand.Mem{Base: directRuns, Disp: tileRun * r}, tileCount)
		g.LEAQ(operand.Mem{Base: tilePixels[0][0], Index: tileCount, Scale: 4}, tilePixels[r][0])
	}
	g.Load(g.Param("depth"), tileCount)
	g.Label(name + "_depth")
	lines := g.directProducts(runs, parts, spread)
	for r := range runs {
		g.ADDQ(directStep, tilePixels[r][0])
	}
	g.ADDQ(operand.I32(int32(2*parts*wholeTile)), tileWeights[0])
	if spread > 0 {
		g.ADDQ(operand.I32(int32(lines*cacheLine)), directNext)
	}
	g.DECQ(tileCount)
	g.JNE(operand.LabelRef(name + "_depth"))
	g.ADDQ(operand.U8(8), tileSegment)
	g.DECQ(tileLeft)
	g.JNE(operand.LabelRef(name + "_segment"))

	if spread > 0 {
		g.Store(directNext, g.Param("ahead"))
	}
	g.MOVQ(operand.I32(panelBytes), tilePanel)
	for r := range runs {
		for c := range 2 {
			g.storeTile(sumTile(r, c), tileMem{directSums, tilePanel, c*tileBytes + r*runBytes})
		}
	}
}

// directProducts adds the products of one block of channels: each tile that a product
// needs anew is loaded before it, then all of its tiles are multiplied. Between them lines
// of the next panel are fetched, the block's share of what spread pairs of runs fetch. It
// returns their number.
func (g *gen) directProducts(runs, parts, spread int) (lines int) {
	total := 0
	if spread > 0 {
		total = parts * 2 * wholeTile / cacheLine / spread
	}
	products := partProducts[parts]
	multiplications := len(products) * runs * 2
	done := 0
	loaded := [2]int{-1, -1}
	for _, p := range products {
		if p[0] != loaded[0] {
			for r := range runs {
				g.loadTile(tileMem{tilePixels[r][0], tileStride, p[0] * tileBytes}, pixelTile(r))
			}
		}
		if p[1] != loaded[1] {
			for c := range 2 {
				g.loadTile(tileMem{tileWeights[0], directPitch, (2*p[1] + c) * wholeTile}, weightTile(c))
			}
		}
		loaded = p
		for r := range runs {
			for c := range 2 {
				g.multiplyRun(r, c)
				for done++; lines < done*total/multiplications; lines++ {
					g.PREFETCHT1(operand.Mem{Base: directNext, Disp: lines * cacheLine})
				}
			}
		}
	}
	return lines
}

// Registers of constants while pixels are finished.
var zeroes, slopes, limits = reg.Z31, reg.Z30, reg.Z29

// directFinish finishes the sums of a run and stores what its pieces say.
func (g *gen) directFinish(label string, run int) {
	sums, dst, res, rows := reg.RSI, reg.RDI, reg.R10, reg.RAX
	dstStride, resStride, pieces, parts := reg.RCX, reg.RDX, reg.R9, reg.R8
	g.Load(g.Param("dstStride"), dstStride)
	g.SHLQ(operand.U8(2), dstStride)
	g.Load(g.Param("resStride"), resStride)
	g.SHLQ(operand.U8(2), resStride)
	g.MOVQ(operand.Mem{Base: directRuns, Disp: tileRun*run + 8*runPieces}, pieces)
	g.TESTQ(pieces, pieces)
	g.JEQ(operand.LabelRef(label + "_done"))
	g.Label(label + "_piece")
	g.MOVQ(word(directPiece, pieceRow), sums)
	g.SHLQ(operand.U8(7), sums) // panelBytes
	g.LEAQ(operand.Mem{Base: directSums, Index: sums, Scale: 1, Disp: run * runBytes}, sums)
	g.MOVQ(word(directPiece, pieceCount), rows)
	g.Load(g.Param("dst"), dst)
	g.MOVQ(word(directPiece, pieceDst), parts)
	g.LEAQ(operand.Mem{Base: dst, Index: parts, Scale: 4}, dst)
	g.MOVQ(word(directPiece, pieceRes), res)
	g.SHLQ(operand.U8(2), res)
	g.ADDQ(operand.U8(tilePiece), directPiece)

	low, high := reg.Z0, reg.Z1 // channels 0 to 15, 16 to 31
	g.Label(label + "_pixel")
	g.VMOVUPS(operand.Mem{Base: sums}, low)
	g.VMOVUPS(operand.Mem{Base: sums, Disp: tileBytes}, high)
	g.directResidual(label, "before", res, low, high)
	for i, x := range []reg.VecPhysical{low, high} {
		negative := [...]reg.OpmaskPhysical{reg.K3, reg.K4}[i]
		g.VCMPPS(operand.U8(lessThan), zeroes, x, negative)
		g.VMULPS(slopes, x, negative, x)
		g.VMINPS(x, limits, x) // of equals and of a NaN: the second, x
	}
	g.directResidual(label, "after", res, low, high)

	floats, stored := label+"_floats", label+"_stored"
	g.Load(g.Param("dstParts"), parts)
	g.CMPQ(parts, operand.U8(1))
	g.JLT(operand.LabelRef(floats))
	g.bf16(vcvtne2ps2bf16, low, high, reg.Z2)
	g.VMOVUPS(reg.Z2, operand.Mem{Base: dst})
	g.JEQ(operand.LabelRef(stored))
	g.leave(low, high, reg.Z2)
	g.VMOVUPS(low, operand.Mem{Base: dst, Disp: tileBytes})
	g.JMP(operand.LabelRef(stored))
	g.Label(floats)
	g.VMOVUPS(low, operand.Mem{Base: dst})
	g.VMOVUPS(high, operand.Mem{Base: dst, Disp: tileBytes})
	g.Label(stored)
	g.ADDQ(operand.I32(panelBytes), sums)
	g.ADDQ(dstStride, dst)
	g.ADDQ(resStride, res)
	g.DECQ(rows)
	g.JNE(operand.LabelRef(label + "_pixel"))
	g.DECQ(pieces)
	g.JNE(operand.LabelRef(label + "_piece"))
	g.Label(label + "_done")
}

// directResidual adds the residual of a pixel, res bytes from the parameter name on, where that is not
// nil.
func (g *gen) directResidual(label, name string, res reg.Register, low, high reg.VecPhysical) {
	base, parts := reg.R13, reg.R8
	floats, add, done := label+"_floats_"+name, label+"_add_"+name, label+"_without_"+name
	g.Load(g.Param(name), base)
	g.TESTQ(base, base)
	g.JEQ(operand.LabelRef(done))
	at := func(disp int) operand.Mem { return operand.Mem{Base: base, Index: res, Scale: 1, Disp: disp} }
	load := func(part int, low, high reg.VecPhysical) { // 32 numbers of bf16
		for i, x := range []reg.VecPhysical{low, high} {
			g.VPMOVZXWD(at(part*tileBytes+32*i), x)
			g.VPSLLD(operand.U8(16), x, x)
		}
	}
	g.Load(g.Param("resParts"), parts)
	g.CMPQ(parts, operand.U8(1))
	g.JLT(operand.LabelRef(floats))
	load(0, reg.Z2, reg.Z3)
	g.JEQ(operand.LabelRef(add))
	load(1, reg.Z4, reg.Z5)
	g.VADDPS(reg.Z4, reg.Z2, reg.Z2)
	g.VADDPS(reg.Z5, reg.Z3, reg.Z3)
	g.Label(add)
	g.VADDPS(reg.Z2, low, low)
	g.VADDPS(reg.Z3, high, high)
	g.JMP(operand.LabelRef(done))
	g.Label(floats)
	g.VADDPS(at(0), low, low)
	g.VADDPS(at(tileBytes), high, high)
	g.Label(done)
}

// thirds writes the function behind RoundThirds.
func (g *gen) thirds() {
	const name = "roundThirds"
	g.text(name, "func(dst *uint32, dstStride int, src *float32, srcStride, m int)",
		"roundThirds stores m blocks of 32 floats in three parts of bf16. Strides are in words.")
	src, dst := g.Load(g.Param("src"), g.GP64()), g.Load(g.Param("dst"), g.GP64())
	srcStride, dstStride := g.loadBytes("srcStride"), g.loadBytes("dstStride")
	m := g.Load(g.Param("m"), g.GP64())
	g.Label(name + "_block")
	low, high, pairs := reg.Z0, reg.Z1, reg.Z2
	g.VMOVUPS(operand.Mem{Base: src}, low)
	g.VMOVUPS(operand.Mem{Base: src, Disp: tileBytes}, high)
	for part := range 3 {
		if part > 0 {
			g.leaveFloats(low, high, pairs)
		}
		g.bf16(vcvtne2ps2bf16, low, high, pairs)
		g.VMOVUPS(pairs, operand.Mem{Base: dst, Disp: part * tileBytes})
	}
	g.nextPixel(name+"_block", m, src, srcStride, dst, dstStride)
}
