package engine

import (
	"fmt"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
)

// A way is how the products of a convolution or a linear layer are made. It depends on the
// layer, the precision and the kernels, not on the batch or the number of threads, so that
// an image's logits do not depend on those either.
type way struct {
	method method
	parts  int    // of a number that are multiplied, by rows and by tiles: see kernel.Storage
	why    string // for Layer.Why
}

type method uint8

const (
	byPanel    method = iota // float32 multiply-adds: convStep
	byFilter                 // over channels: filterStep
	bySlide                  // over pixels, of single channels: slideStep
	byWinograd               // winogradStep
	byRows                   // bf16, of rows that are rounded first: bf16Step
	byTiles                  // bf16, from stored channels to stored channels: directStep
)

// earlyLayers is how many of the layers that could be computed with numbers in two parts are
// not: the first ones, whose errors pass through all that follows. They have three parts, which
// err as float32 does, or go Winograd's way. Of CSPDarknet50 with five synthetic weights, where 1e-4
// of the largest value is allowed, the worst probe errs by 1.1e-4 with all layers in two
// parts, by 9.7e-5 without the first ten, and by 6e-5 without the first sixteen.
//
// What errs are 1x1 and strided layers, less those of 3x3. Three parts for the first 34 of 1x1 and
// the first 16 strided ones, and two for all else, keep the worst within 4e-5, and cost 2.6 % more time
// for CSPDarknet50, 5.6 % for CSPResNet50 and 17 % for CSPResNeXt50; with fewer of 1x1 it errs
// by 6e-5 as well.
const earlyLayers = 16

// chooseWays settles the way of every unit that has products.
func (c *compiler) chooseWays() {
	c.ways = make(map[int]way)
	early := earlyLayers
	if c.options.early != 0 {
		early = max(c.options.early, 0)
	}
	for _, u := range c.layout.units {
		switch op := u.node.Op.(type) {
		case nn.Conv:
			c.ways[u.out] = c.way(u, op, &early)
		case nn.Linear:
			if !c.layout.sizes[u.node.In[0]].Features() {
				c.ways[u.out] = c.way(u, overPixels(op), &early)
				continue
			}
			// Its weights are read once whatever is done with them: parts are no fewer bytes.
			in := c.layout.view(u.node.In[0])
			c.ways[u.out] = way{method: byPanel, why: "the time goes into reading weights"}
			if c.options.Precision == Medium && c.inBF16(in, asConv(op), in.buf.imageStride()) {
				c.ways[u.out] = way{byRows, 1, "bf16 at medium"}
			}
		}
	}
}

