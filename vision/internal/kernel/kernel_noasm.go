//go:build !amd64 || purego

package kernel

// Inverse is InverseGeneric.
func Inverse(b *[64]int16, last int, dst []uint8, stride int) { InverseGeneric(b, last, dst, stride) }

// Widen is WidenGeneric.
func Widen(dst, src []uint8) { WidenGeneric(dst, src) }

// WidenBlend is WidenBlendGeneric.
func WidenBlend(dst, near, far []uint8) { WidenBlendGeneric(dst, near, far) }

// YCbCr is YCbCrGeneric.
func YCbCr(dst, y, cb, cr []uint8) { YCbCrGeneric(dst, y, cb, cr) }

// Interleave is InterleaveGeneric.
func Interleave(dst, r, g, b []uint8) { InterleaveGeneric(dst, r, g, b) }

// Columns is ColumnsGeneric.
func Columns(dst, src []uint8, stride int, weights []int32) {
	ColumnsGeneric(dst, src, stride, weights)
}

// Rows is RowsGeneric.
func Rows(dst []uint8, dstStride int, src []uint8, srcStride, rows int, t *Taps, from int) {
	RowsGeneric(dst, dstStride, src, srcStride, rows, t, from)
}
