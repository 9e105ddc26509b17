package jpeg

// sequential decodes a block of a sequential scan (T.81, F.2.2): it sets the coefficients
// of b that are coded, each multiplied by the part's table, and returns the place of the
// last of them, in zigzag order.
func (r *bitReader) sequential(b *[64]int16, p *part) (last int) {
	buf, end, acc, n, pos := r.buf, r.end, r.acc, r.n, r.pos
	quant := p.multiply

	if n < 32 {
		acc, n, pos = refill(buf, end, acc, n, pos)
	}
	if e := p.dc.value[acc>>(64-lookBits)]; e != 0 {
		acc <<= uint(e) & 63
		n -= int(e & 63)
		p.prediction += e >> 16
	} else {
		r.acc, r.n, r.pos = acc, n, pos
		if size := int(r.symbol(p.dc)); size > 0 {
			p.prediction += extend(r.bits(size), size)
		}
		acc, n, pos = r.acc, r.n, r.pos
	}
	b[0] = int16(p.prediction) * quant[0]

	ac := p.ac
	for k := 1; k < 64; k++ {
		if n < 32 {
			acc, n, pos = refill(buf, end, acc, n, pos)
		}
		e := ac.value[acc>>(64-lookBits)]
		if e == 0 {
			symbol, length := uint8(0), 0
			if c := ac.code[acc>>(64-lookBits)]; c != 0 {
				symbol, length = uint8(c>>8), int(c&63)
			} else if symbol, length = ac.long(acc); length == badCode {
				r.bad = true
			}
			acc <<= uint(length) & 63
			n -= length
			zeros, size := int(symbol>>4), int(symbol&15)
			if size == 0 {
				if zeros < 15 {
					break
				}
				k += 15
				continue
			}
			number := extend(int32(acc>>1>>(63-uint(size)&63)), size)
			acc <<= uint(size) & 63
			n -= size
			k += zeros
			b[zigzag[k]&63] = int16(number) * quant[min(k, 63)]
			last = min(k, 63)
			continue
		}
		acc <<= uint(e) & 63
		n -= int(e & 63)
		k += int(e>>8) & 127
		if k > 63 {
			if e>>16 == 0 {
				break
			}
			k = 63
		}
		b[zigzag[k&63]&63] = int16(e>>16) * quant[k&63]
		last = k
	}
	r.acc, r.n, r.pos = acc, n, pos
	return last
}
