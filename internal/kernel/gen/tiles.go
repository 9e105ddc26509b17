package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Sizes in bytes of what tiles are loaded from and stored to.
const (
	tileBytes  = 64              // of a row: 16 pairs or 16 floats
	panelBytes = 2 * tileBytes   // of a row of weights, and of a pixel's sums
	runBytes   = 16 * panelBytes // of the sums of a run, which has at most 16 pixels
	depthBytes = 16 * panelBytes // of as many rows of weights as a tile holds
)

// Tiles: sums of run r and of columns c in TMM(2r+c), pixels of a run in TMM4 and TMM5,
// weights of columns in TMM6 and TMM7.
func sumTile(run, column int) uint8 { return uint8(2*run + column) }
func pixelTile(run int) uint8       { return uint8(4 + run) }
func weightTile(column int) uint8   { return uint8(6 + column) }

// The registers of the functions of tiles. All are named, since avo does not see what
// tile instructions use.
var (
	tileSums    = reg.RBX                                                    // where sums are stored
	tileStart   = reg.R12                                                    // what sums start from
	tileRuns    = reg.R11                                                    // where runs begin
	tileStride  = reg.R8                                                     // of pixels
	tilePanel   = reg.R9                                                     // panelBytes
	tileCount   = reg.RAX                                                    // depths left of a segment; free outside of its loop
	tileSegment = reg.RDX                                                    // free outside of the loop of segments
	tileLeft    = reg.RCX                                                    // segments left
	tileWeights = [2]reg.Register{reg.RSI, reg.R15}                          // high, low
	tilePixels  = [2][2]reg.Register{{reg.RDI, reg.R13}, {reg.R10, reg.R14}} // of run 0, 1: high, low
)

// tileFunctions writes the functions that multiply tiles.
func (g *gen) tileFunctions() {
	for columns := 1; columns <= 2; columns++ {
		g.multiply(columns, false)
		g.multiply(columns, true)
	}
	for columns := 1; columns <= 2; columns++ {
		g.finish(columns)
	}
}

// multiply writes the function that makes the sums of runs of pixels, two runs at a
// time as long as there are two: then each tile that is loaded is multiplied twice. It
// configures tiles and releases them, so that no other code finds them in use.
func (g *gen) multiply(columns int, split bool) {
	name, low := fmt.Sprintf("tilesBF16x%d", columns), ""
	doc := []string{
		"%s computes the sums of runCount runs of pixels times %d columns of 16",
		"channels in tiles that cfg configures. From each segment it takes depth times as",
		"many pairs as a tile of weights has rows, and steps over wSkip rows of weights",
		"after them. Sums start from biases or go on from what they are; they are stored as rows",
		"of 32, 16 for each run. src and w are offset by what has been summed.",
	}
	if split {
		name, low = fmt.Sprintf("tilesSplitx%d", columns), "low, wLow int, "
		doc = append(doc, "Low parts are low and wLow pairs after high ones. It adds the products of low and",
			"high parts, of high ones, and of high and low ones.")
	}
	doc[0] = fmt.Sprintf(doc[0], name, columns)
	g.text(name, "func(cfg *byte, segments *int, segmentCount, depth int, src *uint32, srcStride int, w *uint32, wSkip int, "+low+
		"biases *uint32, goOn bool, runs *int, runCount int, sums *float32)", doc...)
	g.Load(g.Param("cfg"), tileCount)
	g.configure(tileCount)
	g.Load(g.Param("sums"), tileSums)
	g.MOVQ(tileSums, tileStart)
	g.CMPB(g.addr("goOn"), operand.U8(0))
	g.JNE(operand.LabelRef(name + "_sums"))
	g.Load(g.Param("biases"), tileStart)
	g.Label(name + "_sums")
	g.Load(g.Param("runs"), tileRuns)
	g.Load(g.Param("srcStride"), tileStride)
	g.SHLQ(operand.U8(2), tileStride)
	g.MOVQ(operand.I32(panelBytes), tilePanel)

	one, done := operand.LabelRef(name+"_one"), operand.LabelRef(name+"_done")
	g.Label(name + "_two")
	g.CMPQ(g.addr("runCount"), operand.U8(2))
	g.JLT(one)
	g.tileBlock(name+"_two", 2, columns, split)
	g.SUBQ(operand.U8(2), g.addr("runCount"))
	g.JMP(operand.LabelRef(name + "_two"))
	g.Label(string(one))
	g.CMPQ(g.addr("runCount"), operand.U8(1))
	g.JLT(done)
	g.tileBlock(string(one), 1, columns, split)
	g.Label(string(done))
	g.release()
	g.RET()
}

