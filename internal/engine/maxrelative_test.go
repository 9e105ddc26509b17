package engine

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gozoo/zoo/internal/kernel"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// maxRelative computes nn.MaxRelative, and returns for each node, image after image, how far the distance of a
// pixel that is a neighbour is at least from that of one that is not.
func maxRelative(op nn.MaxRelative, in [][]float64, sizes []nn.Size, out []float64, p [][]float64) (margins []float64) {
	nodes, among := sizes[0].Positions(), sizes[1].Positions()
	units := func(i, image int) [][]float64 { // of all pixels of an image
		pixels := sizes[i].Positions()
		all := make([][]float64, pixels)
		for at := range all {
			v, norm := make([]float64, op.C), 0.0
			for c := range v {
				v[c] = in[i][(image*op.C+c)*pixels+at]
				norm += v[c] * v[c]
			}
			for c := range v {
				v[c] /= math.Max(math.Sqrt(norm), 1e-12)
			}
			all[at] = v
		}
		return all
	}
	for image := range sizes[0].N {
		units, pixels := units(0, image), units(1, image)
		for node := range nodes {
			distances, order := make([]float64, among), make([]int, among)
			for j := range among {
				order[j] = j
				for c, v := range pixels[j] {
					distances[j] += (units[node][c] - v) * (units[node][c] - v)
				}
				if op.Table != "" {
					distances[j] += p[0][node*among+j]
				}
			}
			slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(distances[i], distances[j]) })
			taken := func(rank int) bool { return rank%op.Dilation == 0 && rank < op.Neighbours*op.Dilation }
			margin := math.Inf(1)
			for rank := range among - 1 {
				if taken(rank) != taken(rank+1) {
					margin = min(margin, distances[order[rank+1]]-distances[order[rank]])
				}
			}
			margins = append(margins, margin)
			for c := range op.C {
				own, most := in[0][(image*op.C+c)*nodes+node], math.Inf(-1)
				for rank, j := range order {
					if taken(rank) {
						most = max(most, in[1][(image*op.C+c)*among+j])
					}
				}
				out[(image*2*op.C+2*c)*nodes+node] = own
				out[(image*2*op.C+2*c+1)*nodes+node] = most - own
			}
		}
	}
	return margins
}

// farApart fills the table of an operator, so that it alone decides which pixels are neighbours, and no rounding
// does: distances without it are at most 4.
func farApart(op nn.MaxRelative, r *rand.Rand) []float32 {
	var table []float32
	for range op.Nodes {
		for _, rank := range r.Perm(op.Among) {
			table = append(table, 5*float32(rank))
		}
	}
	return table
}

// randomNeighbours makes a graph convolution in which no rounding decides which pixels are neighbours: a table
// does, or all of them are.
func randomNeighbours(b *nn.Builder, x nn.Value, r *rand.Rand) nn.Value {
	side := 2 + r.IntN(4)
	x = b.At("differ").Conv(b.Upsample(b.GlobalAvgPool(x), side), 1+r.IntN(40), nn.K(3))
	y, among := x, side*side
	if r.IntN(2) == 0 {
		y, among = b.AvgPool(x, nn.AvgPool{K: 2, Stride: 2}), side/2*(side/2)
	}
	m := nn.MaxRelative{Neighbours: among, Dilation: 1}
	if r.IntN(3) > 0 {
		m = nn.MaxRelative{Neighbours: 1 + r.IntN(among), Table: "table", Nodes: side * side, Among: among}
		m.Dilation = 1 + r.IntN(among/m.Neighbours)
	}
	return b.At("nn").Conv(b.At("graph").MaxRelative(x, y, m), 2*(1+r.IntN(20)), nn.Groups(2), nn.Bias())
}

// neighbours returns a network whose pixels learn from those most like them, and an input.
func neighbours(t testing.TB, shape tensor.Shape) (*nn.Bound, []float32) {
	t.Helper()
	b := nn.NewBuilder(shape[1], 1e-3, nn.ReLU())
	x := b.MaxRelative(b.Input(), b.Input(), nn.MaxRelative{Neighbours: 5, Dilation: 2})
	g, err := b.Graph(b.At("fc").Linear(b.At("pool").Features(b.Flatten(b.GlobalAvgPool(x))), 3))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 7))
	n, _ := shape.Numel()
	return bindRandom(t, g, r), randomInput(r, n)
}

