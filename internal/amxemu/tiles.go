//go:build linux && amd64 && !purego

package main

import (
	"encoding/binary"
	"errors"
	"math"
)

// What an instruction raises instead of being carried out.
var (
	errUndefined  = errors.New("#UD")
	errProtection = errors.New("#GP")
	errPage       = errors.New("#PF")
)

const (
	tileCount = 8
	tileRows  = 16
	rowBytes  = 64
)

// A tile is a register of up to 16 rows of up to 64 bytes. What its shape leaves out is
// zero.
type tile struct {
	rows, colsb int
	data        [tileRows][rowBytes]byte
}

// tiles are the tile registers of one thread: Intel 64 and IA-32 Architectures
// Software Developer's Manual, volume 1, 18.
type tiles struct {
	configured bool
	t          [tileCount]tile
}

// configure is LDTILECFG for the 64 bytes at its address.
func (s *tiles) configure(cfg *[64]byte) error {
	switch palette := cfg[0]; {
	case palette == 0:
		*s = tiles{}
		return nil
	case palette > 1:
		return errProtection
	}
	for _, reserved := range cfg[2:16] {
		if reserved != 0 {
			return errProtection
		}
	}
	n := tiles{configured: true}
	for i := range 16 {
		colsb, rows := int(binary.LittleEndian.Uint16(cfg[16+2*i:])), int(cfg[48+i])
		switch {
		case i >= tileCount:
			if colsb != 0 || rows != 0 {
				return errProtection
			}
			continue
		case colsb > rowBytes || rows > tileRows || (colsb == 0) != (rows == 0):
			return errProtection
		}
		n.t[i].colsb, n.t[i].rows = colsb, rows
	}
	*s = n
	return nil
}

// tile returns a tile that may be used.
func (s *tiles) tile(i int) (*tile, error) {
	if !s.configured || s.t[i].rows == 0 {
		return nil, errUndefined
	}
	return &s.t[i], nil
}

// load sets a tile to rows that read returns, given how many bytes of which row.
func (t *tile) load(read func(row int, dst []byte) error) error {
	n := tile{rows: t.rows, colsb: t.colsb}
	for i := range t.rows {
		if err := read(i, n.data[i][:t.colsb]); err != nil {
			return err
		}
	}
	*t = n
	return nil
}

// product is TDPBF16PS: c += a b, of pairs of bf16. First the lower halves of all pairs
// are summed and the upper ones, each from zero and in their order, then the two sums
// are added, and the result to c. All in float32, where subnormal numbers are zero.
func (s *tiles) product(ic, ia, ib int) error {
	if ic == ia || ic == ib || ia == ib {
		return errUndefined
	}
	c, errC := s.tile(ic)
	a, errA := s.tile(ia)
	b, errB := s.tile(ib)
	if err := errors.Join(errC, errA, errB); err != nil {
		return errUndefined
	}
	if c.colsb%4 != 0 || a.colsb%4 != 0 || b.colsb%4 != 0 || c.colsb != b.colsb || a.rows != c.rows || a.colsb/4 != b.rows {
		return errUndefined
	}
	var wide [tileRows][rowBytes / 2]float64 // b
	for k := range b.rows {
		for i := range c.colsb / 2 {
			wide[k][i] = bf16At(&b.data[k], i)
		}
	}
	n := c.colsb / 4
	for m := range c.rows {
		var sums [rowBytes / 2]float32
		for k := range b.rows {
			low, high := bf16At(&a.data[m], 2*k), bf16At(&a.data[m], 2*k+1)
			row := &wide[k]
			for i := 0; i < 2*n; i += 2 {
				// The products are exact, and so are the sums or as near to them as makes no
				// difference to float32: one of 24 bits and one of 16 that reach further
				// than 53 bits are too far from one another to come near a tie.
				sums[i] = flush(float32(float64(sums[i]) + low*row[i]))
				sums[i+1] = flush(float32(float64(sums[i+1]) + high*row[i+1]))
			}
		}
		for i := range n {
			at := c.data[m][4*i:]
			x := flush(math.Float32frombits(binary.LittleEndian.Uint32(at)))
			x = flush(x + flush(sums[2*i]+sums[2*i+1]))
			binary.LittleEndian.PutUint32(at, math.Float32bits(x))
		}
	}
	return nil
}

// bf16At returns number i of a row.
func bf16At(row *[rowBytes]byte, i int) float64 {
	bits := uint32(binary.LittleEndian.Uint16(row[2*i:])) << 16
	return float64(flush(math.Float32frombits(bits)))
}

// flush returns x, or for a subnormal number the zero of its sign.
func flush(x float32) float32 {
	const exponent, sign = 0xff << 23, 1 << 31
	if bits := math.Float32bits(x); bits&exponent == 0 {
		return math.Float32frombits(bits & sign)
	}
	return x
}
