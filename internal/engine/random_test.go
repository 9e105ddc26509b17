package engine

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/internal/race"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// normed is the least number of channels that are normalised together. A few may come out
// nearly equal, and then their norm shows nothing but what they err by.
const normed = 10

// randomGraph makes a network of random operators: convolutions of every kind with and
// without what can be fused, residual additions, slices, concatenations, norms and pools,
// and values with several readers.
func randomGraph(r *rand.Rand) (*nn.Graph, error) {
	acts := []nn.Act{nn.LeakyReLU(0.01), nn.ReLU(), nn.ReLU6(), nn.Sigmoid(), nn.HardSigmoid(), nn.SiLU(), nn.HardSwish(), nn.GELU(),
		nn.QuickGELU(), nn.GELUTanh(), nn.Tanh()}
	b := nn.NewBuilder(1+r.IntN(4), 1e-3, acts[r.IntN(len(acts))])
	x := b.Input()
	for i := range 2 + r.IntN(6) {
		at := b.At("layer", i)
		switch r.IntN(36) {
		case 0:
			x = at.ConvNormAct(x, 2*(1+r.IntN(20)), nn.K(1+2*r.IntN(3)), nn.Stride(1+r.IntN(2)))
		case 1: // grouped or depthwise, with TensorFlow's border
			if r.IntN(3) == 0 { // runs of channels that share their weights
				runs, per := 1+r.IntN(4), 1+r.IntN(3)
				x = at.At("widen").Conv(x, runs*per*(1+r.IntN(6)))
				x = at.ConvNormAct(x, x.C, nn.K(3), nn.Groups(x.C/per), nn.Runs(runs), nn.Stride(1+r.IntN(2)))
				break
			}
			x = at.Conv(x, x.C*(1+r.IntN(2)), nn.K(3), nn.Groups(x.C), nn.Same(), nn.Stride(1+r.IntN(2)))
			if r.IntN(3) == 0 { // pixels that lie apart, of each channel or of all
				groups := []int{1, x.C}[r.IntN(2)]
				x = at.At("apart").ConvNormAct(x, x.C, nn.K(3), nn.Dilation(2+r.IntN(2)), nn.Groups(groups), nn.Stride(1+r.IntN(2)))
			}
			if r.IntN(3) == 0 { // windows that may be larger than the image
				x = at.At("widen").Conv(x, 1+r.IntN(40))
				y := at.At("large").Conv(x, x.C, nn.Kernel(5+r.IntN(27), 5+r.IntN(27)), nn.Groups(x.C), nn.Same(), nn.Bias())
				if y = at.Act(at.At("large", "norm").BatchNorm(y)); r.IntN(2) == 0 {
					y = at.Add(x, y)
				}
				x = y
			}
			if r.IntN(3) == 0 {
				x = at.At("patches").Conv(x, 1+r.IntN(20), nn.K(3), nn.Stride(3), nn.Corner())
			}
		case 2: // a block with a residual; the activation before or after the addition
			y := at.At("a").ConvNormAct(x, 3+r.IntN(7)) // one value alone may be what is left of large ones
			y = at.At("b").BatchNorm(at.At("c").Conv(y, x.C, nn.K(3)))
			if r.IntN(2) == 0 {
				y = at.Act(y)
			}
			x = at.Add(y, x)
			if r.IntN(2) == 0 {
				x = at.Act(x)
			}
		case 3: // a partial stage
			x = at.At("expand").ConvNormAct(x, 2*(1+r.IntN(12)), nn.NoAct())
			keep, work := at.Halves(x)
			work = at.At("work").ConvNormAct(work, work.C, nn.K(3))
			x = at.At("join").Conv(at.Concat(keep, work), 4+r.IntN(30))
		case 4:
			x = at.MaxPool(x, 2+r.IntN(2), 1+r.IntN(2), r.IntN(2))
		case 5: // operators that follow nothing they could be fused with
			x = at.Act(at.BatchNorm(x))
			if r.IntN(2) == 0 {
				x = at.Act(at.Add(x, at.Scale(x, 0.3)))
			}
		case 6: // a value read twice, and joined with itself
			y := at.At("a").Conv(x, 1+r.IntN(7))
			x = at.Concat(y, at.Act(y), y)
		case 7:
			if x.C%2 == 0 {
				first, second := at.Halves(x)
				x = at.Concat(second, first)
			}
		case 8:
			x = at.AvgPool(x, nn.AvgPool{K: 2 + r.IntN(2), Stride: 1 + r.IntN(2), Pad: r.IntN(2), Ceil: r.IntN(2) == 0, CountPad: r.IntN(2) == 0})
		case 9: // a gate over the channels
			y := at.At("squeeze").Conv(at.GlobalAvgPool(x), 1+r.IntN(5), nn.Bias())
			y = at.At("excite").Conv(at.Act(y), x.C, nn.Bias())
			x = at.Mul(x, at.WithAct(nn.Sigmoid()).Act(y))
		case 10: // small groups, and their channels of another number
			groups, size := 1+r.IntN(5), 2<<r.IntN(3)
			x = at.At("widen").Conv(x, groups*size)
			x = at.ConvNormAct(x, x.C, nn.K(3), nn.Stride(1+r.IntN(2)), nn.Groups(groups))
			if r.IntN(4) == 0 {
				x = at.At("wide").Conv(x, 3*groups, nn.Groups(groups))
			}
		case 11: // as many channels as Winograd's way wants
			x = at.At("widen").Conv(x, 32)
			x = at.ConvNormAct(x, 32+16*r.IntN(2), nn.K(3))
		case 12: // a branch at another resolution
			scale := 1 + r.IntN(3)
			x = at.At("a").Conv(x, 1+r.IntN(20), nn.Stride(2))
			y := at.Upsample(x, scale)
			if r.IntN(3) == 0 {
				x = at.ResizeLike(at.ResizeTo(x, 2+r.IntN(3)), x)
			}
			x = at.Upsample(at.Act(at.At("b").BatchNorm(at.At("c").Conv(x, 1+r.IntN(20)))), scale)
			x = at.Concat(y, x)
		case 13: // runs of channels, each with what the one before it became
			runs := at.Split(at.At("widen").ConvNormAct(x, 3*(1+r.IntN(20))), 3)
			y := at.At("a").ConvNormAct(runs[0], runs[0].C, nn.K(3))
			z := at.At("b").ConvNormAct(at.Add(y, runs[1]), y.C, nn.K(3))
			x = at.Concat(y, z, runs[2])
		case 14:
			runs := 1 + r.IntN(3)
			x = at.LayerNormRuns(at.At("widen").Conv(x, runs*(normed+r.IntN(30))), runs)
		case 15:
			if x = at.Linear(x, 1+r.IntN(40)); r.IntN(3) == 0 {
				x = at.At("plain").LinearOf(x, nn.Linear{Out: 1 + r.IntN(40), Plain: true, InProj: r.IntN(2) == 0})
			}
		case 16: // norms of whole images, and what can be fused with them
			if r.IntN(2) == 0 {
				x = at.ResponseNorm(x)
				break
			}
			x = at.At("widen").Conv(x, normed+r.IntN(30))
			y := at.GroupNorm(x)
			if r.IntN(2) == 0 {
				y = at.At("scale").LayerScale(y)
			}
			if r.IntN(2) == 0 {
				y = at.Add(x, y)
			}
			if x = y; r.IntN(2) == 0 {
				x = at.Act(x)
			}
		case 17: // channels of groups mixed, all of them or those of a slice
			groups := 1 + r.IntN(4)
			x = at.At("widen").Conv(x, 2*groups*(1+r.IntN(9)))
			if r.IntN(2) == 0 {
				x = at.Shuffle(x, groups)
				break
			}
			keep, work := at.Halves(x)
			x = at.Concat(at.Shuffle(work, groups), keep)
		case 18: // a block of ConvNeXt's, of either version
			x = at.At("widen").Conv(x, normed+r.IntN(30))
			y := at.At("depthwise").Conv(x, x.C, nn.K(7), nn.Groups(x.C), nn.Bias())
			y = at.Act(at.At("expand").Linear(at.At("norm").LayerNorm(y), 4*x.C))
			if r.IntN(2) == 0 {
				y = at.At("response").ResponseNorm(y)
			}
			y = at.At("project").Linear(y, x.C)
			if r.IntN(2) == 0 {
				y = at.At("scale").LayerScale(y)
			}
			x = at.Add(x, y)
		case 19: // norms of slices, joined
			x = at.At("widen").Conv(x, 2*(normed+r.IntN(20)))
			keep, work := at.Halves(x)
			x = at.Concat(at.At("response").ResponseNorm(work), at.At("norm").LayerNorm(keep))
			if r.IntN(2) == 0 {
				keep, work = at.Halves(x)
				x = at.Concat(at.At("group").GroupNorm(work), keep)
			}
		case 20: // a scale that follows nothing it could be folded into
			x = at.LayerScale(at.Act(x))
		case 21: // a gate of linear layers
			y := at.At("gate").Linear(at.GlobalMean(x), x.C)
			x = at.Mul(x, at.WithAct(nn.Sigmoid()).Act(y))
		case 22: // a linear layer of a slice
			x = at.At("widen").Conv(x, 2*(1+r.IntN(20)))
			keep, work := at.Halves(x)
			x = at.Concat(at.At("linear").Linear(work, 1+r.IntN(40)), keep)
		case 23: // attention over pixels, with and without other tokens
			heads := 1 + r.IntN(3)
			x = randomAttention(at, at.Tokens(few(at.At("widen"), x, heads*(normed+r.IntN(20)))), heads, r)
			switch x = at.Image(x); r.IntN(3) {
			case 0:
				x = at.ConvNormAct(x, 1+r.IntN(20), nn.K(3))
			case 1:
				x = at.Concat(at.At("beside").Conv(x, 1+r.IntN(9)), x)
			}
		case 24: // attention of channels, or whose keys are those of fewer pixels
			if r.IntN(2) == 0 {
				x = randomChannels(at, x, r)
				break
			}
			heads := 1 + r.IntN(3)
			x = at.Tokens(at.At("norm").LayerNorm(few(at.At("widen"), x, heads*(normed+r.IntN(20)))))
			y := at.At("few").Conv(at.Image(x), x.C+heads*r.IntN(20), nn.K(2), nn.Stride(2), nn.Pad(1))
			y = at.Tokens(at.At("fewer").LayerNorm(y))
			x = at.Image(at.Attention(at.At("q").Linear(x, x.C), at.At("k").Linear(y, x.C), y, heads))
		case 25: // attention within windows
			heads, side := 1+r.IntN(3), 2+r.IntN(3)
			x = at.At("norm").LayerNorm(few(at.At("widen"), x, heads*(normed+r.IntN(20))))
			y := at.PadTo(at.Tokens(x), side, 0)
			qkv := at.At("qkv").Linear(y, 3*x.C)
			parts := at.Split(qkv, 3)
			if r.IntN(2) == 0 {
				parts = at.CutRuns(qkv, heads, x.C/heads, x.C/heads, x.C/heads)
			}
			a := nn.Attention{Heads: heads, Window: nn.Window{Side: side, Shift: r.IntN(side), Hide: -100 * r.Float64(), Single: r.IntN(2) == 0}}
			if a.Window.Grid = r.IntN(4) == 0; a.Window.Grid {
				a.Window.Shift = 0
			} else if r.IntN(3) > 0 {
				a.Bias = nn.ScoreBias{Table: "table", Index: "index", By: nn.Offsets{H: side, W: side}}
				if r.IntN(2) == 0 {
					a.Bias.By, a.Bias.HeadsFirst = nn.Apart{H: side, W: side}, true
				}
			}
			if r.IntN(3) == 0 && !a.Window.Grid { // of angles, with a bias that is computed
				parts[0], parts[1] = at.At("q").Unit(parts[0], heads, "temper"), at.At("k").Unit(parts[1], heads, "")
				a.Scale, a.Bias = 1, nn.ScoreBias{By: nn.Offsets{H: side, W: side}, Index: "index", Of: nn.Continuous{
					Module: "mlp", Coords: "coords", Hidden: 1 + r.IntN(9), Offsets: nn.Offsets{H: side, W: side}, Trained: 2 * r.IntN(3),
				}}
			}
			if y = at.Tokens(x); a.Window.Single && a.Window.Shift == 0 {
				y = at.At("attn").PaddedAttention(parts[0], parts[1], parts[2], y, a)
			} else {
				y = at.At("attn").AttentionOf(parts[0], parts[1], parts[2], a)
			}
			y = at.At("proj").Linear(y, x.C)
			x = at.Image(at.Add(at.CropLike(y, at.Tokens(x)), at.Tokens(x)))
		case 26: // attention of a token and a grid of known size, with a bias
			heads, side := 1+r.IntN(3), 1+r.IntN(4)
			x = at.At("differ").Conv(at.Upsample(at.GlobalAvgPool(x), side), heads*(normed+r.IntN(20)), nn.K(3))
			x = at.Prefix(at.Tokens(at.At("norm").LayerNorm(x)), "first")
			qkv := at.Split(at.At("attn").QKV(x), 3)
			a := nn.Attention{Heads: heads, Bias: nn.ScoreBias{Table: "table", Index: "index", By: nn.ClassOffsets{H: side, W: side}}}
			x = at.Image(at.Add(at.At("bias").AttentionOf(qkv[0], qkv[1], qkv[2], a), x))
		case 27: // windows side by side, those of a slice and of all
			k := 1 + r.IntN(3)
			keep, work := at.Halves(at.At("widen").Conv(x, 2*(1+r.IntN(16))))
			work = at.Unfold(work, nn.Unfold{K: k, Stride: 1 + r.IntN(3), Pad: r.IntN(k), Corner: r.IntN(2) == 0, PixelFirst: r.IntN(2) == 0})
			if r.IntN(2) == 0 {
				work = at.PatchPosition(at.PadTo(work, 1+k, 0), "table", 1+k)
			}
			x = at.At("join").Conv(work, 1+r.IntN(40))
			if k%2 == 1 {
				x = at.Unfold(at.Concat(at.Unfold(keep, nn.Unfold{K: k, Stride: 1, Pad: k / 2}), keep), nn.Unfold{K: 2, Stride: 2, Corner: true})
				x = at.At("merge").Conv(x, 1+r.IntN(40))
			}
		case 28: // tokens mixed, those of a known grid
			side := 1 + r.IntN(4)
			if r.IntN(3) == 0 {
				x = randomPartition(at, x, side, r)
				break
			}
			x = at.Tokens(at.At("differ").Conv(at.Upsample(at.GlobalAvgPool(x), side), 1+r.IntN(40), nn.K(3)))
			y := at.At("up").Linear(at.Transpose(x, side*side, 1, x.C), 1+r.IntN(40))
			y = at.At("down").Linear(at.Act(y), side*side)
			x = at.Image(at.Add(x, at.Transpose(y, x.C, side, side)))
		case 29: // a product of two halves, pixel by pixel
			first, second := at.Halves(at.At("widen").Conv(x, 2*(1+r.IntN(30))))
			x = at.Mul(at.WithAct(nn.SiLU()).Act(first), second)
			if r.IntN(2) == 0 {
				x = at.Add(at.Act(x), at.At("other").Conv(first, x.C))
			}
		case 30: // some tokens that all others are summed up in
			x = at.Image(randomSummary(at, at.Tokens(few(at.At("widen"), x, 2*(normed+r.IntN(20)))), r))
		case 31: // attention with terms of rows and columns, of heads that are pooled each for itself
			heads := 1 + r.IntN(3)
			x = few(at.At("widen"), x, heads*(normed+r.IntN(20)))
			pooled := func(name string) nn.Value {
				y := at.At(name).Conv(x, x.C, nn.K(3), nn.Groups(x.C), nn.Runs(heads), nn.Stride(1+r.IntN(3)))
				return at.At(name, "norm").LayerNormRuns(at.Tokens(y), heads)
			}
			q, k := pooled("q"), pooled("k")
			y := at.At("v").Linear(k, heads*(1+r.IntN(40)))
			y = at.DecomposedAttention(q, k, y, heads, 1+r.IntN(20), 1+r.IntN(20))
			x = at.Image(at.Add(at.At("proj").Linear(y, x.C), q))
		case 32: // pairs of channels turned, by tables that are listed twice
			side, extra := 1+r.IntN(4), r.IntN(2)
			turns := nn.Rotary{Dim: 2 * (1 + r.IntN(6)), Extra: extra, GridH: side, GridW: side}
			x = at.Tokens(at.At("differ").Conv(at.Upsample(at.GlobalAvgPool(x), side), turns.Dim*(1+r.IntN(4)), nn.K(3)))
			if extra > 0 {
				x = at.Prefix(x, "first")
			}
			x = at.Image(at.At("turned").Rotary(x, at.At("rope").RotaryTables(turns)))
		case 33: // attention of images of known size, by how far their pixels are apart
			x = randomApart(at, x, r)
		case 34: // pixels that learn from those most like them
			x = randomNeighbours(at, x, r)
		case 35: // spectra of some channels filtered
			keep, work := at.Halves(few(at.At("widen"), x, 2*(1+r.IntN(40))))
			x = at.Concat(at.GlobalFilter(work, "filter", 1+r.IntN(6), 1+r.IntN(4)), keep)
		}
	}
	switch r.IntN(5) {
	case 0: // of a token, or of all that are pixels
		x = randomAttention(b, b.Tokens(few(b.At("widen"), x, 2*(normed+r.IntN(20)))), 2, r)
		if r.IntN(2) == 0 {
			x = b.Token(x, 0)
		} else {
			x = b.GlobalMean(x)
		}
	case 1: // features of an image of known size
		side := 1 + r.IntN(4)
		x = b.At("conv").ConvNormAct(b.Upsample(b.GlobalMean(x), side), 8+r.IntN(12), nn.K(3)) // a few values may all be what is left of large ones
		x = b.FlattenImage(x, side, side)
	default:
		x = b.Flatten(b.At("pool").GlobalAvgPool(x))
	}
	if x.C >= normed && r.IntN(2) == 0 {
		x = b.At("norm").LayerNorm(x)
	}
	x = b.At("pool").Features(x)
	classes := 1 + r.IntN(40)
	if r.IntN(3) == 0 { // the mean of two classifiers, of other features side by side
		y := b.At("more").Features(b.Concat(b.Act(x), x))
		return b.Graph(b.Scale(b.Add(b.At("fc").Linear(x, classes), b.At("second").Linear(y, classes)), 0.5))
	}
	if r.IntN(3) == 0 {
		x = b.At("neck").PlainBatchNorm(x)
	}
	return b.Graph(b.At("fc").Linear(x, classes))
}

