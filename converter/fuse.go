package converter

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// Fuse returns the checkpoint with single convolutions in the place of the network's
// sums of branches, bound to the graph of that form. A convolution or linear layer of
// deploy that the checkpoint's graph does not have, PATH or PATH.NAME, stands for what the
// latter's module PATH computes: the sum of batch norms over such layers, or over the
// input itself. Layers over whole channels take in convolutions of each channel, too; see partitioned. A norm of
// deploy that it does not have stands for a norm, a factor and a bias for each channel,
// less the norm. Everything else has to be the same in both. What is fused is computed in float64 and
// rounded once: to d, or to the type of the branches' weights where d is
// tensor.Invalid. The branches are read off the two graphs; where those do not
// correspond, that is an error.
func (c *Fitted) Fuse(deploy *nn.Graph, d tensor.DType) (*Fitted, error) {
	f := fuser{train: c.Bound, tensors: make(map[string]tensor.Tensor), left: make(map[string]bool), into: make(map[string]string)}
	bound, err := f.bind(deploy, d)
	if err != nil {
		return nil, err
	}
	out := *c
	out.Bound, out.Form, out.Names = bound, nn.Deploy, explainFused(c.Names, f.into, deploy)
	return &out, nil
}

// bind returns the weights of the deploy form.
func (f *fuser) bind(deploy *nn.Graph, d tensor.DType) (*nn.Bound, error) {
	train := f.train
	for i, p := range train.Graph.Params {
		f.tensors[p.Name] = train.Tensors[i]
		f.left[p.Name] = !p.Optional
	}
	f.sum()
	sd := new(tensor.StateDict)
	for _, node := range deploy.Nodes {
		conv, layer := layerOf(node.Op)
		_, norm := node.Op.(nn.GroupNorm)
		if !layer && !norm || f.has(deploy, node) {
			for _, i := range node.Params {
				name := deploy.Params[i].Name
				if t, ok := f.tensors[name]; ok {
					delete(f.left, name)
					if err := sd.Add(name, t); err != nil {
						return nil, err
					}
				}
			}
			continue
		}
		sums, into, err := f.fuseNode(node, conv, d)
		if err != nil {
			return nil, fmt.Errorf("converter: fuse %s: %w", node.Path, err)
		}
		for i, values := range [][]float64{sums.weight, sums.bias} {
			p := deploy.Params[node.Params[i]]
			t, err := rounded(p.Shape, values, into)
			if err != nil {
				return nil, err
			}
			if err := sd.Add(p.Name, t); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range train.Graph.Params {
		if f.left[p.Name] {
			return nil, fmt.Errorf("converter: fuse: the deploy form has no place for %q", p.Name)
		}
	}
	return nn.Bind(deploy, sd)
}

// A fuser knows what of the training form is left to be placed.
type fuser struct {
	train   *nn.Bound
	tensors map[string]tensor.Tensor
	left    map[string]bool
	terms   map[int][]term    // of each value that is a sum of batch norms
	makers  map[int]*nn.Node  // of each value
	into    map[string]string // of each name that is fused, the path of the convolution
}

// A term is a batch norm over a convolution or linear layer of a value, or over the value itself.
type term struct {
	norm nn.Node
	conv *nn.Node      // nil for the value itself
	in   int           // the value
	back *nn.Transpose // of a layer over whole channels; see partitioned
}

// layerOf returns the convolution that an operator with a weight and perhaps a bias is.
func layerOf(op nn.Op) (nn.Conv, bool) {
	switch op := op.(type) {
	case nn.Conv:
		return op, true
	case nn.Linear:
		return nn.Conv{In: op.In, Out: op.Out, KH: 1, KW: 1, StrideH: 1, StrideW: 1, Groups: 1, Bias: !op.Plain}, !op.QVBias
	}
	return nn.Conv{}, false
}

// sum finds the values that are sums of batch norms over one value.
func (f *fuser) sum() {
	f.terms = make(map[int][]term)
	nodes := f.train.Graph.Nodes
	convs := make(map[int]*nn.Node)
	f.makers = make(map[int]*nn.Node)
	for i, n := range nodes {
		f.makers[n.Out] = &nodes[i]
		switch n.Op.(type) {
		case nn.Conv, nn.Linear:
			convs[n.Out] = &nodes[i]
		case nn.BatchNorm:
			t := term{norm: n, in: n.In[0]}
			if c, ok := convs[t.in]; ok {
				t.conv, t.in = c, c.In[0]
			} else if c, in, back, ok := f.partitioned(t.in); ok {
				t.conv, t.in, t.back = c, in, &back
			}
			f.terms[n.Out] = []term{t}
		case nn.Add:
			a, b := f.terms[n.In[0]], f.terms[n.In[1]]
			if a != nil && b != nil && a[0].in == b[0].in {
				f.terms[n.Out] = append(a[:len(a):len(a)], b...)
			}
		}
	}
}

// has reports whether the training form wants all tensors of a node.
func (f *fuser) has(g *nn.Graph, n nn.Node) bool {
	for _, i := range n.Params {
		if _, ok := f.tensors[g.Params[i].Name]; !ok {
			return false
		}
	}
	return true
}

// fuseNode returns weight and bias of a norm or a layer of the deploy form, and the type that they are rounded to.
func (f *fuser) fuseNode(node nn.Node, conv nn.Conv, d tensor.DType) (*sums, tensor.DType, error) {
	if _, ok := node.Op.(nn.GroupNorm); ok {
		return f.fuseNorm(node, d)
	}
	return f.fuse(node.Path, conv, d)
}

// fuse returns weight and bias of a layer of the deploy form, and the type that they are rounded to.
func (f *fuser) fuse(path string, conv nn.Conv, d tensor.DType) (*sums, tensor.DType, error) {
	terms := f.under(path)
	if module := path[:max(0, strings.LastIndexByte(path, '.'))]; terms == nil {
		if terms = f.under(module); terms == nil {
			return nil, d, fmt.Errorf("the training form has no branches under %s", module)
		}
	}
	if !conv.Bias || conv.KH != conv.KW || conv.KH%2 == 0 {
		return nil, d, fmt.Errorf("a convolution of %dx%d, bias %v: expected an odd square and a bias", conv.KH, conv.KW, conv.Bias)
	}
	kernel := &sums{path: path, conv: conv, weight: make([]float64, conv.Out*conv.In/conv.Groups*conv.KH*conv.KW), bias: make([]float64, conv.Out)}
	add := f.add
	for _, t := range terms {
		if t.back != nil {
			add = func(s *sums, other term) error { return f.addPartitioned(s, other, *t.back) }
		}
	}
	for _, t := range terms {
		if err := add(kernel, t); err != nil {
			return nil, d, fmt.Errorf("branch %s: %w", t.norm.Path, err)
		}
		if d == tensor.Invalid {
			weights := t.norm
			if t.conv != nil {
				weights = *t.conv
			}
			d = f.train.Tensors[weights.Params[0]].DType()
		}
	}
	return kernel, d, nil
}

// under returns the terms of what a module of the training form computes; nil where it has none.
func (f *fuser) under(module string) (terms []term) {
	for _, n := range f.train.Graph.Nodes {
		if t := f.terms[n.Out]; t != nil && (n.Path == module || strings.HasPrefix(n.Path, module+".")) {
			terms = t // the last is the sum of all
		}
	}
	return terms
}

// sums are the weight (Out,In/Groups,K,K) and bias (Out) of a convolution, so far, or those of a norm (C).
type sums struct {
	path         string
	conv         nn.Conv
	weight, bias []float64
}

// add adds a branch.
func (f *fuser) add(s *sums, t term) error {
	op := t.norm.Op.(nn.BatchNorm)
	norm, err := f.take(t.norm, 4, s.path)
	if err != nil {
		return err
	}
	per, k, inner := s.conv.In/s.conv.Groups, s.conv.KH, 1
	var weight []float64
	if t.conv == nil {
		if s.conv.In != s.conv.Out || s.conv.StrideH != 1 || s.conv.StrideW != 1 {
			return fmt.Errorf("the input is not of the output's shape")
		}
	} else {
		c, _ := layerOf(t.conv.Op)
		inner = c.KH
		want := s.conv
		want.KH, want.KW, want.Pad, want.Bias = inner, inner, nn.Padding{H: inner / 2, W: inner / 2}, false
		if c != want || inner%2 == 0 || inner > k || s.conv.Pad != (nn.Padding{H: k / 2, W: k / 2}) {
			return fmt.Errorf("a convolution %+v does not fit in %+v", c, s.conv)
		}
		all, err := f.take(*t.conv, 1, s.path)
		if err != nil {
			return err
		}
		weight = all[0]
	}
	border := (k - inner) / 2
	for o := range s.conv.Out {
		factor := norm[0][o] / math.Sqrt(norm[3][o]+op.Eps)
		s.bias[o] += norm[1][o] - norm[2][o]*factor
		if weight == nil {
			s.weight[((o*per+o%per)*k+border)*k+border] += factor
			continue
		}
		for i := range per {
			for y := range inner {
				from := ((o*per+i)*inner + y) * inner
				to := ((o*per+i)*k+border+y)*k + border
				for x := range inner {
					s.weight[to+x] += factor * weight[from+x]
				}
			}
		}
	}
	return nil
}

// take returns the first n tensors of a node in float64, which are then placed: into
// the convolution of that path.
func (f *fuser) take(node nn.Node, n int, into string) ([][]float64, error) {
	out := make([][]float64, n)
	for i := range out {
		p := node.Params[i]
		name := f.train.Graph.Params[p].Name
		values, err := float64s(f.train.Tensors[p])
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		out[i] = values
		delete(f.left, name)
		f.into[name] = into
	}
	return out, nil
}

// float64s returns the elements of a tensor of floating point numbers, all exact.
func float64s(t tensor.Tensor) ([]float64, error) {
	out := make([]float64, t.Numel())
	if t.DType() == tensor.F64 {
		for i, b := 0, t.Bytes(); i < len(out); i++ {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
		return out, nil
	}
	values, err := t.Float32s()
	for i, v := range values {
		out[i] = float64(v)
	}
	return out, err
}

// rounded returns a tensor of type d, each value rounded once.
func rounded(shape tensor.Shape, values []float64, d tensor.DType) (tensor.Tensor, error) {
	data := make([]byte, 8*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint64(data[8*i:], math.Float64bits(v))
	}
	t, err := tensor.New(tensor.F64, shape, data)
	if err != nil || d == tensor.F64 {
		return t, err
	}
	if t, err = t.Cast(d); err != nil {
		return t, err
	}
	return tensor.New(d, shape, t.Bytes())
}
