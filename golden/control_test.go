package golden_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/bigtest"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// subjects are the networks that controls change, by model.
var subjects = map[string]struct{ family, arch string }{
	"conformer-tiny-p16_3rdparty_in1k":                 {"conformer", "conformer-tiny-p16"},
	"convnext-tiny_32xb128_in1k":                       {"convnext", "convnext-tiny"},
	"convnext-v2-atto_fcmae-pre_3rdparty_in1k":         {"convnext", "convnext-v2-atto"},
	"convmixer-1024-20_3rdparty_in1k":                  {"convmixer", "convmixer-1024-20"},
	"convmixer-768-32_3rdparty_in1k":                   {"convmixer", "convmixer-768-32"},
	"cspdarknet-nano_digits":                           {"cspnet", "cspdarknet-nano"},
	"cspdarknet50_3rdparty_8xb32_in1k":                 {"cspnet", "cspdarknet53"},
	"cspresnet-nano_digits":                            {"cspnet", "cspresnet-nano"},
	"cspresnet50_3rdparty_8xb32_in1k":                  {"cspnet", "cspresnet50"},
	"cspresnext-nano_digits":                           {"cspnet", "cspresnext-nano"},
	"cspresnext50_3rdparty_8xb32_in1k":                 {"cspnet", "cspresnext50"},
	"deit-tiny-distilled_3rdparty_in1k":                {"vision_transformer", "deit-tiny-distilled"},
	"deit-tiny_4xb256_in1k":                            {"vision_transformer", "deit-tiny"},
	"densenet121_3rdparty_in1k":                        {"densenet", "densenet121"},
	"edgenext-xxsmall_3rdparty_in1k":                   {"edgenext", "edgenext-xxsmall"},
	"efficientnet-b0_3rdparty_8xb32_in1k":              {"efficientnet", "efficientnet-b0"},
	"efficientnet-lite0_3rdparty_in1k":                 {"efficientnet", "efficientnet-lite0"},
	"inception-v3_3rdparty_8xb32_in1k":                 {"inception_v3", "inception-v3"},
	"mobilenet-v2_8xb32_in1k":                          {"mobilenet_v2", "mobilenet-v2"},
	"mobilenet-v3-small-050_3rdparty_in1k":             {"mobilenet_v3", "mobilenet-v3-small-050"},
	"repmlp-base_3rdparty_8xb64_in1k":                  {"repmlp", "repmlp-base"},
	"revvit-small_3rdparty_in1k":                       {"revvit", "revvit-small"},
	"mvitv2-tiny_3rdparty_in1k":                        {"mvit", "mvitv2-tiny"},
	"replknet-31B_3rdparty_in1k":                       {"replknet", "replknet-31B"},
	"shufflenet-v1-1x_16xb64_in1k":                     {"shufflenet_v1", "shufflenet-v1-1x"},
	"shufflenet-v2-1x_16xb64_in1k":                     {"shufflenet_v2", "shufflenet-v2-1x"},
	"swin-tiny_16xb64_in1k":                            {"swin", "swin-tiny"},
	"t2t-vit-t-14_8xb64_in1k":                          {"t2t_vit", "t2t-vit-t-14"},
	"tinyvit-5m_3rdparty_in1k":                         {"tinyvit", "tinyvit-5m"},
	"tnt-small-p16_3rdparty_in1k":                      {"tnt", "tnt-small-p16"},
	"xcit-nano-12-p8_3rdparty_in1k":                    {"xcit", "xcit-nano-12-p8"},
	"xcit-tiny-12-p16_3rdparty_in1k":                   {"xcit", "xcit-tiny-12-p16"},
	"beit-base-p16_cae-pre_8xb128-coslr-100e_in1k":     {"beit", "cae-base-p16"},
	"vit-tiny-p14_eva02-in21k-pre_3rdparty_in1k-336px": {"eva02", "eva02-tiny-p14-336px"},
	"swinv2-tiny-w8_3rdparty_in1k-256px":               {"swin_v2", "swinv2-tiny-w8"},
	"mixmim-base_mixmim-pre_8xb128-coslr-100e_in1k":    {"mixmim", "mixmim-base"},
	"hivit-tiny-p16_16xb64_in1k":                       {"hivit", "hivit-tiny-p16"},
	"mobilevit-xxsmall_3rdparty_in1k":                  {"mobilevit", "mobilevit-xxsmall"},
	"efficientformer-l1_3rdparty_8xb128_in1k":          {"efficientformer", "efficientformer-l1"},
	"levit-128s_3rdparty_in1k":                         {"levit", "levit-128s"},
	"poolformer-s12_3rdparty_32xb128_in1k":             {"poolformer", "poolformer-s12"},
	"riformer-s12_in1k":                                {"riformer", "riformer-s12"},
	"davit-tiny_3rdparty_in1k":                         {"davit", "davit-tiny"},
	"twins-pcpvt-small_3rdparty_8xb128_in1k":           {"twins", "twins-pcpvt-small"},
	"twins-svt-small_3rdparty_8xb128_in1k":             {"twins", "twins-svt-small"},
	"van-tiny_3rdparty_in1k":                           {"van", "van-tiny"},
	"pvig-tiny_3rdparty_in1k":                          {"vig", "pvig-tiny"},
	"vig-tiny_3rdparty_in1k":                           {"vig", "vig-tiny"},
	"hornet-tiny_3rdparty_in1k":                        {"hornet", "hornet-tiny"},
	"hornet-tiny-gf_3rdparty_in1k":                     {"hornet", "hornet-tiny-gf"},
}

