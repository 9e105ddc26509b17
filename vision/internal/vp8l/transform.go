package vp8l

import "context"

// Kinds of transforms, as they are numbered in files.
const (
	predict = iota
	crossColour
	subtractGreen
	colourIndex
)

// A transform is what an encoder did to an image of w by h pixels.
type transform struct {
	kind int
	w, h int
	bits int      // a block is of 1<<bits pixels, or such many are packed in one
	data []uint32 // of each block, or the colours
}

// inverse undoes a transform, in place but for colours that were packed.
func (t *transform) inverse(ctx context.Context, pix []uint32) ([]uint32, error) {
	if t.kind == colourIndex && t.bits > 0 {
		packed := pix
		pix = make([]uint32, t.w*t.h)
		across := blocks(t.w, t.bits)
		for y := range t.h {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			t.unpack(pix[y*t.w:][:t.w], packed[y*across:][:across])
		}
		return pix, nil
	}
	for y := range t.h {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row := pix[y*t.w:][:t.w]
		switch t.kind {
		case predict:
			t.predict(pix, y)
		case crossColour:
			t.crossColour(row, y)
		case subtractGreen:
			for i, v := range row {
				g := v >> 8 & 0xff
				row[i] = v&0xff00ff00 | (v&0xff00ff+g<<16+g)&0xff00ff
			}
		case colourIndex:
			for i, v := range row {
				row[i] = t.colour(v >> 8 & 0xff)
			}
		}
	}
	return pix, nil
}

// colour returns a colour of the palette; transparent black beyond its end.
func (t *transform) colour(index uint32) uint32 {
	if int(index) < len(t.data) {
		return t.data[index]
	}
	return 0
}

// unpack gives the colours of a row whose indices share the green of pixels, the first the
// lowest bits (RFC 9649, 4.4).
func (t *transform) unpack(row, packed []uint32) {
	width := 8 >> t.bits // bits of an index
	for x := range row {
		v := packed[x>>t.bits] >> 8 & 0xff
		row[x] = t.colour(v >> (x & (1<<t.bits - 1) * width) & (1<<width - 1))
	}
}

// crossColour adds to red and blue what green and red foretell of them (RFC 9649, 4.2).
func (t *transform) crossColour(row []uint32, y int) {
	of := t.data[y>>t.bits*blocks(t.w, t.bits):]
	delta := func(by, colour uint32) uint32 { return uint32(int32(int8(by)) * int32(int8(colour)) >> 5) }
	for x, v := range row {
		by := of[x>>t.bits]
		g := v >> 8
		r := v>>16 + delta(by, g)
		b := v + delta(by>>8, g) + delta(by>>16, r)
		row[x] = v&0xff00ff00 | r&0xff<<16 | b&0xff
	}
}

// predict adds to each pixel of a row what its neighbours foretell of it (RFC 9649, 4.1).
func (t *transform) predict(pix []uint32, y int) {
	row := pix[y*t.w:][:t.w]
	if y == 0 {
		row[0] = add(row[0], black)
		for x := 1; x < len(row); x++ {
			row[x] = add(row[x], row[x-1])
		}
		return
	}
	above := pix[(y-1)*t.w:] // and, beyond its end, the row at hand
	of := t.data[y>>t.bits*blocks(t.w, t.bits):]
	row[0] = add(row[0], above[0])
	for x := 1; x < len(row); x++ {
		row[x] = add(row[x], foretell(of[x>>t.bits]>>8&15, row[x-1], above[x], above[x-1], above[x+1]))
	}
}

const black = 0xff000000

// foretell is the prediction of a mode from the pixels to the left, at the top, and at the
// top's left and right.
func foretell(mode, l, t, tl, tr uint32) uint32 {
	switch mode {
	case 1:
		return l
	case 2:
		return t
	case 3:
		return tr
	case 4:
		return tl
	case 5:
		return mean(mean(l, tr), t)
	case 6:
		return mean(l, tl)
	case 7:
		return mean(l, t)
	case 8:
		return mean(tl, t)
	case 9:
		return mean(t, tr)
	case 10:
		return mean(mean(l, tl), mean(t, tr))
	case 11:
		return nearer(l, t, tl)
	case 12:
		return each(func(c int) int { return at(l, c) + at(t, c) - at(tl, c) })
	case 13:
		m := mean(l, t)
		return each(func(c int) int { return at(m, c) + (at(m, c)-at(tl, c))/2 })
	}
	return black
}

// add adds pixels, each sample for itself.
func add(a, b uint32) uint32 {
	return (a&0xff00ff00+b&0xff00ff00)&0xff00ff00 | (a&0x00ff00ff+b&0x00ff00ff)&0x00ff00ff
}

// mean returns the mean of each sample, rounded down.
func mean(a, b uint32) uint32 { return (a^b)&0xfefefefe>>1 + a&b }

// at returns the sample whose lowest bit is c.
func at(v uint32, c int) int { return int(v >> c & 0xff) }

// each makes a pixel of samples that are held to the range of a byte.
func each(sample func(c int) int) (v uint32) {
	for c := 0; c < 32; c += 8 {
		v |= uint32(min(max(sample(c), 0), 255)) << c
	}
	return v
}

// nearer returns the pixel, left or top, that is nearer to left + top - top left.
func nearer(l, t, tl uint32) uint32 {
	sum := 0 // of the distance to the left less that to the top
	for c := 0; c < 32; c += 8 {
		sum += dist(at(t, c), at(tl, c)) - dist(at(l, c), at(tl, c))
	}
	if sum < 0 {
		return l
	}
	return t
}

func dist(a, b int) int { return max(a-b, b-a) }
