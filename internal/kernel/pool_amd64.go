//go:build !purego

package kernel

// maxPoolAVX2 is MaxPoolGeneric, eight channels at a time.
func maxPoolAVX2(p *Pool, m int, dst, src []float32) {
	const lanes = 8
	p.check(m, dst, src)
	whole := p.Channels / lanes * lanes
	for i := range m {
		if whole > 0 {
			maxPool256(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], whole, &dst[i*p.DstStride])
		}
		p.max(whole, dst[i*p.DstStride:], src[i*p.SrcStride:])
	}
}

// maxPoolAVX512 is MaxPoolGeneric, sixteen channels at a time.
func maxPoolAVX512(p *Pool, m int, dst, src []float32) {
	p.check(m, dst, src)
	for i := range m {
		maxPool512(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], p.Channels, &dst[i*p.DstStride])
	}
}

// avgPoolAVX2 is AvgPoolGeneric, four channels at a time.
func avgPoolAVX2(p *Pool, m int, dst, src []float32) {
	const lanes = 4
	p.check(m, dst, src)
	whole := p.Channels / lanes * lanes
	for i := range m {
		if whole > 0 {
			avgPool256(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], whole, &dst[i*p.DstStride], p.Divisor)
		}
		p.average(whole, dst[i*p.DstStride:], src[i*p.SrcStride:])
	}
}

// avgPoolAVX512 is AvgPoolGeneric, eight channels at a time.
func avgPoolAVX512(p *Pool, m int, dst, src []float32) {
	const lanes = 8
	p.check(m, dst, src)
	whole := p.Channels / lanes * lanes
	for i := range m {
		if whole > 0 {
			avgPool512(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], whole, &dst[i*p.DstStride], p.Divisor)
		}
		p.average(whole, dst[i*p.DstStride:], src[i*p.SrcStride:])
	}
}

// normPoolAVX2 is NormPoolGeneric, four channels at a time.
func normPoolAVX2(p *Pool, m int, dst, src []float32) {
	const lanes = 4
	p.check(m, dst, src)
	whole := p.Channels / lanes * lanes
	for i := range m {
		if whole > 0 {
			normPool256(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], whole, &dst[i*p.DstStride])
		}
		p.norms(whole, dst[i*p.DstStride:], src[i*p.SrcStride:])
	}
}

// normPoolAVX512 is NormPoolGeneric, eight channels at a time.
func normPoolAVX512(p *Pool, m int, dst, src []float32) {
	const lanes = 8
	p.check(m, dst, src)
	whole := p.Channels / lanes * lanes
	for i := range m {
		if whole > 0 {
			normPool512(&p.Segments[0], len(p.Segments), &src[i*p.SrcStride], whole, &dst[i*p.DstStride])
		}
		p.norms(whole, dst[i*p.DstStride:], src[i*p.SrcStride:])
	}
}
