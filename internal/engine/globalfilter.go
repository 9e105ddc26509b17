package engine

import (
	"fmt"
	"math"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// globalFilterStep filters a panel's channels of an image at a time, all pixels of them. Along rows a task makes
// spectra and takes them back, both products of a matrix and of pixels, whose channels are the weights of a panel.
// Along columns a product of spectra is a convolution around the column, of complex numbers: it is computed
// as that, without a spectrum, by filters over channels. What it convolves with is found when a network is compiled.
//
// Transforms are of float32, with errors of a sum of W products: 1e-7 of scale. Images are small where networks filter
// them. Of 240 channels on one thread with AVX-512, in microseconds:
//
//	pixels                                     7x7  14x14   28x28   56x56
//	this                                        20    111     754    5400
//	matrices along columns, too                 33    165     926    5900
//	a convolution around the image              17    270    4700   82000
//	an FFT of mixed radix in Go, all channels  930   4700   21500  104000
//
// of which the last would have to have kernels of its own, one for each prime factor of a side.
type globalFilterStep struct {
	in, out          view
	h, w, columns    int // of an image, and columns of its spectrum
	width, panels    int // channels of a panel, and panels of all channels
	forward, inverse []float32
	spectra, pixels  kernel.Panel        // a row's
	around           [2]kernel.Depthwise // to real and to imaginary parts of a column
	weights          []float32           // of each panel and column
	variant          *kernel.Variant
}

func (c *compiler) globalFilter(u unit, op nn.GlobalFilter) (step, error) {
	s := &globalFilterStep{
		in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out), width: c.options.Variant.Width, variant: c.options.Variant,
	}
	s.h, s.w = s.in.buf.h, s.in.buf.w
	_, s.columns = op.Spectrum(c.layout.sizes[u.node.In[0]])
	s.panels = (op.C + s.width - 1) / s.width
	s.forward, s.inverse = rowTransforms(s.w, s.columns)
	identity := kernel.Epilogue{Act: kernel.Identity}
	s.spectra = kernel.Panel{Segments: oneTap, SegmentLen: s.w, SrcStride: s.w, DstStride: s.column(), Epilogue: identity}
	s.pixels = kernel.Panel{Segments: oneTap, SegmentLen: 2 * s.columns, SrcStride: 2 * s.columns, DstStride: s.out.buf.c, Epilogue: identity}
	for part, from := range [2][2]int{{0, 2}, {1, 0}} { // real parts and minus imaginary ones; imaginary and real ones
		var taps []int
		for _, at := range from {
			for y := range s.h {
				taps = append(taps, at*s.column()+y*s.width)
			}
		}
		s.around[part] = kernel.Depthwise{Segments: taps, Channels: s.width, SrcStride: s.width, DstStride: s.row(), Epilogue: identity}
	}
	var err error
	key := packing{fmt.Sprintf("filter around %d x %d in panels of %d", s.h, s.w, s.width), u.out, op.C, 1}
	s.weights, err = packOnce(c.net.weights, key, func() ([]float32, error) {
		filter, err := float32s(c.net.bound, u.node.Params[0])
		if err != nil {
			return nil, err
		}
		return s.pack(filter, op), nil
	})
	return s, err
}

func (s *globalFilterStep) tasks() int { return s.in.buf.n * s.panels }

// column returns the floats of one part of a column of spectra: its rows, the last of them once more before
// the first, so that no loop has to go around.
func (s *globalFilterStep) column() int { return (2*s.h - 1) * s.width }

// row returns the floats of a row of filtered spectra, as the weights of a panel.
func (s *globalFilterStep) row() int { return (1 + 2*s.columns) * s.width }

// taps returns the weights of a column.
func (s *globalFilterStep) taps() int { return (1 + 2*s.h) * s.width }

// scratch returns the floats that one task needs: a row of pixels, the parts of all columns, and all filtered rows.
func (s *globalFilterStep) scratch() int {
	return (1+s.w)*s.width + 3*s.columns*s.column() + s.h*s.row()
}