// few makes c channels of a ninth of the pixels: attention is slow to define.
func few(b *nn.Builder, x nn.Value, c int) nn.Value {
	return b.Conv(x, c, nn.K(3), nn.Stride(3))
}

// randomAttention makes a layer of a transformer.
func randomAttention(b *nn.Builder, x nn.Value, heads int, r *rand.Rand) nn.Value {
	extra := r.IntN(3)
	if extra > 0 {
		x = b.At("tokens").Prefix(x, []string{"first", "second"}[:extra]...)
	}
	if r.IntN(2) == 0 {
		h, w := 1+r.IntN(9), 1+r.IntN(9)
		if (h+w)%2 == 0 {
			x = b.At("at").SinusoidPosition(x, "table", extra, h, w)
		} else {
			x = b.At("at").Position(x, "table", extra, h, w)
		}
	}
	y := b.At("norm1").LayerNorm(x)
	if r.IntN(2) == 0 {
		y = b.At("attention").QKV(y)
	} else {
		y = b.At("qkv").Linear(y, 3*x.C)
	}
	qkv := b.Split(y, 3)
	x = b.Add(b.At("proj").Linear(b.Attention(qkv[0], qkv[1], qkv[2], heads), x.C), x)
	y = b.WithAct(nn.GELU()).Act(b.At("up").Linear(x, 2*x.C))
	return b.Add(x, b.At("scale").LayerScale(b.At("down").Linear(y, x.C)))
}

