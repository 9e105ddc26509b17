package converter

import (
	"fmt"
	"strings"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A mixed is a norm, a factor and a bias for each channel of what it makes, and the difference of both: RIFormer's
// block in training.
type mixed struct{ norm, factor nn.Node }

// fuseNorm returns weight and bias of a norm of the deploy form that stands for a mixed in the module that it is
// in, and the type that they are rounded to. With weight g and bias b of the norm and f and c of the factor, what
// is trained is f(gx+b)+c - (gx+b).
func (f *fuser) fuseNorm(node nn.Node, d tensor.DType) (*sums, tensor.DType, error) {
	module := node.Path[:max(0, strings.LastIndexByte(node.Path, '.'))]
	m, err := f.mixedUnder(module, node.Op)
	if err != nil {
		return nil, d, err
	}
	norm, err := f.take(m.norm, 2, node.Path)
	if err != nil {
		return nil, d, err
	}
	factor, err := f.take(m.factor, 2, node.Path)
	if err != nil {
		return nil, d, err
	}
	s := &sums{path: node.Path}
	for c, by := range factor[0] {
		s.weight = append(s.weight, norm[0][c]*(by-1))
		s.bias = append(s.bias, norm[1][c]*(by-1)+factor[1][c])
	}
	if d == tensor.Invalid {
		d = f.train.Tensors[m.norm.Params[0]].DType()
	}
	return s, d, nil
}

// mixedUnder returns the only mixed of a module of the training form whose norm is op.
func (f *fuser) mixedUnder(module string, op nn.Op) (found mixed, err error) {
	made := make(map[int]nn.Node) // values, and what makes them
	for _, n := range f.train.Graph.Nodes {
		made[n.Out] = n
		if _, ok := n.Op.(nn.Add); !ok || n.Path != module {
			continue
		}
		factor, negative := made[n.In[0]], made[n.In[1]]
		conv, _ := factor.Op.(nn.Conv)
		perChannel := nn.Conv{In: conv.In, Out: conv.In, KH: 1, KW: 1, StrideH: 1, StrideW: 1, Groups: conv.In, Bias: true}
		if conv != perChannel || negative.Op != (nn.Scale{Factor: -1}) || factor.In[0] != negative.In[0] {
			continue
		}
		norm := made[factor.In[0]]
		if norm.Op != op {
			return found, fmt.Errorf("the training form has %+v, the deploy form %+v", norm.Op, op)
		}
		return mixed{norm, factor}, nil
	}
	return found, fmt.Errorf("the training form has no norm under %s whose difference from a factor and a bias of it is taken", module)
}
