package kernel

import "fmt"

// Winograd's minimal filtering F(4x4,3x3), arXiv:1509.09308: a 3x3 convolution of
// stride 1 computes tiles of 4x4 outputs from patches of 6x6 inputs with 36 products
// for each pair of channels in place of 144. Three steps make a tile:
//
//  1. WinogradIn turns the patch into 36 values per input channel, one for each plane.
//  2. For each plane, the inputs of all tiles are multiplied by the plane's weights,
//     (tiles, In) by (In, Out): a Panel of one segment without bias or activation.
//  3. WinogradOut turns 36 values per output channel into 4x4 outputs.
//
// A polynomial of degree 5 is interpolated at 0, ±11/16, ±11/8 and infinity. Every
// constant that follows from these points is exact in float32, and they err by a
// quarter of what the points 0, ±1, ±2 do: for 128 channels of normal inputs and
// weights, 1.2e-6 in place of 5.4e-6 of the largest output.
const (
	pointA, pointB = 11.0 / 16, 11.0 / 8

	a1, b1 = pointA, pointB
	a2, b2 = a1 * a1, b1 * b1
	a3, b3 = a1 * a2, b1 * b2
	// The polynomial (x²-a²)(x²-b²) is x⁴ - sum x² + product.
	pointSum, pointProduct = a2 + b2, a2 * b2
)

const (
	// WinogradTile is the side of a tile of outputs, WinogradPatch of its inputs.
	WinogradTile, WinogradPatch = 4, 6
	// WinogradPlanes is the number of products of a tile for each pair of channels.
	WinogradPlanes = WinogradPatch * WinogradPatch
	// WinogradLanes divides the channels of WinogradIn and WinogradOut.
	WinogradLanes = 16
)

// winogradB and winogradA transform inputs and products, and winogradPoints stands for G,
// which transforms weights: output = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A.
var (
	winogradB = [WinogradPatch][WinogradPatch]float32{
		{pointProduct, 0, -pointSum, 0, 1, 0},
		{0, -a1 * b2, -b2, a1, 1, 0},
		{0, a1 * b2, -b2, -a1, 1, 0},
		{0, -b1 * a2, -a2, b1, 1, 0},
		{0, b1 * a2, -a2, -b1, 1, 0},
		{0, pointProduct, 0, -pointSum, 0, 1},
	}
	winogradA = [WinogradTile][WinogradPatch]float32{
		{1, 1, 1, 1, 1, 0},
		{0, a1, -a1, b1, -b1, 0},
		{0, a2, a2, b2, b2, 0},
		{0, a3, -a3, b3, -b3, 1},
	}
)

// The products of a point's distances to the other points.
const (
	normA = 2 * a2 * (a2 - b2)
	normB = 2 * b2 * (b2 - a2)
)

// WinogradWeights transforms the 3x3 filters with which n output channels take one input
// channel. That of channel c is w[c*stride:][:9], row by row, times scale[c]; its weight
// in plane k, which is element k/6,k%6 of G g Gᵀ, goes to dst[k*plane+c]. All is computed
// in float64 and rounded once.
func WinogradWeights(dst []float32, plane, n int, w []float32, stride int, scale []float64) {
	for c := range n {
		g, s := (*[9]float32)(w[c*stride:]), scale[c]
		var rows [WinogradPatch][3]float64 // of G g
		for j := range 3 {
			rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j] =
				winogradPoints(float64(g[j])*s, float64(g[3+j])*s, float64(g[6+j])*s)
		}
		at := c
		for i := range rows {
			u0, u1, u2, u3, u4, u5 := winogradPoints(rows[i][0], rows[i][1], rows[i][2])
			dst[at], dst[at+plane], dst[at+2*plane] = float32(u0), float32(u1), float32(u2)
			at += 3 * plane
			dst[at], dst[at+plane], dst[at+2*plane] = float32(u3), float32(u4), float32(u5)
			at += 3 * plane
		}
	}
}

// winogradPoints returns the values of the polynomial x + y t + z t² at the points, as the
// rows of G have them: each divided by the point's distances to the others.
func winogradPoints(x, y, z float64) (zero, plusA, minusA, plusB, minusB, infinity float64) {
	evenA, oddA := x*(1/normA)+z*(a2/normA), y*(a1/normA)
	evenB, oddB := x*(1/normB)+z*(b2/normB), y*(b1/normB)
	return x * (1 / pointProduct), evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, z
}

// A WinogradIn describes the patches of one convolution.
type WinogradIn struct {
	// Channels is the number of input channels: a multiple of WinogradLanes.
	Channels int
	// SrcStride and SrcRow lead from one pixel and one row of the input to the next, in
	// floats.
	SrcStride, SrcRow int
	// Plane leads from one plane to the next, in floats. A multiple of 1024 is slow.
	Plane int
}

