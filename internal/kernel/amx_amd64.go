//go:build !purego

package kernel

// Tiles as AMX has them: 16 rows of 16 pairs or floats. A run is up to 16 pixels that
// lie the same distance apart, the rows of a tile; two runs and two tiles of channels are
// multiplied at a time: the shape of the prototypes that were timed on Sapphire Rapids.
//
// A function in assembly configures tiles and releases them before it returns: neither
// goroutines nor signal handlers ever find them in use, and no thread needs to be locked.
// It makes the sums of a batch of runs only, so that the garbage collector, which has to
// wait for it, does not wait long.
const (
	tileRows  = 16 // pixels of a run at most
	tileDepth = 16 // pairs
	tileBatch = 4  // runs of one call; their sums should stay in the first-level cache
	tileWidth = 32 // channels, Width of the variant
)

// roundSplitAVX512 is RoundSplitGeneric by AVX512_BF16.
func roundSplitAVX512(r *Rounding, m int, dst []Pair, src []float32) {
	r.check(m, r.Low, dst, src)
	roundSplit((*uint32)(&dst[0]), r.DstStride, r.Low, &src[0], r.SrcStride, r.Channels, m)
}

// panelBF16AMX is PanelBF16Generic for a Width of 32.
func panelBF16AMX(p *Panel, rows Rows, dst []float32, src, w []Pair, res []float32) {
	channels := rows.check(p, tileWidth, 0, dst, len(src), len(w), res)
	panelTiles(p, &rows, channels, false, dst, src, w, res)
}

// panelSplitAMX is PanelSplitGeneric for a Width of 32.
func panelSplitAMX(p *Panel, rows Rows, dst []float32, src, w []Pair, res []float32) {
	channels := rows.check(p, tileWidth, rows.Low, dst, len(src), len(w)/2, res)
	panelTiles(p, &rows, channels, true, dst, src, w, res)
}

// panelTiles computes rows in batches of runs: their sums, then what the epilogue makes of
// them.
func panelTiles(p *Panel, rows *Rows, channels int, split bool, dst []float32, src, w []Pair, res []float32) {
	var sums [tileBatch * runSums]float32
	var starts [tileBatch]int
	r := divide(rows, p.SrcStride)
	// Whole tiles of pairs of all segments, then what is left of each: all tiles have one
	// shape until they are configured anew.
	whole, rest := p.SegmentLen/tileDepth, p.SegmentLen%tileDepth
	for first := 0; first < r.count; first += tileBatch {
		batch := starts[:min(tileBatch, r.count-first)]
		for i := range batch {
			y, x := r.start(rows, first+i)
			batch[i] = y*rows.Src + x*p.SrcStride
		}
		t := tileSum{rows.Low, channels, split, batch, &sums}
		if whole > 0 {
			t.add(p, tileConfig(r.length, tileDepth), 0, whole, src, w)
		}
		if rest > 0 {
			t.add(p, tileConfig(r.length, rest), whole, 1, src, w)
		}
		for i := range batch {
			finishRun(p, rows, &r, first+i, channels, sums[i*runSums:], dst, res)
		}
	}
}

// runSums is the floats from the sums of one run to those of the next.
const runSums = tileRows * tileWidth

// tileSum is a batch of runs of which the sums are made.
type tileSum struct {
	low, channels int
	split         bool
	starts        []int
	sums          *[tileBatch * runSums]float32
}

