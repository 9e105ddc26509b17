package kernel

import "fmt"

// A Grouped describes the rows of one convolution in groups with as many output as
// input channels. Groups smaller than a register are computed several at a time;
// larger ones are better served by a Panel for each.
type Grouped struct {
	// Segments are the places of the taps: offsets in src, relative to a pixel's
	// first tap.
	Segments []int
	// Channels is the number of channels of all groups together, Size that of one
	// group: a power of two that divides Channels and Lanes.
	Channels, Size int
	// Lanes is the number of channels in a block of packed weights: that of the
	// variant which computes it.
	Lanes int
	// SrcStride, DstStride and ResStride lead from one pixel to the next, in floats.
	SrcStride, DstStride, ResStride int
	Epilogue
}

// check panics where a call breaks the contract: an error of the caller.
func (p *Grouped) check(m int, dst, src, w, res []float32) {
	checkPixels("grouped", m, p.Channels, p.Segments, p.Channels, p.SrcStride, len(src))
	checkRows("grouped", m, p.Channels, p.DstStride, p.ResStride, dst, res)
	if s := p.Size; s < 1 || s&(s-1) != 0 || p.Channels%s != 0 || p.Lanes < s || p.Lanes%s != 0 {
		panic(fmt.Sprintf("kernel: grouped: groups of %d in %d channels, blocks of %d", s, p.Channels, p.Lanes))
	}
	if need := p.packedLen(); need > len(w) {
		panic(fmt.Sprintf("kernel: grouped: %d packed weights, %d are read", len(w), need))
	}
}

// blockLen returns the packed weights of one block of channels.
func (p *Grouped) blockLen() int { return (1 + len(p.Segments)*p.Size) * p.Lanes }

// packedLen returns the packed weights of all blocks.
func (p *Grouped) packedLen() int { return (p.Channels + p.Lanes - 1) / p.Lanes * p.blockLen() }

// PackGrouped packs the weights of a grouped convolution. Blocks of Lanes channels
// follow one another; in each come the biases, then for every tap and every r < Size
// the weights with which each channel c takes input c^r, which is one of its own
// group. What is not there is zero. Weight returns the weight of channel c for the
// input that is channel i of all channels, at a tap.
func PackGrouped(p *Grouped, bias func(c int) float32, weight func(c, i, tap int) float32) []float32 {
	w := make([]float32, p.packedLen())
	for c := range p.Channels {
		block := w[c/p.Lanes*p.blockLen()+c%p.Lanes:]
		block[0] = bias(c)
		for tap := range p.Segments {
			for r := range p.Size {
				block[(1+tap*p.Size+r)*p.Lanes] = weight(c, c^r, tap)
			}
		}
	}
	return w
}

// GroupedGeneric computes m ≥ 1 pixels. For every pixel i and channel c, which is
// channel l = c%Lanes of block b = c/Lanes,
//
//	block := w[b*blockLen:]
//	sum = block[l]
//	for s, at := range p.Segments {
//		for r := range p.Size {
//			sum += src[i*SrcStride+at+c^r] * block[(1+s*Size+r)*Lanes+l]
//		}
//	}
//	dst[i*DstStride+c] = p.Epilogue.Apply(sum, res[i*ResStride+c])
//
// A nil res adds nothing; one may overlap dst only if it is dst. No float is read or
// written but those that the loop names. What a pixel comes to does not depend on m.
func GroupedGeneric(p *Grouped, m int, dst, src, w, res []float32) {
	p.check(m, dst, src, w, res)
	p.channels(0, m, dst, src, w, res)
}

// channels computes the channels from first on, which begins a block.
func (p *Grouped) channels(first, m int, dst, src, w, res []float32) {
	for i := range m {
		x, out := src[i*p.SrcStride:], dst[i*p.DstStride:]
		for c := first; c < p.Channels; c++ {
			block := w[c/p.Lanes*p.blockLen()+c%p.Lanes:]
			sum := block[0]
			at := p.Lanes
			for _, seg := range p.Segments {
				for r := range p.Size {
					sum += x[seg+(c^r)] * block[at]
					at += p.Lanes
				}
			}
			if res == nil {
				out[c] = p.Act.Apply(sum)
			} else {
				out[c] = p.Apply(sum, res[i*p.ResStride+c])
			}
		}
	}
}