func (p *WinogradIn) check(dst, src []float32) {
	if p.Channels < 1 || p.Channels%WinogradLanes != 0 {
		panic(fmt.Sprintf("kernel: winograd: %d input channels: expected a multiple of %d", p.Channels, WinogradLanes))
	}
	if need := (WinogradPatch-1)*(p.SrcRow+p.SrcStride) + p.Channels; need > len(src) {
		panic(fmt.Sprintf("kernel: winograd: src of %d floats, %d are read", len(src), need))
	}
	if need := (WinogradPlanes-1)*p.Plane + p.Channels; need > len(dst) {
		panic(fmt.Sprintf("kernel: winograd: planes of %d floats, %d are written", len(dst), need))
	}
}

// WinogradInGeneric transforms one patch: for every channel c, with
// d[i][j] = src[i*SrcRow+j*SrcStride+c], it computes Bᵀ d B and stores element i,j at
// dst[(6*i+j)*Plane+c].
func WinogradInGeneric(p *WinogradIn, dst, src []float32) {
	p.check(dst, src)
	for c := range p.Channels {
		var t [WinogradPatch][WinogradPatch]float32 // Bᵀ d
		for i, b := range winogradB {
			for j := range WinogradPatch {
				for k, x := range b {
					if x != 0 {
						t[i][j] += x * src[k*p.SrcRow+j*p.SrcStride+c]
					}
				}
			}
		}
		for i := range t {
			for j, b := range winogradB {
				var v float32
				for k, x := range b {
					if x != 0 {
						v += x * t[i][k]
					}
				}
				dst[(WinogradPatch*i+j)*p.Plane+c] = v
			}
		}
	}
}

// A WinogradOut describes the tiles of one convolution.
type WinogradOut struct {
	// Channels is the number of output channels: a multiple of WinogradLanes.
	Channels int
	// Plane leads from one plane to the next, in floats.
	Plane int
	// The strides lead from one pixel, the rows from one row to the next, in floats.
	DstStride, DstRow, ResStride, ResRow int
	Epilogue
}

func (p *WinogradOut) check(rows, cols int, dst, src, bias, res []float32) {
	if p.Channels < 1 || p.Channels%WinogradLanes != 0 {
		panic(fmt.Sprintf("kernel: winograd: %d output channels: expected a multiple of %d", p.Channels, WinogradLanes))
	}
	if rows < 1 || rows > WinogradTile || cols < 1 || cols > WinogradTile {
		panic(fmt.Sprintf("kernel: winograd: %d rows, %d columns of a tile of %d", rows, cols, WinogradTile))
	}
	if need := (rows-1)*p.DstRow + (cols-1)*p.DstStride + p.Channels; need > len(dst) {
		panic(fmt.Sprintf("kernel: winograd: dst of %d floats, %d are written", len(dst), need))
	}
	if need := (rows-1)*p.ResRow + (cols-1)*p.ResStride + p.Channels; res != nil && need > len(res) {
		panic(fmt.Sprintf("kernel: winograd: residual of %d floats, %d are read", len(res), need))
	}
	if need := (WinogradPlanes-1)*p.Plane + p.Channels; need > len(src) || p.Channels > len(bias) {
		panic(fmt.Sprintf("kernel: winograd: planes of %d floats, biases of %d, for %d channels %d apart", len(src), len(bias), p.Channels, p.Plane))
	}
}

// WinogradOutGeneric makes the first rows and columns of one tile: for every channel
// c, with m[i][j] = src[(6*i+j)*Plane+c], it computes y = Aᵀ m A, and for all
// i < rows and j < cols
//
//	dst[i*DstRow+j*DstStride+c] = p.Epilogue.Apply(y[i][j]+bias[c], res[i*ResRow+j*ResStride+c])
//
// A nil res adds nothing; one may overlap dst only if it is dst.
func WinogradOutGeneric(p *WinogradOut, rows, cols int, dst, src, bias, res []float32) {
	p.check(rows, cols, dst, src, bias, res)
	for c := range p.Channels {
		var t [WinogradTile][WinogradPatch]float32 // Aᵀ m
		for i, a := range winogradA {
			for j := range WinogradPatch {
				for k, x := range a {
					if x != 0 {
						t[i][j] += x * src[(WinogradPatch*k+j)*p.Plane+c]
					}
				}
			}
		}
		for i := range rows {
			for j := range cols {
				y := bias[c]
				for k, x := range winogradA[j] {
					if x != 0 {
						y += x * t[i][k]
					}
				}
				if to := &dst[i*p.DstRow+j*p.DstStride+c]; res == nil {
					*to = p.Act.Apply(y)
				} else {
					*to = p.Apply(y, res[i*p.ResRow+j*p.ResStride+c])
				}
			}
		}
	}
}
