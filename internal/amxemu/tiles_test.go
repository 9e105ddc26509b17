//go:build linux && amd64 && !purego

package main

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// config returns the operand of LDTILECFG for tiles of the given rows and bytes.
func config(shapes ...[2]int) (cfg [64]byte) {
	cfg[0] = 1
	for i, s := range shapes {
		cfg[48+i] = byte(s[0])
		binary.LittleEndian.PutUint16(cfg[16+2*i:], uint16(s[1]))
	}
	return cfg
}

func TestConfigure(t *testing.T) {
	change := func(cfg [64]byte, at int, to byte) [64]byte {
		cfg[at] = to
		return cfg
	}
	whole := config([2]int{16, 64}, [2]int{1, 4}, [2]int{16, 64})
	for _, tt := range []struct {
		what string
		cfg  [64]byte
		want error
	}{
		{"whole", whole, nil},
		{"palette 0", change(whole, 0, 0), nil},
		{"palette 2", change(whole, 0, 2), errProtection},
		{"reserved byte 2", change(whole, 2, 1), errProtection},
		{"reserved byte 15", change(whole, 15, 1), errProtection},
		{"65 bytes", config([2]int{16, 65}), errProtection},
		{"17 rows", config([2]int{17, 64}), errProtection},
		{"rows of nothing", config([2]int{16, 0}), errProtection},
		{"bytes without rows", config([2]int{0, 64}), errProtection},
		{"tile 8", change(whole, 48+8, 1), errProtection},
		{"bytes of tile 8", change(whole, 16+16, 64), errProtection},
	} {
		var s tiles
		if err := s.configure(&tt.cfg); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
		}
		if want := tt.want == nil && tt.cfg[0] == 1; s.configured != want {
			t.Errorf("%s: configured: %v, want %v", tt.what, s.configured, want)
		}
	}
}

func TestProductRefuses(t *testing.T) {
	c, a, b := [2]int{5, 12}, [2]int{5, 28}, [2]int{7, 12}
	for _, tt := range []struct {
		what    string
		shapes  [][2]int
		c, a, b int
		want    error
	}{
		{"fits", [][2]int{c, a, b}, 0, 1, 2, nil},
		{"not configured", nil, 0, 1, 2, errUndefined},
		{"a missing", [][2]int{c, {}, b}, 0, 1, 2, errUndefined},
		{"a is b", [][2]int{{7, 28}, {7, 28}}, 0, 1, 1, errUndefined},
		{"a is c", [][2]int{{7, 28}, {7, 28}}, 0, 0, 1, errUndefined},
		{"b is c", [][2]int{{7, 28}, {7, 28}}, 0, 1, 0, errUndefined},
		{"rows of a", [][2]int{c, {4, 28}, b}, 0, 1, 2, errUndefined},
		{"rows of b", [][2]int{c, a, {6, 12}}, 0, 1, 2, errUndefined},
		{"columns of b", [][2]int{c, a, {7, 16}}, 0, 1, 2, errUndefined},
		{"half a pair", [][2]int{c, {5, 30}, b}, 0, 1, 2, errUndefined},
	} {
		var s tiles
		if tt.shapes != nil {
			cfg := config(tt.shapes...)
			if err := s.configure(&cfg); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.product(tt.c, tt.a, tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
		}
	}
}

// TestProduct compares with sums of arbitrary precision that are rounded after each
// step, for numbers of very different size and many that are subnormal.
func TestProduct(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		rows, columns, depth := 1+r.IntN(16), 1+r.IntN(16), 1+r.IntN(16)
		below, above := 1+r.IntN(100), 1+r.IntN(60) // 2^0, of exponents
		if seed%3 == 0 {
			below, above = 66, -60 // products about the smallest number that is not subnormal
		}
		cfg := config([2]int{rows, 4 * columns}, [2]int{rows, 4 * depth}, [2]int{depth, 4 * columns})
		var s tiles
		if err := s.configure(&cfg); err != nil {
			t.Fatal(err)
		}
		number := func() uint32 {
			sign, exponent := r.Uint32()&(1<<31), uint32(127-below+r.IntN(below+above))
			if r.IntN(20) == 0 {
				exponent = 0
			}
			return sign | exponent<<23 | r.Uint32()&(1<<23-1)
		}
		for i := range 3 {
			x := &s.t[i]
			for row := range x.rows {
				for at := 0; at < x.colsb; at += 4 {
					bits := number()
					if i > 0 {
						bits = number()>>16 | bits&^0xffff
					}
					binary.LittleEndian.PutUint32(x.data[row][at:], bits)
				}
			}
		}
		word := func(i, row, column int) uint32 { return binary.LittleEndian.Uint32(s.t[i].data[row][4*column:]) }
		var want [16][16]float32
		for m := range rows {
			for n := range columns {
				low, high := new(big.Float), new(big.Float)
				for k := range depth {
					a, b := word(1, m, k), word(2, k, n)
					low = step(low, exact(a<<16), exact(b<<16))
					high = step(high, exact(a&^0xffff), exact(b&^0xffff))
				}
				one := big.NewFloat(1)
				sum := step(low, high, one)
				sum = step(sum, exact(word(0, m, n)), one)
				want[m][n] = single(sum)
			}
		}
		if err := s.product(0, 1, 2); err != nil {
			t.Fatal(err)
		}
		for m := range tileRows {
			for n := range rowBytes / 4 {
				got := math.Float32frombits(word(0, m, n))
				if math.Float32bits(got) != math.Float32bits(want[m][n]) {
					t.Fatalf("seed %d: row %d of %d, column %d of %d, depth %d: %v, want %v", seed, m, rows, n, columns, depth, got, want[m][n])
				}
			}
		}
	}
}

