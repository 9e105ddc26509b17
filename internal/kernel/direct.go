package kernel

import (
	"fmt"
	"math"
)

// A Direct describes panels of 32 output channels of a convolution that is computed from
// stored channels to stored channels: what one writes is what the next one's tiles are
// loaded from.
type Direct struct {
	// Segments are the places of the taps: offsets of words in src, relative to a pixel's
	// first tap. From each, Depth consecutive blocks of 32 channels are read, or where Depth is 0
	// only the first Pairs words, fewer than 16: so does a first layer read its few channels.
	Segments     []int
	Depth, Pairs int
	// Length is the pixels of a run, 1 to 16.
	Length int
	// SrcStride, DstStride and ResStride lead from one pixel to the next, in words. Src,
	// Dst and Res are how pixels are stored there: Src in parts, Dst in at most two, and
	// so the residual.
	SrcStride, DstStride, ResStride int
	Src, Dst, Res                   Storage
	// Parts, 1 to 3, is how many parts of a number are multiplied, at most as many as Src
	// has: see partProducts.
	Parts int
	Epilogue
}

// partProducts are, for each number of parts, the products that stand for one of whole
// numbers, smallest first: of which part of the input, and of which of the weight. What is left
// out is as small as what rounding leaves: 2^-8 of the product with one part, 2^-16 with
// two, and with three 2^-24, as in float32. From one product to the next, one side
// changes.
var partProducts = [...][][2]int{
	1: {{0, 0}},
	2: {{1, 0}, {0, 0}, {0, 1}},
	3: {{2, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 2}, {0, 0}},
}

// A TileRun is Length pixels whose input begins SrcStride apart, the first at word Src. The next
// Pieces pieces say what becomes of them.
type TileRun struct{ Src, Pieces int }

// A TilePiece is Count pixels of a run, from pixel Row on, which are stored DstStride apart
// from word Dst on, with a residual from word Res on. Pixels of a run that lie in no piece
// are not stored.
type TilePiece struct{ Row, Count, Dst, Res int }

// tileWords is the words of a tile: 16 rows of 16 pairs.
const tileWords = 16 * 16

// PackedDirect returns the words of a packed panel; see DirectGeneric.
func (d *Direct) PackedDirect() int {
	return BlockChannels + d.Blocks()*d.Parts*2*tileWords
}

// Blocks returns the blocks of all segments; Pairs words count as one.
func (d *Direct) Blocks() int { return len(d.Segments) * max(d.Depth, 1) }

// pairs returns the pairs of a row of a tile.
func (d *Direct) pairs() int {
	if d.Depth == 0 {
		return d.Pairs
	}
	return PartWords
}

// DirectWeight returns where in a packed panel a part of the weight of input channel k of a block, and
// of output channel c, is: the word, of which even k are the first half. Blocks are counted
// over all segments.
func (d *Direct) DirectWeight(block, part, k, c int) int {
	return BlockChannels + ((block*d.Parts+part)*2+c/16)*tileWords + k/2*16 + c%16
}

