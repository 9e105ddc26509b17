package jpeg

// lookBits is how many bits of the data the tables of a huffman look at in one step.
const lookBits = 10

// A huffman decodes the codes of one table.
type huffman struct {
	counts  [17]uint8 // of codes, by length
	symbols [256]uint8
	built   bool // the rest is filled in

	// value maps the next bits to a code and the number that follows it, where both
	// fit: the number << 16, the zeros before it << 8, and the bits of both. 0: no
	// such code. An end of block is 64 zeros and the number 0.
	value [1 << lookBits]int32
	// code maps the next bits to a code that fits: its symbol << 8 and its length. 0: longer.
	code [1 << lookBits]uint16
	// limit holds the code after the last of each length, followed by zeros up to 16 bits;
	// offset what to add to a code for its place among the symbols.
	limit  [17]uint32
	offset [17]int
}

// endOfBlock is the number of zeros by which value marks the end of a block.
const endOfBlock = 64

// build fills in the tables (T.81, annex C). For DC coefficients symbols above 15,
// which no number follows, are refused.
func (t *huffman) build(dc bool) error {
	if t.built {
		return nil
	}
	code, k := 0, 0 // the next code, the place of its symbol
	for length := 1; length <= 16; length++ {
		t.offset[length] = k - code
		for range t.counts[length] {
			symbol := t.symbols[k]
			if dc && symbol > 15 {
				return malformed("Huffman table for DC: expected sizes of 0 to 15 bits, found %d", symbol)
			}
			if length <= lookBits {
				t.look(code, length, symbol, dc)
			}
			code++
			k++
		}
		// Not even the last code may be all ones.
		if t.counts[length] > 0 && code >= 1<<length {
			return malformed("Huffman table: more codes of %d bits than there can be", length)
		}
		t.limit[length] = uint32(code) << (16 - length)
		code <<= 1
	}
	t.built = true
	return nil
}

// look enters a code into the tables that are indexed by the next bits. A code that does
// not fit its length is entered where there is room, and refused by build after that.
func (t *huffman) look(code, length int, symbol uint8, dc bool) {
	free := lookBits - length
	first := code << free
	for next := first; next < min(first+1<<free, 1<<lookBits); next++ {
		t.code[next] = uint16(symbol)<<8 | uint16(length)
		zeros, size := int32(symbol>>4), int(symbol&15)
		switch {
		case size > free: // the number is longer than what is looked at
		case size > 0:
			number := int32(next>>(free-size)) & (1<<size - 1)
			t.value[next] = extend(number, size)<<16 | zeros<<8 | int32(length+size)
		case dc:
			t.value[next] = int32(length)
		case zeros == 0:
			t.value[next] = endOfBlock<<8 | int32(length)
		}
	}
}

// extend returns the number that v, of the given size in bits, stands for (T.81, F.2.2.1).
func extend(v int32, size int) int32 {
	if v < 1<<(size-1) {
		v -= 1<<size - 1
	}
	return v
}

// long returns the symbol of the code at the top of bits, one of more than lookBits
// bits, and its length. Where there is no such code, it returns what libjpeg makes of
// that: the symbol 0, after 17 bits.
func (t *huffman) long(bits uint64) (symbol uint8, length int) {
	next := uint32(bits >> 48)
	for length := lookBits + 1; length <= 16; length++ {
		if next < t.limit[length] {
			return t.symbols[(int(next>>(16-length))+t.offset[length])&255], length
		}
	}
	return 0, badCode
}

// badCode is the length of what is no code.
const badCode = 17
