// Package vp8l decodes the lossless coding of WebP: the chunk VP8L of a file. "RFC 9649" in
// comments is its specification.
//
// Memory is bounded by the number of pixels, whatever the data say: codes that no pixel uses
// are read and not kept, those that are used are kept as small as they are.
package vp8l

import (
	"context"
	"errors"
	"fmt"
)

// ErrTruncated says that the bytes end before the image does.
var ErrTruncated = errors.New("vp8l: the data end before the image does")

func malformed(format string, args ...any) error {
	return fmt.Errorf("vp8l: invalid format: "+format, args...)
}

// headerBytes is the length of the header: signature, sides, flags (RFC 9649, 3.4).
const headerBytes = 5

// Size returns the sides of an image, in pixels.
func Size(data []byte) (w, h int, err error) {
	if len(data) < headerBytes {
		return 0, 0, ErrTruncated
	}
	r := bitReader{data: data}
	if signature := r.bits(8); signature != 0x2f {
		return 0, 0, malformed("expected the byte 2f first, found %02x", signature)
	}
	w, h = int(r.bits(14))+1, int(r.bits(14))+1
	r.bits(1) // whether alpha is used is a hint
	if version := r.bits(3); version != 0 {
		return 0, 0, malformed("version %d", version)
	}
	return w, h, nil
}

// Memory returns how many bytes Decode takes at most for an image of that size: four for each
// pixel, two where colours are packed, a little for the images that tell of blocks of pixels,
// and the codes.
func Memory(w, h int) int64 {
	n := int64(w) * int64(h)
	return 7*n + min(maxCodes, 500*n) + 1<<16
}

// maxCodes bounds the memory of codes, in bytes. An encoder has some thousand groups at most,
// of up to 7 kB each.
const maxCodes = 32 << 20

// Decode returns the pixels, alpha, red, green and blue from the top byte on, row by row. It
// ends with the context's error soon after the context has ended.
func Decode(ctx context.Context, data []byte) (pix []uint32, err error) {
	w, h, err := Size(data)
	if err != nil {
		return nil, err
	}
	d := decoder{ctx: ctx, r: bitReader{data: data[headerBytes:]}}
	var transforms []transform
	var seen [4]bool
	width := w // of the image as it is coded
	for d.r.bits(1) != 0 {
		t := transform{kind: int(d.r.bits(2)), w: width, h: h}
		if seen[t.kind] {
			return nil, malformed("a transform twice")
		}
		seen[t.kind] = true
		if err := d.readTransform(&t, &width); err != nil {
			return nil, err
		}
		transforms = append(transforms, t)
	}
	if pix, err = d.image(width, h, true); err != nil {
		return nil, err
	}
	for i := len(transforms) - 1; i >= 0; i-- {
		if pix, err = transforms[i].inverse(ctx, pix); err != nil {
			return nil, err
		}
	}
	return pix, nil
}

// A decoder reads images from the bits of one file.
type decoder struct {
	ctx   context.Context
	r     bitReader
	codes int // bytes that codes take
}

// readTransform reads what a transform needs (RFC 9649, 4). Packing colours makes the coded
// image narrower.
func (d *decoder) readTransform(t *transform, width *int) (err error) {
	switch t.kind {
	case predict, crossColour:
		t.bits = int(d.r.bits(3)) + 2
		t.data, err = d.image(blocks(t.w, t.bits), blocks(t.h, t.bits), false)
	case colourIndex:
		n := int(d.r.bits(8)) + 1
		if t.data, err = d.image(n, 1, false); err != nil {
			return err
		}
		for i := 1; i < n; i++ {
			t.data[i] = add(t.data[i], t.data[i-1])
		}
		for t.bits = 3; t.bits > 0 && n > 1<<(8>>t.bits); t.bits-- { // pixels in a byte: 8, 4, 2 or 1
		}
		*width = blocks(t.w, t.bits)
	}
	return err
}

// blocks returns how many blocks of 1<<bits pixels cover n.
func blocks(n, bits int) int { return (n + 1<<bits - 1) >> bits }

// image reads an image of w by h pixels. Only that of the file itself, the top, may have
// several groups of codes.
func (d *decoder) image(w, h int, top bool) ([]uint32, error) {
	cacheBits := 0
	if d.r.bits(1) != 0 {
		if cacheBits = int(d.r.bits(4)); cacheBits < 1 || cacheBits > 11 {
			return nil, malformed("a cache of 2^%d colours", cacheBits)
		}
	}
	p := picture{w: w, h: h, ids: []uint32{0}, groupBits: 30, across: 1, cacheBits: cacheBits}
	groups := 1
	if top && d.r.bits(1) != 0 {
		p.groupBits = int(d.r.bits(3)) + 2
		p.across = blocks(w, p.groupBits)
		var err error
		if p.ids, err = d.image(p.across, blocks(h, p.groupBits), false); err != nil {
			return nil, err
		}
		for i, v := range p.ids {
			p.ids[i] = v >> 8 & 0xffff
			groups = max(groups, int(p.ids[i])+1)
		}
	}
	if d.r.overrun() {
		return nil, ErrTruncated
	}
	var err error
	if p.groups, err = d.readGroups(p.ids, groups, cacheBits); err != nil {
		return nil, err
	}
	return d.pixels(&p)
}