// add adds up depths of each segment, from the given one on: as many pairs each as cfg
// configures. The sums start from the biases with depth 0 and go on otherwise.
func (t *tileSum) add(p *Panel, cfg [64]byte, from, depths int, src, w []Pair) {
	skip := p.SegmentLen - depths*tileDepth // rows of weights
	pairs := from * tileDepth
	x, weights, biases := (*uint32)(&src[pairs]), (*uint32)(&w[(1+pairs)*tileWidth]), (*uint32)(&w[0])
	wide := t.channels > tileWidth/2
	switch wLow := len(w) / 2; {
	case t.split && wide:
		tilesSplitx2(&cfg[0], &p.Segments[0], len(p.Segments), depths, x, p.SrcStride, weights, skip, t.low, wLow, biases, from > 0, &t.starts[0], len(t.starts), &t.sums[0])
	case t.split:
		tilesSplitx1(&cfg[0], &p.Segments[0], len(p.Segments), depths, x, p.SrcStride, weights, skip, t.low, wLow, biases, from > 0, &t.starts[0], len(t.starts), &t.sums[0])
	case wide:
		tilesBF16x2(&cfg[0], &p.Segments[0], len(p.Segments), depths, x, p.SrcStride, weights, skip, biases, from > 0, &t.starts[0], len(t.starts), &t.sums[0])
	default:
		tilesBF16x1(&cfg[0], &p.Segments[0], len(p.Segments), depths, x, p.SrcStride, weights, skip, biases, from > 0, &t.starts[0], len(t.starts), &t.sums[0])
	}
}

// tileConfig returns the operand of LDTILECFG for tiles of pixels of length rows, and tiles
// of weights of depth rows: Intel 64 and IA-32 Architectures Software Developer's Manual,
// volume 1, 18.
func tileConfig(length, depth int) (cfg [64]byte) {
	cfg[0] = 1 // the palette
	set := func(tile, rows, bytes int) { cfg[16+2*tile], cfg[48+tile] = byte(bytes), byte(rows) }
	for tile := range 4 {
		set(tile, length, 4*tileDepth) // sums
	}
	for tile := range 2 {
		set(4+tile, length, 4*depth)
		set(6+tile, depth, 4*tileDepth)
	}
	return cfg
}

// runs is how rows are divided into runs of equal length: a part of a row each, or some
// short rows with what lies between them. The last of a row, or of all, may begin before
// the end of the one before; what it computes again is not stored again.
type runs struct {
	count, length int
	parts         int // of a row
	rows          int // of a run, whole ones where there are several
	step          int // pixels from the beginning of a row to the next
}

// divide divides rows whose pixels lie stride pairs apart.
func divide(r *Rows, stride int) runs {
	if parts := (r.Pixels + tileRows - 1) / tileRows; parts > 1 {
		return runs{r.Count * parts, (r.Pixels + parts - 1) / parts, parts, 1, 0}
	}
	rows, step := 1, 0
	if stride > 0 && r.Src > 0 && r.Src%stride == 0 {
		step = r.Src / stride
		rows = min(r.Count, 1+(tileRows-r.Pixels)/step)
	}
	return runs{(r.Count + rows - 1) / rows, (rows-1)*step + r.Pixels, 1, rows, step}
}

// start returns the row and the pixel that a run begins with.
func (r *runs) start(rows *Rows, run int) (y, x int) {
	y = min(run/r.parts*r.rows, rows.Count-r.rows)
	if r.parts > 1 {
		x = min(run%r.parts*r.length, rows.Pixels-r.length)
	}
	return y, x
}

// finishRun finishes and stores the pixels of a run that those before it have left.
func finishRun(p *Panel, rows *Rows, r *runs, run, channels int, sums, dst, res []float32) {
	y0, x0 := r.start(rows, run)
	x := run % r.parts * r.length
	for y := run / r.parts * r.rows; y < y0+r.rows; y++ {
		at := (y-y0)*r.step + x - x0
		finishPixels(p, min(r.length, rows.Pixels-x), channels, sums[at*tileWidth:], dst[y*rows.Dst+x*p.DstStride:], res, y*rows.Res+x*p.ResStride)
	}
}

// finishPixels finishes and stores m pixels, whose residual begins at float from.
func finishPixels(p *Panel, m, channels int, sums, dst, res []float32, from int) {
	const pixels = 8
	linear, mask := p.Act == Identity, uint32(1<<channels-1)
	for i, n := 0, 0; i < m; i += n {
		n = tile(m-i, pixels)
		before, after := p.residual(res, from+i*p.ResStride)
		if channels > tileWidth/2 {
			finishTilesx2(&sums[i*tileWidth], n, &dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear, mask)
		} else {
			finishTilesx1(&sums[i*tileWidth], n, &dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear, mask)
		}
	}
}
