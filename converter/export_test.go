package converter

import (
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// ONNXNodes returns the fields of an ONNX graph up to its weights, and the names of
// weights and constants that the file holds.
func ONNXNodes(g *nn.Graph, sd *tensor.StateDict) (nodes []byte, held []string, err error) {
	m, err := newONNXModel(g, sd)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range m.weights {
		held = append(held, w.name)
	}
	return m.head, held, nil
}

// WeightMap is weightMap.
var WeightMap = weightMap