// Each control is a network that is nearly right. It must fail, and the first bad layer
// must be the one that was changed, or the first that reads what it makes where the
// change is in no probed module.
type control struct {
	name   string
	model  string
	change func(t *testing.T, n *network)
	bad    string // the first bad layer
	medium atMedium
}

// atMedium says what a control does at precision medium, which allows 500 times as much as
// the others.
type atMedium uint8

const (
	same   atMedium = iota // it fails as it does at the others
	late                   // it fails there or in a layer after it, where errors have added up
	unseen                 // it errs by less than bf16 may
)

// transposed is a relation with queries and keys exchanged.
type transposed struct{ nn.Relation }

func (r transposed) Index() []int64 {
	queries, keys, _ := r.Size()
	from := r.Relation.Index()
	index := make([]int64, 0, len(from))
	for i := range from {
		index = append(index, from[i%queries*keys+i/queries])
	}
	return index
}

// turned is a relation of square grids with rows and columns exchanged.
type turned struct {
	nn.Relation
	side int64
}

func (r turned) Index() []int64 {
	index := r.Relation.Index()
	for i, at := range index {
		index[i] = at%r.side*r.side + at/r.side
	}
	return index
}

var controls = []control{
	// ConvNeXt: its norms, its scales and its activation.
	{"GELU by tanh", "convnext-v2-atto_fcmae-pre_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", swapped(nn.GELU(), nn.GELUTanh()))
	}, "backbone.stages.0.0", unseen},
	{"eps 1e-3 in norms", "convnext-v2-atto_fcmae-pre_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", layerNormEps(1e-3))
	}, "backbone.stages.0.0", unseen},
	{"response norm left out", "convnext-v2-atto_fcmae-pre_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.1.1.grn.gamma", 0)
		n.set(t, "backbone.stages.1.1.grn.beta", 0)
	}, "backbone.stages.1.1", same},
	{"layer scale left out", "convnext-tiny_32xb128_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.1.0.gamma", 1)
	}, "backbone.stages.1.0", late},
	{"ReLU for GELU", "convnext-v2-atto_fcmae-pre_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", swapped(nn.GELU(), nn.ReLU()))
	}, "backbone.stages.0.0", late},

	// Gates of squeeze-excitation, and the activations around them.
	{"sigmoid for hard sigmoid in gates", "mobilenet-v3-small-050_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", swapped(nn.HardSigmoid(), nn.Sigmoid()))
	}, "backbone.layer1", unseen},
	{"hard sigmoid for sigmoid in gates", "efficientnet-b0_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.each("", swapped(nn.Sigmoid(), nn.HardSigmoid()))
	}, "backbone.layers.1.0", unseen},
	{"gate and activation swapped", "efficientnet-b0_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.swapAct(t, "backbone.layers.2.1.se.conv1.activate", nn.SiLU(), nn.Sigmoid())
		n.swapAct(t, "backbone.layers.2.1.se.conv2.activate", nn.Sigmoid(), nn.SiLU())
	}, "backbone.layers.2.1", same},
	{"SiLU for hard swish", "mobilenet-v3-small-050_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", swapped(nn.HardSwish(), nn.SiLU()))
	}, "backbone.layer0", late},
	{"eps 1e-3 in one norm", "mobilenet-v3-small-050_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layer3.", batchNormEps(1e-3))
	}, "backbone.layer3", unseen},
	{"ReLU for ReLU6 everywhere", "mobilenet-v2_8xb32_in1k", func(t *testing.T, n *network) {
		n.each("", swapped(nn.ReLU6(), nn.ReLU()))
	}, "backbone.conv1", late},

	// Borders and windows.
	{"border on both sides", "efficientnet-lite0_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("_conv_stem", func(op nn.Op) nn.Op {
			c := op.(nn.Conv)
			c.Pad = nn.Padding{H: c.KH / 2, W: c.KW / 2}
			return c
		})
	}, "_blocks.0", same},
	{"border not counted in averages", "inception-v3_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.each("backbone.Mixed_5c.branch_pool", func(op nn.Op) nn.Op {
			if p, ok := op.(nn.AvgPool); ok {
				p.CountPad = !p.CountPad
				return p
			}
			return op
		})
	}, "backbone.Mixed_5c.branch_pool", same},

	// Conformer: what its two networks tell each other, and their classifiers.
	{"eps 1e-2 in the first norm", "conformer-tiny-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.bn1", batchNormEps(1e-2))
	}, "backbone.trans_1", unseen},
	{"maximum for average in one block", "conformer-tiny-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.conv_trans_3.squeeze_block", func(op nn.Op) nn.Op {
			if p, ok := op.(nn.AvgPool); ok {
				return nn.MaxPool{K: p.K, Stride: p.Stride}
			}
			return op
		})
	}, "backbone.conv_trans_3.trans_block", late},
	{"a pixel for the class token", "conformer-tiny-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		i := n.find(t, "", "join_tokens") // of the last block
		n.graph.Nodes[i-1].In = n.graph.Nodes[i].In[1:]
	}, "backbone.conv_trans_12.trans_block", same},
	{"one classifier of two", "conformer-tiny-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "head.conv_cls_head.weight", 0)
	}, "logits", same},

	// LeViT: its biases, the order of its channels, and its classifiers.
	{"rows for columns in biases", "levit-128s_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.0", each(func(a *nn.Attention) { a.Bias.By = turned{a.Bias.By, 14} }))
	}, "backbone.stages.1.0", unseen},
	{"queries, keys and values one after the other", "levit-128s_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.0.2", func(op nn.Op) nn.Op {
			if s, ok := op.(nn.SliceRuns); ok {
				return nn.Slice{From: s.Runs * s.From, To: s.Runs * s.To}
			}
			return op
		})
	}, "backbone.stages.0.2", same},
	{"no activation after attention", "levit-128s_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapAct(t, "backbone.stages.2.0.proj.0", nn.HardSwish(), nn.LeakyReLU(1))
	}, "backbone.stages.2.0", same},
	{"one of two classifiers", "levit-128s_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "head.head_dist.linear.weight", 0)
	}, "logits", same},

	// TinyViT: its windows, its biases, and the convolution between the halves of a block.
	{"padding after the norm", "tinyvit-5m_3rdparty_in1k", func(t *testing.T, n *network) {
		pad, norm := n.find(t, "backbone.stages.1.blocks.0", "pad"), n.find(t, "backbone.stages.1.blocks.0.attn.norm", "layer_norm")
		a, b := &n.graph.Nodes[pad], &n.graph.Nodes[norm]
		*a, *b = nn.Node{Path: b.Path, Op: b.Op, Params: b.Params, In: a.In, Out: a.Out}, nn.Node{Path: a.Path, Op: a.Op, In: b.In, Out: b.Out}
	}, "backbone.stages.1.blocks.0", unseen},
	{"rows for columns in biases", "tinyvit-5m_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.2.blocks.0", each(func(a *nn.Attention) { a.Bias.By = turned{a.Bias.By, 14} }))
	}, "backbone.stages.2.blocks.0", unseen},
	{"no convolution within a block", "tinyvit-5m_3rdparty_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.stages.3.blocks.1.local_conv.conv2d.weight", 0)
	}, "backbone.stages.3.blocks.1", same},
	{"no activation after the addition", "tinyvit-5m_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapAct(t, "backbone.stages.0.blocks.1.act", nn.GELU(), nn.LeakyReLU(1))
	}, "backbone.stages.0.blocks.1", same},

	// Orders of channels.
	{"shuffle inverted", "shufflenet-v1-1x_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.0.1", invertedShuffle)
	}, "backbone.layers.0.1", same},
	{"shuffle inverted", "shufflenet-v2-1x_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.1.2", invertedShuffle)
	}, "backbone.layers.1.2", same},
	{"growth joined in front", "densenet121_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapConcat(t, "")
	}, "backbone.stages.3", same},

	// Attention, and the tokens that it is over.
	{"scale left out", "deit-tiny_4xb256_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.3.", each(func(a *nn.Attention) { a.Scale = 1 }))
	}, "backbone.layers.3", same},
	{"one head for three", "deit-tiny_4xb256_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.3.", each(func(a *nn.Attention) { a.Heads = 1 }))
	}, "backbone.layers.3", same},
	{"queries and keys swapped", "deit-tiny_4xb256_in1k", func(t *testing.T, n *network) {
		n.swapInputs(t, "backbone.layers.3.attn")
	}, "backbone.layers.3", same},
	{"class token dropped", "deit-tiny_4xb256_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.cls_token", 0)
	}, "backbone.layers.0", same},
	{"another token classified", "deit-tiny_4xb256_in1k", func(t *testing.T, n *network) {
		n.each("", each(func(a *nn.Token) { a.At = 1 }))
	}, "logits", same},
	{"the sum of two classifiers for their mean", "deit-tiny-distilled_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", each(func(s *nn.Scale) { s.Factor = 1 }))
	}, "logits", same},
	{"one token classified twice", "deit-tiny-distilled_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", each(func(a *nn.Token) { a.At = 0 }))
	}, "logits", same},
	{"tokens in the other order", "deit-tiny-distilled_3rdparty_in1k", func(t *testing.T, n *network) {
		class, dist := "backbone.cls_token", "backbone.dist_token"
		n.values[class], n.values[dist] = n.own(t, dist), n.own(t, class)
	}, "backbone.layers.0", same},
	{"positions shifted by one", "deit-tiny_4xb256_in1k", func(t *testing.T, n *network) {
		const channels = 192
		table := n.values["backbone.pos_embed"]
		n.values["backbone.pos_embed"] = slices.Concat(table[channels:], table[:channels])
	}, "backbone.layers.0", same},
	{"rows and columns of positions swapped", "deit-tiny_4xb256_in1k", func(t *testing.T, n *network) {
		const channels, side = 192, 14
		table := n.values["backbone.pos_embed"]
		swapped := slices.Clone(table)
		for i := range side * side {
			copy(swapped[(1+i)*channels:][:channels], table[(1+i%side*side+i/side)*channels:])
		}
		n.values["backbone.pos_embed"] = swapped
	}, "backbone.layers.0", same},
	{"patches padded on both sides", "deit-tiny_4xb256_in1k", func(t *testing.T, n *network) {
		n.each("backbone.patch_embed", each(func(c *nn.Conv) { c.Pad = nn.Padding{Same: true} }))
	}, "backbone.layers.0", same},

	{"patches laid out channel by channel", "tnt-small-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("", each(func(u *nn.Unfold) { u.PixelFirst = false }))
	}, "backbone.layers.0", same},
	{"windows shifted", "tnt-small-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.layers.3.inner_block", each(func(a *nn.Attention) { a.Window.Shift = 1 }))
	}, "backbone.layers.3", same},
	{"positions in a patch reversed", "tnt-small-p16_3rdparty_in1k", func(t *testing.T, n *network) {
		slices.Reverse(n.own(t, "backbone.pixel_pos"))
	}, "backbone.layers.0", same},
	{"scores by the channels of queries", "t2t-vit-t-14_8xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.tokens_to_token.attention2.", each(func(a *nn.Attention) { a.Scale = 1 / math.Sqrt(64) }))
	}, "backbone.tokens_to_token.attention2", same},
	{"windows from one pixel further out", "t2t-vit-t-14_8xb64_in1k", func(t *testing.T, n *network) {
		n.each("", each(func(u *nn.Unfold) { u.Pad += u.K / 7 }))
	}, "backbone.tokens_to_token.attention1", same},
	{"streams joined in the other order", "revvit-small_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapConcat(t, "backbone")
	}, "logits", same},
	{"linear layers of the stream that they are added to", "revvit-small_3rdparty_in1k", func(t *testing.T, n *network) {
		ln1, ln2 := n.find(t, "backbone.layers.3.ln1", "layer_norm"), n.find(t, "backbone.layers.3.ln2", "layer_norm")
		n.graph.Nodes[ln2].In = n.graph.Nodes[ln1].In
	}, "backbone.layers.3", same},

	// MViT: heads that are pooled, and the terms of rows and columns.
	{"tables of rows and columns swapped", "mvitv2-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapTensors(t, "backbone.blocks.4.attn.rel_pos_h", "backbone.blocks.4.attn.rel_pos_w")
	}, "backbone.blocks.4", same},
	{"terms scaled as products are", "mvitv2-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		for _, name := range []string{"backbone.blocks.0.attn.rel_pos_h", "backbone.blocks.0.attn.rel_pos_w"} {
			for i, table := 0, n.own(t, name); i < len(table); i++ {
				table[i] /= float32(math.Sqrt(96))
			}
		}
	}, "backbone.blocks.0", same},
	{"queries pooled as keys are", "mvitv2-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.swapTensors(t, "backbone.blocks.5.attn.pool_q.weight", "backbone.blocks.5.attn.pool_k.weight")
	}, "backbone.blocks.5", same},
	{"residual connection widens what was not normed", "mvitv2-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		norm, proj := n.find(t, "backbone.blocks.3.norm1", "layer_norm"), n.find(t, "backbone.blocks.3.proj", "linear")
		n.graph.Nodes[proj].In = n.graph.Nodes[norm].In
	}, "backbone.blocks.3", same},
	// EfficientFormer: averages, heads that lie side by side, and two classifiers.
	{"averages count the border", "efficientformer-l1_3rdparty_8xb128_in1k", func(t *testing.T, n *network) {
		n.each("backbone.network.1.1.", each(func(p *nn.AvgPool) { p.CountPad = true }))
	}, "backbone.network.1.1", late},
	{"queries of all heads first", "efficientformer-l1_3rdparty_8xb128_in1k", func(t *testing.T, n *network) {
		n.each("", each(func(s *nn.SliceRuns) { s.From, s.To, s.Runs = s.From*s.Runs, s.To*s.Runs, 1 }))
	}, "backbone.network.3.5", late},
	{"bias of heads read as of relations", "efficientformer-l1_3rdparty_8xb128_in1k", func(t *testing.T, n *network) {
		n.each("", each(func(a *nn.Attention) { a.Bias.HeadsFirst = false }))
	}, "backbone.network.3.5", unseen},
	{"classifiers added", "efficientformer-l1_3rdparty_8xb128_in1k", func(t *testing.T, n *network) {
		n.each("", each(func(s *nn.Scale) { s.Factor = max(s.Factor, 2*s.Factor) }))
	}, "logits", same},

	// PoolFormer and RIFormer: norms of whole images, averages less what they are of, and factors.
	{"norms of each pixel", "poolformer-s12_3rdparty_32xb128_in1k", func(t *testing.T, n *network) {
		n.each("", func(op nn.Op) nn.Op {
			if g, ok := op.(nn.GroupNorm); ok {
				return nn.LayerNorm{C: g.C, Eps: g.Eps}
			}
			return op
		})
	}, "backbone.network.0.0", same},
	{"eps 0.1 in a norm", "poolformer-s12_3rdparty_32xb128_in1k", func(t *testing.T, n *network) {
		n.each("backbone.network.4.3.norm2", each(func(g *nn.GroupNorm) { g.Eps = 0.1 }))
	}, "backbone.network.4.3", unseen},
	{"averages count the border", "poolformer-s12_3rdparty_32xb128_in1k", func(t *testing.T, n *network) {
		n.each("backbone.network.2.1.", each(func(p *nn.AvgPool) { p.CountPad = true }))
	}, "backbone.network.2.1", late},
	{"averages that nothing is taken from", "poolformer-s12_3rdparty_32xb128_in1k", func(t *testing.T, n *network) {
		n.each("backbone.network.2.1.", each(func(s *nn.Scale) { s.Factor = 0 }))
	}, "backbone.network.2.1", same},
	{"layer scale left out", "poolformer-s12_3rdparty_32xb128_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.network.4.2.layer_scale_2", 1)
	}, "backbone.network.4.2", late},
	{"means of pixels normed", "poolformer-s12_3rdparty_32xb128_in1k", func(t *testing.T, n *network) {
		norm, mean := &n.graph.Nodes[n.find(t, "backbone.norm6", "group_norm")], &n.graph.Nodes[n.find(t, "neck.gap", "adaptive_avg_pool2d")]
		norm.Op, mean.Op, norm.Params, mean.Params = mean.Op, norm.Op, nil, norm.Params
	}, "neck", same},
	{"norms not taken away", "riformer-s12_in1k", func(t *testing.T, n *network) {
		n.each("backbone.network.2.0", each(func(s *nn.Scale) { s.Factor = 0 }))
	}, "backbone.network.2.0", same},
	{"input taken away in place of its norm", "riformer-s12_in1k", func(t *testing.T, n *network) {
		norm, less := n.find(t, "backbone.network.4.1.norm1", "group_norm"), n.find(t, "backbone.network.4.1", "scale")
		n.graph.Nodes[less].In = n.graph.Nodes[norm].In
	}, "backbone.network.4.1", same},

	// Windows, and the bias of what is in one.
	{"windows not shifted", "swin-tiny_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.1.", each(func(a *nn.Attention) { a.Window.Shift = 0 }))
	}, "backbone.stages.1.blocks.1", same},
	{"windows shifted by one more", "swin-tiny_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.1.", each(func(a *nn.Attention) { a.Window.Shift++ }))
	}, "backbone.stages.1.blocks.1", same},
	{"mask missing", "swin-tiny_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.1.", each(func(a *nn.Attention) { a.Window.Hide = 0 }))
	}, "backbone.stages.1.blocks.1", same},
	{"one window shifted", "swin-tiny_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.3.blocks.1.", each(func(a *nn.Attention) { a.Window.Single = true }))
	}, "backbone.stages.3.blocks.1", same},
	{"bias left out", "swin-tiny_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.0.", each(func(a *nn.Attention) { a.Bias.By = nil }))
	}, "backbone.stages.1.blocks.0", same},
	{"bias transposed", "swin-tiny_16xb64_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.0.", each(func(a *nn.Attention) { a.Bias.By = transposed{a.Bias.By} }))
	}, "backbone.stages.1.blocks.0", same},
	{"lengths of keys over all heads", "swinv2-tiny-w8_3rdparty_in1k-256px", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.0.", each(func(u *nn.Unit) {
			if u.Temper == "" {
				u.Runs = 1
			}
		}))
	}, "backbone.stages.1.blocks.0", same},
	{"factors of heads left out", "swinv2-tiny-w8_3rdparty_in1k-256px", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.0.", each(func(u *nn.Unit) { u.Temper = "" }))
	}, "backbone.stages.1.blocks.0", same},
	{"coordinates of another window", "swinv2-tiny-w8_3rdparty_in1k-256px", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.0.", each(func(a *nn.Attention) { a.Bias.Of.Trained = 6 }))
	}, "backbone.stages.1.blocks.0", unseen},
	{"patches merged row by row", "swin-tiny_16xb64_in1k", func(t *testing.T, n *network) {
		weights := n.values["backbone.stages.0.downsample.reduction.weight"] // (192,96*4)
		other := slices.Clone(weights)
		for i, w := range weights {
			c, at := i%384/4, i%4
			other[i/384*384+at*96+c] = w
		}
		n.values["backbone.stages.0.downsample.reduction.weight"] = other
	}, "backbone.stages.1.blocks.0", same},
	// Attention of channels, and windows whose padding is not hidden.
	{"scores of channels not scaled", "davit-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.blocks.0.channel_block.", each(func(a *nn.ChannelAttention) { a.Scale = 1 }))
	}, "backbone.stages.1.blocks.0.channel_block", late},
	{"channels looked up in keys", "davit-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		attention := &n.graph.Nodes[n.find(t, "backbone.stages.2.blocks.1.channel_block.attn", "channel_attention")]
		attention.In = []int{attention.In[1], attention.In[0], attention.In[2]}
	}, "backbone.stages.2.blocks.1.channel_block", late},
	{"padding hidden", "davit-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		pad := n.graph.Nodes[n.find(t, "backbone.stages.0.blocks.0.spatial_block.attn.w_msa", "pad")]
		attention := &n.graph.Nodes[n.find(t, "backbone.stages.0.blocks.0.spatial_block.attn.w_msa", "attention")]
		attention.In = append(slices.Clone(attention.In), pad.In[0])
		n.each("backbone.stages.0.blocks.0.spatial_block.", each(func(a *nn.Attention) { a.Window.Padded, a.Window.Hide = true, -1000 }))
	}, "backbone.stages.0.blocks.0.spatial_block", same},
	{"position without what it is of", "davit-tiny_3rdparty_in1k", func(t *testing.T, n *network) {
		add := &n.graph.Nodes[n.find(t, "backbone.stages.1.blocks.0.spatial_block.cpe2.proj", "add")]
		add.In = []int{add.In[0], add.In[0]}
	}, "backbone.stages.1.blocks.0.spatial_block", same},
	// Padding that is hidden, keys of fewer tokens, and positions that a convolution makes.
	{"padding not hidden", "twins-svt-small_3rdparty_8xb128_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.0.", each(func(a *nn.Attention) { a.Window.Hide = 0 }))
	}, "backbone.stages.1.0", same},
	{"nothing taken for padding", "twins-svt-small_3rdparty_8xb128_in1k", func(t *testing.T, n *network) {
		attention := &n.graph.Nodes[n.find(t, "backbone.stages.0.0.attn", "attention")]
		attention.In = slices.Clone(attention.In)
		attention.In[3] = attention.In[0]
	}, "backbone.stages.0.0", same},
	{"keys and values exchanged", "twins-pcpvt-small_3rdparty_8xb128_in1k", func(t *testing.T, n *network) {
		n.swapHalves(t, "backbone.stages.1.1.attn")
	}, "backbone.stages.1.1", same},
	{"position without what it is of", "twins-pcpvt-small_3rdparty_8xb128_in1k", func(t *testing.T, n *network) {
		add := &n.graph.Nodes[n.find(t, "backbone.position_encodings.1.proj", "add")]
		add.In = []int{add.In[0], add.In[0]}
	}, "backbone.stages.1.1", same},

	// Gates of two halves, and rotary positions.
	{"halves swapped", "vit-tiny-p14_eva02-in21k-pre_3rdparty_in1k-336px", func(t *testing.T, n *network) {
		n.swapHalves(t, "backbone.layers.3.mlp")
	}, "backbone.layers.3", same},
	{"sigmoid for SiLU in gates", "vit-tiny-p14_eva02-in21k-pre_3rdparty_in1k-336px", func(t *testing.T, n *network) {
		n.each("backbone.layers.3.", swapped(nn.SiLU(), nn.Sigmoid()))
	}, "backbone.layers.3", same},
	{"cosines and sines swapped", "vit-tiny-p14_eva02-in21k-pre_3rdparty_in1k-336px", func(t *testing.T, n *network) {
		n.turned(func(cos, sin []float32) ([]float32, []float32) { return sin, cos })
	}, "backbone.layers.0", same},
	{"rotary positions shifted by one", "vit-tiny-p14_eva02-in21k-pre_3rdparty_in1k-336px", func(t *testing.T, n *network) {
		const head = 64
		shifted := func(x []float32) []float32 { return slices.Concat(x[head:], x[:head]) }
		n.turned(func(cos, sin []float32) ([]float32, []float32) { return shifted(cos), shifted(sin) })
	}, "backbone.layers.0", same},

	// A number for each relation, and scales.
	{"relations of the class token first", "beit-base-p16_cae-pre_8xb128-coslr-100e_in1k", func(t *testing.T, n *network) {
		const heads = 12
		table := "backbone.layers.2.attn.relative_position_bias_table"
		at := len(n.values[table]) - 3*heads
		n.values[table] = slices.Concat(n.values[table][at:], n.values[table][:at])
	}, "backbone.layers.2", unseen},
	{"scale of attention left out", "beit-base-p16_cae-pre_8xb128-coslr-100e_in1k", func(t *testing.T, n *network) {
		n.set(t, "backbone.layers.2.gamma_1", 1)
	}, "backbone.layers.2", late},

	// CSPNet, in networks small enough for every kind of change.
	{"slope 0.1 everywhere", "cspresnet-nano_digits", func(t *testing.T, n *network) {
		n.each("", slope(0.1))
	}, "backbone.stem.0", late},
	{"eps 1e-3 everywhere", "cspresnext-nano_digits", func(t *testing.T, n *network) {
		n.each("", batchNormEps(1e-3))
	}, "backbone.stem.0", unseen},
	{"eps 1e-3 in one stage", "cspdarknet-nano_digits", func(t *testing.T, n *network) {
		n.each("backbone.stages.1.downsample_conv.", batchNormEps(1e-3))
	}, "backbone.stages.1.downsample_conv", unseen},
	{"halves swapped", "cspdarknet-nano_digits", func(t *testing.T, n *network) {
		n.swapHalves(t, "backbone.stages.1")
	}, "backbone.stages.1.blocks.0.conv1", same},
	{"halves swapped", "cspresnext-nano_digits", func(t *testing.T, n *network) {
		n.swapHalves(t, "backbone.stages.1")
	}, "backbone.stages.1.blocks.0", same},
	{"concatenation swapped", "cspresnet-nano_digits", func(t *testing.T, n *network) {
		n.swapConcat(t, "backbone.stages.1")
	}, "backbone.stages.1.final_conv", same},
	{"activation added after the addition", "cspdarknet-nano_digits", func(t *testing.T, n *network) {
		n.actAfterAdd(t, "backbone.stages.1.blocks.0")
	}, "backbone.stages.1.blocks.0", unseen},
	{"activation added after the expansion", "cspresnext-nano_digits", func(t *testing.T, n *network) {
		n.actAfterNorm(t, "backbone.stages.1.expand_conv.bn")
	}, "backbone.stages.1.expand_conv", same},
	{"one weight of the stem flipped", "cspdarknet-nano_digits", func(t *testing.T, n *network) {
		n.flip(t, "backbone.stem.conv.weight")
	}, "backbone.stem", same},
	{"one weight of a block flipped", "cspresnet-nano_digits", func(t *testing.T, n *network) {
		n.flip(t, "backbone.stages.0.blocks.1.conv2.weight")
	}, "backbone.stages.0.blocks.1", unseen},

	// CSPNet in full size, where one change is the least beside all else.
	{"slope 0.1 in one unit", "cspdarknet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.each("backbone.stages.2.blocks.5.conv2.activate", slope(0.1))
	}, "backbone.stages.2.blocks.5.conv2", late},
	{"halves swapped", "cspresnext50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.swapHalves(t, "backbone.stages.2")
	}, "backbone.stages.2.blocks.0", same},
	{"activation missing after the addition", "cspresnet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.one(t, "backbone.stages.2.blocks.1.relu", nn.LeakyReLU(1))
	}, "backbone.stages.2.blocks.1", same},
	{"one bias of the classifier flipped", "cspresnet50_3rdparty_8xb32_in1k", func(t *testing.T, n *network) {
		n.flip(t, "head.fc.bias")
	}, "logits", same},
}

