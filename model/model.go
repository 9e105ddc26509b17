// Package model computes networks on images. A program imports it to run a published
// network, a fine-tuned one, or a network of its own.
//
//	m, err := model.Open("cspresnet50.safetensors", model.Options{Arch: "cspresnet50", Pipeline: pipeline})
//	defer m.Close()
//	r, err := m.Predict(ctx, img)
//	fmt.Println(r.Class, r.Name, r.Score)
//
// Weights come from a file, from bytes (Parse), from a file system (OpenFS) or from a
// state dict (New). Nothing is downloaded here, and no registry is asked: package zoo opens
// models by their published names.
//
// # In a server
//
// A Model may be used from any number of goroutines. At most Compute.Concurrency of them
// decode and compute at a time; the others wait in the order they came, and each call
// returns its context's error soon after the context has ended, whether it was waiting or
// computing. Memory follows: a call that waits holds its encoded images at most. Encoded
// images are bounded by Options.MaxPixels, 32 million unless it says otherwise, and the memory
// that they take together while they are decoded by Options.Budget, 1 GiB for the process.
package model

import (
	"cmp"
	"fmt"
	"io"
	"runtime"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/engine"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

// DefaultMaxPixels is the bound of Options.MaxPixels where that is 0: pictures of 32
// million pixels, which take 96 MB decoded. Those of Pillow and of package vision, 178
// million, would let one request take half a gigabyte.
const DefaultMaxPixels = 32_000_000

// MaxThreads bounds Compute.Threads.
const MaxThreads = engine.MaxThreads

// Options says what a network is beside its weights, and how to compute it.
type Options struct {
	// Name is the name of the model in messages and results. Empty means the architecture's
	// or the file's.
	Name string
	// Arch is the architecture of package backbone that a checkpoint is of, such as
	// "cspresnet50". Names that the architecture's recipes rename, and a classifier of
	// another number of classes, are taken. Empty means what the file says that zoo converted,
	// which then gives Name and Pipeline too where these are not set: see Describe.
	Arch string
	// Recipe names the recipe that renames the checkpoint's tensors, such as "timm"; empty
	// means whichever fits.
	Recipe string
	// Network is what the checkpoint's project calls the network that it holds, such as
	// "tf_efficientnet_b0" or "timm/tf_efficientnet_b0", where the file does not say and
	// another network has the same tensors.
	Network string
	// WeightsKey says which of a checkpoint's tensors are the network's, where it holds several
	// networks: see converter.Checkpoint.Select. Empty means what converter.Target.FitFile finds.
	WeightsKey string
	// Classes names the classes in label order, in place of the names that the checkpoint
	// carries. There must be one for each row of the classifier.
	Classes []string
	// Pipeline is how images become the network's input. With the zero Pipeline the model
	// takes tensors only.
	Pipeline vision.Pipeline
	// MaxPixels is the largest width times height of an encoded image that is decoded, at most
	// vision.MostPixels; 0 means DefaultMaxPixels.
	MaxPixels int
	// Budget is what the memory of encoded images in work is taken from; nil means one of
	// vision.DefaultPixelMemory bytes that the whole process shares.
	Budget *vision.Budget
	// Weights is the name of the weights in results. The zero value means the digest of the
	// checkpoint.
	Weights golden.Weights
	// Notice, when set, is told in one line what a user may want to know.
	Notice func(text string)

	Compute
}

// Compute says how a network is computed.
type Compute struct {
	// Precision is what may be traded for speed; empty means tensor.High.
	Precision tensor.Precision
	// Threads is how many goroutines compute one batch, at most MaxThreads. 0 means one per
	// core, or each core's share where Concurrency is set.
	Threads int
	// Concurrency is how many batches are computed at a time. Each takes memory for the
	// values of its layers. 0 means two, or more where there are cores for all their
	// threads.
	Concurrency int
}

// withDefaults returns c with its defaults filled in, or what cannot be used in it.
func (c Compute) withDefaults() (Compute, error) {
	if c.Precision == "" {
		c.Precision = tensor.High
	}
	if _, err := tensor.ParsePrecision(string(c.Precision)); err != nil {
		return c, option.Errorf("Precision", "model: %w", err)
	}
	if c.Threads < 0 || c.Threads > MaxThreads {
		return c, option.Errorf("Threads", "model: %d threads: expected 0 to %d", c.Threads, MaxThreads)
	}
	if c.Concurrency < 0 {
		return c, option.Errorf("Concurrency", "model: concurrency %d: expected at least 0", c.Concurrency)
	}
	cores := runtime.GOMAXPROCS(0)
	if c.Threads == 0 {
		c.Threads = min(max(1, cores/max(1, c.Concurrency)), MaxThreads)
	}
	if c.Concurrency == 0 {
		c.Concurrency = max(2, cores/c.Threads)
	}
	return c, nil
}

// A Model is a network with its weights and its preprocessing. It may be used from several
// goroutines.
type Model struct {
	name      string
	bound     *nn.Bound
	network   *engine.Network
	classes   []string // names in label order; nil when nobody named them
	pipeline  vision.Pipeline
	maxPixels int
	budget    *vision.Budget
	weights   func() golden.Weights
	source    io.Closer // of the memory that bound views; may be nil

	multiLabel bool // scores are sigmoids

	life     *life // shared by all views
	compute  Compute
	gate     *gate
	sessions *sessions
}

// New returns the model of a graph with the tensors it wants, which must not change until
// Close. The error is an *nn.BindError when they do not fit, and an *OptionError when
// options are to blame.
func New(g *nn.Graph, sd *tensor.StateDict, o Options) (*Model, error) {
	bound, err := nn.Bind(g, sd)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return FromBound(bound, nil, o)
}

// FromBound is New for a graph that is bound already. Source, which may be nil, is closed
// with the model. When there is an error it is not.
func FromBound(bound *nn.Bound, source io.Closer, o Options) (*Model, error) {
	compute, err := o.Compute.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &Model{
		name: cmp.Or(o.Name, o.Arch, "the network"), bound: bound, network: engine.New(bound), classes: o.Classes,
		pipeline: o.Pipeline, maxPixels: cmp.Or(o.MaxPixels, DefaultMaxPixels), budget: o.Budget,
		weights: func() golden.Weights { return o.Weights }, source: source, life: newLife(),
	}
	if o.Pipeline != (vision.Pipeline{}) {
		if err := o.Pipeline.Check(); err != nil {
			return nil, option.Errorf("Pipeline", "model: %w", err)
		}
		if bound.Graph.Channels != 3 {
			return nil, option.Errorf("Pipeline", "model: the network takes %d channels, images have 3: leave the pipeline out",
				bound.Graph.Channels)
		}
	}
	if n := bound.Graph.NumClasses(); o.Classes != nil && len(o.Classes) != n {
		return nil, option.Errorf("Classes", "model: %s: %d class names for %d rows of the classifier: name each", m.name, len(o.Classes), n)
	}
	if o.MaxPixels < 0 || o.MaxPixels > vision.MostPixels {
		return nil, option.Errorf("MaxPixels", "model: at most %d pixels: expected 0 to %d", o.MaxPixels, vision.MostPixels)
	}
	m.computeAs(compute)
	return m, nil
}

// computeAs gives a view of the model sessions of its own.
func (m *Model) computeAs(c Compute) {
	m.compute, m.gate = c, newGate(c.Concurrency)
	m.sessions = &sessions{network: m.network, compute: c, life: m.life}
}

// With returns a view of the model that computes otherwise. It shares the weights, not the
// bound on concurrency, and is closed with the model.
func (m *Model) With(c Compute) (*Model, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	view := *m
	view.computeAs(c)
	return &view, nil
}

// Name returns what the model is called.
func (m *Model) Name() string { return m.name }

// Graph returns the network's description, with as many classes as the checkpoint's
// classifier has rows.
func (m *Model) Graph() *nn.Graph { return m.bound.Graph }

// Bound returns the network with its tensors, which are valid until Close.
func (m *Model) Bound() *nn.Bound { return m.bound }

// Classes returns the class names in label order: those of the options, else the
// checkpoint's own. It is nil when neither names them. The caller must not change the
// slice.
func (m *Model) Classes() []string { return m.classes }

// Compute returns how the network is computed, with the defaults filled in.
func (m *Model) Compute() Compute { return m.compute }

// Pipeline returns how images become the network's input; the zero Pipeline when the model
// takes tensors only.
func (m *Model) Pipeline() vision.Pipeline { return m.pipeline }

// DecodeOptions returns how image files are decoded for the model: as its pipeline says,
// and bounded by Options.MaxPixels and Options.Budget.
func (m *Model) DecodeOptions() vision.DecodeOptions {
	o := m.pipeline.DecodeOptions()
	o.MaxPixels, o.Budget = m.maxPixels, m.budget
	return o
}

// Weights says what the weights are: what the options call them, or the digest of the
// checkpoint. The first call reads all bytes of the checkpoint. The zero Weights are those
// of a state dict that nobody named, and of a closed model that was not asked before.
func (m *Model) Weights() golden.Weights {
	if m.life.enter() != nil {
		return golden.Weights{}
	}
	defer m.life.leave()
	return m.weights()
}

// Close waits until every call that is computing has ended, and releases the weights. Calls
// that wait, and later ones, return ErrClosed. Closing twice is harmless.
func (m *Model) Close() error {
	if !m.life.end() || m.source == nil {
		return nil
	}
	return m.source.Close()
}

// Variant returns the name of the kernels that networks are computed with on this machine,
// such as "generic" or "avx2".
func Variant() string { return engine.Variant() }

// Variants returns the names of the kernels that this machine can run.
func Variants() []string { return engine.Variants() }
