//go:build !purego

package kernel

// residual returns where the residual from float at on is added: before the activation
// or after it.
func (e *Epilogue) residual(res []float32, at int) (before, after *float32) {
	switch {
	case res == nil:
		return nil, nil
	case e.ActLast:
		return &res[at], nil
	}
	return nil, &res[at]
}

// tile returns how many of the m pixels that are left to compute next, at most most:
// so that tiles come out about equal.
func tile(m, most int) int {
	tiles := (m + most - 1) / most
	return (m + tiles - 1) / tiles
}

// whole returns a as one pixel of all channels where pixels follow one another.
func (a *Activation) whole(m int) (Activation, int) {
	if w := *a; w.SrcStride == w.Channels && w.DstStride == w.Channels {
		w.Channels *= m
		return w, 1
	}
	return *a, m
}

// panelScratch computes a panel whose last register of channels is not full, by way
// of whole registers on the stack: AVX2 stores a part of one only slowly.
func panelScratch(p *Panel, channels, m int, dst, src, w, res []float32) {
	const width, pixels = 16, 6
	q := *p
	q.DstStride, q.ResStride = width, width
	var whole, r [pixels * width]float32
	for i := 0; i < m; i += pixels {
		n := min(pixels, m-i)
		var rs []float32
		if res != nil {
			rs = r[:n*width]
			for j := range n {
				copy(r[j*width:][:channels], res[(i+j)*p.ResStride:])
			}
		}
		panelAVX2(&q, n, whole[:n*width], src[i*p.SrcStride:], w, rs)
		for j := range n {
			copy(dst[(i+j)*p.DstStride:][:channels], whole[j*width:])
		}
	}
}
