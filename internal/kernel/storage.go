package kernel

import "math"

// A Storage says how the channels of a pixel are stored: as float32, or in one to three parts
// of bf16, as tiles load them. A part is what is left of a number after the parts before
// it, rounded to bf16. Channels then come in blocks of BlockChannels, each with 16 pairs of
// the first part, then 16 of the next. Everything is counted in words of 4 bytes, and the
// value of a Storage other than Floats is its number of parts.
type Storage uint8

const (
	Floats Storage = iota // float32
	Pairs                 // bf16, 2 bytes a channel
	Halves                // two parts: 16 bits of a float32's 24, in as many bytes
	Thirds                // three parts: all 24 bits, in 6 bytes; kernels read it, none but RoundThirds writes it
)

const (
	// BlockChannels is the channels of a block.
	BlockChannels = 32
	// PartWords is the words of one part of a block.
	PartWords = BlockChannels / 2
)

// Words returns the words that a number of channels take: of whole blocks, unless they are
// Floats.
func (s Storage) Words(channels int) int {
	if s == Floats {
		return channels
	}
	return channels / 2 * int(s)
}

// Rounding returns how blocks of floats become a Storage in parts: rows that lie srcStride
// floats and dstStride words apart.
func (s Storage) Rounding(srcStride, dstStride int) Rounding {
	return Rounding{Channels: BlockChannels, SrcStride: srcStride, DstStride: dstStride, Low: PartWords}
}

// Get returns channel c of the pixel that begins with x.
func (s Storage) Get(x []Pair, c int) float32 {
	if s == Floats {
		return math.Float32frombits(uint32(x[c]))
	}
	sum := float32(0)
	for part := int(s) - 1; part >= 0; part-- {
		sum += s.part(x, c, part)
	}
	return sum
}

// part returns one part of channel c.
func (s Storage) part(x []Pair, c, part int) float32 {
	return x[s.word(c, part)].half(c)
}

// half returns the first number of p for an even i, the second for an odd one.
func (p Pair) half(i int) float32 {
	a, b := p.Floats()
	if i%2 == 1 {
		return b
	}
	return a
}

// word returns the word that holds one part of channel c.
func (s Storage) word(c, part int) int {
	return s.Words(c/BlockChannels*BlockChannels) + PartWords*part + c%BlockChannels/2
}

// put stores v as channel c of the pixel that begins with x.
func (s Storage) put(x []Pair, c int, v float32) {
	if s == Floats {
		x[c] = Pair(math.Float32bits(v))
		return
	}
	for part := range int(s) {
		at, p := s.word(c, part), MakePair(v, v)
		keep := Pair(0xffff << (16 * (1 - c%2)))
		x[at] = x[at]&keep | p&^keep
		v -= p.half(0)
	}
}

// RoundThirdsGeneric stores m blocks of 32 floats as Thirds; see Storage.Rounding.
func RoundThirdsGeneric(r *Rounding, m int, dst []Pair, src []float32) {
	r.check(m, 2*PartWords, dst, src)
	for i := range m {
		for c, v := range src[i*r.SrcStride:][:BlockChannels] {
			Thirds.put(dst[i*r.DstStride:], c, v)
		}
	}
}