// randomPartition makes a block of RepMLP: pixels of each channel are mixed by weights that some sets of channels
// share, and filtered beside that.
func randomPartition(b *nn.Builder, x nn.Value, side int, r *rand.Rand) nn.Value {
	sets, runs := 1+r.IntN(4), 1+r.IntN(5)
	x = b.At("differ").Conv(b.Upsample(b.GlobalAvgPool(x), side), sets*runs, nn.K(3))
	y := b.TransposeOf(b.Tokens(x), side*side, nn.Transpose{H: 1, W: runs, Join: sets})
	y = b.Tokens(b.At("mix").Conv(b.Image(y), y.C, nn.Groups(sets)))
	y = b.Image(b.TransposeOf(y, runs, nn.Transpose{H: side, W: side, Split: sets}))
	y = b.At("mix", "norm").BatchNormRuns(y, runs)
	filtered := b.At("filter").Conv(x, x.C, nn.K(3), nn.Groups(x.C), nn.Runs(runs))
	return b.Add(y, b.At("filter", "norm").BatchNormRuns(filtered, runs))
}

// randomApart makes an attention, whose queries may be fewer, of channels that lie head by head, which are normed
// before it and after it as an image is.
func randomApart(b *nn.Builder, x nn.Value, r *rand.Rand) nn.Value {
	heads, side, stride := 1+r.IntN(3), 1+r.IntN(5), 1+r.IntN(3)
	x = b.Tokens(b.At("differ").Conv(b.Upsample(b.GlobalAvgPool(x), side), normed+r.IntN(30), nn.K(3)))
	per, other := 1+r.IntN(20), 1+r.IntN(20)
	y := b.At("norm").BatchNorm(b.At("qkv").Linear(b.At("first").LayerNorm(x), heads*(2*per+other)))
	if r.IntN(3) == 0 {
		y = b.Act(y)
	}
	qkv := b.CutRuns(y, heads, per, per, other)
	q := b.Tokens(b.Unfold(b.Image(qkv[0]), nn.Unfold{K: 1, Stride: stride}))
	bias := nn.ScoreBias{Table: "table", HeadsFirst: r.IntN(3) > 0, Index: "index", By: nn.Apart{H: side, W: side, Stride: stride}}
	return b.Image(b.At("after").BatchNorm(b.Act(b.AttentionOf(q, qkv[1], qkv[2], nn.Attention{Heads: heads, Bias: bias}))))
}

