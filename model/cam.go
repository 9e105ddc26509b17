package model

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"

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
	image  *vision.Image
}

// CAM returns the map of an image's best class. It is exact for networks that end in an
// average over all places and a linear classifier, and an error for others. Its errors are
// those of Predict besides.
func (m *Model) CAM(ctx context.Context, img image.Image) (*CAM, error) {
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
	cam := &CAM{image: seen.pixels}
	err = m.run(ctx, []prepared{seen}, []int{pooled}, func(r result) error {
		if err := m.checkLogits(r); err != nil {
			return err
		}
		cam.fill(m, r, weights)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return cam, nil
}

// fill computes the map of the best class. Weights are the classifier's, (K,C).
func (c *CAM) fill(m *Model, r result, weights []float32) {
	pooled := r.kept[0] // (1,C,H,W)
	channels := pooled.Shape[1]
	c.H, c.W = pooled.Shape[2], pooled.Shape[3]
	best := metrics.TopK(r.logits, 1)[0]
	c.Prediction = m.prediction(best, m.scores(r.logits))
	c.Values = make([]float32, c.H*c.W)
	for i := range channels {
		weight := weights[best*channels+i]
		for j, x := range pooled.Data[i*len(c.Values):][:len(c.Values)] {
			c.Values[j] += weight * x
		}
	}
}

// pooledClassifier returns the value (N,C,H,W) whose average over all places enters the
// linear classifier, and the classifier's weights (K,C).
func (m *Model) pooledClassifier() (value int, weights []float32, err error) {
	g := m.Graph()
	classifier, ok := g.Classifier()
	if !ok {
		return 0, nil, fmt.Errorf("no class activation map: the network does not end in a linear classifier")
	}
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

// Image returns the pixels that the network saw with the map laid over them: the places
// that speak for the class glow, those that do not are dark.
func (c *CAM) Image() image.Image {
	var most float32
	for _, v := range c.Values {
		most = max(most, v)
	}
	out := image.NewRGBA(image.Rect(0, 0, c.image.W, c.image.H))
	for y := range c.image.H {
		for x := range c.image.W {
			heat := 0.0
			if most > 0 {
				heat = max(0, c.at(x, y)/float64(most))
			}
			p := c.image.Pix[3*(y*c.image.W+x):]
			r, g, b := glow(heat)
			mix := func(pixel uint8, light float64) uint8 {
				return uint8(math.Round((0.35+0.25*heat)*float64(pixel) + 0.4*255*light))
			}
			out.SetRGBA(x, y, color.RGBA{mix(p[0], r), mix(p[1], g), mix(p[2], b), 255})
		}
	}
	return out
}

// at returns the map at a pixel of the image, interpolated between its places.
func (c *CAM) at(x, y int) float64 {
	place := func(pixel, pixels, places int) (int, int, float64) {
		at := (float64(pixel)+0.5)*float64(places)/float64(pixels) - 0.5
		at = min(max(at, 0), float64(places-1))
		low := int(at)
		return low, min(low+1, places-1), at - float64(low)
	}
	x0, x1, fx := place(x, c.image.W, c.W)
	y0, y1, fy := place(y, c.image.H, c.H)
	v := func(y, x int) float64 { return float64(c.Values[y*c.W+x]) }
	top := v(y0, x0)*(1-fx) + v(y0, x1)*fx
	bottom := v(y1, x0)*(1-fx) + v(y1, x1)*fx
	return top*(1-fy) + bottom*fy
}

// glow returns the colour, each part 0 to 1, of heat from 0 to 1: black, red, yellow,
// white.
func glow(heat float64) (r, g, b float64) {
	part := func(from float64) float64 { return min(max(3*heat-from, 0), 1) }
	return part(0), part(1), part(2)
}