// A picture is an image whose pixels are to be read.
type picture struct {
	w, h      int
	ids       []uint32 // of the group of codes of each block of pixels, as indices of groups
	groupBits int
	across    int // blocks in a row
	groups    []group
	cacheBits int
}

// pixels reads the pixels of an image (RFC 9649, 5.2).
func (d *decoder) pixels(p *picture) ([]uint32, error) {
	pix := make([]uint32, p.w*p.h)
	var cache []uint32
	shift := 32 - p.cacheBits
	if p.cacheBits > 0 {
		cache = make([]uint32, 1<<p.cacheBits)
	}
	cached := 0 // pixels that are in the cache
	r := &d.r
	mask := 1<<p.groupBits - 1
	var g *group
	x, y := 0, 0
	for at := 0; at < len(pix); {
		if x&mask == 0 || g == nil {
			g = &p.groups[p.ids[y>>p.groupBits*p.across+x>>p.groupBits]]
		}
		symbol := r.symbol(&g[green])
		n := 1
		switch {
		case symbol < 256:
			v := uint32(symbol) << 8
			v |= uint32(r.symbol(&g[red])) << 16
			v |= uint32(r.symbol(&g[blue]))
			pix[at] = v | uint32(r.symbol(&g[alpha]))<<24
		case symbol < 256+lengths:
			n = r.value(symbol - 256)
			back := distance(r.value(r.symbol(&g[far])), p.w)
			if back > at || n > len(pix)-at {
				return nil, malformed("row %d: a copy of %d pixels from %d before", y, n, back)
			}
			dst, src := pix[at:at+n], pix[at-back:]
			for i := range dst {
				dst[i] = src[i]
			}
		default:
			for ; cached < at; cached++ {
				cache[pix[cached]*0x1e35a7bd>>shift] = pix[cached]
			}
			pix[at] = cache[symbol-256-lengths]
		}
		at += n
		if x += n; x >= p.w {
			if r.overrun() {
				return nil, ErrTruncated
			}
			if err := d.ctx.Err(); err != nil {
				return nil, err
			}
			y, x, g = y+x/p.w, x%p.w, nil
		} else if n > 1 {
			g = nil
		}
	}
	if r.overrun() {
		return nil, ErrTruncated
	}
	return pix, nil
}

// distance returns how many pixels before the one at hand a copy begins: the first 120 codes
// name pixels nearby (RFC 9649, 5.2.2).
func distance(code, w int) int {
	if code > len(nearby) {
		return code - len(nearby)
	}
	at := nearby[code-1]
	return max(1, int(at[0])+int(at[1])*w)
}

// nearby are columns to the left and rows above.
var nearby = [120][2]int8{
	{0, 1}, {1, 0}, {1, 1}, {-1, 1}, {0, 2}, {2, 0}, {1, 2}, {-1, 2}, {2, 1}, {-2, 1},
	{2, 2}, {-2, 2}, {0, 3}, {3, 0}, {1, 3}, {-1, 3}, {3, 1}, {-3, 1}, {2, 3}, {-2, 3},
	{3, 2}, {-3, 2}, {0, 4}, {4, 0}, {1, 4}, {-1, 4}, {4, 1}, {-4, 1}, {3, 3}, {-3, 3},
	{2, 4}, {-2, 4}, {4, 2}, {-4, 2}, {0, 5}, {3, 4}, {-3, 4}, {4, 3}, {-4, 3}, {5, 0},
	{1, 5}, {-1, 5}, {5, 1}, {-5, 1}, {2, 5}, {-2, 5}, {5, 2}, {-5, 2}, {4, 4}, {-4, 4},
	{3, 5}, {-3, 5}, {5, 3}, {-5, 3}, {0, 6}, {6, 0}, {1, 6}, {-1, 6}, {6, 1}, {-6, 1},
	{2, 6}, {-2, 6}, {6, 2}, {-6, 2}, {4, 5}, {-4, 5}, {5, 4}, {-5, 4}, {3, 6}, {-3, 6},
	{6, 3}, {-6, 3}, {0, 7}, {7, 0}, {1, 7}, {-1, 7}, {5, 5}, {-5, 5}, {7, 1}, {-7, 1},
	{4, 6}, {-4, 6}, {6, 4}, {-6, 4}, {2, 7}, {-2, 7}, {7, 2}, {-7, 2}, {3, 7}, {-3, 7},
	{7, 3}, {-7, 3}, {5, 6}, {-5, 6}, {6, 5}, {-6, 5}, {8, 0}, {4, 7}, {-4, 7}, {7, 4},
	{-7, 4}, {8, 1}, {8, 2}, {6, 6}, {-6, 6}, {8, 3}, {5, 7}, {-5, 7}, {7, 5}, {-7, 5},
	{8, 4}, {6, 7}, {-6, 7}, {7, 6}, {-7, 6}, {8, 5}, {7, 7}, {-7, 7}, {8, 6}, {8, 7},
}
