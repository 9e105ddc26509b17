package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// reference computes every value of a bound graph in float64, one operator after the
// other, in (N,C,H,W) order: the definition of each operator and nothing else.
func reference(t testing.TB, b *nn.Bound, shape tensor.Shape, input []float32) [][]float64 {
	t.Helper()
	g := b.Graph
	shapes, err := g.Shapes(shape)
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]float64, g.Values)
	for _, x := range input {
		values[0] = append(values[0], float64(x))
	}
	for _, n := range g.Nodes {
		var params [][]float64
		for _, p := range n.Params {
			v, err := b.Tensors[p].Float32s()
			if err != nil {
				t.Fatal(err)
			}
			var wide []float64
			for _, x := range v {
				wide = append(wide, float64(x))
			}
			params = append(params, wide)
		}
		var in [][]float64
		for _, v := range n.In {
			in = append(in, values[v])
		}
		values[n.Out] = compute(n, in, shapes[n.In[0]], shapes[n.Out], params)
	}
	return values
}

// compute returns the output of one operator; is is the shape of its first input.
func compute(n nn.Node, in [][]float64, is, os tensor.Shape, p [][]float64) []float64 {
	size, _ := os.Numel()
	out := make([]float64, size)
	x := in[0]
	plane := func(s tensor.Shape) int { return s[2] * s[3] }
	switch op := n.Op.(type) {
	case nn.Conv:
		top, _, left, _ := op.Pads(is[2], is[3])
		inPer, outPer := op.In/op.Groups, op.Out/op.Groups
		i := 0
		for img := range os[0] {
			for o := range os[1] {
				for y := range os[2] {
					for w := range os[3] {
						sum := 0.0
						for c := range inPer {
							for ky := range op.KH {
								for kx := range op.KW {
									iy, ix := y*op.StrideH-top+ky, w*op.StrideW-left+kx
									if iy < 0 || ix < 0 || iy >= is[2] || ix >= is[3] {
										continue
									}
									sum += x[((img*is[1]+o/outPer*inPer+c)*is[2]+iy)*is[3]+ix] * p[0][((o*inPer+c)*op.KH+ky)*op.KW+kx]
								}
							}
						}
						if op.Bias {
							sum += p[1][o]
						}
						out[i] = sum
						i++
					}
				}
			}
		}
	case nn.LayerNorm:
		pixels := 1
		if len(is) == 4 {
			pixels = plane(is)
		}
		for img := range is[0] {
			for px := range pixels {
				at := func(c int) int { return (img*op.C+c)*pixels + px }
				mean, variance := 0.0, 0.0
				for c := range op.C {
					mean += x[at(c)] / float64(op.C)
				}
				for c := range op.C {
					variance += (x[at(c)] - mean) * (x[at(c)] - mean) / float64(op.C)
				}
				for c := range op.C {
					out[at(c)] = p[0][c]*(x[at(c)]-mean)/math.Sqrt(variance+op.Eps) + p[1][c]
				}
			}
		}
	case nn.LayerScale:
		for i := range out {
			out[i] = x[i] * p[0][i/plane(os)%op.C]
		}
	case nn.ResponseNorm:
		for img := range is[0] {
			norms, mean := make([]float64, op.C), 0.0
			for c := range op.C {
				for px := range plane(is) {
					v := x[(img*op.C+c)*plane(is)+px]
					norms[c] += v * v
				}
				norms[c] = math.Sqrt(norms[c])
				mean += norms[c] / float64(op.C)
			}
			for c := range op.C {
				for px := range plane(is) {
					i := (img*op.C+c)*plane(is) + px
					out[i] = p[0][c]*(x[i]*norms[c]/(mean+op.Eps)) + p[1][c] + x[i]
				}
			}
		}
	case nn.Linear:
		if len(is) == 4 {
			for i := range out {
				img, o, px := i/(op.Out*plane(is)), i/plane(is)%op.Out, i%plane(is)
				out[i] = p[1][o]
				for c := range op.In {
					out[i] += x[(img*op.In+c)*plane(is)+px] * p[0][o*op.In+c]
				}
			}
			break
		}
		for img := range os[0] {
			for o := range op.Out {
				sum := p[1][o]
				for c := range op.In {
					sum += x[img*op.In+c] * p[0][o*op.In+c]
				}
				out[img*op.Out+o] = sum
			}
		}
	case nn.BatchNorm:
		for i := range out {
			c := i / plane(os) % op.C
			out[i] = p[0][c]*(x[i]-p[2][c])/math.Sqrt(p[3][c]+op.Eps) + p[1][c]
		}
	case nn.Act:
		for i, v := range x {
			switch op.Func {
			case nn.FuncLeakyReLU:
				out[i] = math.Max(v, 0) + float64(op.Slope)*math.Min(v, 0)
			case nn.FuncReLU:
				out[i] = math.Max(v, 0)
			case nn.FuncReLU6:
				out[i] = math.Min(math.Max(v, 0), 6)
			case nn.FuncSigmoid:
				out[i] = 1 / (1 + math.Exp(-v))
			case nn.FuncHardSigmoid:
				out[i] = math.Min(math.Max(v+3, 0), 6) / 6
			case nn.FuncSiLU:
				out[i] = v / (1 + math.Exp(-v))
			case nn.FuncHardSwish:
				out[i] = v * math.Min(math.Max(v+3, 0), 6) / 6
			case nn.FuncGELU:
				out[i] = v * 0.5 * math.Erfc(-v/math.Sqrt2)
			default:
				panic(fmt.Sprint("no reference for ", op.Kind()))
			}
		}
	case nn.MaxPool:
		for i := range out {
			img := i / plane(os)
			y, w := i/os[3]%os[2], i%os[3]
			best := math.Inf(-1)
			for ky := range op.K {
				for kx := range op.K {
					iy, ix := y*op.Stride-op.Pad+ky, w*op.Stride-op.Pad+kx
					if iy >= 0 && ix >= 0 && iy < is[2] && ix < is[3] {
						best = math.Max(best, x[(img*is[2]+iy)*is[3]+ix])
					}
				}
			}
			out[i] = best
		}
	case nn.AvgPool:
		for i := range out {
			img := i / plane(os)
			y, w := i/os[3]%os[2], i%os[3]
			sum, inside, counted := 0.0, 0, 0
			for ky := range op.K {
				for kx := range op.K {
					iy, ix := y*op.Stride-op.Pad+ky, w*op.Stride-op.Pad+kx
					if iy >= is[2]+op.Pad || ix >= is[3]+op.Pad {
						continue // beyond the border, where only Ceil leads
					}
					counted++
					if iy >= 0 && ix >= 0 && iy < is[2] && ix < is[3] {
						inside++
						sum += x[(img*is[2]+iy)*is[3]+ix]
					}
				}
			}
			if !op.CountPad {
				counted = inside
			}
			out[i] = sum / float64(counted)
		}
	case nn.GlobalAvgPool:
		for i, v := range x {
			out[i/plane(is)] += v / float64(plane(is))
		}
	case nn.Flatten:
		copy(out, x)
	case nn.Add:
		for i := range out {
			out[i] = in[0][i] + in[1][i]
		}
	case nn.Mul:
		for i := range out {
			out[i] = x[i] * in[1][i/plane(os)]
		}
	case nn.Shuffle:
		for i := range out {
			img, c := i/(os[1]*plane(os)), i/plane(os)%os[1]
			from := c%op.Groups*(os[1]/op.Groups) + c/op.Groups
			out[i] = x[(img*os[1]+from)*plane(os)+i%plane(os)]
		}
	case nn.Upsample:
		for i := range out {
			y, w := i/os[3]%os[2]/op.Scale, i%os[3]/op.Scale
			out[i] = x[(i/plane(os)*is[2]+y)*is[3]+w]
		}
	case nn.Concat:
		at := 0
		for img := range os[0] {
			for _, v := range in {
				per := len(v) / os[0]
				at += copy(out[at:], v[img*per:(img+1)*per])
			}
		}
	case nn.Slice:
		for img := range os[0] {
			copy(out[img*os[1]*plane(os):(img+1)*os[1]*plane(os)], x[(img*is[1]+op.From)*plane(is):])
		}
	default:
		panic(fmt.Sprint("no reference for ", n.Op.Kind()))
	}
	return out
}

// bindRandom binds a graph to random tensors that keep values of order one.
func bindRandom(t testing.TB, g *nn.Graph, r *rand.Rand) *nn.Bound {
	t.Helper()
	var sd tensor.StateDict
	for _, p := range g.Params {
		n, err := p.Shape.Numel()
		if err != nil {
			t.Fatal(err)
		}
		if p.DType != tensor.F32 {
			continue // counters, which are optional
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
			switch {
			case len(p.Shape) > 1:
				v[i] *= float32(math.Sqrt(2 / float64(n/p.Shape[0])))
			case p.Name[len(p.Name)-1] == 'r': // running_var
				v[i] = 0.5 + r.Float32()
			}
		}
		if err := sd.Add(p.Name, tensor.FromFloat32s(p.Shape, v)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := nn.Bind(g, &sd)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ran returns a session that has run some inputs: each finds the values of the one before in
// memory.
func ran(t testing.TB, plan *Plan, inputs ...[]float32) *Session {
	t.Helper()
	s := plan.NewSession()
	for _, input := range inputs {
		if err := s.Run(make([]float32, plan.Input()[0]*plan.Classes()), input); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func randomInput(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}
