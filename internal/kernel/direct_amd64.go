//go:build !purego

package kernel

// directSpread returns during how many pairs of runs the next panel is fetched into the
// second-level cache: as many as there are, of those that the assembly knows, since a core has 16
// requests on their way at most, and tiles that are loaded meanwhile wait for them. Of CSPDarknet50's
// 3x3 layers at medium, on one thread of Emerald Rapids, those of 16 runs take 0.24 ms with
// two pairs and 0.21 with eight, those of 4 runs 0.47 with two and 0.50 where fewer lines are fetched.
func directSpread(runs int) int {
	switch {
	case runs >= 16:
		return 8
	case runs >= 8:
		return 4
	}
	return 2
}

const (
	// directCall bounds a call in assembly, which nothing can interrupt, by its products of
	// tiles: garbage collection waits for it, and whoever cancels. Each takes 7 ns, up to ten
	// times that where pixels and weights come from memory: see BenchmarkDirectCall.
	directCall = 1 << 14
	// directRuns bounds it where moving pixels takes longer than multiplying them: 16,384
	// pixels of 64 channels take up to a millisecond.
	directRuns = 1 << 10
)

// directAMX is DirectGeneric in tiles.
func directAMX(d *Direct, runs []TileRun, pieces []TilePiece, dst, src, res, w, next []Pair, sums []float32) {
	d.check(runs, pieces, dst, src, res, w, sums)
	cfg := tileConfig(d.Length, d.pairs())
	var before, after, fetch *uint32
	if res != nil {
		if d.ActLast {
			before = (*uint32)(&res[0])
		} else {
			after = (*uint32)(&res[0])
		}
	}
	perRun := 2 * d.Blocks() * len(partProducts[d.Parts])
	most := min(max(directCall/perRun&^1, 4), directRuns)
	ahead, spread := 0, directSpread(min(most, len(runs)))
	if len(next) >= d.PackedDirect() {
		fetch, ahead = (*uint32)(&next[0]), spread
	}
	for len(pieces) > 0 {
		batch := runs[:min(most, len(runs))]
		directTiles(&cfg[0], d.Parts, &d.Segments[0], len(d.Segments), max(d.Depth, 1),
			(*uint32)(&src[0]), d.SrcStride, d.Src.Words(BlockChannels),
			(*uint32)(&w[BlockChannels]), (*uint32)(&w[0]), fetch, ahead, spread, &batch[0].Src, len(batch), &pieces[0].Row, &sums[0],
			(*uint32)(&dst[0]), d.DstStride, int(d.Dst), before, after, d.ResStride, int(d.Res), d.Act.Slope, d.Act.Max)
		for _, r := range batch {
			pieces = pieces[r.Pieces:]
		}
		runs, ahead = runs[len(batch):], 0
	}
}

// roundPlanesAMX is RoundPlanesGeneric by AVX512_BF16.
func roundPlanesAMX(p *Planes, m int, dst []Pair, src []float32) {
	p.check(m, dst, src)
	roundPlanes((*uint32)(&dst[0]), &src[0], p.Plane, p.Channels, m)
}

// roundThirdsAMX is RoundThirdsGeneric by AVX512_BF16.
func roundThirdsAMX(r *Rounding, m int, dst []Pair, src []float32) {
	r.check(m, 2*PartWords, dst, src)
	roundThirds((*uint32)(&dst[0]), r.DstStride, &src[0], r.SrcStride, m)
}
