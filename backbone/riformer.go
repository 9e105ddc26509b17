package backbone

import "github.com/gozoo/zoo/nn"

// RIFormer: arXiv:2304.05659, as OpenMMLab's mmpretrain builds it (mmpretrain/models/backbones/riformer.py).
//
// A PoolFormer in which nothing mixes pixels but the strided convolutions between stages. The published
// checkpoints are in the training form, in which a block's first norm is followed by a factor and a bias for each
// channel, less the norm itself; in the deploy form the norm has taken all of it in.
var riFormer = inBothForms("riformer", riFormers())

type riFormerNet struct{ metaFormer }

func riFormers() map[string]riFormerNet {
	all := make(map[string]riFormerNet)
	for size, m := range metaFormers {
		all["riformer-"+size] = riFormerNet{m}
	}
	return all
}

func (r riFormerNet) graph(classes int, f form) (*nn.Graph, error) {
	return r.metaFormer.graph(classes, func(b *nn.Builder, x nn.Value) nn.Value {
		if f == deployed {
			return b.At("norm_reparam").GroupNorm(x)
		}
		x = b.At("norm1").GroupNorm(x)
		return b.Add(b.At("token_mixer", "affine").Conv(x, x.C, nn.Groups(x.C), nn.Bias()), b.Scale(x, -1))
	})
}
