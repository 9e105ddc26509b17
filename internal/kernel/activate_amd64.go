//go:build !purego

package kernel

// whole returns a as one pixel of all channels where pixels follow one another.
func (a *Activation) whole(m int) (Activation, int) {
	if w := *a; w.SrcStride == w.Channels && w.DstStride == w.Channels {
		w.Channels *= m
		return w, 1
	}
	return *a, m
}

// activateAVX2 is ActivateGeneric, eight channels at a time.
func activateAVX2(a *Activation, m int, dst, src []float32) {
	const lanes = 8
	a.check(m, dst, src)
	w, m := a.whole(m)
	n := w.Channels / lanes * lanes
	if n > 0 {
		switch w.Curve {
		case Sigmoid:
			sigmoid256(&dst[0], w.DstStride, &src[0], w.SrcStride, n, m)
		case SiLU:
			silu256(&dst[0], w.DstStride, &src[0], w.SrcStride, n, m)
		case HardSigmoid:
			hardSigmoid256(&dst[0], w.DstStride, &src[0], w.SrcStride, n, m)
		case HardSwish:
			hardSwish256(&dst[0], w.DstStride, &src[0], w.SrcStride, n, m)
		case GELU:
			gelu256(&dst[0], w.DstStride, &src[0], w.SrcStride, n, m)
		}
	}
	if n < w.Channels {
		for i := range m {
			w.channels(n, dst[i*w.DstStride:], src[i*w.SrcStride:])
		}
	}
}

// activateAVX512 is ActivateGeneric, sixteen channels at a time.
func activateAVX512(a *Activation, m int, dst, src []float32) {
	a.check(m, dst, src)
	w, m := a.whole(m)
	switch w.Curve {
	case Sigmoid:
		sigmoid512(&dst[0], w.DstStride, &src[0], w.SrcStride, w.Channels, m)
	case SiLU:
		silu512(&dst[0], w.DstStride, &src[0], w.SrcStride, w.Channels, m)
	case HardSigmoid:
		hardSigmoid512(&dst[0], w.DstStride, &src[0], w.SrcStride, w.Channels, m)
	case HardSwish:
		hardSwish512(&dst[0], w.DstStride, &src[0], w.SrcStride, w.Channels, m)
	case GELU:
		gelu512(&dst[0], w.DstStride, &src[0], w.SrcStride, w.Channels, m)
	}
}
