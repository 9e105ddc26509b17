//go:build !purego

package kernel

import "github.com/gozoo/zoo/internal/cpu"

func avx2() bool { return cpu.Active().Level >= cpu.AVX2 }

// Inverse is InverseGeneric.
func Inverse(b *[64]int16, last int, dst []uint8, stride int) {
	if last == 0 || !avx2() {
		InverseGeneric(b, last, dst, stride)
		return
	}
	_ = dst[7*stride+7]
	inverse256(&b[0], &dst[0], stride)
}

// Widen is WidenGeneric.
func Widen(dst, src []uint8) {
	const chunk = 16 // samples, each with the one after it
	n := len(src) - 1
	if n < chunk || !avx2() {
		WidenGeneric(dst, src)
		return
	}
	_ = dst[2*n+1]
	widen256(&dst[1], &src[0], n/chunk)
	widen256(&dst[1+2*(n-chunk)], &src[n-chunk], 1)
	dst[0], dst[2*n+1] = src[0], src[n]
}

// WidenBlend is WidenBlendGeneric.
func WidenBlend(dst, near, far []uint8) {
	const chunk = 16
	n := len(near) - 1
	if n < chunk || !avx2() {
		WidenBlendGeneric(dst, near, far)
		return
	}
	_, _ = dst[2*n+1], far[n]
	widenBlend256(&dst[1], &near[0], &far[0], n/chunk)
	widenBlend256(&dst[1+2*(n-chunk)], &near[n-chunk], &far[n-chunk], 1)
	dst[0] = uint8((3*uint32(near[0]) + uint32(far[0]) + 2) >> 2)
	dst[2*n+1] = uint8((4*(3*uint32(near[n])+uint32(far[n])) + 7) >> 4)
}

// pixels is how many pixels the functions for colours make at a time.
const pixels = 32

// YCbCr is YCbCrGeneric.
func YCbCr(dst, y, cb, cr []uint8) {
	n := len(y)
	if n < pixels || !avx2() {
		YCbCrGeneric(dst, y, cb, cr)
		return
	}
	_, _, _ = dst[3*n-1], cb[n-1], cr[n-1]
	yCbCr256(&dst[0], &y[0], &cb[0], &cr[0], n/pixels)
	n -= pixels
	yCbCr256(&dst[3*n], &y[n], &cb[n], &cr[n], 1)
}

// Interleave is InterleaveGeneric.
func Interleave(dst, r, g, b []uint8) {
	n := len(r)
	if n < pixels || !avx2() {
		InterleaveGeneric(dst, r, g, b)
		return
	}
	_, _, _ = dst[3*n-1], g[n-1], b[n-1]
	interleave256(&dst[0], &r[0], &g[0], &b[0], n/pixels)
	n -= pixels
	interleave256(&dst[3*n], &r[n], &g[n], &b[n], 1)
}

// Columns is ColumnsGeneric.
func Columns(dst, src []uint8, stride int, weights []int32) {
	const chunk = 32
	n := len(dst)
	if n < chunk || len(weights) == 0 || !avx2() {
		ColumnsGeneric(dst, src, stride, weights)
		return
	}
	_ = src[(len(weights)-1)*stride+n-1]
	columns256(&dst[0], &src[0], stride, &weights[0], len(weights), n/chunk)
	n -= chunk
	columns256(&dst[n], &src[n], stride, &weights[0], len(weights), 1)
}

// Rows is RowsGeneric. It is faster where src has capacity for Beyond more bytes.
func Rows(dst []uint8, dstStride int, src []uint8, srcStride, rows int, t *Taps, from int) {
	const group = 4    // rows at a time
	n := len(t.At) - 1 // the last pixel is not for the vectors: they write a byte behind it
	if rows < group || n == 0 || t.N%2 != 0 || !avx2() {
		RowsGeneric(dst, dstStride, src, srcStride, rows, t, from)
		return
	}
	_, last := t.Span()
	_, _ = dst[(rows-1)*dstStride+3*n+2], src[(rows-1)*srcStride+3*(last-from)-1]
	offsets := make([]int32, n)
	for i := range offsets {
		offsets[i] = 3 * (t.At[i] - int32(from))
	}
	for y := 0; y < rows; y += group {
		y = min(y, rows-group)
		d, s := dst[y*dstStride:], src[y*srcStride:]
		if need := (group-1)*srcStride + 3*(last-from) + Beyond; need > cap(s) {
			RowsGeneric(d, dstStride, s, srcStride, group, t, from)
			continue
		}
		rows256(&d[0], dstStride, &s[0], srcStride, &offsets[0], &t.Weights[0], t.N/2, n)
		for k := range group {
			t.pixel(d[k*dstStride:], s[k*srcStride:], n, from)
		}
	}
}
