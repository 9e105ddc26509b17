package converter_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// weightsOf returns synthetic weights for a network.
func weightsOf(t *testing.T, n network) *tensor.StateDict {
	t.Helper()
	g := graphOf(t, n)
	if n.train == nil {
		return calm(t, g, scaled(t, n, g))
	}
	train := graphOf(t, network{graph: n.train})
	bound, err := nn.Bind(train, calm(t, train, scaled(t, n, train)))
	if err != nil {
		t.Fatal(err)
	}
	fused, err := (&converter.Fitted{Bound: bound}).Fuse(g, tensor.Invalid)
	if err != nil {
		t.Fatal(err)
	}
	return fused.Bound.StateDict()
}

// gains are for networks in which calm finds no branches: what is added there is no norm, or one that follows an
// activation. With others values explode, or drown in what biases add.
var gains = map[string]string{
	"convmixer-768-32": "0.95", "convmixer-1024-20": "1.1", "convmixer-1536-20": "1.1",
	"repmlp-base": "0.7", "repmlp-base deploy": "0.7", "repmlp-base-256px": "0.7", "repmlp-base-256px deploy": "0.7",
}

// scaled returns synthetic weights for the graph of a network in either form.
func scaled(t *testing.T, n network, g *nn.Graph) *tensor.StateDict {
	t.Helper()
	gain, ok := gains[n.name]
	if !ok {
		return synthetic(t, g)
	}
	w, err := golden.ParseWeights("synthetic:0*" + gain)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := golden.SyntheticState(g.Params, w)
	if err != nil {
		t.Fatal(err)
	}
	return sd
}

// calm returns sd so that signals neither drown nor explode in a network of a hundred
// blocks, as they do not in trained ones: with the weights as they are,
// efficientnetv2-xl's logits differ by their own size between two orders of adding.
// Residual branches become an eighth as strong, and sums of n norms of one value are
// divided by the root of n; what follows gates of about a half is doubled. What nodes learn from neighbours that
// they choose is but a trace: rounding chooses between two that are alike.
func calm(t *testing.T, g *nn.Graph, sd *tensor.StateDict) *tensor.StateDict {
	t.Helper()
	type sum struct {
		of    int // the value
		norms []nn.Node
	}
	sums := map[int]sum{}   // by value
	source := map[int]int{} // what a convolution reads, by what it writes
	gated := map[int]bool{} // values
	chosen := map[int]bool{}
	factors := map[string]float32{}
	scale := func(s sum, factor float64) {
		if gated[s.of] {
			factor *= 2
		}
		for _, norm := range s.norms {
			for _, p := range norm.Params[:2] { // weight and bias
				factors[g.Params[p].Name] = float32(factor)
			}
		}
	}
	branch := func(s sum) float64 {
		if chosen[s.of] {
			return 1e-4
		}
		return 0.125
	}
	for _, n := range g.Nodes {
		switch n.Op.(type) {
		case nn.Conv:
			source[n.Out], chosen[n.Out] = n.In[0], chosen[n.In[0]]
		case nn.Mul:
			gated[n.Out] = true
		case nn.MaxRelative:
			chosen[n.Out] = true
		case nn.LayerScale: // which ends a branch
			factors[g.Params[n.Params[0]].Name] = 0.125
		case nn.Act:
			gated[n.Out], chosen[n.Out] = gated[n.In[0]], chosen[n.In[0]]
		case nn.BatchNorm:
			of, ok := source[n.In[0]]
			if !ok {
				of = n.In[0]
			}
			sums[n.Out], chosen[n.Out] = sum{of, []nn.Node{n}}, chosen[n.In[0]]
			scale(sums[n.Out], 1)
		case nn.Add:
			a, isA := sums[n.In[0]]
			b, isB := sums[n.In[1]]
			switch {
			case isA && isB && a.of == b.of:
				all := sum{a.of, slices.Concat(a.norms, b.norms)}
				sums[n.Out] = all
				scale(all, 1/math.Sqrt(float64(len(all.norms))))
			case isA && !isB:
				scale(a, branch(a))
			case isB && !isA:
				scale(b, branch(b))
			}
		}
	}
	out := new(tensor.StateDict)
	for name, x := range sd.All() {
		if factor, ok := factors[name]; ok {
			values, err := x.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			for i := range values {
				values[i] *= factor
			}
			x = tensor.FromFloat32s(x.Shape(), values)
		}
		if err := out.Add(name, x); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// spreadOf returns the largest difference between the logits of two images, relative
// to the largest logit.
func spreadOf(t *testing.T, record *tensor.StateDict) float64 {
	t.Helper()
	x, _ := record.Lookup("logits")
	logits, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	k := x.Shape()[1]
	var largest, spread float64
	for i := range k {
		largest = max(largest, math.Abs(float64(logits[i])))
		spread = max(spread, math.Abs(float64(logits[i]-logits[k+i])))
	}
	t.Logf("two images' logits differ by %.1e of the largest", spread/largest)
	return spread / largest
}
