package jpeg

import (
	"context"

	"github.com/gozoo/zoo/vision/internal/kernel"
)

// A scan is one as its header describes it (T.81, B.2.3).
type scan struct {
	parts         []part
	first, last   int // band of coefficients, in zigzag order
	high, low     int // lowest bits of the coefficients that are known before, and after
	mcusX, mcusY  int
	blocks        []mcuBlock // of each MCU
	restartNumber int        // of the next restart marker, 0 to 7
	endOfBands    int        // blocks that are known to have nothing more in the band
	reached       int        // the last row of MCUs in which anything was decoded
	out           bool       // nothing is decoded up to the next restart marker
	bits          bitReader
	coefficients  [64]int16 // of the block at hand, natural order, where there is no room for all
}

// A part is a component's part in a scan.
type part struct {
	*component
	dc, ac     *huffman
	multiply   *quantTable // what sequential coding multiplies coefficients by
	prediction int32       // of the DC coefficient: that of the last block
}

// An mcuBlock says which block of a component belongs to an MCU: in the MCU in column
// x and row y it is the one in column x*stepX + atX and row y*stepY + atY.
type mcuBlock struct {
	*part
	stepX, stepY, atX, atY int
}

// readScan takes a scan header.
func (d *decoder) readScan(p []byte) error {
	if d.components == nil {
		return malformed("a scan before the frame header")
	}
	if len(p) < 1 || p[0] < 1 || p[0] > 4 || len(p) != 4+2*int(p[0]) {
		return malformed("scan header: expected 4 bytes and 2 for each of 1 to 4 components, found % x", p)
	}
	if d.scans++; d.scans > maxScans {
		return malformed("more than %d scans", maxScans)
	}
	n := int(p[0])
	q := p[1+2*n:]
	s := scan{
		parts: make([]part, n),
		first: int(q[0]), last: int(q[1]), high: int(q[2] >> 4), low: int(q[2] & 15),
		mcusX: d.mcusX, mcusY: d.mcusY,
	}
	for i := range s.parts {
		id := p[1+2*i]
		c := d.componentOf(id, s.parts[:i])
		if c == nil {
			return malformed("scan header: expected each component once, found %d", id)
		}
		s.parts[i].component = c
	}
	if d.progressive {
		if err := s.checkProgression(d.scans == 1); err != nil {
			return err
		}
	} else {
		d.standardHuffman()
		s.first, s.last, s.high, s.low = 0, 63, 0, 0 // some files have other numbers here
	}
	if err := s.arrange(); err != nil {
		return err
	}
	for i := range s.parts {
		tables := p[2+2*i]
		if err := d.equip(&s, &s.parts[i], int(tables>>4), int(tables&15)); err != nil {
			return err
		}
	}
	d.scan = s
	return nil
}

// componentOf returns the component that a scan header means by an id: the first that
// the scan does not have yet.
func (d *decoder) componentOf(id uint8, have []part) *component {
next:
	for i := range d.components {
		c := &d.components[i]
		if c.id != id {
			continue
		}
		for _, p := range have {
			if p.component == c {
				continue next
			}
		}
		return c
	}
	return nil
}

// arrange lists the blocks of an MCU (T.81, A.2).
func (s *scan) arrange() error {
	if len(s.parts) == 1 {
		p := &s.parts[0]
		s.mcusX, s.mcusY = p.blocksX, p.blocksY
		s.blocks = []mcuBlock{{p, 1, 1, 0, 0}}
		return nil
	}
	for i := range s.parts {
		p := &s.parts[i]
		for y := range p.v {
			for x := range p.h {
				s.blocks = append(s.blocks, mcuBlock{p, p.h, p.v, x, y})
			}
		}
	}
	if len(s.blocks) > 10 {
		return malformed("scan header: expected up to 10 blocks in an MCU, found %d", len(s.blocks))
	}
	return nil
}

// equip gives a part of a scan the tables that it is coded with.
func (d *decoder) equip(s *scan, p *part, dc, ac int) error {
	if p.quant == nil {
		if p.quantIndex > 3 || d.quant[p.quantIndex] == nil {
			return malformed("scan header: no quantisation table %d", p.quantIndex)
		}
		p.quant = d.quant[p.quantIndex]
	}
	var err error
	if s.first == 0 && s.high == 0 {
		if p.dc, err = tableAt(&d.dc, dc, true); err != nil {
			return err
		}
	}
	if s.last > 0 {
		p.ac, err = tableAt(&d.ac, ac, false)
	}
	return err
}