// way returns the way of a convolution over images; early counts down the layers that could be
// computed with numbers in two parts and are not.
//
// BenchmarkWays times single layers, on one thread of Emerald Rapids in microseconds:
//
//	layer                     float32  first layers  two parts  bf16
//	3x3, 128x128, 32 to 64       3591        1391 W       1191   462
//	3x3, 64x64, 64 to 64         1703         567 W        510   204
//	3x3, 32x32, 128 to 128       1741         641 W        473   190
//	3x3, 16x16, 256 to 256       1757         672 W        500   168
//	3x3, 8x8, 512 to 512         1885        1875          923   331
//	3x3/2, 128x128, 64 to 128    3659        2292         1251   615
//	3x3/2, 64x64, 128 to 256     3561        2162         1163   433
//	1x1, 128x128, 64 to 128      2057        1728         1258   571
//	1x1, 64x64, 128 to 128        880         687          432   188
//	1x1, 16x16, 256 to 256        267         130           79    32
//
// where W is Winograd's way, what is not has three parts, and /2 is a stride.
func (c *compiler) way(u unit, op nn.Conv, early *int) way {
	v, precision := c.options.Variant, c.options.Precision
	if in := c.layout.view(u.node.In[0]).buf; slides(op, in.h, in.w) {
		return way{method: bySlide, why: fmt.Sprintf("a window of %dx%d", op.KH, op.KW)}
	}
	if filtered(v, op) {
		return way{method: byFilter, why: fmt.Sprintf("groups of %d", op.In/op.Groups)}
	}
	if precision == Highest {
		return way{method: byPanel, why: "float32 multiply-adds only at highest"}
	}
	if dilated(op) {
		return way{method: byPanel, why: "pixels of a window that do not touch"}
	}
	if c.isStem(u, op) {
		return way{byTiles, 1, "bf16 at medium, a first layer"}
	}
	notTiled, notWinograd := c.notTiled(u, op), c.notWinograd(u, op)
	in := c.layout.view(u.node.In[0])
	switch {
	case precision == Medium && v.PanelBF16 != nil && (v.PanelSplit != nil || notWinograd != ""):
		if notTiled == "" {
			return way{byTiles, 1, "bf16 at medium"}
		}
		if c.inBF16(in, op, in.buf.c) {
			return way{byRows, 1, "bf16 at medium; no tiles: " + notTiled}
		}
		return way{method: byPanel, why: fmt.Sprintf("%d input channels are too few for bf16", op.In/op.Groups)}
	case precision == High && v.PanelSplit != nil && fillsTiles(op):
		*early--
		switch {
		case *early < 0 && notTiled == "":
			return way{byTiles, 2, "not one of the first layers"}
		case *early < 0:
			return way{byRows, 2, "not one of the first layers; no tiles: " + notTiled}
		case notWinograd != "" && notTiled == "" && op.Out > kernel.BlockChannels:
			// A single panel does not pay for making three parts of its input.
			return way{byTiles, 3, "one of the first layers; not Winograd's: " + notWinograd}
		}
	}
	if notWinograd == "" {
		return way{method: byWinograd, why: "a quarter of the products"}
	}
	return way{method: byPanel, why: "not Winograd's: " + notWinograd}
}

// dilated reports whether pixels of a window lie apart.
func dilated(op nn.Conv) bool { return op.Dilation > 1 && op.KH*op.KW > 1 }

// fillsTiles reports whether the channels of a convolution fill tiles, which hold 32: 16
// do where those of several taps follow one another, but a group's taps are read one by
// one.
func fillsTiles(op nn.Conv) bool {
	per := op.In / op.Groups
	return op.Groups == 1 && per >= bf16Channels || per >= 2*bf16Channels && per%2 == 0
}

// notTiled returns why tiles cannot be loaded from, or stored to, where a unit reads and
// writes; empty where they can.
func (c *compiler) notTiled(u unit, op nn.Conv) string {
	if why := c.notToTiles(u, op); why != "" {
		return why
	}
	if !c.layout.inBlocks(u.node.In[0]) {
		return notInBlocks
	}
	return ""
}

// notInBlocks is why channels are not in tiles.
var notInBlocks = fmt.Sprintf("channels that are no blocks of %d", kernel.BlockChannels)

// notToTiles returns why what a unit computes cannot be stored as tiles are, whatever it reads;
// empty where it can.
func (c *compiler) notToTiles(u unit, op nn.Conv) string {
	switch {
	case c.options.Variant.Direct == nil:
		return "the kernels have none"
	case op.Groups != 1:
		return fmt.Sprintf("%d groups", op.Groups)
	case curved(u.act):
		return "a curve is applied to floats"
	}
	if !c.layout.inBlocks(u.out) || u.residual >= 0 && !c.layout.inBlocks(u.residual) {
		return notInBlocks
	}
	return ""
}

// inBlocks reports whether the channels of a value are whole blocks of its buffers.
func (l *layout) inBlocks(value int) bool {
	for _, v := range l.views(value) {
		if v.c%kernel.BlockChannels+v.from%kernel.BlockChannels+v.buf.c%kernel.BlockChannels > 0 {
			return false
		}
	}
	return true
}

// asConv returns the convolution of a single pixel that a linear layer is.
func asConv(op nn.Linear) nn.Conv {
	return nn.Conv{In: op.In, Out: op.Out, KH: 1, KW: 1, StrideH: 1, StrideW: 1, Groups: 1}
}

// overPixels returns the convolution that a linear layer over the pixels of an image is.
func overPixels(op nn.Linear) nn.Conv {
	conv := asConv(op)
	conv.Bias = !op.Plain
	return conv
}
