package lock

import (
	"math/big"
	"slices"
)

// The field and the curve of ed25519, -x² + y² = 1 + d x² y² modulo p.
var (
	fieldP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD = over(big.NewInt(-121665), big.NewInt(121666))
)

// over returns a/b modulo p.
func over(a, b *big.Int) *big.Int {
	return times(a, new(big.Int).ModInverse(new(big.Int).Mod(b, fieldP), fieldP))
}

// times returns ab modulo p.
func times(a, b *big.Int) *big.Int {
	ab := new(big.Int).Mul(a, b)
	return ab.Mod(ab, fieldP)
}

// honest reports whether the 32 bytes are the one encoding of a point of the curve whose order
// is not small. For a point of order 1, 2, 4 or 8, signatures can be made that hold for many
// messages, by who holds no key. Package crypto/ed25519 takes such points, and some in a second
// encoding.
func honest(encoded []byte) bool {
	if len(encoded) != 32 {
		return false
	}
	b := slices.Clone(encoded)
	slices.Reverse(b) // little endian
	b[0] &= 0x7f      // the sign of x
	y := new(big.Int).SetBytes(b)
	if y.Cmp(fieldP) >= 0 {
		return false // y + p, which stands for y
	}
	one := big.NewInt(1)
	y2 := times(y, y)
	x2 := over(new(big.Int).Sub(y2, one), new(big.Int).Add(times(curveD, y2), one))
	if big.Jacobi(x2, fieldP) < 0 {
		return false // no point has this y
	}
	// Doubled three times, a point of small order is the neutral one, (0, 1). Since d is no
	// square, no denominator is zero.
	for range 3 {
		y2 := times(y, y)
		xy2 := times(times(curveD, x2), y2)
		// (2xy)² / (1 + d x² y²)² and (y² + x²) / (1 - d x² y²)
		sum := new(big.Int).Add(one, xy2)
		y = over(new(big.Int).Add(y2, x2), new(big.Int).Sub(one, xy2))
		x2 = over(times(big.NewInt(4), times(x2, y2)), times(sum, sum))
	}
	return y.Cmp(one) != 0
}