func tableAt(tables *[4]*huffman, index int, dc bool) (*huffman, error) {
	if index > 3 || tables[index] == nil {
		return nil, malformed("scan header: no Huffman table %d", index)
	}
	return tables[index], tables[index].build(dc)
}

// decodeScan decodes the scan whose header was read last: to samples where there is no
// room for coefficients. It leaves the decoder at the marker that ends the scan.
func (d *decoder) decodeScan(ctx context.Context) error {
	s := &d.scan
	if err := d.spend(s); err != nil {
		return err
	}
	var err error
	if s.bits, err = d.nextSegment(); err != nil {
		return err
	}
	for i := range s.parts {
		if p := &s.parts[i]; p.coefs == nil {
			p.multiply = p.quant
		} else {
			p.multiply = &ones
		}
	}
	rows := blockSide * d.maxV // of pixels in a row of MCUs
	if len(d.components) == 1 {
		rows = blockSide
	}
	wait := d.restart
	for y := range s.mcusY {
		if err := ctx.Err(); err != nil {
			return err
		}
		for x := range s.mcusX {
			if d.restart > 0 {
				if wait == 0 {
					if err := d.restartScan(y); err != nil {
						return err
					}
					wait = d.restart
				}
				wait--
			}
			if !s.out {
				s.reached = y
			}
			s.decodeMCU(x, y)
			if s.bits.overrun() && !s.out {
				s.out = true
				d.damaged("row %d of %d: the compressed data end early", y+1, s.mcusY)
			}
		}
		if s.bits.bad {
			d.damaged("row %d of %d: a code that does not exist", y+1, s.mcusY)
		}
		if d.components[0].coefs == nil {
			d.emit((y + 1) * rows)
		}
	}
	return nil
}

// decodeMCU decodes the MCU in column x and row y. After the data have run out it leaves
// the blocks as they are.
func (s *scan) decodeMCU(x, y int) {
	for i := range s.blocks {
		b := &s.blocks[i]
		bx, by := x*b.stepX+b.atX, y*b.stepY+b.atY
		if b.coefs != nil {
			if !s.out {
				s.decodeInto(b.block(bx, by), b.part)
			}
			continue
		}
		last := 0
		if !s.out {
			last = s.bits.sequential(&s.coefficients, b.part)
		}
		if bx < b.blocksX && by < b.blocksY {
			dst, stride := b.at(bx, by)
			kernel.Inverse(&s.coefficients, last, dst, stride)
		}
		s.coefficients = [64]int16{}
	}
}

// restartScan moves behind the restart marker that is due (T.81, F.2.2.4), at the
// beginning of an MCU in row y. Where there is another marker, it does what libjpeg's
// jpeg_resync_to_restart does: skips what must be of the past, and takes a marker of the
// near future, or one that is none of restart, for the end of an empty segment.
func (d *decoder) restartScan(y int) error {
	s := &d.scan
	due := s.restartNumber
	s.restartNumber = (due + 1) & 7
	s.endOfBands = 0
	for i := range s.parts {
		s.parts[i].prediction = 0
	}
	bad := s.bits.bad
	defer func() { s.bits.bad = s.bits.bad || bad }()
	for {
		at := d.pos
		m, err := d.nextMarker()
		if err != nil {
			return err
		}
		if m == markerRST0+uint8(due) {
			break
		}
		d.damaged("row %d of %d: expected restart marker %d, found ff %02x", y+1, s.mcusY, due, m)
		if m >= markerRST0 && m <= markerRST7 {
			ahead := (int(m) - markerRST0 - due) & 7
			if ahead == 1 || ahead == 2 {
				d.pos = at
				s.bits = bitReader{buf: make([]byte, 8)}
				return nil
			}
			if ahead < 6 {
				break
			}
		} else if m >= markerSOF0 {
			d.pos = at
			s.bits = bitReader{buf: make([]byte, 8)}
			return nil
		}
	}
	var err error
	s.bits, err = d.nextSegment()
	s.out = false
	return err
}
