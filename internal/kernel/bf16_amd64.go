//go:build !purego

package kernel

// roundBF16AVX512 is RoundBF16Generic by AVX512_BF16.
func roundBF16AVX512(r *Rounding, m int, dst []Pair, src []float32) {
	r.check(m, 0, dst, src)
	roundBF16((*uint32)(&dst[0]), r.DstStride, &src[0], r.SrcStride, r.Channels, m)
}

// panelBF16AVX512 is PanelBF16Generic for a Width of 32, by AVX512_BF16.
func panelBF16AVX512(p *Panel, rows Rows, dst []float32, src, w []Pair, res []float32) {
	const width, lanes, pixels = 32, 16, 14
	channels := rows.check(p, width, 0, dst, len(src), len(w), res)
	mask := uint32(1<<channels - 1)
	linear := p.Act == Identity
	for y := range rows.Count {
		dst, src, res := rows.row(p, y, channels, dst, src, res)
		for i, n := 0, 0; i < rows.Pixels; i += n {
			n = tile(rows.Pixels-i, pixels)
			before, after := p.residual(res, i*p.ResStride)
			if channels > lanes {
				panelBF16x2(&p.Segments[0], len(p.Segments), p.SegmentLen, (*uint32)(&src[i*p.SrcStride]), p.SrcStride, (*uint32)(&w[0]), n,
					&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear, mask)
			} else {
				panelBF16x1(&p.Segments[0], len(p.Segments), p.SegmentLen, (*uint32)(&src[i*p.SrcStride]), p.SrcStride, (*uint32)(&w[0]), n,
					&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear, mask)
			}
		}
	}
}
