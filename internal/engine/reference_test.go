package engine

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// reference computes every value of a bound graph in float64, one operator after the
// other, in (N,C,H,W) or, of tokens, (N,L,C) order: the definition of each operator and nothing else.
func reference(t testing.TB, b *nn.Bound, shape tensor.Shape, input []float32) [][]float64 {
	t.Helper()
	g := b.Graph
	sizes, err := g.Sizes(shape)
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
			params = append(params, floats(v))
		}
		var in [][]float64
		for _, v := range n.In {
			in = append(in, values[v])
		}
		values[n.Out] = compute(n, in, inputSizes(n, sizes), sizes[n.Out], params)
	}
	for i, s := range sizes {
		if s.Tokens && !s.Features() {
			values[i] = byToken(values[i], s)
		}
	}
	return values
}

// floats returns numbers in float64.
func floats(x []float32) (wide []float64) {
	for _, v := range x {
		wide = append(wide, float64(v))
	}
	return wide
}

// inputSizes returns the sizes of a node's inputs.
func inputSizes(n nn.Node, sizes []nn.Size) []nn.Size {
	var in []nn.Size
	for _, v := range n.In {
		in = append(in, sizes[v])
	}
	return in
}

// byToken returns a value of tokens, computed channel by channel, as (N,L,C).
func byToken(x []float64, s nn.Size) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		c, at := i/s.Positions(), i%s.Positions()
		out[(c/s.C*s.Positions()+at)*s.C+c%s.C] = v
	}
	return out
}

