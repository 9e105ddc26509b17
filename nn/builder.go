package nn

import (
	"fmt"
	"slices"
	"strings"
)

// A Value is an edge of a graph under construction: one tensor flowing between
// operators. C is its channels, or its features once flattened.
type Value struct {
	id int
	C  int
}

// A Builder writes a Graph. It stands at a module path, which At extends; all
// builders that come from one NewBuilder write the same graph. The first error
// is kept, with its path, and returned by Graph: family code has no error
// handling of its own.
type Builder struct {
	*draft
	path string
	eps  float64
	act  Act
}

// draft is what all builders of one graph share.
type draft struct {
	g     Graph
	names map[string]bool // state dict names in use
	err   error
	input Value
}

// NewBuilder starts a graph whose input has the given channels. ConvNormAct and the
// norms use eps, ConvNormAct and Act use act.
func NewBuilder(channels int, eps float64, act Act) *Builder {
	d := &draft{names: make(map[string]bool)}
	d.g.Channels = channels
	d.g.Values = 1
	d.g.Logits = -1
	d.input = Value{id: 0, C: channels}
	return &Builder{draft: d, eps: eps, act: act}
}

// At returns a builder whose path is extended by the given elements, strings or
// ints. It is the only way to extend a state dict name.
func (b *Builder) At(path ...any) *Builder {
	parts := make([]string, 0, len(path)+1)
	if b.path != "" {
		parts = append(parts, b.path)
	}
	for _, p := range path {
		parts = append(parts, fmt.Sprint(p))
	}
	return &Builder{draft: b.draft, path: strings.Join(parts, "."), eps: b.eps, act: b.act}
}

// WithAct returns a builder at the same path whose activation is another one.
func (b *Builder) WithAct(act Act) *Builder {
	return &Builder{draft: b.draft, path: b.path, eps: b.eps, act: act}
}

// WithEps returns a builder at the same path whose norms have another eps.
func (b *Builder) WithEps(eps float64) *Builder {
	return &Builder{draft: b.draft, path: b.path, eps: eps, act: b.act}
}

// Input returns the network input, (N,C,H,W).
func (b *Builder) Input() Value { return b.input }

// Graph returns the finished graph with the given logits, (N,K), or the first
// error made on the way.
func (b *Builder) Graph(logits Value) (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	if len(b.g.Features) == 0 {
		return nil, fmt.Errorf("nn: no value was declared as the features")
	}
	g := b.g
	g.Logits = logits.id
	return &g, nil
}

// fail keeps the first error.
func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("nn: %s: %s", b.path, fmt.Sprintf(format, args...))
	}
}

// node appends an operator at the builder's path and returns its output, which
// has c channels.
func (b *Builder) node(op Op, c int, in ...Value) Value {
	n := Node{Path: b.path, Op: op, Out: b.g.Values}
	for _, v := range in {
		n.In = append(n.In, v.id)
	}
	if c < 1 {
		b.fail("%s makes %d channels", op.Kind(), c)
		return Value{id: n.Out, C: 1}
	}
	n.Params = b.want(op)
	b.g.Nodes = append(b.g.Nodes, n)
	b.g.Values++
	return Value{id: n.Out, C: c}
}

// want lists the tensors of an operator at the builder's path, and returns where they are in Graph.Params.
func (b *Builder) want(op Op) (at []int) {
	for _, p := range op.Params() {
		p.Name = b.path + "." + p.Name
		if b.names[p.Name] {
			b.fail("%q is wanted twice", p.Name)
		}
		if p.Same != "" && !b.names[p.Same] {
			b.fail("%q repeats %q, which is not wanted before it", p.Name, p.Same)
		}
		b.names[p.Name] = true
		at = append(at, len(b.g.Params))
		b.g.Params = append(b.g.Params, p)
	}
	return at
}

// Output declares x to be the output of the module at the builder's path, which
// makes it a probe, and returns x.
func (b *Builder) Output(x Value) Value {
	if slices.ContainsFunc(b.g.Probes, func(p Probe) bool { return p.Path == b.path }) {
		b.fail("two values are declared as the output")
	}
	b.g.Probes = append(b.g.Probes, Probe{Path: b.path, Value: x.id})
	return x
}