// TestMaxRelative compares with the definition wherever distances differ by more than they err: at no precision
// do they err by more than in float32.
func TestMaxRelative(t *testing.T) {
	const wide = 1e-5
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 7))
		b := nn.NewBuilder(1+r.IntN(70), 1e-3, nn.ReLU())
		x, size := b.Input(), tensor.Shape{1 + r.IntN(2), 0, 4 + r.IntN(12), 4 + r.IntN(12)}
		y, among := x, size[2]*size[3]
		if seed%2 == 1 {
			y, among = b.MaxPool(x, 2, 2, 0), size[2]/2*(size[3]/2)
		}
		op := nn.MaxRelative{C: x.C, Neighbours: 1 + r.IntN(min(among, 20)), Nodes: size[2] * size[3], Among: among}
		if seed%3 == 0 {
			op.Table = "table"
		}
		op.Dilation = 1 + r.IntN(min(4, among/op.Neighbours))
		size[1] = x.C
		out := b.At("graph").Output(b.MaxRelative(x, y, op))
		g, err := b.Graph(b.At("fc").Linear(b.At("pool").Features(b.Flatten(b.GlobalAvgPool(out))), 1))
		if err != nil {
			t.Fatal(err)
		}
		c := newReferenced(t, g, size, r)
		node := g.Nodes[slices.IndexFunc(g.Nodes, func(n nn.Node) bool { return n.Op.Kind() == "max_relative" })]
		sizes, err := g.Sizes(size)
		if err != nil {
			t.Fatal(err)
		}
		want, params := make([]float64, len(c.want[node.Out])), [][]float64(nil)
		if op.Table != "" {
			table := randomInput(r, op.Nodes*op.Among) // as large as distances are
			c.bound.Tensors[node.Params[0]] = tensor.FromFloat32s(tensor.Shape{1, op.Nodes, op.Among}, table)
			params = [][]float64{floats(table)}
		}
		margins := maxRelative(op, [][]float64{c.want[node.In[0]], c.want[node.In[1]]}, inputSizes(node, sizes), want, params)
		narrow := func(i int) bool { // of the node of element i
			return margins[i/(2*op.C*op.Nodes)*op.Nodes+i%op.Nodes] < wide
		}
		for _, v := range slices.Concat(kernel.Variants(), portableVariants(t), kernel.Slower()) {
			t.Run(fmt.Sprint(seed, " ", v.Name), func(t *testing.T) {
				plan, err := Compile(c.bound, size, Options{Threads: 1 + r.IntN(3), Variant: v, Precision: tensor.Precisions()[r.IntN(3)], Keep: []int{node.Out}})
				if err != nil {
					t.Fatal(err)
				}
				got, err := ran(t, plan, c.input).Value(node.Out)
				if err != nil {
					t.Fatal(err)
				}
				compared := 0
				for i, w := range want {
					if narrow(i) {
						continue
					}
					compared++
					if d := math.Abs(w - float64(got[i])); !(d <= 1e-6*max(1, math.Abs(w))) {
						t.Fatalf("%+v of %v: value %d is %v, want %v", op, size, i, got[i], w)
					}
				}
				if 10*compared < 9*len(want) {
					t.Errorf("%+v of %v: %d of %d values were compared", op, size, compared, len(want))
				}
			})
		}
	}
}

// TestSortNearest: equal distances stay in the order of their places, and numbers of any kind have one.
func TestSortNearest(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		distances []float32
		want      []int
	}{
		{[]float32{3, 1, 2, 1, -1, 1, 3}, []int{4, 1, 3, 5}},
		{[]float32{2, 2, 2, 2, 2}, []int{0, 1, 2}},
		{[]float32{nan, inf, -2, -inf, -1}, []int{3, 2, 4, 1, 0}},
		{[]float32{5}, []int{0}},
	} {
		least := make([]int, len(tt.want))
		sortNearest(least, tt.distances)
		for i := range least {
			least[i] = place(least[i])
		}
		if !slices.Equal(least, tt.want) {
			t.Errorf("places of the least of %v: %v, want %v", tt.distances, least, tt.want)
		}
	}
}
