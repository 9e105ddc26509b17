//go:build !purego

package kernel

// layerNormAVX2 is LayerNormGeneric, eight channels at a time.
func layerNormAVX2(l *LayerNorm, m int, dst, src, weight, bias []float32) {
	l.check(m, dst, src, weight, bias)
	layerNorm256(&dst[0], l.DstStride, &src[0], l.SrcStride, &weight[0], &bias[0], l.Channels, m, 1/float64(l.Channels), l.Eps)
}

// layerNormAVX512 is LayerNormGeneric, sixteen channels at a time.
func layerNormAVX512(l *LayerNorm, m int, dst, src, weight, bias []float32) {
	l.check(m, dst, src, weight, bias)
	layerNorm512(&dst[0], l.DstStride, &src[0], l.SrcStride, &weight[0], &bias[0], l.Channels, m, 1/float64(l.Channels), l.Eps)
}
