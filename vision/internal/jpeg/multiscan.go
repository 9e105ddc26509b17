package jpeg

import (
	"context"

	"github.com/gozoo/zoo/vision/internal/kernel"
)

// transformAll transforms the coefficients that several scans have left to samples, and these
// to pixels.
func (d *decoder) transformAll(ctx context.Context) error {
	smooth := d.needsSmoothing()
	reached := d.scan.reached // in rows of MCUs of all components
	if len(d.scan.parts) == 1 {
		reached /= d.scan.parts[0].v
	}
	var natural [4][64]int16 // quantisation of each component
	for i := range d.components {
		c := &d.components[i]
		if c.quant == nil {
			d.damaged("the image ends without a scan of component %d", i)
			c.quant = new(quantTable)
		}
		for k, q := range c.quant {
			natural[i][zigzag[k]] = q
		}
	}
	for y := range d.mcusY {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range d.components {
			c := &d.components[i]
			for by := y * c.v; by < min((y+1)*c.v, c.blocksY); by++ {
				var known *[64]int8 // nil: nothing is estimated
				if smooth {
					known = &c.accuracy
					if y > reached {
						known = &c.before
						if d.scans == 1 {
							known = &unknown
						}
					}
				}
				d.transformRow(c, by, known, &natural[i])
			}
		}
		d.emit((y + 1) * blockSide * d.maxV)
	}
	return nil
}

// transformRow transforms a row of blocks. Coefficients that are not known are estimated,
// unless known is nil.
func (d *decoder) transformRow(c *component, y int, known *[64]int8, quant *[64]int16) {
	for x := range c.blocksX {
		b := *c.block(x, y)
		if known != nil {
			c.smooth(&b, known, d.around(c, x, y))
		}
		ac := int16(0)
		for k, v := range b {
			b[k] = v * quant[k]
			if k > 0 {
				ac |= b[k]
			}
		}
		last := 63
		if ac == 0 {
			last = 0
		}
		dst, stride := c.at(x, y)
		kernel.Inverse(&b, last, dst, stride)
	}
}

// The scans of a progressive image need not tell all. Of the coefficients that are not
// known to the last bit, libjpeg-turbo estimates the first that are still zero from the DC
// coefficients of the 5x5 blocks around, as T.81, K.8 proposes with 3x3.

// estimated is how many coefficients, in zigzag order, may be estimated.
const estimated = 10

// unknown is the accuracy of coefficients of which no scan has told anything.
var unknown = func() (a [64]int8) {
	for k := range a {
		a[k] = -1
	}
	return a
}()

// needsSmoothing reports whether libjpeg-turbo estimates coefficients of this image: all
// DC coefficients are known to some bit, and some other is not known to the last.
func (d *decoder) needsSmoothing() bool {
	useful := false
	for i := range d.components {
		c := &d.components[i]
		if c.quant == nil || c.accuracy[0] < 0 {
			return false
		}
		for k := range estimated {
			if c.quant[k] == 0 {
				return false
			}
			useful = useful || k > 0 && c.accuracy[k] != 0
		}
	}
	return useful
}

// around returns the DC coefficients of the 5x5 blocks around one, those at the edges of
// the image repeated. Which rows there are is libjpeg's idea: the padding to whole MCUs
// counts, except seen from the last row of MCUs, and the first rows are told by a number
// that is too small for some blocks of that row.
func (d *decoder) around(c *component, x, y int) (dc [25]int64) {
	inLast := c.blocksY - (d.mcusY-1)*c.v // rows of blocks in the last row of MCUs
	number, rows := y, c.strideY
	if y >= (d.mcusY-1)*c.v {
		number, rows = (d.mcusY-1)*inLast+y%c.v, d.mcusY*inLast
	}
	up, down := min(number, 2), min(rows-1-number, 2)
	for i := range dc {
		bx := min(max(x+i%5-2, 0), c.blocksX-1)
		by := y + min(max(i/5-2, -up), down)
		dc[i] = int64(c.block(bx, by)[0])
	}
	return dc
}

// smooth estimates coefficients of a block that are not known.
func (c *component) smooth(b *[64]int16, known *[64]int8, dc [25]int64) {
	onlyDC := true
	for _, bits := range known[1:estimated] {
		onlyDC = onlyDC && bits == -1
	}
	weights := weightsWithAC[:]
	if onlyDC {
		weights = weightsOnlyDC[:]
	}
	quantDC := int64(uint16(c.quant[0]))
	for k := 1; k < len(weights); k++ {
		at := &b[zigzag[k]]
		if bits := known[k]; bits != 0 && *at == 0 {
			v := divideRound(quantDC*weights[k].sum(&dc), int64(uint16(c.quant[k])))
			if bits > 0 {
				most := int64(1)<<bits - 1
				v = min(max(v, -most), most)
			}
			*at = int16(v)
		}
	}
	if onlyDC {
		b[0] = int16(divideRound(quantDC*weights[0].sum(&dc), quantDC))
	}
}

// divideRound returns a / (256 q), rounded to nearest, halves away from zero.
func divideRound(a, q int64) int64 {
	if a < 0 {
		return -divideRound(-a, q)
	}
	return (a + q<<7) / (q << 8)
}

// A window weighs 5x5 DC coefficients, in 1/256.
type window [25]int16

func (w *window) sum(dc *[25]int64) (s int64) {
	for i, v := range dc {
		s += int64(w[i]) * v
	}
	return s
}

// transposed returns the window for the coefficient with row and column exchanged.
func (w window) transposed() (t window) {
	for i, v := range w {
		t[i%5*5+i/5] = v
	}
	return t
}

// The kernels, by the place in zigzag order of the coefficient that they estimate.
var (
	weightsOnlyDC = [estimated]window{
		0: {
			-2, -6, -8, -6, -2,
			-6, 6, 42, 6, -6,
			-8, 42, 152, 42, -8,
			-6, 6, 42, 6, -6,
			-2, -6, -8, -6, -2,
		},
		1: onlyDC01, 2: onlyDC01.transposed(),
		3: onlyDC02.transposed(), 5: onlyDC02,
		4: {
			0: -1, 4: 1,
			6: 9, 8: -9,
			16: -9, 18: 9,
			20: 1, 24: -1,
		},
		6: onlyDC03, 9: onlyDC03.transposed(),
		7: onlyDC12, 8: onlyDC12.transposed(),
	}
	onlyDC01 = window{
		-1, -1, 0, 1, 1,
		-3, 13, 0, -13, 3,
		-3, 38, 0, -38, 3,
		-3, 13, 0, -13, 3,
		-1, -1, 0, 1, 1,
	}
	onlyDC02 = window{
		0, 0, 0, 0, 0,
		0, 2, -5, 2, 0,
		1, 7, -14, 7, 1,
		0, 2, -5, 2, 0,
		0, 0, 0, 0, 0,
	}
	onlyDC03 = window{6: 1, 8: -1, 11: 2, 13: -2, 16: 1, 18: -1}
	onlyDC12 = window{6: 1, 7: -3, 8: 1, 16: -1, 17: 3, 18: -1}

	weightsWithAC = [...]window{
		1: withAC01, 2: withAC01.transposed(),
		3: withAC02.transposed(), 5: withAC02,
		4: {
			0, -1, 0, 1, 0,
			-1, 10, 0, -10, 1,
			0, 0, 0, 0, 0,
			1, -10, 0, 10, -1,
			0, 1, 0, -1, 0,
		},
	}
	withAC01 = window{10: -7, 11: 50, 13: -50, 14: 7}
	withAC02 = window{10: -1, 11: 13, 12: -24, 13: 13, 14: -1}
)