func TestNegativeControls(t *testing.T) {
	for _, tt := range slices.Concat(controls, channelControls, gridControls, gatedControls, depthwiseControls, graphControls, mixerControls) {
		t.Run(tt.name+" in "+subjects[tt.model].arch, func(t *testing.T) {
			fullSize(t, tt.model)
			n := newNetwork(t, tt.model)
			tt.change(t, n)
			for p, v := range n.judge(t) {
				medium := p == tensor.Medium
				switch {
				case medium && tt.medium == unseen:
				case v.Pass || v.FirstBad == nil:
					t.Errorf("%s: passed: %v", p, v)
				case medium && tt.medium == late && isAfter(v, tt.bad):
				case v.FirstBad.Path != tt.bad:
					t.Errorf("%s: first bad layer %s, want %s: %v", p, v.FirstBad.Path, tt.bad, v)
				}
			}
		})
	}
}

// isAfter reports whether the first bad layer comes after the one at path.
func isAfter(v *golden.Verdict, path string) bool {
	at := func(path string) int {
		return slices.IndexFunc(v.Probes, func(c golden.Comparison) bool { return c.Path == path })
	}
	return v.FirstBad.Path == "logits" || at(v.FirstBad.Path) > at(path) && at(path) >= 0
}

// TestControlsStartFromAPass shows that it is the change that makes a control fail.
func TestControlsStartFromAPass(t *testing.T) {
	for model := range subjects {
		t.Run(model, func(t *testing.T) {
			fullSize(t, model)
			for p, v := range newNetwork(t, model).judge(t) {
				if !v.Pass || !v.Judged {
					t.Errorf("%s: %v", p, v)
				}
			}
		})
	}
}

