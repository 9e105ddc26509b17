package kernel

import "fmt"

// QuadWords is the words of a pixel that has up to four channels of bf16.
const QuadWords = 2

// Planes describes how rows of an image whose channels lie in planes become pixels of four
// channels of bf16, which the tiles of a first layer are loaded from.
type Planes struct {
	Channels int // 1 to 4; those that are missing are 0
	Plane    int // floats from one channel to the next
}

func (p *Planes) check(m int, dst []Pair, src []float32) {
	if m < 1 || p.Channels < 1 || p.Channels > 4 || p.Plane < 0 {
		panic(fmt.Sprintf("kernel: planes: %+v, %d pixels", *p, m))
	}
	if need := (p.Channels-1)*p.Plane + m; need > len(src) {
		panic(fmt.Sprintf("kernel: planes: src of %d floats, %d are read", len(src), need))
	}
	if need := m * QuadWords; need > len(dst) {
		panic(fmt.Sprintf("kernel: planes: dst of %d words, %d are written", len(dst), need))
	}
}

// RoundPlanesGeneric rounds m ≥ 1 pixels. For each pixel i, where x[c] is src[c*Plane+i], or 0
// from Channels on,
//
//	dst[i*QuadWords] = MakePair(x[0], x[1])
//	dst[i*QuadWords+1] = MakePair(x[2], x[3])
func RoundPlanesGeneric(p *Planes, m int, dst []Pair, src []float32) {
	p.check(m, dst, src)
	for i := range m {
		var x [4]float32
		for c := range p.Channels {
			x[c] = src[c*p.Plane+i]
		}
		dst[i*QuadWords], dst[i*QuadWords+1] = MakePair(x[0], x[1]), MakePair(x[2], x[3])
	}
}
