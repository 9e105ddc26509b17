package engine

import (
	"github.com/gozoo/zoo/internal/bicubic"
	"github.com/gozoo/zoo/nn"
)

// embedStep puts learnt tokens before those of its input, or adds a table to it. One task is a
// piece of a row of output.
type embedStep struct {
	in, out view
	prefix  []float32 // (tokens,C), the same for every image
	table   []float32 // (L,C); nil adds nothing
}

func (c *compiler) prefix(u unit) (step, error) {
	s := &embedStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out)}
	for _, p := range u.node.Params {
		token, err := float32s(c.net.bound, p)
		if err != nil {
			return nil, err
		}
		s.prefix = append(s.prefix, token...)
	}
	return s, nil
}

func (c *compiler) position(u unit, op nn.Position) (step, error) {
	s := &embedStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out)}
	table, err := float32s(c.net.bound, u.node.Params[0])
	if err != nil {
		return nil, err
	}
	s.table = table
	if size := c.layout.sizes[u.out]; size.H != op.GridH || size.W != op.GridW {
		extra := op.Extra * op.C
		s.table = append(append([]float32(nil), table[:extra]...), bicubic.Resize(table[extra:], op.GridH, op.GridW, op.C, size.H, size.W)...)
	}
	return s, nil
}

func (s *embedStep) tasks() int { return s.out.tasks() }

func (s *embedStep) run(f *frame, task int) {
	out := s.out.piece(f.mem, task)
	b, c := s.out.buf, s.out.c
	image, from := out.row/b.h, out.row%b.h*b.w+out.at
	tokens := len(s.prefix) / c
	for i := range out.m {
		dst := out.x[i*out.stride:][:c]
		if from+i < tokens {
			copy(dst, s.prefix[(from+i)*c:])
			continue
		}
		at := from + i - tokens
		copy(dst, f.mem[s.in.at(image, at/s.in.buf.w, at%s.in.buf.w):])
		if s.table != nil {
			for j, v := range s.table[(from+i)*c:][:c] {
				dst[j] += v
			}
		}
	}
}

// patchPosition adds the table that is the same for every square.
func (c *compiler) patchPosition(u unit, op nn.PatchPosition) (step, error) {
	s := &embedStep{in: c.layout.view(u.node.In[0]), out: c.layout.view(u.out)}
	table, err := float32s(c.net.bound, u.node.Params[0])
	if err != nil {
		return nil, err
	}
	b := s.out.buf
	s.table = make([]float32, b.h*b.w*op.C)
	for i := range s.table {
		at, channel := i/op.C, i%op.C
		s.table[i] = table[(channel*op.Side+at/b.w%op.Side)*op.Side+at%b.w%op.Side]
	}
	return s, nil
}

// tokenStep copies pixels of each image, from one on: a token to features, some tokens to a row, or
// the pixels that follow other tokens to an image. One task is one row of output.
type tokenStep struct {
	in, out view
	from    int
}

func (s *tokenStep) tasks() int { return s.out.rows() }

func (s *tokenStep) run(f *frame, task int) {
	b := s.out.buf
	out, stride := s.out.row(f.mem, task)
	for x := range b.w {
		at := s.from + task%b.h*b.w + x
		copy(out[x*stride:][:s.out.c], f.mem[s.in.at(task/b.h, at/s.in.buf.w, at%s.in.buf.w):])
	}
}

// joinStep copies count tokens of one value before those of another. One task is a piece of a row
// of output.
type joinStep struct {
	first, in, out view
	count          int
}

func (s *joinStep) tasks() int { return s.out.tasks() }

func (s *joinStep) run(f *frame, task int) {
	out := s.out.piece(f.mem, task)
	for i := range out.m {
		from, at := s.first, out.at+i
		if at >= s.count {
			from, at = s.in, at-s.count
		}
		copy(out.x[i*out.stride:][:s.out.c], f.mem[from.at(out.row, at/from.buf.w, at%from.buf.w):])
	}
}

// meanOfPixels is the average of an image's pixels, without the tokens before them.
func (c *compiler) meanOfPixels(u unit) step {
	in, extra := c.layout.view(u.node.In[0]).buf, c.layout.sizes[u.node.In[0]].Extra
	s := c.pool(u, pooling{kh: in.h, kw: in.w - extra, stride: 1}, c.options.Variant.AvgPool)
	s.rows[0][0].ix += extra
	return s
}