// fullSize skips networks of more than eight million weights in short tests, and has those of more
// than 25 million tested alone.
func fullSize(t *testing.T, model string) {
	t.Helper()
	of := subjects[model]
	f, err := backbone.ByName(of.family)
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Graph(of.arch, 1000)
	if err != nil {
		t.Fatal(err)
	}
	n := g.NumParams()
	if n > 8_000_000 && testing.Short() {
		t.Skip("-short: full-size networks take seconds")
	}
	if n > 25_000_000 {
		bigtest.Alone(t)
	}
}

// each changes the operators of one kind.
func each[T nn.Op](change func(op *T)) func(nn.Op) nn.Op {
	return func(op nn.Op) nn.Op {
		if of, ok := op.(T); ok {
			change(&of)
			return of
		}
		return op
	}
}

func layerNormEps(eps float64) func(nn.Op) nn.Op {
	return each(func(n *nn.LayerNorm) { n.Eps = eps })
}

func batchNormEps(eps float64) func(nn.Op) nn.Op {
	return each(func(n *nn.BatchNorm) { n.Eps = eps })
}

// swapped puts one activation in the place of another.
func swapped(from, to nn.Act) func(nn.Op) nn.Op {
	return func(op nn.Op) nn.Op {
		if op == from {
			return to
		}
		return op
	}
}

func slope(s float32) func(nn.Op) nn.Op {
	return each(func(a *nn.Act) { a.Slope = s })
}

// invertedShuffle puts back in order what a shuffle mixes.
func invertedShuffle(op nn.Op) nn.Op {
	if s, ok := op.(nn.Shuffle); ok {
		s.Groups = s.C / s.Groups
		return s
	}
	return op
}