// randomSummary adds an attention of some tokens alone.
func randomSummary(b *nn.Builder, x nn.Value, r *rand.Rand) nn.Value {
	count := 1 + r.IntN(2)
	if r.IntN(2) == 0 {
		x = b.Prefix(x, []string{"first", "second"}[:count]...)
	} else {
		x = b.JoinTokens(b.FirstTokens(x, count), x, count)
	}
	y := b.At("norm").LayerNorm(x)
	y = b.Attention(b.At("q").Linear(b.FirstTokens(y, count), x.C), b.At("k").Linear(y, x.C), y, 2)
	return b.Add(x, b.At("join").LayerScaleNamed(b.JoinTokens(y, b.Tokens(b.Image(x)), count), "factors"))
}

// randomSeeds is how many random graphs are tested.
func randomSeeds() uint64 {
	if testing.Short() {
		return 60
	}
	return 200
}

// drawn returns a random graph and the sizes of its values, or nil where the image is too
// small for the graph's pools.
func drawn(t testing.TB, r *rand.Rand) (*nn.Graph, []nn.Size) {
	t.Helper()
	g, err := randomGraph(r)
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := g.Sizes(tensor.Shape{1 + r.IntN(3), g.Channels, 7 + r.IntN(30), 7 + r.IntN(30)})
	if err != nil {
		return nil, nil
	}
	return g, sizes
}