func (s *globalFilterStep) run(f *frame, task int) {
	image, first := task/s.panels, task%s.panels*s.width
	n := min(s.width, s.in.c-first)
	pixels, spectra := f.scratch[:(1+s.w)*s.width], f.scratch[(1+s.w)*s.width:]
	spectra, rows := spectra[:3*s.columns*s.column()], spectra[3*s.columns*s.column():]
	clear(pixels) // no biases, and no channels beyond the last
	for y := range s.h {
		for x := range s.w {
			copy(pixels[(1+x)*s.width:][:n], f.mem[s.in.at(image, y, x)+first:])
		}
		dst := spectra[(s.h-1+y)*s.width:][:(3*s.columns-1)*s.column()+s.width]
		s.variant.Panel(&s.spectra, 3*s.columns, dst, s.forward, pixels, nil)
	}
	for ; len(spectra) > 0; spectra = spectra[3*s.column():] {
		for part := range 3 {
			column := spectra[part*s.column():][:s.column()]
			copy(column[:(s.h-1)*s.width], column[s.h*s.width:])
		}
		k := s.columns - len(spectra)/(3*s.column())
		w := s.weights[(task%s.panels*s.columns+k)*s.taps():][:s.taps()]
		for part := range s.around {
			s.variant.Depthwise(&s.around[part], s.h, rows[(1+2*k+part)*s.width:], spectra, w, nil)
		}
	}
	for y := range s.h {
		row := rows[y*s.row():][:s.row()]
		clear(row[:s.width])
		at := s.out.at(image, y, 0) + first
		s.variant.Panel(&s.pixels, s.w, f.mem[at:][:(s.w-1)*s.out.buf.c+n], s.inverse, row, nil)
	}
}

// rowTransforms returns the matrices of a row's transforms: to real, imaginary and minus imaginary parts of each
// column of its spectrum, and from real and imaginary parts back to pixels.
func rowTransforms(w, columns int) (forward, inverse []float32) {
	cos, sin := turns(w)
	for k := range columns {
		for _, part := range [3]struct {
			of   []float64
			sign float64
		}{{cos, 1}, {sin, -1}, {sin, 1}} {
			for x := range w {
				forward = append(forward, float32(part.sign*part.of[k*x%w]))
			}
		}
	}
	for x := range w {
		for k := range columns {
			share := 2 / float64(w) // the column and its mirror image, which is left out
			if k == 0 || 2*k == w {
				share = 1 / float64(w) // it is its own
			}
			inverse = append(inverse, float32(share*cos[k*x%w]), float32(-share*sin[k*x%w]))
		}
	}
	return forward, inverse
}

// turns returns the cosines and sines of the n parts of a turn.
func turns(n int) (cos, sin []float64) {
	for i := range n {
		y, x := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		cos, sin = append(cos, x), append(sin, y)
	}
	return cos, sin
}

// pack returns what columns are convolved with, the transforms of the filter's columns, as kernel.DepthwiseGeneric
// reads them: for each panel and column no biases, the real parts of all rows, last to first, and the imaginary ones.
func (s *globalFilterStep) pack(filter []float32, op nn.GlobalFilter) []float32 {
	packed := make([]float32, s.panels*s.columns*s.taps())
	cos, sin := turns(s.h)
	parallel(op.C, func(c int) {
		spectrum := resizedFilter(filter[2*c*op.Rows*op.Columns:], op, s.h, s.columns)
		for k := range s.columns {
			to := packed[(c/s.width*s.columns+k)*s.taps()+c%s.width:]
			for d := range s.h {
				re, im := 0.0, 0.0
				for y := range s.h {
					v, turn := spectrum[y*s.columns+k], y*d%s.h
					re += real(v)*cos[turn] - imag(v)*sin[turn]
					im += real(v)*sin[turn] + imag(v)*cos[turn]
				}
				to[(s.h-d)*s.width] = float32(re / float64(s.h))
				to[(2*s.h-d)*s.width] = float32(im / float64(s.h))
			}
		}
	})
	return packed
}

// resizedFilter returns a channel's filter, resized to a spectrum of rows and columns.
func resizedFilter(filter []float32, op nn.GlobalFilter, rows, columns int) []complex128 {
	at := func(y, x int) complex128 {
		i := 2 * (y*op.Columns + x)
		return complex(float64(filter[i]), float64(filter[i+1]))
	}
	var all []complex128
	for y := range rows {
		upper, lower, down := aligned(op.Rows, rows, y)
		for x := range columns {
			left, right, across := aligned(op.Columns, columns, x)
			above := at(upper, left)*(1-across) + at(upper, right)*across
			below := at(lower, left)*(1-across) + at(lower, right)*across
			all = append(all, above*(1-down)+below*down)
		}
	}
	return all
}

// aligned returns between which two of a row of n element i of a row of m lies, whose ends are those of the
// other, and how much of the second it has.
func aligned(n, m, i int) (from, to int, share complex128) {
	at := 0.0
	if m > 1 {
		at = float64(i*(n-1)) / float64(m-1)
	}
	from = int(at)
	return from, min(from+1, n-1), complex(at-float64(from), 0)
}
