//go:build !purego

package kernel

// panelAVX2 is PanelGeneric for a Width of 16, with fused multiply-adds.
func panelAVX2(p *Panel, m int, dst, src, w, res []float32) {
	const width, lanes, pixels = 16, 8, 6
	channels := p.check(width, m, dst, len(src), len(w), res)
	if channels%lanes != 0 {
		panelScratch(p, channels, m, dst, src, w, res)
		return
	}
	linear := p.Act == Identity
	for i, n := 0, 0; i < m; i += n {
		n = tile(m-i, pixels)
		before, after := p.residual(res, i*p.ResStride)
		if channels > lanes {
			panel256x2(&p.Segments[0], len(p.Segments), p.SegmentLen, &src[i*p.SrcStride], p.SrcStride, &w[0], n,
				&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear)
		} else {
			panel256x1(&p.Segments[0], len(p.Segments), p.SegmentLen, &src[i*p.SrcStride], p.SrcStride, &w[0], n,
				&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear)
		}
	}
}

// panelScratch computes a panel whose last register of channels is not full, by way
// of whole registers on the stack: AVX2 stores a part of one only slowly.
func panelScratch(p *Panel, channels, m int, dst, src, w, res []float32) {
	const width, pixels = 16, 6
	q := *p
	q.DstStride, q.ResStride = width, width
	var whole, r [pixels * width]float32
	for i := 0; i < m; i += pixels {
		n := min(pixels, m-i)
		var rs []float32
		if res != nil {
			rs = r[:n*width]
			for j := range n {
				copy(r[j*width:][:channels], res[(i+j)*p.ResStride:])
			}
		}
		panelAVX2(&q, n, whole[:n*width], src[i*p.SrcStride:], w, rs)
		for j := range n {
			copy(dst[(i+j)*p.DstStride:][:channels], whole[j*width:])
		}
	}
}

// panelAVX512 is PanelGeneric for a Width of 32, with fused multiply-adds.
func panelAVX512(p *Panel, m int, dst, src, w, res []float32) {
	const width, lanes, pixels = 32, 16, 14
	channels := p.check(width, m, dst, len(src), len(w), res)
	mask := uint32(1<<channels - 1)
	linear := p.Act == Identity
	for i, n := 0, 0; i < m; i += n {
		n = tile(m-i, pixels)
		before, after := p.residual(res, i*p.ResStride)
		if channels > lanes {
			panel512x2(&p.Segments[0], len(p.Segments), p.SegmentLen, &src[i*p.SrcStride], p.SrcStride, &w[0], n,
				&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear, mask)
		} else {
			panel512x1(&p.Segments[0], len(p.Segments), p.SegmentLen, &src[i*p.SrcStride], p.SrcStride, &w[0], n,
				&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear, mask)
		}
	}
}
