package jpeg

import (
	"bytes"
	"encoding/binary"
)

// A bitReader reads the bits of an entropy-coded segment, the first bit of a byte being
// its highest. Beyond the end it reads zeros.
type bitReader struct {
	buf []byte // the segment as it is without stuffing, then at least 8 zeros
	end int    // bytes of the segment
	pos int    // the next byte to be loaded; beyond end when zeros were
	acc uint64 // the next n bits, from the top; the rest is of no meaning
	n   int
	bad bool // a code was met that does not exist
}

// overrun reports whether more bits were taken than there were.
func (r *bitReader) overrun() bool { return 8*r.pos-r.n > 8*r.end }

// fill makes at least 56 bits available.
func (r *bitReader) fill() {
	r.acc, r.n, r.pos = refill(r.buf, r.end, r.acc, r.n, r.pos)
}

// refill is fill for callers that keep the state in registers.
func refill(buf []byte, end int, acc uint64, n, pos int) (uint64, int, int) {
	acc &^= ^uint64(0) >> (uint(n) & 63)
	if pos <= end {
		acc |= binary.BigEndian.Uint64(buf[pos:]) >> (uint(n) & 63)
	}
	k := (63 - n) >> 3
	return acc, n + 8*k, pos + k
}

// bits takes the next k bits, up to 16.
func (r *bitReader) bits(k int) int32 {
	if r.n < k {
		r.fill()
	}
	v := r.acc >> 1 >> (63 - uint(k)&63) // k may be 0
	r.acc <<= uint(k) & 63
	r.n -= k
	return int32(v)
}

// symbol takes the next code.
func (r *bitReader) symbol(t *huffman) uint8 {
	if r.n < badCode {
		r.fill()
	}
	if e := t.code[r.acc>>(64-lookBits)]; e != 0 {
		r.acc <<= e & 63
		r.n -= int(e & 63)
		return uint8(e >> 8)
	}
	symbol, length := t.long(r.acc)
	r.acc <<= uint(length)
	r.n -= length
	r.bad = r.bad || length == badCode
	return symbol
}

// nextSegment readies the bit reader for the entropy-coded segment that begins at the
// decoder's position, and moves the decoder to the marker that ends it. Of the segment
// the zeros that follow each ff are taken out (T.81, F.1.2.3).
func (d *decoder) nextSegment() (bitReader, error) {
	const guard = 8
	buf := d.segment[:0]
	rest := d.data[d.pos:]
	for {
		n := bytes.IndexByte(rest, 0xff)
		if n < 0 {
			return bitReader{}, ErrTruncated
		}
		buf = append(buf, rest[:n]...)
		at := len(d.data) - len(rest) + n
		for rest = rest[n+1:]; len(rest) > 0 && rest[0] == 0xff; { // fill bytes
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return bitReader{}, ErrTruncated
		}
		if rest[0] != 0 {
			d.pos = at
			break
		}
		buf = append(buf, 0xff)
		rest = rest[1:]
	}
	end := len(buf)
	buf = append(buf, make([]byte, guard)...)
	d.segment = buf
	return bitReader{buf: buf, end: end}, nil
}
