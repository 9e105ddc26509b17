// Package zoo does the whole life of a published vision checkpoint: it looks up a
// name in the registry, downloads and caches the file, converts its PyTorch pickle
// without running it, builds the network, and computes with it, in pure Go.
//
//	m, err := zoo.Open(ctx, "cspdarknet50_3rdparty_8xb32_in1k")
//	if err != nil { … }
//	defer m.Close()
//	r, err := m.Predict(ctx, img)
//	fmt.Println(r.Class, r.Name, r.Score)
//
// A Zoo is the facade of the packages beside it: model computes, evaluate measures, golden
// judges, converter reads and writes files, registry and its packages know what is
// published and bring it. A program that only computes imports model alone.
package zoo

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
	"github.com/gozoo/zoo/vision"
)

// builtin is the catalogue that every zoo knows.
//
//go:embed zoo.toml
var builtin string

// A Model is a network with its weights and its preprocessing: see package model.
type Model = model.Model

// A Prediction is one class with its score.
type Prediction = model.Prediction

// Open returns the named model, ready to predict, with the configuration that the
// environment gives: see ConfigFromEnv. Close it after use.
func Open(ctx context.Context, name string) (*Model, error) {
	z, err := New(ConfigFromEnv())
	if err != nil {
		return nil, err
	}
	return z.Open(ctx, name)
}

// Open returns the named model, ready to predict: name → entry → file in the
// cache → converted file → bound graph. Close it after use. The error answers errors.Is
// for ErrUnknown, ErrNetwork, ErrDigest and ErrCheckpoint.
func (z *Zoo) Open(ctx context.Context, name string) (*Model, error) {
	return z.OpenWith(ctx, name, OpenOptions{})
}

// openBlob returns the model of an entry whose published file is in the cache, or whose stand-in
// is to be used. The options name no other weights.
func (z *Zoo) openBlob(ctx context.Context, entry *registry.Entry, src store.Blob, o OpenOptions) (*Model, error) {
	if src.StandIn {
		return z.openUnconverted(ctx, entry, src, o)
	}
	converted, err := z.converted(ctx, entry, src)
	if errors.Is(err, store.ErrReadOnly) {
		// A cache that somebody else filled: the published file will do.
		return z.openUnconverted(ctx, entry, src, o)
	}
	if err != nil {
		return nil, err
	}
	checkpoint, err := converter.Open(converted.Path)
	if err != nil {
		return nil, err
	}
	return z.model(entry, checkpoint, o, "", golden.FromFile(src.Digest))
}

// openUnconverted returns the model of an entry's file as it is.
func (z *Zoo) openUnconverted(ctx context.Context, entry *registry.Entry, src store.Blob, o OpenOptions) (*Model, error) {
	checkpoint, err := z.openSource(ctx, entry, src)
	if err != nil {
		return nil, err
	}
	recipe := entry.Weights.Recipe
	if src.StandIn {
		recipe = "" // its names are not the published file's
	}
	return z.model(entry, checkpoint, o, recipe, golden.FromFile(src.Digest))
}

// OpenOptions says where the weights of a model come from, and what is otherwise than its row says.
type OpenOptions struct {
	// File is a checkpoint, of any container that package converter reads, in place of the
	// published file.
	File string
	// Weights says which tensors of the file are the network's, where it holds several
	// networks: see converter.Checkpoint.Select.
	Weights string
	// Network is what the file's own project calls the network that it holds, such as
	// "tf_efficientnet_b0", where it does not say and another has the same tensors: see
	// converter.Target.
	Network string
	// Input is the preprocessing in place of the row's; nil for that.
	Input *vision.Pipeline
	// Classes names the classes in label order, in place of the names that the row or the file
	// gives; nil for those.
	Classes []string
}

// OpenWith is Open with weights from elsewhere. Where the file has several networks and the
// key is empty, the choice is that of converter.Target.FitFile. Close it after use.
func (z *Zoo) OpenWith(ctx context.Context, name string, o OpenOptions) (*Model, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	if o.File != "" {
		return z.openFile(entry, o)
	}
	if o.Weights == "" && o.Network == "" {
		var m *Model
		err = z.withSource(ctx, entry, z.weightOptions(entry.Name), func(src store.Blob) (err error) {
			m, err = z.openBlob(ctx, entry, src, o)
			return err
		})
		return m, err
	}
	src, err := z.fetchAs(ctx, entry, z.weightOptions(entry.Name))
	if err != nil {
		return nil, err
	}
	return z.openUnconverted(ctx, entry, src, o)
}

// OpenFile returns the named model with the weights of a checkpoint file, of any
// container that the package converter reads. The checkpoint may be fine-tuned to
// another number of classes. Close it after use.
func (z *Zoo) OpenFile(name, path string) (*Model, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	return z.openFile(entry, OpenOptions{File: path})
}