// randomOptions returns options for a graph: any threads and precision, fused or with
// all values kept or those that are probed.
func randomOptions(g *nn.Graph, v *kernel.Variant, r *rand.Rand) Options {
	o := Options{Threads: 1 + r.IntN(3), Variant: v, Precision: tensor.Precisions()[r.IntN(3)], early: r.IntN(6) - 1}
	switch r.IntN(3) {
	case 1:
		for i := range g.Values {
			o.Keep = append(o.Keep, i)
		}
	case 2:
		for _, p := range g.Probes {
			o.Keep = append(o.Keep, p.Value)
		}
	}
	return o
}

func TestRandomGraphsEqualReference(t *testing.T) {
	variants, seeds := slices.Concat(kernel.Variants(), portableVariants(t), kernel.Slower()), randomSeeds()
	if race.Enabled {
		variants, seeds = []*kernel.Variant{kernel.Best()}, 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			g, sizes := drawn(t, r)
			if g == nil {
				return
			}
			c := newReferenced(t, g, sizes[0].Shape(), r)
			for _, v := range variants {
				o := randomOptions(g, v, r)
				c.check(t, o)
				if t.Failed() {
					t.Fatalf("variant %s, %d threads, precision %s, %d values kept, input %v: %s",
						v.Name, o.Threads, o.Precision, len(o.Keep), c.shape, describe(g))
				}
			}
		})
	}
}

