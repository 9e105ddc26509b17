package backbone

import (
	"math"
	"slices"
	"strings"

	"github.com/gozoo/zoo/nn"
)

// A framework may compute a network otherwise than it was trained and published. Here the published
// network is computed; slips are what to change of its graph for a framework's own logits, so that
// what it has written can be judged. They are by framework and family, and leave alone what they
// are not about.
var slips = map[string]map[string]func(g *nn.Graph){
	"mmpretrain 1.2.0": {"vision_transformer": firstNormTwice, "t2t_vit": scoresDivided},
}

// AsComputedBy returns a graph of an architecture as a framework computes it, where that is known to
// differ from g, and whether it is. Framework is what goldens say wrote them, such as "mmpretrain 1.2.0,
// torch 2.9.1"; one that says "mmpretrain 1.2.0 corrected" computes what was published. The graph wants the
// same tensors.
func (f *Family) AsComputedBy(framework, arch string, g *nn.Graph) (*nn.Graph, bool) {
	var slip func(*nn.Graph)
	for name, families := range slips {
		if rest, ok := strings.CutPrefix(framework, name); ok && !strings.HasPrefix(rest, " corrected") {
			slip = families[f.Name]
		}
	}
	if slip == nil || f.Name == visionTransformer.Name && !strings.HasPrefix(arch, "deit3-") {
		return nil, false
	}
	out := *g
	out.Nodes = slices.Clone(g.Nodes)
	slip(&out)
	return &out, true
}

// firstNormTwice takes the first norm of each layer of DeiT III in the place of the second.
func firstNormTwice(g *nn.Graph) {
	first := make(map[string][]int) // by layer
	for i, n := range g.Nodes {
		layer, norm := n.Path, ""
		if at := strings.LastIndex(n.Path, "."); at >= 0 {
			layer, norm = n.Path[:at], n.Path[at+1:]
		}
		switch {
		case !strings.Contains(layer, ".layers."):
		case norm == "ln1":
			first[layer] = n.Params
		case norm == "ln2":
			g.Nodes[i].Params = first[layer]
		}
	}
}

// scoresDivided divides the scores of T2T-ViT's attentions by 1 over the root of a query's channels in a head.
func scoresDivided(g *nn.Graph) {
	width := make([]int, g.Values) // of queries
	for i, n := range g.Nodes {
		switch op := n.Op.(type) {
		case nn.Slice:
			width[n.Out] = op.To - op.From
		case nn.Attention:
			op.Scale = math.Sqrt(float64(width[n.In[0]] / op.Heads))
			g.Nodes[i].Op = op
		}
	}
}
