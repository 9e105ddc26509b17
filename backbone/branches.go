package backbone

import "github.com/gozoo/zoo/nn"

// A form is one of the shapes in which a network is published.
type form bool

const (
	trained  form = false // parallel branches, each with its batch norm
	deployed form = true  // one convolution in the place of each sum of branches, or of a layer and its norm
)

// inBothForms returns a family whose networks are each made in either form.
func inBothForms[N interface {
	graph(classes int, f form) (*nn.Graph, error)
}](family string, networks map[string]N) Family {
	made := Family{Name: family, Archs: make(map[string]func(int) (*nn.Graph, error)), Deploy: make(map[string]func(int) (*nn.Graph, error))}
	for arch, n := range networks {
		made.Archs[arch] = func(classes int) (*nn.Graph, error) { return n.graph(classes, trained) }
		made.Deploy[arch] = func(classes int) (*nn.Graph, error) { return n.graph(classes, deployed) }
	}
	return made
}

// branches is a k x k convolution that trains as a sum of batch norms: over
// convolutions of its stride and groups, and over the input itself where that has
// the output's shape.
type branches struct {
	k, out, stride, groups int
	convs                  []branch
}

// A branch is a convolution "conv" and a batch norm "norm" under a path.
type branch struct {
	path []any
	k    int
}

// add adds the sum in one of its forms: (N,C,H,W) to (N,out,H/stride,W/stride).
func (s branches) add(b *nn.Builder, x nn.Value, f form) nn.Value {
	shape := func(k int) []nn.Option { return []nn.Option{nn.K(k), nn.Stride(s.stride), nn.Groups(s.groups)} }
	if f == deployed {
		return b.At("branch_reparam").Conv(x, s.out, append(shape(s.k), nn.Bias())...)
	}
	var terms []nn.Value
	if s.stride == 1 && x.C == s.out {
		terms = append(terms, b.At("branch_norm").BatchNorm(x))
	}
	for _, c := range s.convs {
		at := b.At(c.path...)
		terms = append(terms, at.At("norm").BatchNorm(at.At("conv").Conv(x, s.out, shape(c.k)...)))
	}
	sum := terms[0]
	for _, t := range terms[1:] {
		sum = b.Add(sum, t)
	}
	return sum
}
