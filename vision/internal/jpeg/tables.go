package jpeg

import "encoding/binary"

// A quantTable holds what coefficients are multiplied by, in zigzag order, modulo 2^16
// as the transform takes them.
type quantTable [64]int16

// zigzag maps the order in which coefficients are coded to their natural order, rows of
// horizontal frequencies (T.81, figure A.6). Damaged data can lead up to 16 places
// beyond the last; libjpeg takes that for the last.
var zigzag = [64 + 16]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
}

// readQuant takes quantisation tables (T.81, B.2.4.1).
func (d *decoder) readQuant(p []byte) error {
	for len(p) > 0 {
		wide, index := p[0]>>4 != 0, p[0]&15
		if index > 3 {
			return malformed("quantisation table: expected an index of 0 to 3, found %d", index)
		}
		n := 64
		if wide {
			n *= 2
		}
		if p = p[1:]; len(p) < n {
			return malformed("quantisation table: expected %d bytes, found %d", n, len(p))
		}
		t := new(quantTable) // components keep the one they began with
		for i := range t {
			if wide {
				t[i] = int16(binary.BigEndian.Uint16(p[2*i:]))
			} else {
				t[i] = int16(p[i])
			}
		}
		d.quant[index] = t
		p = p[n:]
	}
	return nil
}

// readHuffman takes Huffman tables (T.81, B.2.4.2). Whether a table makes sense is
// looked at when a scan uses it.
func (d *decoder) readHuffman(p []byte) error {
	for len(p) > 16 {
		class, index := p[0]>>4, p[0]&15
		if class > 1 || index > 3 {
			return malformed("Huffman table: expected a class of 0 or 1 and an index of 0 to 3, found %d and %d", class, index)
		}
		n := 0
		for _, count := range p[1:17] {
			n += int(count)
		}
		if n > 256 || n > len(p)-17 {
			return malformed("Huffman table: expected up to 256 codes and %d bytes, found %d codes", len(p)-17, n)
		}
		t := &huffman{}
		copy(t.counts[1:], p[1:17])
		copy(t.symbols[:], p[17:17+n])
		if class == 0 {
			d.dc[index] = t
		} else {
			d.ac[index] = t
		}
		p = p[17+n:]
	}
	if len(p) > 0 {
		return malformed("Huffman table: expected at least 17 bytes, found %d", len(p))
	}
	return nil
}

// readRestart takes the restart interval (T.81, B.2.4.4).
func (d *decoder) readRestart(p []byte) error {
	if len(p) != 2 {
		return malformed("restart interval: expected 2 bytes, found %d", len(p))
	}
	d.restart = int(binary.BigEndian.Uint16(p))
	return nil
}

// standardHuffman gives sequential files the tables of T.81, K.3, for those that they
// do not define: frames of motion JPEG come without.
func (d *decoder) standardHuffman() {
	for i := range 2 {
		if d.dc[i] == nil {
			d.dc[i] = &huffman{}
			copy(d.dc[i].counts[1:], standardDC[i])
			copy(d.dc[i].symbols[:], "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b")
		}
		if d.ac[i] == nil {
			d.ac[i] = &huffman{}
			copy(d.ac[i].counts[1:], standardAC[i].counts)
			copy(d.ac[i].symbols[:], standardAC[i].symbols)
		}
	}
}

// Tables K.3 and K.4: how many codes there are of each length, for luminance and
// chrominance.
var standardDC = [2]string{
	"\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00",
	"\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00",
}

// Tables K.5 and K.6.
var standardAC = [2]struct{ counts, symbols string }{
	{
		"\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d",
		"\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08" +
			"\x23\x42\xb1\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28" +
			"\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59" +
			"\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89" +
			"\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6" +
			"\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2" +
			"\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa",
	},
	{
		"\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77",
		"\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91" +
			"\xa1\xb1\xc1\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26" +
			"\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58" +
			"\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87" +
			"\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4" +
			"\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda" +
			"\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa",
	},
}
