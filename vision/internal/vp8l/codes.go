package vp8l

import "slices"

// A bitReader reads bits, the first of a byte being its lowest. Beyond the end it reads zeros.
type bitReader struct {
	data []byte
	pos  int    // of the next byte to be loaded; beyond the end when zeros were
	acc  uint64 // the next n bits
	n    int
}

// fill makes at least 32 bits available.
func (r *bitReader) fill() {
	for r.n <= 56 {
		if r.pos < len(r.data) {
			r.acc |= uint64(r.data[r.pos]) << r.n
		}
		r.pos++
		r.n += 8
	}
}

// bits takes the next k bits, up to 24.
func (r *bitReader) bits(k int) uint32 {
	if r.n < k {
		r.fill()
	}
	v := uint32(r.acc) & (1<<k - 1)
	r.acc >>= k
	r.n -= k
	return v
}

// overrun reports whether more bits were taken than there were.
func (r *bitReader) overrun() bool { return 8*r.pos-r.n > 8*len(r.data) }

// value takes the number that a prefix begins (RFC 9649, 5.2.2).
func (r *bitReader) value(prefix int) int {
	if prefix < 4 {
		return prefix + 1
	}
	extra := (prefix - 2) >> 1
	return (2+prefix&1)<<extra + int(r.bits(extra)) + 1
}

// A group is the codes of a block of pixels.
type group [5]code

// The codes of a group.
const (
	green = iota // or a length, or a colour of the cache
	red
	blue
	alpha
	far // distances
)

// lengths and distances are how many prefixes there are of each.
const lengths, distances = 24, 40

// lookBits is how many bits are looked up at once. Longer codes are followed bit by bit.
const lookBits = 8

// maxBits is the longest code.
const maxBits = 15

// A code is one of prefixes. A code of one symbol takes no bits, and no tables.
type code struct {
	only    uint16
	bits    uint8    // of look; 0 for one symbol
	look    []uint16 // by the next bits: symbol<<4 and length; 0 for a longer code
	symbols []uint16 // of codes longer than bits, by length, then by symbol
	first   []uint16 // of each length from bits+1 on: the first code
	begin   []uint16 // and the index of its symbol, with one more for the end
}

// size returns about how many bytes a code takes.
func (c *code) size() int {
	return 112 + 2*(len(c.look)+len(c.symbols)+len(c.first)+len(c.begin))
}

// symbol takes the next symbol of a code.
func (r *bitReader) symbol(c *code) int {
	if c.bits == 0 {
		return int(c.only)
	}
	if r.n < maxBits {
		r.fill()
	}
	if e := c.look[r.acc&(1<<c.bits-1)]; e != 0 {
		r.acc >>= e & 15
		r.n -= int(e & 15)
		return int(e >> 4)
	}
	v := 0 // the bits so far, the first one highest
	for i := range int(c.bits) {
		v = v<<1 | int(r.acc>>i&1)
	}
	for i := range c.first {
		v = v<<1 | int(r.acc>>(int(c.bits)+i)&1)
		n := int(c.begin[i+1]) - int(c.begin[i])
		if k := v - int(c.first[i]); k < n {
			length := int(c.bits) + i + 1
			r.acc >>= length
			r.n -= length
			return int(c.symbols[int(c.begin[i])+k])
		}
	}
	return 0 // no code is incomplete
}

// newCode returns the code in which symbol i has a length of so many bits; 0 for none. Codes
// are canonical: they follow one another by length, then by symbol.
func newCode(bits []uint8) (c code, err error) {
	var count [maxBits + 1]int
	longest, used, last := 0, 0, 0
	for symbol, n := range bits {
		if n > 0 {
			count[n]++
			longest, used, last = max(longest, int(n)), used+1, symbol
		}
	}
	if used == 0 {
		return c, malformed("a code without symbols")
	}
	if used == 1 {
		return code{only: uint16(last)}, nil
	}
	var next [maxBits + 2]int // code of each length
	for n := 1; n <= maxBits; n++ {
		next[n+1] = (next[n] + count[n]) << 1
	}
	if next[longest]+count[longest] != 1<<longest {
		return c, malformed("a code that is not complete")
	}
	c.bits = uint8(min(longest, lookBits))
	c.look = make([]uint16, 1<<c.bits)
	total := 0
	for n := int(c.bits) + 1; n <= longest; n++ {
		c.first, c.begin = append(c.first, uint16(next[n])), append(c.begin, uint16(total))
		total += count[n]
	}
	if total > 0 {
		c.begin = append(c.begin, uint16(total))
		c.symbols = make([]uint16, total)
	}
	at := slices.Clone(c.begin)
	for symbol, n := range bits {
		switch n := int(n); {
		case n == 0:
		case n <= int(c.bits):
			for v := reversed(next[n], n); v < len(c.look); v += 1 << n {
				c.look[v] = uint16(symbol<<4 | n)
			}
			next[n]++
		default:
			i := n - int(c.bits) - 1
			c.symbols[at[i]] = uint16(symbol)
			at[i]++
		}
	}
	return c, nil
}