// tileBlock makes the sums of one or two runs.
func (g *gen) tileBlock(name string, runs, columns int, split bool) {
	parts := 1
	if split {
		parts = 2
	}
	g.Comment(fmt.Sprintf("%d runs", runs))
	stride, step := tileCount, tileSegment
	g.Load(g.Param("goOn"), stride) // biases are the same row for all pixels
	g.SHLQ(operand.U8(7), stride)   // panelBytes
	g.MOVQ(stride, step)
	g.SHLQ(operand.U8(4), step)
	for r := range runs {
		for c := range columns {
			g.loadTile(tileMem{tileStart, stride, c * tileBytes}, sumTile(r, c))
		}
		g.ADDQ(step, tileStart)
	}
	g.Load(g.Param("segments"), tileSegment)
	g.Load(g.Param("segmentCount"), tileLeft)
	g.Load(g.Param("w"), tileWeights[0])
	if split {
		g.lowPart("wLow", tileWeights)
	}

	g.Label(name + "_segment")
	g.Load(g.Param("src"), tilePixels[0][0])
	g.MOVQ(operand.Mem{Base: tileSegment}, tileCount)
	g.LEAQ(operand.Mem{Base: tilePixels[0][0], Index: tileCount, Scale: 4}, tilePixels[0][0])
	for r := runs - 1; r >= 0; r-- {
		g.MOVQ(operand.Mem{Base: tileRuns, Disp: 8 * r}, tileCount)
		g.LEAQ(operand.Mem{Base: tilePixels[0][0], Index: tileCount, Scale: 4}, tilePixels[r][0])
		if split {
			g.lowPart("low", tilePixels[r])
		}
	}
	g.Load(g.Param("depth"), tileCount)
	g.Label(name + "_depth")
	if split {
		g.splitProducts(runs, columns)
	} else {
		g.tileProducts(runs, columns)
	}
	for part := range parts {
		for r := range runs {
			g.ADDQ(operand.I32(tileBytes), tilePixels[r][part])
		}
		g.ADDQ(operand.I32(depthBytes), tileWeights[part])
	}
	g.DECQ(tileCount)
	g.JNE(operand.LabelRef(name + "_depth"))
	g.Load(g.Param("wSkip"), tileCount)
	g.SHLQ(operand.U8(7), tileCount) // panelBytes
	for part := range parts {
		g.ADDQ(tileCount, tileWeights[part])
	}
	g.ADDQ(operand.U8(8), tileSegment)
	g.DECQ(tileLeft)
	g.JNE(operand.LabelRef(name + "_segment"))

	for r := range runs {
		for c := range columns {
			g.storeTile(sumTile(r, c), tileMem{tileSums, tilePanel, c * tileBytes})
		}
		g.ADDQ(operand.I32(runBytes), tileSums)
	}
	g.ADDQ(operand.U8(8*runs), tileRuns)
}

// lowPart points p[1] at what lies the given number of pairs after p[0].
func (g *gen) lowPart(param string, p [2]reg.Register) {
	g.Load(g.Param(param), p[1])
	g.LEAQ(operand.Mem{Base: p[0], Index: p[1], Scale: 4}, p[1])
}

func (g *gen) loadPixels(run, part int) {
	g.loadTile(tileMem{base: tilePixels[run][part], stride: tileStride}, pixelTile(run))
}

func (g *gen) loadWeights(column, part int) {
	g.loadTile(tileMem{tileWeights[part], tilePanel, column * tileBytes}, weightTile(column))
}

func (g *gen) multiplyRun(run, column int) {
	g.multiplyTiles(pixelTile(run), weightTile(column), sumTile(run, column))
}

// tileProducts adds the products of one depth: for two runs and two columns 4 loads
// and 4 multiplications, each load as late as it can be.
func (g *gen) tileProducts(runs, columns int) {
	g.loadPixels(0, 0)
	for c := range columns {
		g.loadWeights(c, 0)
		g.multiplyRun(0, c)
	}
	for r := 1; r < runs; r++ {
		g.loadPixels(r, 0)
		for c := range columns {
			g.multiplyRun(r, c)
		}
	}
}

// splitProducts adds the three products of one depth: for two runs and two columns 8
// loads and 12 multiplications. High weights stay for low and high pixels, then high
// pixels for low weights.
func (g *gen) splitProducts(runs, columns int) {
	const high, low = 0, 1
	g.loadPixels(0, low)
	for c := range columns {
		g.loadWeights(c, high)
		g.multiplyRun(0, c)
	}
	for r := 1; r < runs; r++ {
		g.loadPixels(r, low)
		for c := range columns {
			g.multiplyRun(r, c)
		}
	}
	for r := range runs {
		g.loadPixels(r, high)
		for c := range columns {
			g.multiplyRun(r, c)
		}
	}
	for c := range columns {
		g.loadWeights(c, low)
		for r := range runs {
			g.multiplyRun(r, c)
		}
	}
}

// finishPixels is how many pixels the function that finishes sums takes at most.
const finishPixels = 8

// finish writes the function that finishes sums and stores them.
func (g *gen) finish(columns int) {
	name := fmt.Sprintf("finishTilesx%d", columns)
	g.text(name, "func(sums *float32, m int, "+epilogueParams+", channels uint32)",
		fmt.Sprintf("%s finishes the sums of 1 ≤ m ≤ %d pixels, rows of 32 of which %d columns of 16", name, finishPixels, columns),
		"are there, and stores them. Strides are in floats. The residual is added before or after",
		"the activation, where it is not nil; linear leaves the activation out.")
	lanes := g.GP32()
	g.Load(g.Param("channels"), lanes)
	g.setMasks(lanes)
	m := g.Load(g.Param("m"), g.GP64())
	g.choose(m, 1, finishPixels, name)
	for n := 1; n <= finishPixels; n++ {
		label := fmt.Sprintf("%s_pixels%d", name, n)
		g.Label(label)
		sum := func(i, c int) reg.VecPhysical { return g.regs[i*columns+c] }
		from := g.Load(g.Param("sums"), g.GP64())
		for i := range n {
			for c := range columns {
				g.VMOVUPS(operand.Mem{Base: from, Disp: i*panelBytes + c*tileBytes}, sum(i, c))
			}
		}
		g.epilogue(label, grid(n, columns, sum), n, nil, g.regs[n*columns:])
		g.VZEROUPPER()
		g.RET()
	}
}
