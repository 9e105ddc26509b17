//go:build !purego

package kernel

// residual returns where the residual from float at on is added: before the activation
// or after it.
func (e *Epilogue) residual(res []float32, at int) (before, after *float32) {
	switch {
	case res == nil:
		return nil, nil
	case e.ActLast:
		return &res[at], nil
	}
	return nil, &res[at]
}

// tile returns how many of the m pixels that are left to compute next, at most most:
// so that tiles come out about equal.
func tile(m, most int) int {
	tiles := (m + most - 1) / most
	return (m + tiles - 1) / tiles
}

// depthwiseAVX2 is DepthwiseGeneric with fused multiply-adds, but for the channels of
// a last register that is not full.
func depthwiseAVX2(p *Depthwise, m int, dst, src, w, res []float32) {
	const lanes, pixels = 8, 6
	p.check(m, dst, src, w, res)
	whole := p.Channels / lanes * lanes
	if whole < p.Channels {
		p.channels(whole, m, dst, src, w, res)
	}
	if whole == 0 {
		return
	}
	linear := p.Act == Identity
	for i, n := 0, 0; i < m; i += n {
		n = tile(m-i, pixels)
		before, after := p.residual(res, i*p.ResStride)
		depthwise256(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], p.SrcStride, &w[0], p.Channels, whole, n,
			&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear)
	}
}

// depthwiseAVX512 is DepthwiseGeneric with fused multiply-adds.
func depthwiseAVX512(p *Depthwise, m int, dst, src, w, res []float32) {
	const pixels = 8
	p.check(m, dst, src, w, res)
	linear := p.Act == Identity
	for i, n := 0, 0; i < m; i += n {
		n = tile(m-i, pixels)
		before, after := p.residual(res, i*p.ResStride)
		depthwise512(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], p.SrcStride, &w[0], p.Channels, p.Channels, n,
			&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear)
	}
}

// groupedAVX2 is GroupedGeneric with fused multiply-adds for the sizes of
// Variant.GroupSizes, but for the channels of a last register that is not full.
func groupedAVX2(p *Grouped, m int, dst, src, w, res []float32) {
	const lanes, pixels = 8, 10
	p.check(m, dst, src, w, res)
	whole := p.Channels / lanes * lanes
	if p.Lanes != lanes || p.Size != 4 && p.Size != 8 {
		whole = 0
	}
	if whole < p.Channels {
		p.channels(whole, m, dst, src, w, res)
	}
	if whole == 0 {
		return
	}
	linear := p.Act == Identity
	for i, n := 0, 0; i < m; i += n {
		n = tile(m-i, pixels)
		before, after := p.residual(res, i*p.ResStride)
		if p.Size == 4 {
			grouped256by4(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], p.SrcStride, &w[0], whole, n,
				&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear)
		} else {
			grouped256by8(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], p.SrcStride, &w[0], whole, n,
				&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear)
		}
	}
}

// groupedAVX512 is GroupedGeneric with fused multiply-adds for the sizes of
// Variant.GroupSizes.
func groupedAVX512(p *Grouped, m int, dst, src, w, res []float32) {
	const lanes, pixels = 16, 14
	p.check(m, dst, src, w, res)
	if p.Lanes != lanes || p.Size != 4 && p.Size != 8 {
		p.channels(0, m, dst, src, w, res)
		return
	}
	linear := p.Act == Identity
	for i, n := 0, 0; i < m; i += n {
		n = tile(m-i, pixels)
		before, after := p.residual(res, i*p.ResStride)
		if p.Size == 4 {
			grouped512by4(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], p.SrcStride, &w[0], p.Channels, n,
				&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear)
		} else {
			grouped512by8(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], p.SrcStride, &w[0], p.Channels, n,
				&dst[i*p.DstStride], p.DstStride, before, after, p.ResStride, p.Act.Slope, p.Act.Max, linear)
		}
	}
}
