package jpeg

import (
	"encoding/binary"

	"github.com/gozoo/zoo/vision/internal/kernel"
)

// blockSide is the side of a block, in samples and in coefficients.
const blockSide = 8

// maxSide is the largest side that libjpeg reads; the format allows for 65535.
const maxSide = 65500

// A frame is the image as the frame header describes it (T.81, B.2.2).
type frame struct {
	width, height int // pixels
	progressive   bool
	components    []component
	maxH, maxV    int // largest sampling factors
	mcusX, mcusY  int // MCUs of a scan of all components
}

// A component is one of the colours, and what has been decoded of it.
type component struct {
	id, quantIndex uint8
	h, v           int // sampling factors, 1 to 4

	width, height    int // samples
	blocksX, blocksY int // blocks that hold samples
	strideX, strideY int // blocks, padded to whole MCUs

	quant    *quantTable // as it was when the first scan began; nil: no scan yet
	coefs    []int16     // (strideY,strideX,64) in natural order, not multiplied by quant; may be nil
	accuracy [64]int8    // of progressive scans: lowest bit known of each coefficient, -1: none
	before   [64]int8    // accuracy before the last scan
	plane    []uint8     // (8*v*held,8*strideX) samples of the rows of MCUs decoded last
	up       upsampling
}

// readFrame takes a frame header.
func (d *decoder) readFrame(p []byte, progressive bool) error {
	if d.components != nil {
		return malformed("a second frame header")
	}
	if len(p) < 6 {
		return malformed("frame header: expected at least 6 bytes, found %d", len(p))
	}
	precision, n := p[0], int(p[5])
	d.height, d.width = int(binary.BigEndian.Uint16(p[1:])), int(binary.BigEndian.Uint16(p[3:]))
	if len(p) != 6+3*n {
		return malformed("frame header: expected %d bytes for %d components, found %d", 6+3*n, n, len(p))
	}
	if precision != 8 {
		return UnsupportedError("a sample of other than 8 bits")
	}
	if n != 1 && n != 3 && n != 4 {
		return UnsupportedError("an image of other than 1, 3 or 4 components")
	}
	if d.width < 1 || d.height < 1 || d.width > maxSide || d.height > maxSide {
		return malformed("frame header: expected sides of 1 to %d, found %dx%d", maxSide, d.width, d.height)
	}
	d.progressive = progressive
	d.components = make([]component, n)
	for i := range d.components {
		c, q := &d.components[i], p[6+3*i:]
		c.id, c.h, c.v, c.quantIndex = q[0], int(q[1]>>4), int(q[1]&15), q[2]
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return malformed("component %d: expected sampling factors of 1 to 4, found %dx%d", i, c.h, c.v)
		}
		d.maxH, d.maxV = max(d.maxH, c.h), max(d.maxV, c.v)
	}
	d.mcusX, d.mcusY = ceilDiv(d.width, blockSide*d.maxH), ceilDiv(d.height, blockSide*d.maxV)
	for i := range d.components {
		c := &d.components[i]
		// T.81, A.1.1 and A.2.4.
		c.width, c.height = ceilDiv(d.width*c.h, d.maxH), ceilDiv(d.height*c.v, d.maxV)
		c.blocksX, c.blocksY = ceilDiv(c.width, blockSide), ceilDiv(c.height, blockSide)
		c.strideX, c.strideY = d.mcusX*c.h, d.mcusY*c.v
		c.accuracy = unknown
		var err error
		if c.up, err = newUpsampling(d.maxH, d.maxV, c); err != nil {
			return err
		}
	}
	return nil
}

// held is how many rows of MCUs the samples are kept of: the one at hand and the one
// above, between which chroma is interpolated.
const held = 2

// memory returns how many bytes allocate takes, and the image.
func (d *decoder) memory(coefs bool) (n int64) {
	for i := range d.components {
		c := &d.components[i]
		n += int64(held * c.v * c.strideX * blockSide * blockSide)
		if coefs {
			n += 2 * int64(c.strideX) * int64(c.strideY) * blockSide * blockSide
		}
	}
	return n + 3*int64(d.width)*int64(d.height)
}

// allocate makes room for the image, for samples and, if asked, for coefficients.
func (d *decoder) allocate(coefs bool) {
	for i := range d.components {
		c := &d.components[i]
		c.plane = make([]uint8, held*c.v*c.strideX*blockSide*blockSide)
		if coefs {
			c.coefs = make([]int16, c.strideX*c.strideY*blockSide*blockSide)
		}
		if c.up != fullSize {
			d.scratch[i] = make([]uint8, c.width*(d.maxH/c.h))
		}
	}
	n := 3 * d.width * d.height
	d.pix = make([]uint8, n, n+kernel.Beyond)
}

// block returns the coefficients of a block.
func (c *component) block(x, y int) *[64]int16 {
	return (*[64]int16)(c.coefs[64*(y*c.strideX+x):])
}

// at returns the plane from the first sample of a block on, and the samples in a row.
func (c *component) at(x, y int) ([]uint8, int) {
	stride := blockSide * c.strideX
	return c.plane[blockSide*(y%(held*c.v)*stride+x):], stride
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
