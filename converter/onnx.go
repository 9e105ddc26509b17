package converter

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// What ONNX files say of themselves: operator set 17, whose operators runtimes
// since 2022 know, in the file format of that time.
const (
	onnxIR    = 8
	onnxOpset = 17
)

// Field numbers of onnx/onnx.proto.
const (
	modelIR, modelProducer, modelVersion, modelGraph, modelOpset, modelMetadata = 1, 2, 3, 7, 8, 14

	graphNode, graphName, graphInitializer, graphInput, graphOutput = 1, 2, 5, 11, 12

	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute = 1, 2, 3, 4, 5

	tensorDims, tensorType, tensorName, tensorRaw = 1, 2, 8, 9
)

// onnxTypes are the values of TensorProto.DataType.
var onnxTypes = map[tensor.DType]int64{
	tensor.F32: 1, tensor.I64: 7, tensor.F16: 10, tensor.F64: 11, tensor.BF16: 16,
}

// Names of the network's input (N,C,H,W), with N, H and W free, and its output: the features
// where it has no classifier.
const (
	onnxInput    = "input"
	onnxOutput   = "logits"
	onnxFeatures = "features"
)

// newONNX writes a network with its weights. It computes in float32: weights of
// another type are cast to it in the file, where runtimes fold that away. Probes and
// counters that inference does not read are left out.
func newONNX(g *nn.Graph, sd *tensor.StateDict) (writer, error) {
	m, err := newONNXModel(g, sd)
	if err != nil {
		return nil, err
	}
	// A protobuf message gives its length first.
	var end message // of the graph
	end.bytes(graphInput, valueInfo(onnxInput, "N", g.Channels, "H", "W"))
	if g.NoClassifier {
		end.bytes(graphOutput, valueInfo(m.output, "N", "F"))
	} else {
		end.bytes(graphOutput, valueInfo(m.output, "N", g.NumClasses()))
	}
	size := len(m.head) + len(end)
	for _, w := range m.weights {
		size += len(w.head()) + w.t.Nbytes()
	}
	if size > math.MaxInt32-1<<20 {
		return nil, fmt.Errorf("converter: a network of %d bytes: an ONNX file holds 2 GiB: cast it to F16 or BF16", size)
	}
	return func(w *sink, metadata *lateMetadata) error {
		var start message
		start.int(modelIR, onnxIR)
		start.text(modelProducer, "zoo")
		if v := metadata.provenance.Version; v != "" {
			start.text(modelVersion, v)
		}
		var opset message
		opset.text(1, "")
		opset.int(2, onnxOpset)
		start.bytes(modelOpset, opset)
		start.head(modelGraph, size)
		if _, err := w.Write(append(start, m.head...)); err != nil {
			return err
		}
		for _, weight := range m.weights {
			if _, err := w.Write(weight.head()); err != nil {
				return err
			}
			if _, err := weight.t.WriteTo(w); err != nil {
				return err
			}
		}
		rest := slices.Clone(end)
		facts := metadata.final()
		for _, key := range slices.Sorted(maps.Keys(facts)) {
			var entry message
			entry.text(1, key)
			entry.text(2, facts[key])
			rest.bytes(modelMetadata, entry) // after the graph: of the model again
		}
		_, err := w.Write(rest)
		return err
	}, nil
}

// onnxModel is a graph on its way to ONNX.
type onnxModel struct {
	graph   *nn.Graph
	bound   *nn.Bound
	output  string            // name of the output
	used    map[string]bool   // names of values
	made    map[string]string // values that several nodes read, by what they are: see once
	values  []string          // by value of the graph
	forms   []onnxForm        // by value
	head    message           // the graph up to its weights
	weights []onnxWeight
	read    map[string]bool // names of values that operators read
}

// An onnxWeight is an initializer: a weight, or an operator's constant.
type onnxWeight struct {
	name string
	t    tensor.Tensor
}

// newONNXModel returns a network of ONNX's operators with its weights.
func newONNXModel(g *nn.Graph, sd *tensor.StateDict) (*onnxModel, error) {
	if g == nil {
		return nil, fmt.Errorf("converter: ONNX holds a network: name the one that the tensors belong to")
	}
	bound, err := nn.Bind(g, sd)
	if err != nil {
		return nil, err
	}
	m := &onnxModel{graph: g, bound: bound, output: onnxOutput, read: make(map[string]bool)}
	if g.NoClassifier {
		m.output = onnxFeatures
	}
	m.used = map[string]bool{onnxInput: true, m.output: true}
	return m, m.build()
}

func (m *onnxModel) build() error {
	m.values, m.forms = make([]string, m.graph.Values), make([]onnxForm, m.graph.Values)
	m.values[0] = onnxInput
	m.head.text(graphName, "zoo")
	for _, n := range m.graph.Nodes {
		out := m.output
		if n.Out != m.graph.Logits {
			out = m.fresh(n.Path, n.Op.Kind())
		}
		m.values[n.Out] = out
		m.forms[n.Out] = m.formOf(n)
		if err := m.node(n); err != nil {
			return fmt.Errorf("converter: %s (%s): %w", n.Path, n.Op.Kind(), err)
		}
	}
	m.weights = slices.DeleteFunc(m.weights, func(w onnxWeight) bool { return !m.read[w.name] })
	return nil
}

// fresh returns a name for a value that is not used yet.
func (m *onnxModel) fresh(path, kind string) string {
	base := path
	if base == "" {
		base = kind
	}
	name := base
	for i := 1; m.used[name]; i++ {
		name = fmt.Sprintf("%s.%s%d", base, kind, i)
	}
	m.used[name] = true
	return name
}