// openFile returns the model of an entry with the weights of a file.
func (z *Zoo) openFile(entry *registry.Entry, o OpenOptions) (*Model, error) {
	checkpoint, err := converter.Open(o.File)
	if err != nil {
		return nil, err
	}
	return z.model(entry, checkpoint, o, "", golden.Weights{})
}

// model makes a model of a checkpoint, which is closed with the model, or with an error. An
// empty recipe lets the checkpoint's names decide. Zero weights are known by the digest of
// the file.
func (z *Zoo) model(entry *registry.Entry, checkpoint *converter.Checkpoint, open OpenOptions, recipe string, weights golden.Weights) (*Model, error) {
	z.trace("open " + entry.Name)
	fitted, err := fit(entry, checkpoint, open.Weights, recipe, open.Network)
	if err == nil {
		o := z.modelOptions(entry, weights)
		// Where a checkpoint has names of its own, those of published lists are not its, and what
		// the row says of its own file is not said of one that is given in its place.
		if len(checkpoint.Classes) == 0 || open.File == "" && len(entry.ClassNames) == fitted.Classes {
			o.Classes = labels(entry, fitted.Classes)
		}
		if open.Input != nil {
			o.Pipeline = *open.Input
		}
		if open.Classes != nil {
			o.Classes = open.Classes
		}
		if open.Classes != nil && len(open.Classes) != fitted.Classes {
			checkpoint.Close()
			return nil, option.Errorf("Classes", "zoo: %s: %d class names, but the classifier has %d rows: name each", entry.Name, len(open.Classes), fitted.Classes)
		}
		var m *Model
		if m, err = model.FromCheckpoint(checkpoint, fitted, o); err == nil {
			return m, nil
		}
	}
	checkpoint.Close()
	return nil, err
}

// modelOptions returns the options of an entry's models.
func (z *Zoo) modelOptions(entry *registry.Entry, weights golden.Weights) model.Options {
	return model.Options{
		Name: entry.Name, Pipeline: entry.Input, MaxPixels: z.config.MaxPixels, Budget: z.pixels, Weights: weights, Notice: z.notice,
		Compute: z.compute(z.config.Precision),
	}
}

// compute returns how models are computed at a precision.
func (z *Zoo) compute(p Precision) model.Compute {
	return model.Compute{Precision: p, Threads: z.config.Threads, Concurrency: z.config.Concurrency}
}

// labels returns the names of a network's classes where the registry names them.
func labels(entry *registry.Entry, classes int) []string {
	switch {
	case classes != entry.Classes:
		return nil
	case entry.Labels == registry.LabelsImageNet:
		return imagenet.Names()
	}
	return entry.ClassNames
}

// fit renames and binds the tensors of a checkpoint that a key takes to an entry's network. An
// empty recipe lets the checkpoint's names decide.
func fit(entry *registry.Entry, checkpoint *converter.Checkpoint, weights, recipe, network string) (*converter.Fitted, error) {
	target, err := model.Target(entry.Arch, entry.Classes)
	if err != nil {
		return nil, fmt.Errorf("zoo: entry %q: %w", entry.Name, err)
	}
	target.Recipe, target.Network = recipe, network
	return model.Fit(checkpoint, target, weights, entry.Name)
}

// Graph returns one form of the named model's network, with its published number of
// classes. It needs no weights. The error is backbone.ErrNoDeploy where there is no such
// form.
func (z *Zoo) Graph(name string, form nn.Form) (*nn.Graph, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return nil, err
	}
	return graph(entry, form, entry.Classes)
}

// graph returns one form of an entry's network, with any number of classes.
func graph(entry *registry.Entry, form nn.Form, classes int) (*nn.Graph, error) {
	family, err := backbone.ByName(entry.Family)
	if err != nil {
		return nil, fmt.Errorf("zoo: entry %q: %w", entry.Name, err)
	}
	g, err := family.Build(entry.Arch, form, classes)
	if err != nil {
		return nil, fmt.Errorf("zoo: entry %q: %w", entry.Name, err)
	}
	return g, nil
}

// Preprocessing returns the named model's test-time preprocessing.
func (z *Zoo) Preprocessing(name string) (vision.Pipeline, error) {
	entry, err := z.lookup(name)
	if err != nil {
		return vision.Pipeline{}, err
	}
	return entry.Input, nil
}

// DecodeOptions returns how image files are decoded for a pipeline, within the bounds of the
// configuration.
func (z *Zoo) DecodeOptions(p vision.Pipeline) vision.DecodeOptions {
	o := p.DecodeOptions()
	o.MaxPixels, o.Budget = cmp.Or(z.config.MaxPixels, model.DefaultMaxPixels), z.pixels
	return o
}