// reversed returns the lowest n bits of v, the last one first.
func reversed(v, n int) (out int) {
	for range n {
		out = out<<1 | v&1
		v >>= 1
	}
	return out
}

// readGroups reads groups of codes. Those that ids name are kept, and ids changed to their
// indices.
func (d *decoder) readGroups(ids []uint32, n, cacheBits int) ([]group, error) {
	index := make([]int32, n) // 1 more than that of a group that is used
	used := int32(0)
	for _, id := range ids {
		if index[id] == 0 {
			index[id] = 1
			used++
		}
	}
	groups := make([]group, 0, min(used, 1024))
	sizes := [5]int{256 + lengths, 256, 256, 256, distances}
	if cacheBits > 0 {
		sizes[green] += 1 << cacheBits
	}
	scratch := make([]uint8, sizes[green])
	for i := range index {
		var g group
		for j, size := range sizes {
			bits := scratch[:size]
			if err := d.readCode(bits); err != nil {
				return nil, err
			}
			var err error
			if g[j], err = newCode(bits); err != nil {
				return nil, err
			}
		}
		if d.r.overrun() {
			return nil, ErrTruncated
		}
		if err := d.ctx.Err(); err != nil {
			return nil, err
		}
		if index[i] == 0 {
			continue
		}
		for j := range g {
			d.codes += g[j].size()
		}
		if d.codes > maxCodes {
			return nil, malformed("codes take more than %d MB", maxCodes>>20)
		}
		groups = append(groups, g)
		index[i] = int32(len(groups))
	}
	for i, id := range ids {
		ids[i] = uint32(index[id] - 1)
	}
	return groups, nil
}

// codeOrder is the order in which the lengths of the code for lengths come.
var codeOrder = [19]uint8{17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// readCode reads how many bits each symbol of a code has (RFC 9649, 6.2).
func (d *decoder) readCode(bits []uint8) error {
	r := &d.r
	clear(bits)
	if r.bits(1) != 0 { // one or two symbols
		two, wide := r.bits(1), 1
		if r.bits(1) != 0 {
			wide = 8
		}
		symbols := []uint32{r.bits(wide)}
		if two != 0 {
			symbols = append(symbols, r.bits(8))
		}
		for _, s := range symbols {
			if int(s) >= len(bits) {
				return malformed("symbol %d of %d", s, len(bits))
			}
			bits[s] = 1
		}
		return nil
	}
	var own [19]uint8
	n := int(r.bits(4)) + 4
	for _, symbol := range codeOrder[:n] {
		own[symbol] = uint8(r.bits(3))
	}
	c, err := newCode(own[:])
	if err != nil {
		return err
	}
	left := len(bits) // symbols of the code for lengths
	if r.bits(1) != 0 {
		left = 2 + int(r.bits(2+2*int(r.bits(3))))
		if left > len(bits) {
			return malformed("%d lengths for %d symbols", left, len(bits))
		}
	}
	before := uint8(8)
	for i := 0; i < len(bits) && left > 0; left-- {
		symbol := r.symbol(&c)
		if symbol < 16 {
			if bits[i] = uint8(symbol); symbol != 0 {
				before = uint8(symbol)
			}
			i++
			continue
		}
		v, count := uint8(0), 0
		switch symbol {
		case 16:
			v, count = before, 3+int(r.bits(2))
		case 17:
			count = 3 + int(r.bits(3))
		case 18:
			count = 11 + int(r.bits(7))
		}
		if count > len(bits)-i {
			return malformed("more lengths than %d symbols", len(bits))
		}
		for range count {
			bits[i] = v
			i++
		}
	}
	return nil
}