// Features declares x, (N,F), to be what enters the classifier, and returns x. A network with
// classifiers of several feature vectors declares each, in the order in which the reference's
// module returns them, of which the first is its probe.
func (b *Builder) Features(x Value) Value {
	b.g.Features = append(b.g.Features, x.id)
	if len(b.g.Features) > 1 {
		return x
	}
	return b.Output(x)
}

// ClassifierInBackbone declares that the reference's backbone ends in the classifier,
// which counting conventions then execute.
func (b *Builder) ClassifierInBackbone() { b.g.ClassifierInBackbone = true }

// Conv adds a convolution, (N,C,H,W) to (N,out,OH,OW). Unless options say otherwise
// the kernel is 1x1, the stride 1, the border half of what the kernel reaches over, so that
// the size stays, and there is no bias.
func (b *Builder) Conv(x Value, out int, opts ...Option) Value {
	o := options{kh: 1, kw: 1, stride: 1, groups: 1, padH: -1, dilation: 1}
	for _, opt := range opts {
		opt(&o)
	}
	c := Conv{In: x.C, Out: out, KH: o.kh, KW: o.kw, StrideH: o.stride, StrideW: o.stride, Groups: o.groups, Bias: o.bias, Runs: o.runs}
	if o.dilation != 1 {
		c.Dilation = o.dilation
	}
	kh, kw := c.Reach()
	switch {
	case o.same:
		c.Pad.Same, c.Pad.Before = true, o.before
	case o.corner:
		c.Pad.Corner = true
	case o.padH >= 0:
		c.Pad.H, c.Pad.W = o.padH, o.padW
	default:
		c.Pad.H, c.Pad.W = kh/2, kw/2
	}
	if min(o.kh, o.kw, o.stride, o.groups, o.dilation) < 1 {
		b.fail("kernel %dx%d, stride %d, groups %d, dilation %d: each must be at least 1", o.kh, o.kw, o.stride, o.groups, o.dilation)
		return x
	}
	if x.C%o.groups != 0 || out%o.groups != 0 {
		b.fail("%d groups do not divide %d input and %d output channels", o.groups, x.C, out)
		return x
	}
	if o.runs > 1 && o.groups%o.runs != 0 {
		b.fail("%d runs of channels do not divide %d groups", o.runs, o.groups)
		return x
	}
	return b.node(c, out, x)
}

// BatchNorm adds an inference-mode batch normalisation.
func (b *Builder) BatchNorm(x Value) Value {
	return b.node(BatchNorm{C: x.C, Eps: b.eps}, x.C, x)
}

// PlainBatchNorm is BatchNorm without weight and bias.
func (b *Builder) PlainBatchNorm(x Value) Value {
	return b.node(BatchNorm{C: x.C, Eps: b.eps, Plain: true}, x.C, x)
}

// BatchNormRuns is BatchNorm of some equal runs of channels, which share all tensors.
func (b *Builder) BatchNormRuns(x Value, runs int) Value {
	if runs < 1 || x.C%runs != 0 {
		b.fail("cannot normalise %d channels in %d runs", x.C, runs)
		return x
	}
	return b.node(BatchNorm{C: x.C / runs, Eps: b.eps, Runs: runs}, x.C, x)
}

// LayerNorm adds a normalisation of each pixel's channels, or each image's features.
func (b *Builder) LayerNorm(x Value) Value {
	return b.node(LayerNorm{C: x.C, Eps: b.eps}, x.C, x)
}

// LayerNormRuns is LayerNorm of each of some equal runs of channels, which share weight and bias.
func (b *Builder) LayerNormRuns(x Value, runs int) Value {
	if runs < 1 || x.C%runs != 0 {
		b.fail("cannot normalise %d channels in %d runs", x.C, runs)
		return x
	}
	return b.node(LayerNorm{C: x.C / runs, Eps: b.eps, Runs: runs}, x.C, x)
}

// LayerNorm2d is LayerNorm where the reference has a class of its own for images.
func (b *Builder) LayerNorm2d(x Value) Value {
	return b.node(LayerNorm{C: x.C, Eps: b.eps, TwoD: true}, x.C, x)
}