// exact returns a float32, or zero for a subnormal one.
func exact(bits uint32) *big.Float {
	x := float64(math.Float32frombits(bits))
	if math.Abs(x) < 0x1p-126 {
		x = math.Copysign(0, x)
	}
	return new(big.Float).SetFloat64(x)
}

// step returns sum + a*b, rounded once to the 24 bits of a float32, or zero where that is
// subnormal.
func step(sum, a, b *big.Float) *big.Float {
	product := new(big.Float).SetPrec(200).Mul(a, b)
	x := new(big.Float).SetPrec(24).Add(sum, product)
	if x.Sign() != 0 && x.MantExp(nil) < -125 {
		zero := new(big.Float)
		if x.Signbit() {
			zero.Neg(zero)
		}
		return zero
	}
	return x
}

// single returns x, of 24 bits, as a float32.
func single(x *big.Float) float32 {
	f, _ := x.Float32()
	return f
}

func TestProductSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, tt := range []struct{ c, a, b, want float32 }{
		{0, inf, 1, inf}, {0, -inf, 1, -inf}, {0, inf, 0, nan}, {inf, -inf, 1, nan}, {nan, 1, 1, nan}, {0, nan, 0, nan},
		{0, 0x1p127, 2, inf}, {0x1p127, 0x1p126, 2, inf}, {0, 0x1p-126, 0.5, 0}, {0x1p-127, 0, 0, 0}, {0, 0x1p-130, 0x1p60, 0}, {0, 0x1p60, 0x1p-130, 0}, {0x1.8p-126, -0x1p-126, 1, 0},
		{1, 1, 0x1p-24, 1}, {1, 3, 0x1p-24, 1 + 0x1p-22},
		{float32(math.Copysign(0, -1)), 0, 0, 0}, // sums start from +0
	} {
		cfg := config([2]int{1, 4}, [2]int{1, 4}, [2]int{1, 4})
		var s tiles
		if err := s.configure(&cfg); err != nil {
			t.Fatal(err)
		}
		for i, x := range []float32{tt.c, tt.a, tt.b} {
			bits := math.Float32bits(x)
			if i > 0 {
				bits >>= 16 // the lower one of the pair, the other zero
			}
			binary.LittleEndian.PutUint32(s.t[i].data[0][:], bits)
		}
		if err := s.product(0, 1, 2); err != nil {
			t.Fatal(err)
		}
		got := math.Float32frombits(binary.LittleEndian.Uint32(s.t[0].data[0][:]))
		if math.Float32bits(got) != math.Float32bits(tt.want) && (got == got || tt.want == tt.want) {
			t.Errorf("%v + %v*%v = %v, want %v", tt.c, tt.a, tt.b, got, tt.want)
		}
	}
}
