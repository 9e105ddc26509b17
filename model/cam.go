package model

import (
	"context"
	"fmt"
	"image"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/vision"
)

// A CAM is a class activation map: how much each place of an image adds to the logit
// of a class. Zhou et al., Learning Deep Features for Discriminative Localization,
// arXiv:1512.04150.
type CAM struct {
	Prediction
	H      int       `json:"height"`
	W      int       `json:"width"`
	Values []float32 `json:"values"` // (H,W): their mean, and the classifier's bias, make the logit
	// Region is the part of the picture that the network saw, and so that Values lie over.
	Region vision.Region `json:"region"`
	size   image.Point   // of the picture
	seen   *vision.Image // its part, as the network saw it
}

// CAM returns the map of an image's best class. It is exact for networks that end in an
// average over all places and a linear classifier, and an error for others. Its errors are
// those of Predict besides.
func (m *Model) CAM(ctx context.Context, img image.Image) (*CAM, error) {
	return m.cam(ctx, img, bestClass)
}

// CAMOf is CAM of a class, given by its index.
func (m *Model) CAMOf(ctx context.Context, img image.Image, class int) (*CAM, error) {
	if classes := m.Graph().NumClasses(); class < 0 || class >= classes {
		return nil, fmt.Errorf("model: %s: class %d: expected 0 to %d", m.name, class, classes-1)
	}
	return m.cam(ctx, img, class)
}

// bestClass stands for the class with the highest score.
const bestClass = -1

func (m *Model) cam(ctx context.Context, img image.Image, class int) (*CAM, error) {
	if err := m.Classifies(); err != nil {
		return nil, err
	}
	if err := m.life.enter(); err != nil {
		return nil, err
	}
	defer m.life.leave()
	pooled, weights, err := m.pooledClassifier()
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", m.name, err)
	}
	sources, err := m.sources([]Input{Image(img)})
	if err != nil {
		return nil, err
	}
	if err := m.gate.enter(ctx, m.life.closing); err != nil {
		return nil, err
	}
	defer m.gate.leave()
	seen, err := m.prepare(ctx, sources[0])
	if err != nil {
		return nil, err
	}
	cam := &CAM{seen: seen.pixels, size: img.Bounds().Size()}
	if cam.Region, err = m.pipeline.Region(cam.size.X, cam.size.Y); err != nil {
		return nil, err
	}
	err = m.run(ctx, []prepared{seen}, []int{pooled}, func(r result) error {
		if err := m.checkLogits(r); err != nil {
			return err
		}
		if pooled := r.kept[0]; len(pooled.Shape) != 4 {
			return fmt.Errorf("model: %s: no class activation map: the average is over tokens %v", m.name, pooled.Shape)
		}
		cam.fill(m, r, weights, class)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return cam, nil
}

// fill computes the map of a class. Weights are the classifier's, (K,C).
func (c *CAM) fill(m *Model, r result, weights []float32, class int) {
	pooled := r.kept[0] // (1,C,H,W)
	channels := pooled.Shape[1]
	c.H, c.W = pooled.Shape[2], pooled.Shape[3]
	if class == bestClass {
		class = metrics.TopK(r.logits, 1)[0]
	}
	c.Prediction = m.prediction(class, m.scores(r.logits))
	c.Values = make([]float32, c.H*c.W)
	for i := range channels {
		weight := weights[class*channels+i]
		for j, x := range pooled.Data[i*len(c.Values):][:len(c.Values)] {
			c.Values[j] += weight * x
		}
	}
}

// pooledClassifier returns the value (N,C,H,W) whose average over all places enters the
// linear classifier, and the classifier's weights (K,C).
func (m *Model) pooledClassifier() (value int, weights []float32, err error) {
	g := m.Graph()
	classifiers := g.Classifiers()
	if len(classifiers) != 1 {
		return 0, nil, fmt.Errorf("no class activation map: expected a network that ends in one linear classifier, found %d", len(classifiers))
	}
	classifier := classifiers[0]
	at := classifier.In[0]
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if n.Out != at {
			continue
		}
		switch n.Op.(type) {
		case nn.Flatten:
			at = n.In[0]
			continue
		case nn.GlobalAvgPool:
			weights, err = m.bound.Tensors[classifier.Params[0]].Float32s()
			return n.In[0], weights, err
		}
		return 0, nil, fmt.Errorf(
			"no class activation map: what enters the classifier comes out of the operator %s, not of an average over all places", n.Op.Kind())
	}
	return 0, nil, fmt.Errorf("no class activation map: the classifier has no input")
}