// WrittenLayerNorm is LayerNorm where the reference writes it out as sums and products.
func (b *Builder) WrittenLayerNorm(x Value) Value {
	return b.node(LayerNorm{C: x.C, Eps: b.eps, Written: true}, x.C, x)
}

// LayerScale multiplies each channel by a factor that is learnt, "gamma" of the module.
func (b *Builder) LayerScale(x Value) Value { return b.node(LayerScale{x.C, "gamma"}, x.C, x) }

// LayerScaleNamed is LayerScale where the module calls the factors something else.
func (b *Builder) LayerScaleNamed(x Value, name string) Value {
	return b.node(LayerScale{x.C, name}, x.C, x)
}

// LayerScaleModule is LayerScale where the factors are the "weight" of a module of their own.
func (b *Builder) LayerScaleModule(x Value) Value {
	return b.node(LayerScale{x.C, "weight"}, x.C, x)
}

// ResponseNorm adds a global response normalisation.
func (b *Builder) ResponseNorm(x Value) Value {
	return b.node(ResponseNorm{C: x.C, Eps: b.eps}, x.C, x)
}

// Act adds the builder's activation.
func (b *Builder) Act(x Value) Value { return b.node(b.act, x.C, x) }

// ConvNormAct adds the unit that OpenMMLab calls ConvModule: "conv", "bn" and,
// unless NoAct is given, "activate". It takes Conv's options. Its output is a
// probe.
func (b *Builder) ConvNormAct(x Value, out int, opts ...Option) Value {
	o := options{}
	for _, opt := range opts {
		opt(&o)
	}
	x = b.At("conv").Conv(x, out, opts...)
	x = b.At("bn").BatchNorm(x)
	if !o.noAct {
		x = b.At("activate").Act(x)
	}
	return b.Output(x)
}

// MaxPool adds a k x k max pooling, floor mode.
func (b *Builder) MaxPool(x Value, k, stride, pad int) Value {
	return b.node(MaxPool{K: k, Stride: stride, Pad: pad}, x.C, x)
}

// AvgPool adds an average pooling.
func (b *Builder) AvgPool(x Value, p AvgPool) Value { return b.node(p, x.C, x) }

// GlobalAvgPool averages each channel: (N,C,H,W) to (N,C,1,1), or the pixels of (N,L,C) to (N,C).
func (b *Builder) GlobalAvgPool(x Value) Value { return b.node(GlobalAvgPool{}, x.C, x) }

// GlobalMean is GlobalAvgPool where the reference takes a mean.
func (b *Builder) GlobalMean(x Value) Value { return b.node(GlobalAvgPool{Mean: true}, x.C, x) }

// Flatten turns (N,C,1,1) into (N,C).
func (b *Builder) Flatten(x Value) Value { return b.node(Flatten{}, x.C, x) }

// FlattenImage turns (N,C,h,w) into (N,C*h*w). Inputs of another size than the h and w
// that the layers behind it are made for are refused by those.
func (b *Builder) FlattenImage(x Value, h, w int) Value { return b.node(Flatten{}, x.C*h*w, x) }

// Linear adds a fully connected layer with bias, (N,C) to (N,out), or of every pixel
// of an image, (N,C,H,W) to (N,out,H,W).
func (b *Builder) Linear(x Value, out int) Value {
	return b.node(Linear{In: x.C, Out: out}, out, x)
}

// LinearOf adds a fully connected layer of any kind.
func (b *Builder) LinearOf(x Value, l Linear) Value {
	l.In = x.C
	return b.node(l, l.Out, x)
}

// PlainLinear is Linear without a bias.
func (b *Builder) PlainLinear(x Value, out int) Value {
	return b.node(Linear{In: x.C, Out: out, Plain: true}, out, x)
}

// QKV adds the linear layer of an attention whose keys have no bias: (N,L,C) to (N,L,3C).
func (b *Builder) QKV(x Value) Value {
	return b.node(Linear{In: x.C, Out: 3 * x.C, QVBias: true}, 3*x.C, x)
}