// describe lists the operators of a graph.
func describe(g *nn.Graph) string {
	var lines []string
	for _, n := range g.Nodes {
		lines = append(lines, fmt.Sprintf("%s %s %v -> %d", n.Path, n.Op.Kind(), n.In, n.Out))
	}
	return strings.Join(lines, "\n")
}

func FuzzRandomGraphs(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		g, sizes := drawn(t, r)
		if g == nil {
			return
		}
		c := newReferenced(t, g, sizes[0].Shape(), r)
		for _, v := range kernel.Variants() {
			c.check(t, randomOptions(g, v, r))
		}
	})
}

// TestRandomGraphsHoldEveryOperator: what package nn declares is in some of the graphs that
// are tested, of pixels and of whole images where it takes either.
func TestRandomGraphsHoldEveryOperator(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: too few graphs are tested to hold everything")
	}
	operators, functions := declared(t)
	missing := make(map[string]bool)
	for _, name := range operators {
		missing[name] = true
	}
	for _, name := range []string{"LayerNorm of pixels", "LayerNorm of features", "LayerNorm of tokens", "Linear of pixels",
		"Linear of features", "Linear of tokens", "Flatten of an image", "BatchNorm of features", "GlobalAvgPool of tokens", "Image of tokens",
		"Mul of equal shapes", "Linear of queries", "Scale of pixels", "Scale of features", "Concat of features"} {
		missing[name] = true
	}
	for f := range functions {
		missing[fmt.Sprint("activation ", f+1)] = true
	}
	for seed := range randomSeeds() {
		g, sizes := drawn(t, rand.New(rand.NewPCG(seed, 1)))
		if g == nil {
			continue // it is not tested
		}
		for _, n := range g.Nodes {
			name, in := reflect.TypeOf(n.Op).Name(), sizes[n.In[0]]
			delete(missing, name)
			switch {
			case in.Extra > 0:
				delete(missing, name+" of tokens")
			case in.Positions() > 1:
				delete(missing, name+" of pixels")
				delete(missing, name+" of an image")
			case in.Features():
				delete(missing, name+" of features")
			}
			switch op := n.Op.(type) {
			case nn.Act:
				delete(missing, fmt.Sprint("activation ", op.Func))
			case nn.Mul:
				if in.Positions() > 1 && sizes[n.In[1]] == in {
					delete(missing, "Mul of equal shapes")
				}
			case nn.Linear:
				if op.QVBias {
					delete(missing, "Linear of queries")
				}
			}
		}
	}
	if diff := cmp.Diff([]string(nil), slices.Sorted(maps.Keys(missing))); diff != "" {
		t.Errorf("operators in no random graph: add them to randomGraph:\n%s", diff)
	}
}

// declared returns the operators that package nn declares, the types with a method Kind, and
// how many activation functions there are.
func declared(t *testing.T) (operators []string, functions int) {
	t.Helper()
	files, err := filepath.Glob("../../nn/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil && n.Name.Name == "Kind" {
					operators = append(operators, n.Recv.List[0].Type.(*ast.Ident).Name)
				}
			case *ast.ValueSpec:
				if strings.HasPrefix(n.Names[0].Name, "Func") {
					functions++
				}
			}
			return true
		})
	}
	if len(operators) < 10 || functions < 5 {
		t.Fatalf("operators %q and %d activation functions: expected those of package nn", operators, functions)
	}
	return operators, functions
}
