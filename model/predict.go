package model

import (
	"context"
	"fmt"
	"image"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/tensor"
)

// maxBatch is how many images are computed together. Larger batches gain nothing, and a
// call of many images lets others have their turn after each.
const maxBatch = 8

// A Prediction is one class with its score.
type Prediction struct {
	Class int     `json:"class"`          // index, from 0
	Name  string  `json:"name,omitempty"` // empty when nobody named the classes
	Score float32 `json:"score"`          // softmax probability, 0 to 1
	// Sigmoid says that Score is the probability of this class alone, whatever those of the
	// others: the sigmoid of its logit, and not its share of 1.
	Sigmoid bool `json:"sigmoid,omitempty"`
}

// Predict returns the class of an image with the highest score. Its errors, and those of
// the methods below, are
//
//   - the context's, soon after it has ended;
//   - ErrClosed after Close, and when Close is called while the call waits;
//   - those of vision.Decode and vision.Pipeline.Pixels for an image;
//   - an *nn.InputError for a tensor that the network cannot take;
//   - a *converter.CheckpointError when the weights lead to what is no number, or have no
//     classifier: see Classifies.
func (m *Model) Predict(ctx context.Context, img image.Image) (Prediction, error) {
	top, err := m.Top(ctx, 1, Image(img))
	if err != nil {
		return Prediction{}, err
	}
	return top[0][0], nil
}

// PredictAll is Predict for any number of images: a Prediction for each, in order.
func (m *Model) PredictAll(ctx context.Context, inputs ...Input) ([]Prediction, error) {
	tops, err := m.Top(ctx, 1, inputs...)
	if err != nil {
		return nil, err
	}
	out := make([]Prediction, len(tops))
	for i, top := range tops {
		out[i] = top[0]
	}
	return out, nil
}

// Classifies returns nil where the model has a classifier, and a *converter.CheckpointError
// where the checkpoint lacks exactly that: then Embed alone computes.
func (m *Model) Classifies() error {
	if !m.Graph().NoClassifier {
		return nil
	}
	return &converter.CheckpointError{File: m.name, Err: fmt.Errorf("model: %s: %w: embed gives its features", m.name, ErrNoClassifier)}
}

// Top returns, for each image in order, the k classes with the highest scores, best first;
// fewer when the network has fewer classes, but at least one.
func (m *Model) Top(ctx context.Context, k int, inputs ...Input) ([][]Prediction, error) {
	logits, err := m.Logits(ctx, inputs...)
	if err != nil {
		return nil, err
	}
	out := make([][]Prediction, len(logits))
	for i, x := range logits {
		scores := m.scores(x)
		for _, class := range metrics.TopK(x, max(k, 1)) {
			out[i] = append(out[i], m.prediction(class, scores))
		}
	}
	return out, nil
}

// MultiLabel returns a view of the model for a classifier whose classes do not exclude each
// other: the score of each is the sigmoid of its logit. A classifier of one row, which a softmax
// would always be sure of, has that without asking. The view is closed with the model.
func (m *Model) MultiLabel() *Model {
	view := *m
	view.multiLabel = true
	return &view
}

// Sigmoid reports whether scores are sigmoids: see MultiLabel.
func (m *Model) Sigmoid() bool { return m.multiLabel || m.Graph().NumClasses() == 1 }

// scores returns the scores of an image's logits.
func (m *Model) scores(logits []float32) []float32 {
	if m.Sigmoid() {
		return metrics.Sigmoid(logits)
	}
	return metrics.Softmax(logits)
}

// prediction returns one class with its name and score.
func (m *Model) prediction(class int, scores []float32) Prediction {
	p := Prediction{Class: class, Score: scores[class], Sigmoid: m.Sigmoid()}
	if m.classes != nil {
		p.Name = m.classes[class]
	}
	return p
}

// Logits returns the network's output (K) for each image in order, before softmax. The
// logits of an image do not depend on which others it is computed with, to the bit.
func (m *Model) Logits(ctx context.Context, inputs ...Input) ([][]float32, error) {
	if err := m.Classifies(); err != nil {
		return nil, err
	}
	var out [][]float32
	err := m.each(ctx, inputs, nil, func(r result) error {
		out = append(out, r.logits)
		return m.checkLogits(r)
	})
	return all(out, err)
}

