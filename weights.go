package zoo

import (
	"context"
	"fmt"
	"strings"

	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/registry"
)

// weightSource opens the weights that goldens ask for, each once.
type weightSource struct {
	zoo       *Zoo
	entry     *registry.Entry
	file      OpenOptions // what to use whatever the golden names, where a file is named
	published *Model      // the model of the published weights where that is open already; not closed here

	open map[weightKey]*Model
}

// weightKey tells the weights of goldens apart, and what is computed with them.
type weightKey struct {
	form      nn.Form
	weights   golden.Weights
	framework string // whose slips are computed; empty: the network as it was published
}

// model returns the network with the weights that the golden names, as the golden's framework
// computes it; framework is empty where that is as it was published.
func (w *weightSource) model(ctx context.Context, g *golden.Golden) (m *Model, framework string, err error) {
	key := weightKey{form: g.Form, weights: g.Weights}
	if w.file.File != "" {
		key = weightKey{} // one file for all
	}
	if m, err = w.opened(ctx, key, g); err != nil {
		return nil, "", err
	}
	family, err := backbone.ByName(w.entry.Family)
	if err != nil {
		return nil, "", err
	}
	slipped, ok := family.AsComputedBy(g.Framework, w.entry.Arch, m.Graph())
	if !ok {
		return m, "", nil
	}
	key.framework, _, _ = strings.Cut(g.Framework, ",")
	if _, ok := w.open[key]; !ok {
		o := w.zoo.modelOptions(w.entry, m.Weights())
		o.Classes = m.Classes()
		if w.open[key], err = model.New(slipped, m.Bound().StateDict(), o); err != nil {
			delete(w.open, key)
			return nil, "", err
		}
	}
	return w.open[key], key.framework, nil
}

// opened returns the network as it was published.
func (w *weightSource) opened(ctx context.Context, key weightKey, g *golden.Golden) (*Model, error) {
	if w.open == nil {
		w.open = make(map[weightKey]*Model)
	}
	if w.file.File == "" && w.published != nil && w.published.Weights() == g.Weights {
		return w.published, nil
	}
	if m, ok := w.open[key]; ok {
		return m, nil
	}
	m, err := w.load(ctx, g)
	if err == nil {
		w.open[key] = m
	}
	return m, err
}

func (w *weightSource) load(ctx context.Context, g *golden.Golden) (*Model, error) {
	if w.file.File != "" {
		return w.zoo.OpenWith(ctx, w.entry.Name, w.file)
	}
	if _, ok := g.Weights.Seed(); ok {
		return w.zoo.synthetic(w.entry, g.Form, g.K, g.Weights)
	}
	if t := w.zoo.StandIn(w.entry.Name); t != nil && g.Weights == t.weights() {
		return w.zoo.verifiedStandIn(w.entry, t)
	}
	m, err := w.zoo.OpenWith(ctx, w.entry.Name, w.file)
	if err != nil {
		return nil, err
	}
	if m.Weights() != g.Weights {
		m.Close()
		return nil, &GoldenError{g.Name, fmt.Errorf(
			"the golden is of weights %s, the published ones are %s: name a file with those weights", g.Weights, m.Weights())}
	}
	return m, nil
}

// standIn returns the stand-in whose weights a model has; nil where it has others.
func (w *weightSource) standIn(m *Model) *StandIn {
	if t := w.zoo.StandIn(w.entry.Name); t != nil && m.Weights() == t.weights() {
		return t
	}
	return nil
}

func (w *weightSource) close() {
	for _, m := range w.open {
		m.Close()
	}
}

// synthetic returns one form of an entry's network with synthetic weights: see
// golden.SyntheticState.
func (z *Zoo) synthetic(entry *registry.Entry, form nn.Form, classes int, w golden.Weights) (*Model, error) {
	g, err := graph(entry, form, classes)
	if err != nil {
		return nil, err
	}
	sd, err := golden.SyntheticState(g.Params, w)
	if err != nil {
		return nil, err
	}
	o := z.modelOptions(entry, w)
	o.Classes = labels(entry, classes)
	return model.New(g, sd, o)
}
