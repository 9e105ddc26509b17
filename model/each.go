package model

import (
	"context"

	"github.com/gozoo/zoo/tensor"
)

// A result is what was computed of one image.
type result struct {
	from   *prepared
	logits []float32 // (K)
	kept   []Value   // without paths
}

// each computes images, and calls f with the result of each in order. Values to keep are
// numbers of the graph. The images are computed in batches, each of which waits for its
// turn.
func (m *Model) each(ctx context.Context, inputs []Input, keep []int, f func(result) error) error {
	if err := m.life.enter(); err != nil {
		return err
	}
	defer m.life.leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	sources, err := m.sources(inputs)
	if err != nil {
		return err
	}
	for len(sources) > 0 {
		n := min(maxBatch, len(sources))
		if err := m.batch(ctx, sources[:n], keep, f); err != nil {
			return err
		}
		clear(sources[:n]) // what is done needs no memory
		sources = sources[n:]
	}
	return nil
}

// batch waits for a turn, and computes some images in it: those of one size together.
func (m *Model) batch(ctx context.Context, sources []source, keep []int, f func(result) error) error {
	if err := m.gate.enter(ctx, m.life.closing); err != nil {
		return err
	}
	defer m.gate.leave()
	images := make([]prepared, len(sources))
	for i, s := range sources {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if images[i], err = m.prepare(ctx, s); err != nil {
			return err
		}
	}
	for len(images) > 0 {
		n := 1
		for n < len(images) && images[n].h == images[0].h && images[n].w == images[0].w {
			n++
		}
		if err := m.run(ctx, images[:n], keep, f); err != nil {
			return err
		}
		images = images[n:]
	}
	return nil
}

// run computes images of one size.
func (m *Model) run(ctx context.Context, images []prepared, keep []int, f func(result) error) error {
	shape := tensor.Shape{len(images), m.Graph().Channels, images[0].h, images[0].w}
	s, done, err := m.sessions.take(ctx, shape, keep)
	if err != nil {
		return err
	}
	defer done()
	size := len(s.input) / len(images)
	for i := range images {
		images[i].write(m, s.input[i*size:][:size])
	}
	if err := s.RunContext(ctx, s.logits, s.input); err != nil {
		return err
	}
	kept, shapes, err := m.values(s, shape, keep)
	if err != nil {
		return err
	}
	k := len(s.logits) / len(images)
	for i := range images {
		r := result{from: &images[i], logits: append([]float32(nil), s.logits[i*k:][:k]...)}
		for j, x := range kept {
			size := len(x) / len(images)
			r.kept = append(r.kept, Value{Shape: shapes[j], Data: x[i*size:][:size:size]})
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// values returns the values that a session kept, for all images of a batch, and the shape
// that each has for one image.
func (m *Model) values(s *session, input tensor.Shape, keep []int) (kept [][]float32, shapes []tensor.Shape, err error) {
	if len(keep) == 0 {
		return nil, nil, nil
	}
	all, err := m.Graph().Shapes(append(tensor.Shape{1}, input[1:]...))
	if err != nil {
		return nil, nil, err
	}
	for _, v := range keep {
		x, err := s.Value(v)
		if err != nil {
			return nil, nil, err
		}
		kept, shapes = append(kept, x), append(shapes, all[v])
	}
	return kept, shapes, nil
}