// all returns results only where there was no error.
func all[T any](out []T, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Embed returns the features (F) of each image in order: what enters the classifier. Where a
// network has classifiers of several feature vectors, as those that were distilled have, these
// follow one another, in the order in which the reference returns them.
func (m *Model) Embed(ctx context.Context, inputs ...Input) ([][]float32, error) {
	var out [][]float32
	err := m.each(ctx, inputs, m.Graph().Features, func(r result) error {
		var features []float32
		for _, x := range r.kept {
			features = append(features, x.Data...)
		}
		out = append(out, features)
		return m.checkLogits(r)
	})
	return all(out, err)
}

// A Value is what a layer puts out for one image.
type Value struct {
	Path  string       `json:"path"`  // of the module
	Shape tensor.Shape `json:"shape"` // (1,C,H,W), (1,F) or, of tokens, (1,L,C)
	Data  []float32    `json:"data"`  // row-major
}

// Paths returns the modules that Forward can be asked for, in the order they run: those of
// the reference framework that have a value of their own.
func (m *Model) Paths() []string {
	var out []string
	seen := make(map[string]bool)
	for _, p := range m.Graph().Probes {
		if !seen[p.Path] {
			seen[p.Path] = true
			out = append(out, p.Path)
		}
	}
	return out
}

// An Output is what a network computed of one image.
type Output struct {
	Logits []float32 `json:"logits"` // (K), before softmax
	Values []Value   `json:"values"` // of inner layers, in the order they were asked for
}

// Forward returns, for each image in order, the logits and what the modules of some paths
// put out. Unlike Logits it returns what is no number as it is.
func (m *Model) Forward(ctx context.Context, paths []string, inputs ...Input) ([]Output, error) {
	if err := m.Classifies(); err != nil {
		return nil, err
	}
	at := make(map[string]int)
	for _, p := range m.Graph().Probes {
		at[p.Path] = p.Value
	}
	var keep []int
	for _, path := range paths {
		v, ok := at[path]
		if !ok {
			return nil, fmt.Errorf("model: %s has no module %q: Paths lists them", m.name, path)
		}
		keep = append(keep, v)
	}
	var out []Output
	err := m.each(ctx, inputs, keep, func(r result) error {
		for i := range r.kept {
			r.kept[i].Path = paths[i]
		}
		out = append(out, Output{r.logits, r.kept})
		return nil
	})
	return all(out, err)
}

// Warm makes the model ready for its first call: it packs the weights, compiles the plan
// for one image of the pipeline's crop, or of the given shapes (N,C,H,W), and computes it
// once.
func (m *Model) Warm(ctx context.Context, shapes ...tensor.Shape) error {
	if len(shapes) == 0 {
		side := m.pipeline.Crop
		if side == 0 {
			return fmt.Errorf("model: warm: %s crops no image: name the shape of its input", m.name)
		}
		shapes = []tensor.Shape{{1, m.Graph().Channels, side, side}}
	}
	for _, shape := range shapes {
		n, err := shape.Numel()
		if err != nil {
			return fmt.Errorf("model: warm: %v: %w", shape, err)
		}
		compute := m.Logits
		if m.Graph().NoClassifier {
			compute = m.Embed
		}
		if _, err := compute(ctx, Tensor(shape, make([]float32, n))); err != nil {
			return err
		}
	}
	return nil
}

// checkLogits returns a *converter.CheckpointError when a logit is infinite or NaN. All
// pixels are finite, so that the weights are to blame, unless values were given.
func (m *Model) checkLogits(r result) error {
	for i, x := range r.logits {
		if x-x == 0 {
			continue
		}
		if err := r.from.check(m); err != nil {
			return err
		}
		weights := m.weights().String()
		if name, value, ok := m.notFinite(); ok {
			return &converter.CheckpointError{File: weights,
				Err: fmt.Errorf("model: %s: weights %s: tensor %q holds %v: expected weights that are finite numbers", m.name, weights, name, value)}
		}
		return &converter.CheckpointError{File: weights,
			Err: fmt.Errorf("model: %s: weights %s: logit %d is %v: expected weights that give finite numbers", m.name, weights, i, x)}
	}
	return nil
}

// notFinite returns the first weight that is infinite or NaN, where there is one.
func (m *Model) notFinite() (name string, value float32, ok bool) {
	for i, t := range m.bound.Tensors {
		if !t.DType().IsFloat() {
			continue
		}
		values, err := t.Float32s()
		if err != nil {
			continue
		}
		for _, x := range values {
			if x-x != 0 {
				return m.bound.Graph.Params[i].Name, x, true
			}
		}
	}
	return "", 0, false
}
