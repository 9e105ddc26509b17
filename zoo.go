// Package zoo does the whole life of a published vision checkpoint: it looks up a
// name in the registry, downloads and caches the file, converts its PyTorch pickle
// without running it, builds the network, and computes with it, in pure Go.
//
//	m, err := zoo.Open(ctx, "cspdarknet50_3rdparty_8xb32_in1k")
//	if err != nil { … }
//	defer m.Close()
//	r, err := m.Predict(ctx, img)
//	fmt.Println(r.Class, r.Name, r.Score)
package zoo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/store"
)

// builtin is the catalogue that every zoo knows.
//
//go:embed zoo.toml
var builtin string

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
// cache → converted file → bound graph. Close it after use. The error is a
// *registry.UnknownError for a name that is not known; see the packages store and
// converter for the others.
func (z *Zoo) Open(ctx context.Context, name string) (*Model, error) {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return nil, err
	}
	src, err := z.download(ctx, entry)
	if err != nil {
		return nil, err
	}
	weights := "sha256:" + src.SHA256
	path, err := z.converted(ctx, entry, src)
	if errors.Is(err, store.ErrReadOnly) {
		// A cache that somebody else filled: the published file will do.
		checkpoint, err := openSource(entry, src)
		if err != nil {
			return nil, err
		}
		return z.openCheckpoint(entry, checkpoint, entry.Weights.Recipe, weights)
	}
	if err != nil {
		return nil, err
	}
	return z.openFile(entry, path, weights)
}

// OpenFile returns the named model with the weights of a checkpoint file, of any
// container that the package converter reads. The checkpoint may be fine-tuned to
// another number of classes. Close it after use.
func (z *Zoo) OpenFile(name, path string) (*Model, error) {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return nil, err
	}
	return z.openFile(entry, path, "")
}

// openFile opens a checkpoint whose weights have a name; empty for that of the file's
// own digest.
func (z *Zoo) openFile(entry *registry.Entry, path, weights string) (*Model, error) {
	checkpoint, err := converter.Open(path)
	if err != nil {
		return nil, err
	}
	return z.openCheckpoint(entry, checkpoint, "", weights)
}

// openCheckpoint makes a model of a checkpoint, which the model closes. An empty
// recipe name lets the checkpoint's names decide; weights are as openFile's.
func (z *Zoo) openCheckpoint(entry *registry.Entry, checkpoint *converter.Checkpoint, recipeName, weights string) (*Model, error) {
	fitted, err := fit(entry, checkpoint, recipeName)
	if err != nil {
		checkpoint.Close()
		return nil, err
	}
	name := func() string { return weights }
	if weights == "" {
		name = func() string { return "sha256:" + checkpoint.SHA256() }
	}
	m, err := z.newModel(entry, fitted, name, checkpoint)
	if err != nil {
		checkpoint.Close()
		return nil, err
	}
	return m, nil
}

// fit renames and binds a checkpoint to an entry's network. An empty recipe name
// lets the checkpoint's names decide.
func fit(entry *registry.Entry, checkpoint *converter.Checkpoint, recipeName string) (*converter.Fitted, error) {
	sd, err := checkpoint.StateDict()
	if err != nil {
		return nil, err
	}
	family, err := backbone.ByName(entry.Family)
	if err != nil {
		return nil, fmt.Errorf("zoo: entry %q: %w", entry.Name, err)
	}
	target := converter.Target{
		Graph:   func(classes int) (*nn.Graph, error) { return family.Graph(entry.Arch, classes) },
		Deploy:  family.Deploy[entry.Arch],
		Classes: entry.Classes,
		Recipes: family.Recipes[entry.Arch],
		Recipe:  recipeName,
	}
	fitted, err := target.Fit(sd)
	if err != nil {
		return nil, &converter.CheckpointError{File: checkpoint.Name, Err: fmt.Errorf("as %s: %w", entry.Name, err)}
	}
	return fitted, nil
}

// Graph returns the named model's network with its published number of classes.
// It needs no weights.
func (z *Zoo) Graph(name string) (*nn.Graph, error) { return z.form(name, "") }

// DeployGraph is Graph for the form in which single convolutions stand for sums of
// branches. The error is backbone.ErrNoDeploy where there is none.
func (z *Zoo) DeployGraph(name string) (*nn.Graph, error) { return z.form(name, registry.FormDeploy) }

func (z *Zoo) form(name, form string) (*nn.Graph, error) {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return nil, err
	}
	return graph(entry, form, entry.Classes)
}

// graph returns one form of an entry's network, with any number of classes.
func graph(entry *registry.Entry, form string, classes int) (*nn.Graph, error) {
	family, err := backbone.ByName(entry.Family)
	if err != nil {
		return nil, fmt.Errorf("zoo: entry %q: %w", entry.Name, err)
	}
	build := family.Graph
	if form == registry.FormDeploy {
		build = family.DeployGraph
	}
	g, err := build(entry.Arch, classes)
	if err != nil {
		return nil, fmt.Errorf("zoo: entry %q: %w", entry.Name, err)
	}
	return g, nil
}