// compute returns the output of one operator; sizes are those of its inputs. Tokens lie as pixels do,
// channel by channel.
func compute(n nn.Node, in [][]float64, sizes []nn.Size, os nn.Size, p [][]float64) []float64 {
	is := sizes[0]
	out := make([]float64, os.N*os.C*os.Positions())
	x := in[0]
	plane := nn.Size.Positions
	switch op := n.Op.(type) {
	case nn.Conv:
		top, _, left, _ := op.Pads(is.H, is.W)
		inPer, outPer, learnt, apart := op.In/op.Groups, op.Out/op.Groups, op.Out/max(op.Runs, 1), max(op.Dilation, 1)
		i := 0
		for img := range os.N {
			for o := range os.C {
				for y := range os.H {
					for w := range os.W {
						sum := 0.0
						for c := range inPer {
							for ky := range op.KH {
								for kx := range op.KW {
									iy, ix := y*op.StrideH-top+ky*apart, w*op.StrideW-left+kx*apart
									if iy < 0 || ix < 0 || iy >= is.H || ix >= is.W {
										continue
									}
									sum += x[((img*is.C+o/outPer*inPer+c)*is.H+iy)*is.W+ix] * p[0][((o%learnt*inPer+c)*op.KH+ky)*op.KW+kx]
								}
							}
						}
						if op.Bias {
							sum += p[1][o%learnt]
						}
						out[i] = sum
						i++
					}
				}
			}
		}
	case nn.LayerNorm:
		pixels := plane(is)
		for run := range is.N * max(op.Runs, 1) {
			for px := range pixels {
				at := func(c int) int { return (run*op.C+c)*pixels + px }
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
	case nn.GroupNorm:
		values := op.C * plane(is)
		for img := range is.N {
			of := x[img*values:][:values]
			mean, variance := 0.0, 0.0
			for _, v := range of {
				mean += v / float64(values)
			}
			for _, v := range of {
				variance += (v - mean) * (v - mean) / float64(values)
			}
			for i, v := range of {
				out[img*values+i] = p[0][i/plane(is)]*(v-mean)/math.Sqrt(variance+op.Eps) + p[1][i/plane(is)]
			}
		}
	case nn.LayerScale:
		for i := range out {
			out[i] = x[i] * p[0][i/plane(os)%op.C]
		}
	case nn.ResponseNorm:
		for img := range is.N {
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
		if !is.Features() {
			for i := range out {
				img, o, px := i/(op.Out*plane(is)), i/plane(is)%op.Out, i%plane(is)
				switch third := op.Out / 3; {
				case !op.QVBias && !op.Plain, op.QVBias && o < third:
					out[i] = p[1][o]
				case op.QVBias && o >= 2*third:
					out[i] = p[2][o-2*third]
				}
				for c := range op.In {
					out[i] += x[(img*op.In+c)*plane(is)+px] * p[0][o*op.In+c]
				}
			}
			break
		}
		for img := range os.N {
			for o := range op.Out {
				sum := 0.0
				if !op.Plain {
					sum = p[1][o]
				}
				for c := range op.In {
					sum += x[img*op.In+c] * p[0][o*op.In+c]
				}
				out[img*op.Out+o] = sum
			}
		}
	case nn.BatchNorm:
		for i := range out {
			c, p := i/plane(os)%op.C, p
			weight, bias := 1.0, 0.0
			if !op.Plain {
				weight, bias, p = p[0][c], p[1][c], p[2:]
			}
			out[i] = weight*(x[i]-p[0][c])/math.Sqrt(p[1][c]+op.Eps) + bias
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
			case nn.FuncQuickGELU:
				out[i] = v / (1 + math.Exp(-1.702*v))
			case nn.FuncGELUTanh:
				out[i] = v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
			case nn.FuncTanh:
				out[i] = math.Tanh(v)
			default:
				panic(fmt.Sprint("no reference for ", op.Kind()))
			}
		}
	case nn.ChannelAttention:
		channelAttention(op, in, sizes, out, p)
	case nn.MaxRelative:
		maxRelative(op, in, sizes, out, p)
	case nn.FourierPosition:
		fourierPosition(op, os, out)
	case nn.MaxPool:
		for i := range out {
			img := i / plane(os)
			y, w := i/os.W%os.H, i%os.W
			best := math.Inf(-1)
			for ky := range op.K {
				for kx := range op.K {
					iy, ix := y*op.Stride-op.Pad+ky, w*op.Stride-op.Pad+kx
					if iy >= 0 && ix >= 0 && iy < is.H && ix < is.W {
						best = math.Max(best, x[(img*is.H+iy)*is.W+ix])
					}
				}
			}
			out[i] = best
		}
	case nn.AvgPool:
		for i := range out {
			img := i / plane(os)
			y, w := i/os.W%os.H, i%os.W
			sum, inside, counted := 0.0, 0, 0
			for ky := range op.K {
				for kx := range op.K {
					iy, ix := y*op.Stride-op.Pad+ky, w*op.Stride-op.Pad+kx
					if iy >= is.H+op.Pad || ix >= is.W+op.Pad {
						continue // beyond the border, where only Ceil leads
					}
					counted++
					if iy >= 0 && ix >= 0 && iy < is.H && ix < is.W {
						inside++
						sum += x[(img*is.H+iy)*is.W+ix]
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
			if i%plane(is) >= is.Extra {
				out[i/plane(is)] += v / float64(plane(is)-is.Extra)
			}
		}
	case nn.Flatten, nn.Tokens:
		copy(out, x)
	case nn.Image:
		for i := range out {
			out[i] = x[i/plane(os)*plane(is)+is.Extra+i%plane(os)]
		}
	case nn.Token:
		for i := range out {
			out[i] = x[i*plane(is)+op.At]
		}
	case nn.FirstTokens:
		for i := range out {
			out[i] = x[i/op.Count*plane(is)+i%op.Count]
		}
	case nn.JoinTokens:
		for i := range out {
			if c, at := i/plane(os), i%plane(os); at < op.Count {
				out[i] = x[c*op.Count+at]
			} else {
				out[i] = in[1][c*plane(sizes[1])+at-op.Count]
			}
		}
	case nn.Prefix:
		for i := range out {
			c, at := i/plane(os), i%plane(os)-len(op.Names)
			if at < 0 {
				out[i] = p[at+len(op.Names)][c%op.C]
			} else {
				out[i] = x[c*plane(is)+at]
			}
		}
	case nn.PatchPosition:
		for i := range out {
			c, y, w := i/plane(os)%op.C, i/os.W%os.H, i%os.W
			out[i] = x[i] + p[0][(c*op.Side+y%op.Side)*op.Side+w%op.Side]
		}
	case nn.Position:
		for i := range out {
			c, at := i/plane(os)%op.C, i%plane(os)
			table := func(token int) float64 { return p[0][token*op.C+c] }
			if at < op.Extra {
				out[i] = x[i] + table(at)
				continue
			}
			at -= op.Extra
			out[i] = x[i] + cubic(op.GridH, os.H, at/os.W, func(y int) float64 {
				return cubic(op.GridW, os.W, at%os.W, func(x int) float64 { return table(op.Extra + y*op.GridW + x) })
			})
		}
	case nn.Unit:
		n := op.C / op.Runs
		for i := range out {
			img, c, at := i/(op.C*plane(is)), i/plane(is)%op.C, i%plane(is)
			norm := 0.0
			for j := c / n * n; j < (c/n+1)*n; j++ {
				v := x[(img*op.C+j)*plane(is)+at]
				norm += v * v
			}
			out[i] = x[i] / math.Max(math.Sqrt(norm), 1e-12)
			if op.Temper != "" {
				out[i] *= math.Min(math.Exp(p[0][c/n]), 100)
			}
		}
	case nn.PadTo, nn.CropLike:
		for i := range out {
			if nn.Resizes(op) {
				out[i] = bilinear(is.H, os.H, i/os.W%os.H, func(y int) float64 {
					return bilinear(is.W, os.W, i%os.W, func(at int) float64 { return x[(i/plane(os)*is.H+y)*is.W+at] })
				})
				continue
			}
			y, w := i/os.W%os.H, i%os.W
			if y < is.H && w < is.W {
				out[i] = x[(i/plane(os)*is.H+y)*is.W+w]
			}
		}
	case nn.DecomposedAttention:
		q, k, v, ks := in[0], in[1], in[2], sizes[1]
		lq, lk := plane(is), plane(ks)
		for head := range os.N * op.Heads {
			term := func(table []float64, query, i, queries, j, keys int) (sum float64) {
				longer := max(queries, keys)
				at := int(float32(i)*(float32(longer)/float32(queries)) - float32(j)*(float32(longer)/float32(keys)) +
					float32(float64(keys-1)*(float64(longer)/float64(keys))))
				for c := range op.C {
					row := func(i int) float64 { return table[i*op.C+c] }
					sum += q[(head*op.C+c)*lq+query] * interpolated(len(table)/op.C, 2*longer-1, at, row)
				}
				return sum
			}
			for i := range lq {
				shares, sum := make([]float64, lk), 0.0
				for j := range shares {
					for c := head * op.C; c < (head+1)*op.C; c++ {
						shares[j] += op.Scale * q[c*lq+i] * k[c*lk+j]
					}
					shares[j] += term(p[0], i, i/is.W, is.H, j/ks.W, ks.H) + term(p[1], i, i%is.W, is.W, j%ks.W, ks.W)
					shares[j] = math.Exp(shares[j])
					sum += shares[j]
				}
				for c := head * (os.C / op.Heads); c < (head+1)*(os.C/op.Heads); c++ {
					for j, share := range shares {
						out[c*lq+i] += share / sum * v[c*lk+j]
					}
				}
			}
		}
	case nn.Attention:
		q, k, v := in[0], in[1], in[2]
		lq, lk, dk, dv := plane(is), plane(sizes[1]), is.C/op.Heads, os.C/op.Heads
		for head := range os.N * op.Heads {
			for i := range lq {
				shares, sum := make([]float64, lk), 0.0
				for j := range shares {
					sees, shown := windowed(op.Window, is, sizes[len(sizes)-1], i, j)
					if !sees {
						continue
					}
					for c := head * dk; c < (head+1)*dk; c++ {
						shares[j] += q[c*lq+i] * k[c*lk+j]
					}
					shares[j] *= op.Scale
					if op.Bias.By != nil {
						shares[j] += added(op, p, biased(op, is, sizes[1], i, j), head%op.Heads)
					}
					if !shown {
						shares[j] += op.Window.Hide
					}
					shares[j] = math.Exp(shares[j])
					sum += shares[j]
				}
				for c := head * dv; c < (head+1)*dv; c++ {
					for j, share := range shares {
						out[c*lq+i] += share / sum * v[c*lk+j]
					}
				}
			}
		}
	case nn.Add:
		for i := range out {
			out[i] = in[0][i] + in[1][i]
		}
	case nn.Scale:
		for i := range out {
			out[i] = op.Factor * x[i]
		}
	case nn.Mul:
		for i := range out {
			if sizes[1] == is {
				out[i] = x[i] * in[1][i]
			} else {
				out[i] = x[i] * in[1][i/plane(os)]
			}
		}
	case nn.Rotary:
		for i, v := range x {
			c, at := i/plane(os)%op.Dim, i%plane(os)-op.Extra
			if at < 0 {
				out[i] = v
				continue
			}
			other := x[i+plane(os)*(1-2*(c%2))]
			if c%2 == 0 {
				other = -other
			}
			out[i] = v*p[0][at*op.Dim+c] + other*p[1][at*op.Dim+c]
		}
	case nn.Transpose:
		split, join := max(op.Split, 1), max(op.Join, 1)
		for i := range out { // of channel joined*L*split + token*split + run
			img, to, at := i/(os.C*plane(os)), i/plane(os)%os.C, i%plane(os)
			joined, token, run := to/(os.C/join), to%(os.C/join)/split, to%split
			out[i] = x[(img*is.C+run*(is.C/split)+at*join+joined)*plane(is)+token]
		}
	case nn.Shuffle:
		for i := range out {
			img, c := i/(os.C*plane(os)), i/plane(os)%os.C
			from := c%op.Groups*(os.C/op.Groups) + c/op.Groups
			out[i] = x[(img*os.C+from)*plane(os)+i%plane(os)]
		}
	case nn.Upsample:
		for i := range out {
			y, w := i/os.W%os.H/op.Scale, i%os.W/op.Scale
			out[i] = x[(i/plane(os)*is.H+y)*is.W+w]
		}
	case nn.Unfold:
		top, _, left, _ := op.Pads(is.H, is.W)
		for i := range out {
			c, y, w := i/plane(os), i/os.W%os.H, i%os.W // c counts channels over images
			from, pixel := c/(op.K*op.K), c%(op.K*op.K)
			if op.PixelFirst {
				from, pixel = c/os.C*is.C+c%is.C, c%os.C/is.C
			}
			iy, ix := y*op.Stride-top+pixel/op.K, w*op.Stride-left+pixel%op.K
			if iy >= 0 && ix >= 0 && iy < is.H && ix < is.W {
				out[i] = x[(from*is.H+iy)*is.W+ix]
			}
		}
	case nn.GlobalFilter:
		globalFilter(op, x, is, out, p[0])
	case nn.Concat:
		at := 0
		for img := range os.N {
			for _, v := range in {
				per := len(v) / os.N
				at += copy(out[at:], v[img*per:(img+1)*per])
			}
		}
	case nn.SliceRuns:
		taken, run := op.To-op.From, is.C/op.Runs
		for i := range out {
			c := i / plane(os) // of all images
			out[i] = x[(c/taken*run+op.From+c%taken)*plane(os)+i%plane(os)]
		}
	case nn.Slice:
		for img := range os.N {
			copy(out[img*os.C*plane(os):(img+1)*os.C*plane(os)], x[(img*is.C+op.From)*plane(is):])
		}
	default:
		panic(fmt.Sprint("no reference for ", n.Op.Kind()))
	}
	return out
}

// bilinear returns pixel i of a row of n that is resized to m.
func bilinear(n, m, i int, row func(int) float64) float64 {
	at := max(0, (float64(i)+0.5)*float64(n)/float64(m)-0.5)
	first := int(at)
	part := at - float64(first)
	return (1-part)*row(first) + part*row(min(first+1, n-1))
}

// globalFilter takes the spectrum of each channel, multiplies it, and takes it back.
func globalFilter(op nn.GlobalFilter, x []float64, s nn.Size, out, filter []float64) {
	turn := func(part, of int) complex128 { return cmplx.Rect(1, 2*math.Pi*float64(part%of)/float64(of)) }
	corners := func(n, m, i int, at func(int) complex128) complex128 { // of a row of n, as one of m with the same ends
		if m == 1 {
			return at(0)
		}
		from := i * (n - 1) / (m - 1)
		share := complex(float64(i*(n-1)%(m-1))/float64(m-1), 0)
		return at(from)*(1-share) + at(min(from+1, n-1))*share
	}
	rows, columns := op.Spectrum(s)
	for plane := range s.N * s.C {
		x, out, filter := x[plane*s.H*s.W:], out[plane*s.H*s.W:], filter[plane%s.C*op.Rows*op.Columns*2:]
		spectrum := make([]complex128, rows*columns)
		for i := range spectrum {
			for y := range s.H {
				row := complex128(0)
				for w := range s.W {
					row += complex(x[y*s.W+w], 0) / turn(i%columns*w, s.W)
				}
				spectrum[i] += row / turn(i/columns*y, s.H)
			}
			spectrum[i] *= corners(op.Rows, rows, i/columns, func(y int) complex128 {
				return corners(op.Columns, columns, i%columns, func(x int) complex128 {
					return complex(filter[2*(y*op.Columns+x)], filter[2*(y*op.Columns+x)+1])
				})
			})
		}
		for y := range s.H {
			row := make([]complex128, s.W)
			for k := range columns {
				for i := range rows {
					row[k] += spectrum[i*columns+k] * turn(i*y, s.H)
				}
			}
			for k := columns; k < s.W; k++ { // of a real row
				row[k] = cmplx.Conj(row[s.W-k])
			}
			for w := range s.W {
				for k, v := range row {
					out[y*s.W+w] += real(v*turn(k*w, s.W)) / float64(s.H*s.W)
				}
			}
		}
	}
}

// windowed reports whether pixels i and j of an image are in one window, and whether they came from
// the same side of each cut of the image; or are both among the pixels that it had before it was padded, or both not.
func windowed(w nn.Window, s, had nn.Size, i, j int) (sees, shown bool) {
	if w.Side == 0 {
		return true, true
	}
	if !w.Single && (w.Side == s.H || w.Side == s.W) {
		w.Shift = 0
	}
	sees, shown = true, true
	for _, axis := range []struct{ n, i, j int }{{s.H, i / s.W, j / s.W}, {s.W, i % s.W, j % s.W}} {
		if w.Grid {
			sees = sees && axis.i%w.Side == axis.j%w.Side
			continue
		}
		place := func(at int) int { return (at + axis.n - w.Shift) % axis.n } // once the image is rolled
		sees = sees && place(axis.i)/w.Side == place(axis.j)/w.Side
		shown = shown && (axis.i < w.Shift) == (axis.j < w.Shift)
	}
	if w.Padded {
		padding := func(at int) bool { return at/s.W >= had.H || at%s.W >= had.W }
		shown = padding(i) == padding(j) || had.H == s.H || had.W == s.W
	}
	return sees, shown
}

// biased returns the entry of the table of offsets of queries and keys.
func biased(op nn.Attention, s, ks nn.Size, i, j int) int {
	if o, ok := op.Bias.By.(nn.ClassOffsets); ok {
		return ofToken(o, i, j)
	}
	apart, _ := op.Bias.By.(nn.Apart)
	stride := max(apart.Stride, 1)
	rows, columns := i/s.W*stride-j/ks.W, i%s.W*stride-j%ks.W
	if side := op.Window.Side; side > 0 {
		if !op.Window.Single && (side == s.H || side == s.W) {
			op.Window.Shift = 0
		}
		place := func(at, n int) int { return (at + n - op.Window.Shift) % n % side }
		rows = place(i/s.W, s.H) - place(j/s.W, s.H)
		columns = place(i%s.W, s.W) - place(j%s.W, s.W)
	}
	if o, ok := op.Bias.By.(nn.Offsets); ok {
		return (rows+o.H-1)*(2*o.W-1) + columns + o.W - 1
	}
	return int(math.Abs(float64(rows)))*apart.W + int(math.Abs(float64(columns)))
}

// added returns an entry of a bias, which is learnt or computed.
func added(op nn.Attention, p [][]float64, relation, head int) float64 {
	of := op.Bias.Of
	switch {
	case of.Hidden > 0:
	case op.Bias.HeadsFirst:
		return p[0][head*(len(p[0])/op.Heads)+relation]
	default:
		return p[0][relation*op.Heads+head]
	}
	at := [2]int{relation/(2*of.W-1) - of.H + 1, relation%(2*of.W-1) - of.W + 1}
	sum, side := 0.0, of.W
	if of.Trained > 0 {
		side = of.Trained
	}
	for h := range of.Hidden {
		x := p[1][h]
		for axis, offset := range at {
			log := math.Log2(math.Abs(float64(offset))/float64(side-1)*8+1) / math.Log2(8)
			if offset < 0 {
				log = -log
			}
			x += p[0][2*h+axis] * log
		}
		sum += p[2][head*of.Hidden+h] * math.Max(x, 0)
	}
	return 16 / (1 + math.Exp(-sum))
}

// cubic returns element i of a row of n that is resized to size: the cubic convolution of its
// neighbours, as Keys defined it, with a = -3/4.
func cubic(n, size, i int, row func(i int) float64) float64 {
	if n == size {
		return row(i)
	}
	at, sum := (float64(i)+0.5)*float64(n)/float64(size)-0.5, 0.0
	for j := int(math.Floor(at)) - 1; j <= int(math.Floor(at))+2; j++ {
		const a = -0.75
		d, w := math.Abs(at-float64(j)), 0.0
		switch {
		case d < 1:
			w = (a+2)*d*d*d - (a+3)*d*d + 1
		case d < 2:
			w = a*d*d*d - 5*a*d*d + 8*a*d - 4*a
		}
		sum += w * row(min(max(j, 0), n-1))
	}
	return sum
}

// interpolated returns element i of a row of n that is resized to size, between its two neighbours.
func interpolated(n, size, i int, row func(i int) float64) float64 {
	at := (float64(i)+0.5)*float64(n)/float64(size) - 0.5
	at = math.Min(math.Max(at, 0), float64(n-1))
	low := math.Floor(at)
	return row(int(low))*(low+1-at) + row(min(int(low)+1, n-1))*(at-low)
}

// bindRandom binds a graph to random tensors that keep values of order one.
func bindRandom(t testing.TB, g *nn.Graph, r *rand.Rand) *nn.Bound {
	t.Helper()
	var sd tensor.StateDict
	tables := make(map[string]nn.MaxRelative)
	for _, n := range g.Nodes {
		if op, ok := n.Op.(nn.MaxRelative); ok && op.Table != "" {
			tables[g.Params[n.Params[0]].Name] = op
		}
	}
	for _, p := range g.Params {
		n, err := p.Shape.Numel()
		if err != nil {
			t.Fatal(err)
		}
		if p.DType != tensor.F32 || p.Fixed != nil || p.Same != "" {
			continue // counters, which are optional, what follows from the graph, and what repeats others
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
		if op, ok := tables[p.Name]; ok {
			v = farApart(op, r)
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
