package engine

import "github.com/gozoo/zoo/internal/kernel"

// paired is an attention whose products are of bf16: queries and keys as pairs of channels, shares
// and values as pairs of tokens.
type paired struct {
	on             bool
	scores, sums   kernel.Panel // in pairs
	queries, share kernel.Rounding
}

// pair makes the products of an attention those of bf16, where there are kernels for them. For ViT at 224
// it takes 0.51 ms a layer in place of 0.73 on Zen 4; for Swin's windows, where packing is most of the
// time, 1.48 in place of 1.55.
func (s *attentionStep) pair(precision Precision) {
	dk := s.channels()
	if precision != Medium || s.variant.PanelBF16 == nil || dk%2 != 0 {
		return
	}
	p := &s.paired
	p.on = true
	p.scores, p.sums = s.scores, s.sums
	p.scores.SegmentLen, p.scores.SrcStride = dk/2, dk/2
	p.sums.SegmentLen, p.sums.SrcStride = (s.keys+1)/2, (s.keys+1)/2
	p.queries = kernel.Rounding{Channels: dk, SrcStride: s.scores.SrcStride, DstStride: dk / 2}
	p.share = kernel.Rounding{Channels: s.keys, SrcStride: s.sums.SrcStride, DstStride: p.sums.SrcStride}
}

// pairsOf returns the pairs of a packed panel.
func (s *attentionStep) pairsOf(p *kernel.Panel) int { return (1 + p.SegmentLen) * s.width }

// pairs returns the pairs that one task needs: of packed keys and values, and of a block's queries or shares.
func (s *attentionStep) pairs() int {
	if !s.paired.on {
		return 0
	}
	keys, values := s.packedPairs()
	return keys + values + s.most*max(s.paired.scores.SrcStride, s.paired.sums.SrcStride)
}

// packedPairs returns the pairs of the packed keys and values of a head.
func (s *attentionStep) packedPairs() (keys, values int) {
	dv := s.v.c / s.heads
	return s.scores.DstStride / s.width * s.pairsOf(&s.paired.scores), roundUp(dv, s.width) / s.width * s.pairsOf(&s.paired.sums)
}

// packPairs is pack for pairs, as kernel.PanelBF16Generic reads weights. They are laid out as floats in
// the places of the packed floats first.
func (s *attentionStep) packPairs(mem []float32, b block) {
	w, dk, dv := s.width, s.channels(), s.v.c/s.heads
	size := s.pairsOf(&s.paired.scores)
	for first := 0; first < s.keys; first += w {
		floats := b.keys[:dk*w]
		n := min(w, s.keys-first)
		if n < w {
			clear(floats)
		}
		for t := range n {
			x := mem[s.k.token(b.image, b.square.token(first+t))+b.head*dk:][:dk]
			to := floats[2*t:]
			for i := 0; i+1 < dk; i += 2 {
				to[i*w], to[i*w+1] = x[i], x[i+1]
			}
		}
		s.roundPanel(b.pairs[first/w*size:][:size], floats)
	}
	keys, _ := s.packedPairs()
	size = s.pairsOf(&s.paired.sums)
	for first := 0; first < dv; first += w {
		floats := b.values[:2*s.paired.sums.SegmentLen*w]
		n := min(w, dv-first)
		if n < w || s.keys%2 > 0 {
			clear(floats)
		}
		for t := range s.keys {
			to := floats[t/2*2*w+t%2:]
			for i, x := range mem[s.v.token(b.image, b.square.token(t))+b.head*dv+first:][:n] {
				to[2*i] = x
			}
		}
		s.roundPanel(b.pairs[keys+first/w*size:][:size], floats)
	}
}

// roundPanel rounds the weights of a panel without biases.
func (s *attentionStep) roundPanel(dst []kernel.Pair, floats []float32) {
	clear(dst[:s.width])
	r := kernel.Rounding{Channels: len(floats)}
	s.variant.RoundBF16(&r, 1, dst[s.width:], floats)
}

// multiply rounds m rows and multiplies them by one packed panel after the other; out is the first
// row's outcome, of so many channels.
func (s *attentionStep) multiply(p *kernel.Panel, r *kernel.Rounding, b block, src, out []float32, channels, packed int, bias []float32) {
	keys, values := s.packedPairs()
	rows := b.pairs[keys+values:]
	s.variant.RoundBF16(r, b.m, rows, src)
	size := s.pairsOf(p)
	for at := 0; at < channels; at += s.width {
		dst := out[at:][:(b.m-1)*p.DstStride+min(s.width, channels-at)]
		var res []float32
		if bias != nil {
			res = bias[at:][:len(dst)]
		}
		s.variant.PanelBF16(p, kernel.Rows{Count: 1, Pixels: b.m}, dst, rows, b.pairs[packed+at/s.width*size:][:size], res)
	}
}
