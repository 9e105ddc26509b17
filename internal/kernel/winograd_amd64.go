//go:build !purego

package kernel

// winogradInAVX2 is WinogradInGeneric with fused multiply-adds.
func winogradInAVX2(p *WinogradIn, dst, src []float32) {
	p.check(dst, src)
	winogradIn256(&src[0], p.SrcStride, p.SrcRow, &dst[0], p.Plane, p.Channels)
}

// winogradInAVX512 is WinogradInGeneric with fused multiply-adds.
func winogradInAVX512(p *WinogradIn, dst, src []float32) {
	p.check(dst, src)
	winogradIn512(&src[0], p.SrcStride, p.SrcRow, &dst[0], p.Plane, p.Channels)
}

// winogradOutAVX2 is WinogradOutGeneric with fused multiply-adds.
func winogradOutAVX2(p *WinogradOut, rows, cols int, dst, src, bias, res []float32) {
	p.check(rows, cols, dst, src, bias, res)
	before, after := p.residual(res, 0)
	winogradOut256(&src[0], p.Plane, &bias[0], p.Channels, rows, cols, &dst[0], p.DstStride, p.DstRow,
		before, after, p.ResStride, p.ResRow, p.Act.Slope, p.Act.Max, p.Act == Identity)
}

// winogradOutAVX512 is WinogradOutGeneric with fused multiply-adds.
func winogradOutAVX512(p *WinogradOut, rows, cols int, dst, src, bias, res []float32) {
	p.check(rows, cols, dst, src, bias, res)
	before, after := p.residual(res, 0)
	winogradOut512(&src[0], p.Plane, &bias[0], p.Channels, rows, cols, &dst[0], p.DstStride, p.DstRow,
		before, after, p.ResStride, p.ResRow, p.Act.Slope, p.Act.Max, p.Act == Identity)
}
