package zoo

import (
	"context"
	"fmt"
	"image"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

// A Model is a network with its weights and its preprocessing. It may be used
// from several goroutines until Close.
type Model struct {
	entry     *registry.Entry
	net       *network
	classes   []string // names in label order; nil when nobody named them
	pipeline  vision.Pipeline
	noPixels  error // why images cannot be preprocessed; nil when they can
	precision Precision
	weights   func() string         // see Weights
	source    *converter.Checkpoint // the mapped file that net views; nil for synthetic weights
	progress  func(Progress)
}

// A Prediction is one class with its score.
type Prediction struct {
	Class int     // index, from 0
	Name  string  // empty when the checkpoint names no classes
	Score float32 // softmax probability, 0 to 1
}

func (z *Zoo) newModel(entry *registry.Entry, fitted *converter.Fitted, weights func() string, source *converter.Checkpoint) (*Model, error) {
	m := &Model{
		entry:     entry,
		net:       &network{bound: fitted.Bound, engine: engine.New(fitted.Bound), threads: z.config.Threads},
		precision: z.config.Precision,
		weights:   weights,
		source:    source,
		progress:  z.progress,
	}
	// Weights can be verified without a rule for pixels.
	m.pipeline, m.noPixels = pipeline(entry)
	if source != nil && len(source.Classes) > 0 {
		// Names for another number of classes name nothing; and where a checkpoint has
		// names of its own, the registry's are not its.
		if len(source.Classes) == fitted.Classes {
			m.classes = source.Classes
		} else {
			z.notice(fmt.Sprintf("%s names %d classes, its classifier has %d: they are left without names", source.Name, len(source.Classes), fitted.Classes))
		}
	} else if fitted.Classes == entry.Classes && entry.Labels == registry.LabelsImageNet {
		m.classes = imagenet.Names()
	}
	return m, nil
}

// Entry returns the registry row the model was opened by.
func (m *Model) Entry() *registry.Entry { return m.entry }

// Graph returns the network's description, with as many classes as the
// checkpoint's classifier has rows.
func (m *Model) Graph() *nn.Graph { return m.net.bound.Graph }

// Classes returns the class names in label order: the checkpoint's own, else the
// registry's. It is nil when neither has as many as the classifier has rows. The caller
// must not change the slice.
func (m *Model) Classes() []string { return m.classes }

// Precision returns how the network is computed.
func (m *Model) Precision() Precision { return m.precision }

// Weights says what the weights are, in the words of golden files: "sha256:HEX" of
// the published checkpoint, or of the file that OpenFile was given, or
// "synthetic:SEED". Of a file that OpenFile was given, the first call reads all bytes.
func (m *Model) Weights() string { return m.weights() }

// DecodeOptions returns how the model's preprocessing wants image files decoded.
func (m *Model) DecodeOptions() vision.DecodeOptions { return m.pipeline.DecodeOptions() }

// Close releases the weights. The model must not be used afterwards.
func (m *Model) Close() error {
	if m.source == nil {
		return nil
	}
	return m.source.Close()
}

// Predict returns the class of an image with the highest score.
func (m *Model) Predict(ctx context.Context, img image.Image) (Prediction, error) {
	top, err := m.PredictTop(ctx, img, 1)
	if err != nil {
		return Prediction{}, err
	}
	return top[0], nil
}

// PredictTop returns the k classes of an image with the highest scores, best
// first; fewer when the network has fewer classes, but at least one.
func (m *Model) PredictTop(ctx context.Context, img image.Image, k int) ([]Prediction, error) {
	logits, err := m.Logits(ctx, img)
	if err != nil {
		return nil, err
	}
	scores := metrics.Softmax(logits)
	var out []Prediction
	for _, class := range metrics.TopK(logits, max(k, 1)) {
		out = append(out, m.prediction(class, scores))
	}
	return out, nil
}

// prediction returns one class with its name and score.
func (m *Model) prediction(class int, scores []float32) Prediction {
	p := Prediction{Class: class, Score: scores[class]}
	if m.classes != nil {
		p.Name = m.classes[class]
	}
	return p
}

// Logits returns the network's output (K) for an image, before softmax. The image
// goes through the entry's own preprocessing. An image from vision.Decode has the
// reference's pixels; others are read through their At method. The error is a
// *converter.CheckpointError when the weights lead to what is no number.
func (m *Model) Logits(ctx context.Context, img image.Image) ([]float32, error) {
	logits, _, err := m.forward(ctx, img)
	return logits, err
}

// Embed returns the features (F) of an image: what enters the classifier.
func (m *Model) Embed(ctx context.Context, img image.Image) ([]float32, error) {
	_, kept, err := m.forward(ctx, img, m.Graph().Features)
	if err != nil {
		return nil, err
	}
	return kept[0], nil
}

// forward preprocesses an image and computes its logits (K) and the values to keep.
func (m *Model) forward(ctx context.Context, img image.Image, keep ...int) (logits []float32, kept [][]float32, err error) {
	if m.noPixels != nil {
		return nil, nil, m.noPixels
	}
	input, h, w, err := m.pipeline.Apply(vision.FromImage(img))
	if err != nil {
		return nil, nil, err
	}
	logits, kept, err = m.net.forward(ctx, m.precision, input, tensor.Shape{1, m.Graph().Channels, h, w}, keep...)
	if err != nil {
		return nil, nil, err
	}
	return logits, kept, m.checkLogits(logits)
}

// checkLogits returns a *converter.CheckpointError when a logit is infinite or NaN. All
// pixels are finite, so that the weights are to blame.
func (m *Model) checkLogits(logits []float32) error {
	for i, x := range logits {
		if x-x != 0 {
			return &converter.CheckpointError{File: m.Weights(), Err: fmt.Errorf("zoo: %s: weights %s: logit %d is %v: expected weights that give finite numbers", m.entry.Name, m.Weights(), i, x)}
		}
	}
	return nil
}
