package jpeg

// checkProgression returns an error for a scan of a progressive image that has no
// meaning, and notes for each component what is known of its coefficients after it.
func (s *scan) checkProgression(first bool) error {
	switch {
	case s.first == 0 && s.last != 0,
		s.first > s.last || s.last > 63,
		s.first > 0 && len(s.parts) != 1,
		s.high > 0 && s.low != s.high-1,
		s.low > 13:
		return malformed("scan header: no scan of %d components has coefficients %d to %d and bits %d to %d",
			len(s.parts), s.first, s.last, s.high, s.low)
	}
	for _, p := range s.parts {
		p.before = [64]int8{} // before the first scan libjpeg takes all for known
		if !first {
			p.before = p.accuracy
		}
		for k := s.first; k <= s.last; k++ {
			p.accuracy[k] = int8(s.low)
		}
	}
	return nil
}

// decodeInto decodes what the scan has of a block whose coefficients are kept.
func (s *scan) decodeInto(b *[64]int16, p *part) {
	r := &s.bits
	switch {
	case s.last == 63 && s.first == 0:
		r.sequential(b, p) // of an image of several such scans
	case s.first > 0 && s.high == 0:
		s.firstBits(b, p.ac)
	case s.first > 0:
		s.nextBit(b, p.ac)
	case s.high == 0: // T.81, G.1.2.1
		if size := int(r.symbol(p.dc)); size > 0 {
			p.prediction += extend(r.bits(size), size)
		}
		b[0] = int16(p.prediction << s.low)
	case r.bits(1) != 0:
		b[0] |= 1 << s.low
	}
}

// ones multiplies by 1.
var ones = func() (t quantTable) {
	for i := range t {
		t[i] = 1
	}
	return t
}()

// firstBits decodes the upper bits of a band of AC coefficients (T.81, G.1.2.2).
func (s *scan) firstBits(b *[64]int16, ac *huffman) {
	if s.endOfBands > 0 {
		s.endOfBands--
		return
	}
	r := &s.bits
	for k := s.first; k <= s.last; k++ {
		symbol := r.symbol(ac)
		zeros, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if zeros < 15 {
				s.endOfBands = 1<<zeros - 1 + int(r.bits(zeros))
				return
			}
			k += 15
			continue
		}
		k += zeros
		b[zigzag[k]&63] = int16(extend(r.bits(size), size) << s.low)
	}
}

// nextBit decodes one more bit of a band of AC coefficients (T.81, G.1.2.3).
func (s *scan) nextBit(b *[64]int16, ac *huffman) {
	r := &s.bits
	k := s.first
	for s.endOfBands == 0 && k <= s.last {
		symbol := r.symbol(ac)
		zeros, size := int(symbol>>4), int(symbol&15)
		var found int16 // a coefficient that is no longer zero
		if size > 0 {
			// Only size 1 has a meaning here; libjpeg takes others for it.
			r.bad = r.bad || size > 1
			found = -1 << s.low
			if r.bits(1) != 0 {
				found = 1 << s.low
			}
		} else if zeros < 15 {
			s.endOfBands = 1<<zeros + int(r.bits(zeros))
			break
		}
		k = s.correct(b, k, zeros)
		if found != 0 {
			b[zigzag[k]&63] = found
		}
		k++
	}
	if s.endOfBands > 0 {
		s.correct(b, k, 64)
		s.endOfBands--
	}
}

// correct takes a bit for each coefficient from place k on that is not zero, and adds it
// to the coefficient's magnitude. It stops at the zero that comes after the given number
// of zeros, or behind the band, and returns where.
func (s *scan) correct(b *[64]int16, k, zeros int) int {
	r := &s.bits
	bit := int16(1) << s.low
	for ; k <= s.last; k++ {
		c := &b[zigzag[k]&63]
		if *c == 0 {
			if zeros--; zeros < 0 {
				return k
			}
			continue
		}
		if r.n == 0 {
			r.fill()
		}
		one := int64(r.acc) < 0
		r.acc <<= 1
		r.n--
		switch {
		case !one || *c&bit != 0:
		case *c > 0:
			*c += bit
		default:
			*c -= bit
		}
	}
	return k
}