// Add adds two values of the same shape.
func (b *Builder) Add(x, y Value) Value {
	if x.C != y.C {
		b.fail("cannot add %d and %d channels", x.C, y.C)
	}
	return b.node(Add{}, x.C, x, y)
}

// Mul multiplies x by one factor per image and channel, (N,C,1,1), or by a value of the same shape.
func (b *Builder) Mul(x, factors Value) Value {
	if x.C != factors.C {
		b.fail("cannot multiply %d channels by %d factors", x.C, factors.C)
	}
	return b.node(Mul{}, x.C, x, factors)
}

// Shuffle interleaves the channels of the given number of groups.
func (b *Builder) Shuffle(x Value, groups int) Value {
	if groups < 1 || x.C%groups != 0 {
		b.fail("cannot shuffle %d channels in %d groups", x.C, groups)
	}
	return b.node(Shuffle{x.C, groups}, x.C, x)
}

// Upsample repeats each pixel scale times along both axes.
func (b *Builder) Upsample(x Value, scale int) Value { return b.node(Upsample{scale}, x.C, x) }

// Concat joins values along the channels.
func (b *Builder) Concat(xs ...Value) Value {
	c := 0
	for _, x := range xs {
		c += x.C
	}
	return b.node(Concat{}, c, xs...)
}

// Split cuts x into n equal runs of channels.
func (b *Builder) Split(x Value, n int) []Value {
	if n < 1 || x.C%n != 0 {
		b.fail("cannot split %d channels in %d", x.C, n)
		return make([]Value, max(n, 0))
	}
	c := x.C / n
	runs := make([]Value, n)
	for i := range runs {
		runs[i] = b.node(Slice{i * c, (i + 1) * c}, c, x)
	}
	return runs
}

// Cut cuts x into runs of channels of the given sizes, of which x is all.
func (b *Builder) Cut(x Value, sizes ...int) []Value {
	runs, at := make([]Value, len(sizes)), 0
	for i, c := range sizes {
		runs[i] = b.node(Slice{at, at + c}, c, x)
		at += c
	}
	if at != x.C {
		b.fail("cannot cut %d channels in %v", x.C, sizes)
	}
	return runs
}

// Halves splits x into its first and its second half of channels.
func (b *Builder) Halves(x Value) (first, second Value) {
	runs := b.Split(x, 2)
	return runs[0], runs[1]
}

// An Option adjusts Conv and ConvNormAct.
type Option func(*options)

type options struct {
	kh, kw, stride, groups int
	padH, padW             int // half of what the kernel reaches over if negative
	same, before, corner   bool
	noAct, bias            bool
	runs, dilation         int
}

// K sets a k x k kernel.
func K(k int) Option { return Kernel(k, k) }

// Kernel sets a kernel of h rows and w columns.
func Kernel(h, w int) Option { return func(o *options) { o.kh, o.kw = h, w } }

// Pad sets a border of p on all sides.
func Pad(p int) Option { return func(o *options) { o.padH, o.padW = p, p } }

// Bias adds a bias to each output channel.
func Bias() Option { return func(o *options) { o.bias = true } }

// Stride sets the stride of both axes.
func Stride(s int) Option { return func(o *options) { o.stride = s } }

// Groups divides the channels into g groups that do not mix.
func Groups(g int) Option { return func(o *options) { o.groups = g } }

// Dilation has a kernel take pixels that lie d rows and columns apart.
func Dilation(d int) Option { return func(o *options) { o.dilation = d } }

// Runs has n equal runs of channels share the weights of one; each is some of the groups.
func Runs(n int) Option { return func(o *options) { o.runs = n } }

// Same asks for TensorFlow's SAME border; see Padding.
func Same() Option { return func(o *options) { o.same = true } }

// SameBefore is Same where the reference adds the border before an ordinary convolution.
func SameBefore() Option { return func(o *options) { o.same, o.before = true, true } }

// Corner asks for a border at the bottom and to the right; see Padding.
func Corner() Option { return func(o *options) { o.corner = true } }

// NoAct leaves the activation out of ConvNormAct.
func NoAct() Option { return func(o *options) { o.noAct = true } }
