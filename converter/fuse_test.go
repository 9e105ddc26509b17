package converter_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// twoBranches returns a network of a 3x3, a 1x1 and an identity branch over two groups,
// and the one that it is fused to; change alters the latter's convolution.
func twoBranches(t *testing.T, change ...nn.Option) (train, deploy *nn.Graph) {
	t.Helper()
	finish := func(b *nn.Builder, x nn.Value) *nn.Graph {
		x = b.At("pool").Features(b.Flatten(b.GlobalAvgPool(x)))
		g, err := b.Graph(b.At("head").Linear(x, 2))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	b := nn.NewBuilder(4, 0.5, nn.ReLU())
	at := b.At("block")
	x := at.At("wide", "norm").BatchNorm(at.At("wide", "conv").Conv(b.Input(), 4, nn.K(3), nn.Groups(2)))
	x = at.Add(x, at.At("point", "norm").BatchNorm(at.At("point", "conv").Conv(b.Input(), 4, nn.Groups(2))))
	x = at.Add(x, at.At("same").BatchNorm(b.Input()))
	train = finish(b, x)
	b = nn.NewBuilder(4, 0.5, nn.ReLU())
	x = b.At("block", "fused").Conv(b.Input(), 4, append([]nn.Option{nn.K(3), nn.Groups(2), nn.Bias()}, change...)...)
	return train, finish(b, x)
}

// fates says what becomes of the names of twoBranches when they are fused.
var fates = []converter.Explained{
	{Fate: converter.Fused, Name: "block.wide.conv.weight", To: "block.fused", Found: "F32 (4,2,3,3)"},
	{Fate: converter.Fused, Name: "block.wide.norm.weight", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.wide.norm.bias", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.wide.norm.running_mean", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.wide.norm.running_var", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Dropped, Name: "block.wide.norm.num_batches_tracked", Found: "I64 ()"},
	{Fate: converter.Fused, Name: "block.point.conv.weight", To: "block.fused", Found: "F32 (4,2,1,1)"},
	{Fate: converter.Fused, Name: "block.point.norm.weight", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.point.norm.bias", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.point.norm.running_mean", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.point.norm.running_var", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Dropped, Name: "block.point.norm.num_batches_tracked", Found: "I64 ()"},
	{Fate: converter.Fused, Name: "block.same.weight", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.same.bias", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.same.running_mean", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Fused, Name: "block.same.running_var", To: "block.fused", Found: "F32 (4)"},
	{Fate: converter.Dropped, Name: "block.same.num_batches_tracked", Found: "I64 ()"},
	{Fate: converter.Matched, Name: "head.weight", To: "head.weight", Found: "F32 (2,4)"},
	{Fate: converter.Matched, Name: "head.bias", To: "head.bias", Found: "F32 (2)"},
}

// TestFuse compares a fused convolution with one fused by hand: statistics are chosen
// so that a branch's factor is weight/sqrt(running_var+eps) = 2, 3 and 5.
func TestFuse(t *testing.T) {
	train, deploy := twoBranches(t)
	sd := new(tensor.StateDict)
	for _, p := range train.Params {
		n, err := p.Shape.Numel()
		if err != nil {
			t.Fatal(err)
		}
		v := make([]float32, n)
		for i := range v {
			switch {
			case strings.HasSuffix(p.Name, "running_var"):
				v[i] = 3.5 // and eps: 4
			case strings.HasSuffix(p.Name, "running_mean"):
				v[i] = 1
			case p.Name == "block.wide.norm.weight":
				v[i] = 4
			case p.Name == "block.point.norm.weight":
				v[i] = 6
			case p.Name == "block.same.weight":
				v[i] = 10
			case strings.HasSuffix(p.Name, "bias"):
				v[i] = float32(i)
			default:
				v[i] = float32(i + 1)
			}
		}
		x := tensor.FromFloat32s(p.Shape, v)
		if p.Optional { // a batch norm's counter
			if x, err = tensor.New(p.DType, p.Shape, make([]byte, 8)); err != nil {
				t.Fatal(err)
			}
		}
		if err := sd.Add(p.Name, x); err != nil {
			t.Fatal(err)
		}
	}
	bound, err := nn.Bind(train, sd)
	if err != nil {
		t.Fatal(err)
	}
	trained := &converter.Fitted{Bound: bound, Names: converter.Kept(sd)}
	for d, dtype := range map[tensor.DType]tensor.DType{tensor.Invalid: tensor.F32, tensor.BF16: tensor.BF16} {
		fused, err := trained.Fuse(deploy, d)
		if err != nil {
			t.Fatal(err)
		}
		if fused.Form != nn.Deploy || trained.Form != nn.AsTrained {
			t.Errorf("form %q, of a checkpoint of form %q", fused.Form, trained.Form)
		}
		if diff := cmp.Diff(fates, fused.Names); diff != "" {
			t.Errorf("names (-want +got)\n%s", diff)
		}
		weight, _ := fused.Bound.StateDict().Lookup("block.fused.weight")
		bias, _ := fused.Bound.StateDict().Lookup("block.fused.bias")
		if weight.DType() != dtype || bias.DType() != dtype {
			t.Errorf("fused to %v and %v, expected %v", weight.DType(), bias.DType(), dtype)
		}
		w, err := weight.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range w { // (4,2,3,3)
			want := float64(2 * (i + 1))
			o, in := i/18, i/9%2
			if i%9 == 4 {
				want += float64(3 * (o*2 + in + 1))
				if in == o%2 {
					want += 5
				}
			}
			if math.Abs(float64(got)-want) > want/256 || d == tensor.Invalid && float64(got) != want {
				t.Errorf("weight %d = %v, expected %v", i, got, want)
			}
		}
		b, err := bias.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for o, got := range b { // three biases o, less the factors
			if want := float32(3*o - 10); got != want {
				t.Errorf("bias %d = %v, expected %v", o, got, want)
			}
		}
	}
	for name, tt := range map[string]struct {
		change nn.Option
		want   string
	}{
		"stride": {nn.Stride(2), "block.fused: branch block.wide.norm: a convolution"},
		"kernel": {nn.K(1), "block.fused: branch block.wide.norm: a convolution"},
		"border": {nn.Pad(0), "block.fused: branch block.wide.norm: a convolution"},
		"even":   {nn.K(2), "block.fused: a convolution of 2x2, bias true: expected an odd square"},
	} {
		_, other := twoBranches(t, tt.change)
		if _, err := trained.Fuse(other, tensor.Invalid); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error = %v, expected %q in it", name, err, tt.want)
		}
	}
	if _, err := trained.Fuse(train, tensor.Invalid); err != nil {
		t.Errorf("nothing to fuse: %v", err)
	}
}

// TestFuseLinear compares a linear layer that has taken in its norm, and stands where both stood, with one
// fused by hand: the factor is weight/sqrt(running_var+eps) = 6/2.
func TestFuseLinear(t *testing.T) {
	network := func(layer func(b *nn.Builder, x nn.Value) nn.Value) *nn.Graph {
		b := nn.NewBuilder(2, 0.5, nn.ReLU())
		x := b.At("mean").Features(b.GlobalMean(layer(b.At("layer"), b.Tokens(b.Input()))))
		g, err := b.Graph(b.At("head").Linear(x, 2))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	train := network(func(b *nn.Builder, x nn.Value) nn.Value {
		return b.At("bn").BatchNorm(b.At("linear").PlainLinear(x, 2))
	})
	deploy := network(func(b *nn.Builder, x nn.Value) nn.Value { return b.Linear(x, 2) })
	sd := new(tensor.StateDict)
	for name, x := range map[string]tensor.Tensor{
		"layer.linear.weight":   tensor.FromFloat32s(tensor.Shape{2, 2}, []float32{1, 2, 3, 4}),
		"layer.bn.weight":       tensor.FromFloat32s(tensor.Shape{2}, []float32{6, 6}),
		"layer.bn.bias":         tensor.FromFloat32s(tensor.Shape{2}, []float32{10, 20}),
		"layer.bn.running_mean": tensor.FromFloat32s(tensor.Shape{2}, []float32{1, 2}),
		"layer.bn.running_var":  tensor.FromFloat32s(tensor.Shape{2}, []float32{3.5, 3.5}),
		"head.weight":           tensor.FromFloat32s(tensor.Shape{2, 2}, []float32{1, 0, 0, 1}),
		"head.bias":             tensor.FromFloat32s(tensor.Shape{2}, []float32{0, 0}),
	} {
		if err := sd.Add(name, x); err != nil {
			t.Fatal(err)
		}
	}
	bound, err := nn.Bind(train, sd)
	if err != nil {
		t.Fatal(err)
	}
	fused, err := (&converter.Fitted{Bound: bound, Names: converter.Kept(sd)}).Fuse(deploy, tensor.Invalid)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]float32)
	for name, x := range fused.Bound.StateDict().All() {
		if got[name], err = x.Float32s(); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]float32{
		"layer.weight": {3, 6, 9, 12}, "layer.bias": {7, 14}, "head.weight": {1, 0, 0, 1}, "head.bias": {0, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fused (-want +got):\n%s", diff)
	}
}

// TestFuseNorm compares a norm that has taken in a factor and a bias for each channel, less the norm itself, with
// one fused by hand: weight*(factor-1), and bias*(factor-1) and the factor's bias.
func TestFuseNorm(t *testing.T) {
	finish := func(b *nn.Builder, x nn.Value) *nn.Graph {
		x = b.At("pool").Features(b.Flatten(b.GlobalAvgPool(x)))
		g, err := b.Graph(b.At("head").Linear(x, 1))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	trained := func(eps, less float64, affine ...nn.Option) *nn.Graph {
		b := nn.NewBuilder(2, eps, nn.ReLU())
		at := b.At("block")
		x := at.At("norm").GroupNorm(b.Input())
		return finish(b, at.Add(at.At("affine").Conv(x, 2, append([]nn.Option{nn.Bias()}, affine...)...), at.Scale(x, less)))
	}
	b := nn.NewBuilder(2, 0.5, nn.ReLU())
	deploy := finish(b, b.At("block", "fused").GroupNorm(b.Input()))
	fuse := func(train *nn.Graph) (*converter.Fitted, error) {
		sd := new(tensor.StateDict)
		for _, p := range train.Params {
			n, err := p.Shape.Numel()
			if err != nil {
				t.Fatal(err)
			}
			values := map[string][]float32{"block.norm.weight": {3, -2}, "block.norm.bias": {5, 7}, "block.affine.weight": {2, 0.5}, "block.affine.bias": {10, 20}}[p.Name]
			if len(values) != n {
				values = make([]float32, n)
			}
			if err := sd.Add(p.Name, tensor.FromFloat32s(p.Shape, values)); err != nil {
				t.Fatal(err)
			}
		}
		bound, err := nn.Bind(train, sd)
		if err != nil {
			t.Fatal(err)
		}
		return (&converter.Fitted{Bound: bound, Names: converter.Kept(sd)}).Fuse(deploy, tensor.Invalid)
	}
	fused, err := fuse(trained(0.5, -1, nn.Groups(2)))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]float32)
	for name, x := range fused.Bound.StateDict().All() {
		if got[name], err = x.Float32s(); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]float32{"block.fused.weight": {3, 1}, "block.fused.bias": {15, 16.5}, "head.weight": {0, 0}, "head.bias": {0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fused (-want +got):\n%s", diff)
	}
	for name, tt := range map[string]struct {
		train *nn.Graph
		want  string
	}{
		"another eps":      {trained(0.25, -1, nn.Groups(2)), "block.fused: the training form has {C:2 Eps:0.25}, the deploy form {C:2 Eps:0.5}"},
		"channels mixed":   {trained(0.5, -1), "block.fused: the training form has no norm under block"},
		"twice taken away": {trained(0.5, -2, nn.Groups(2)), "block.fused: the training form has no norm under block"},
	} {
		if _, err := fuse(tt.train); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error = %v, expected %q in it", name, err, tt.want)
		}
	}
}

// TestFuseInside compares what networks compute whose large convolutions of single channels train beside a small
// one, which lies in their middle, and beside none.
func TestFuseInside(t *testing.T) {
	network := func(large func(b *nn.Builder, x nn.Value, small int) nn.Value) *nn.Graph {
		b := nn.NewBuilder(3, 0.5, nn.ReLU())
		x := b.At("stem").Conv(b.Input(), 6)
		x = b.Act(large(b.At("first"), x, 5))
		x = b.Act(large(b.At("second"), x, 0))
		g, err := b.Graph(b.At("head").Linear(b.At("pool").Features(b.GlobalMean(x)), 7))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	train := network(func(b *nn.Builder, x nn.Value, small int) nn.Value {
		y := b.At("origin", "bn").BatchNorm(b.At("origin", "conv").Conv(x, x.C, nn.K(13), nn.Groups(x.C)))
		if small == 0 {
			return y
		}
		return b.Add(y, b.At("small", "bn").BatchNorm(b.At("small", "conv").Conv(x, x.C, nn.K(small), nn.Groups(x.C))))
	})
	deploy := network(func(b *nn.Builder, x nn.Value, _ int) nn.Value {
		return b.At("reparam").Conv(x, x.C, nn.K(13), nn.Groups(x.C), nn.Bias())
	})
	sd := synthetic(t, train)
	bound, err := nn.Bind(train, sd)
	if err != nil {
		t.Fatal(err)
	}
	fused, err := (&converter.Fitted{Bound: bound, Names: converter.Kept(sd)}).Fuse(deploy, tensor.Invalid)
	if err != nil {
		t.Fatal(err)
	}
	var logits [2][]float32
	for i, b := range []*nn.Bound{bound, fused.Bound} {
		record, err := computed(b.Graph, b.StateDict(), tensor.Shape{2, 3, 11, 17})
		if err != nil {
			t.Fatal(err)
		}
		x, _ := record.Lookup("logits")
		if logits[i], err = x.Float32s(); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range logits[0] {
		if got := logits[1][i]; math.Abs(float64(got-want)) > 1e-5 {
			t.Errorf("logit %d = %v, with branches %v", i, got, want)
		}
	}
}
