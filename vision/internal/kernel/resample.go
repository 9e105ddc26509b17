package kernel

// Precision is the number of fraction bits of a weight.
const Precision = 22

// Beyond is how many bytes behind the rows of src the slice given to Rows should have
// capacity for: then all of it can be done in vectors.
const Beyond = 2

// Taps say how a run of values is made of others: value i is the sum of N of them, weighted
// by Weights[i*N : (i+1)*N], the first of which is number At[i]. Sums are rounded, halves up,
// and held to the range of a byte. At does not fall.
type Taps struct {
	At      []int32
	N       int // at least 1
	Weights []int32
}

// Of returns the weights of value i.
func (t *Taps) Of(i int) []int32 { return t.Weights[i*t.N:][:t.N] }

// Span returns the range of what the values are made of.
func (t *Taps) Span() (first, end int) { return int(t.At[0]), int(t.At[len(t.At)-1]) + t.N }

// RowsGeneric makes rows of pixels of 3 bytes, each as the taps say of the pixels of a row
// of src, the first of which is number from to them. Rows begin a stride apart.
func RowsGeneric(dst []uint8, dstStride int, src []uint8, srcStride, rows int, t *Taps, from int) {
	for range rows {
		for i := range t.At {
			t.pixel(dst, src, i, from)
		}
		if len(dst) > dstStride { // not the last row
			dst, src = dst[dstStride:], src[srcStride:]
		}
	}
}

// pixel makes pixel i of a row.
func (t *Taps) pixel(dst, src []uint8, i, from int) {
	r, g, b := int32(half), int32(half), int32(half)
	s := src[3*(int(t.At[i])-from):][:3*t.N]
	for _, w := range t.Of(i) {
		r += w * int32(s[0])
		g += w * int32(s[1])
		b += w * int32(s[2])
		s = s[3:]
	}
	d := dst[3*i:][:3]
	d[0], d[1], d[2] = whole(r), whole(g), whole(b)
}

const half = 1 << (Precision - 1)

// ColumnsGeneric sets dst to the weighted sums of as many rows as there are weights, which
// are a stride apart in src.
func ColumnsGeneric(dst, src []uint8, stride int, weights []int32) {
	const block = 64 // sums at a time
	var sums [block]int32
	for len(dst) > 0 {
		n := min(block, len(dst))
		s := sums[:n]
		for j := range s {
			s[j] = half
		}
		row := src
		for k, w := range weights {
			for j, v := range row[:len(s)] {
				s[j] += w * int32(v)
			}
			if k < len(weights)-1 {
				row = row[stride:]
			}
		}
		for j, sum := range s {
			dst[j] = whole(sum)
		}
		if dst = dst[n:]; len(dst) > 0 {
			src = src[n:]
		}
	}
}

// whole returns the whole part of a sum, held to the range of a byte.
func whole(sum int32) uint8 { return uint8(min(max(sum>>Precision, 0), 255)) }