// check panics where an offset leads out of a slice: an error of the caller.
func (d *Direct) check(runs []TileRun, pieces []TilePiece, dst, src, res, w []Pair, sums []float32) {
	noWords := d.Depth == 0 && (d.Pairs < 1 || d.Pairs > PartWords || d.Parts > 1 || d.Src != Pairs)
	if len(d.Segments) == 0 || d.Depth < 0 || noWords || d.Length < 1 || d.Length > 16 || d.Parts < 1 || d.Parts > 3 ||
		Storage(d.Parts) > d.Src || d.Src > Thirds || d.Dst > Halves || d.Res > Halves || d.SrcStride < 0 || d.DstStride < 0 || d.ResStride < 0 {
		panic(fmt.Sprintf("kernel: direct: %+v is out of range", *d))
	}
	if len(w) < d.PackedDirect() || len(sums) < DirectSums {
		panic(fmt.Sprintf("kernel: direct: %d words of weights and room for %d sums, expected %d and %d", len(w), len(sums),
			d.PackedDirect(), DirectSums))
	}
	far := 0
	for _, at := range d.Segments {
		if at < 0 {
			panic(fmt.Sprintf("kernel: direct: segment at %d", at))
		}
		far = max(far, at)
	}
	far += (d.Length-1)*d.SrcStride + max(d.Src.Words(BlockChannels*d.Depth), d.pairs())
	count := 0
	for _, r := range runs {
		if r.Src < 0 || r.Pieces < 0 || r.Src+far > len(src) {
			panic(fmt.Sprintf("kernel: direct: run %+v: src of %d words, %d are read", r, len(src), r.Src+far))
		}
		count += r.Pieces
	}
	if count != len(pieces) {
		panic(fmt.Sprintf("kernel: direct: runs of %d pieces, found %d", count, len(pieces)))
	}
	for _, p := range pieces {
		if p.Row < 0 || p.Count < 1 || p.Row+p.Count > d.Length || p.Dst < 0 ||
			p.Dst+(p.Count-1)*d.DstStride+d.Dst.Words(BlockChannels) > len(dst) ||
			res != nil && (p.Res < 0 || p.Res+(p.Count-1)*d.ResStride+d.Res.Words(BlockChannels) > len(res)) {
			panic(fmt.Sprintf("kernel: direct: piece %+v of a run of %d: dst of %d words, residual of %d", p, d.Length, len(dst), len(res)))
		}
	}
}

// DirectSums is the floats of the scratch memory that Direct wants.
const DirectSums = 2 * 16 * BlockChannels

// DirectGeneric computes 32 channels of runs of pixels. For every pixel i of every piece of every
// run, with x = src[run.Src+(piece.Row+i)*SrcStride:], and every channel c,
//
//	sum = math.Float32frombits(uint32(w[c]))
//	for s, at := range d.Segments {
//		for k := range BlockChannels * d.Depth { // or 2*d.Pairs
//			for _, p := range partProducts[d.Parts] {
//				sum += (part p[0] of channel k of x[at:]) * (part p[1] of the weight of k and c)
//			}
//		}
//	}
//	store channel c of dst[piece.Dst+i*DstStride:] = d.Apply(sum, channel c of res[piece.Res+i*ResStride:])
//
// in some order. w is a packed panel: the biases as the bits of float32, then tiles, laid out as
// DirectWeight says. A nil res adds nothing; res may overlap dst only where both are the same
// words. next is the panel that will be computed after w, or nil: a hint that changes no
// result. sums is scratch memory of DirectSums floats.
func DirectGeneric(d *Direct, runs []TileRun, pieces []TilePiece, dst, src, res, w, next []Pair, sums []float32) {
	d.check(runs, pieces, dst, src, res, w, sums)
	for _, run := range runs {
		for _, p := range pieces[:run.Pieces] {
			for i := range p.Count {
				x, out := src[run.Src+(p.Row+i)*d.SrcStride:], dst[p.Dst+i*d.DstStride:]
				values := sums[:BlockChannels]
				for c := range values {
					sum := d.sum(x, w, c)
					if res == nil {
						values[c] = d.Act.Apply(sum)
					} else {
						values[c] = d.Apply(sum, d.Res.Get(res[p.Res+i*d.ResStride:], c))
					}
				}
				for c, v := range values {
					d.Dst.put(out, c, v)
				}
			}
		}
		pieces = pieces[run.Pieces:]
	}
}

// sum returns the sum of channel c for the pixel whose first tap begins with x.
func (d *Direct) sum(x, w []Pair, c int) float32 {
	sum := math.Float32frombits(uint32(w[c]))
	block := 0
	for _, at := range d.Segments {
		for i := range max(d.Depth, 1) {
			for _, p := range partProducts[d.Parts] {
				values := x[at+d.Src.Words(i*BlockChannels)+PartWords*p[0]:][:d.pairs()]
				weights := w[d.DirectWeight(block, p[1], 0, c):]
				for k, v := range values {
					a0, a1 := v.Floats()
					b0, b1 := weights[16*k].Floats()
					sum += a0 * b0
					sum += a1 * b1
				}
			}
			block++
		}
	}
	return sum
}
