package converter

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// A Target is the network that a checkpoint is to fit.
type Target struct {
	// Graph makes the network for a number of classes.
	Graph func(classes int) (*nn.Graph, error)
	// Deploy makes the form that the network's branches are fused to; nil where there
	// is none. A checkpoint that has its names is of that form.
	Deploy func(classes int) (*nn.Graph, error)
	// Classes is the number of classes of the published network.
	Classes int
	// Sources are the projects whose checkpoints of the network are known, by name.
	Sources map[string]recipe.Source
	// Recipe names the source whose names the checkpoint has, as "timm", or the source and
	// the Network, as "timm/resnet50". Empty tries the network's own names first and then
	// each source, by name.
	Recipe string
	// Network is what the checkpoint's project calls the network that it holds, as "resnet50"
	// or "timm/resnet50", where that is known. Else File tells, if it is there.
	Network string
	// File is the checkpoint that the state dict is of: what it says of its network counts.
	File *Checkpoint
	// Renamed holds what networks with names that their project gave up are called now.
	Renamed map[string]string
}

// A Fitted checkpoint is one whose tensors are exactly what a network wants.
type Fitted struct {
	Bound   *nn.Bound
	Recipe  string          // the recipe that was used; empty for none
	Network string          // what the checkpoint's project calls the network; empty where it is not known
	Notice  string          // what was taken for granted, to be told in a line; empty for nothing
	Form    nn.Form         // of the network
	Changes []recipe.Change // what became of each name of the file
	Names   []Explained     // the same, beside what the network wants
	Classes int             // rows of the classifier
}

// A FitError says why a checkpoint does not fit a network, by the recipe that came
// closest. It wraps an *nn.BindError when names, shapes or dtypes differ.
type FitError struct {
	Recipe string
	Names  []Explained // what became of each name, and what is missing
	Err    error
}

// Error returns the cause's message, and which recipe was tried.
func (e *FitError) Error() string {
	if e.Recipe == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("renamed by recipe %q: %v", e.Recipe, e.Err)
}

// Unwrap returns the cause.
func (e *FitError) Unwrap() error { return e.Err }

// Fit renames the tensors of sd until they are exactly those that the target
// wants. The number of classes is taken from the classifier's rows, so that a
// fine-tuned checkpoint fits too. The error is a *FitError when the checkpoint does
// not fit, and a *NetworkError when it fits and may be of another network all the same.
func (t Target) Fit(sd *tensor.StateDict) (*Fitted, error) {
	if project, network, ok := strings.Cut(t.Recipe, "/"); ok {
		t.Recipe, t.Network = project, network
	}
	ways := []way{{recipe: t.Recipe}}
	if t.Recipe == "" {
		for _, name := range sources(t.Sources) {
			ways = append(ways, way{recipe: name})
		}
		if t.Deploy != nil {
			ways = append(ways, way{form: nn.Deploy})
		}
	}
	var closest error
	var fits []*Fitted
	least := 0
	for _, w := range ways {
		fit, err := t.fit(sd, w)
		if err == nil && w.recipe == "" {
			return fit, nil
		}
		if err == nil {
			fits = append(fits, fit)
			continue
		}
		distance := sd.Len()
		var bind *nn.BindError
		if errors.As(err, &bind) {
			distance = len(bind.Missing) + len(bind.Unexpected) + len(bind.Misshapen)
		}
		if closest == nil || distance < least {
			closest, least = err, distance
		}
	}
	if len(fits) == 0 {
		return nil, closest
	}
	fit, notice, err := t.choose(fits)
	if err != nil {
		return nil, err
	}
	fit.Notice = notice
	return fit, nil
}

// A way is how a checkpoint may fit a network: by one of its recipes, or as a form of it.
type way struct {
	recipe string // empty: under the network's own names
	form   nn.Form
}

// A RecipeError says that a network has no recipe of a name.
type RecipeError struct {
	Name  string
	Known []string // sorted
}

// Error names the recipes that there are.
func (e *RecipeError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("converter: no recipe %q: this network has none", e.Name)
	}
	return fmt.Sprintf("converter: no recipe %q: known are %q", e.Name, e.Known)
}

// fit fits sd in one way.
func (t Target) fit(sd *tensor.StateDict, w way) (*Fitted, error) {
	graph := t.Graph
	if w.form == nn.Deploy {
		graph = t.Deploy
	}
	source, ok := t.Sources[w.recipe]
	if !ok && w.recipe != "" {
		return nil, &RecipeError{w.recipe, sources(t.Sources)}
	}
	renamed, changes, err := source.Recipe.Apply(sd)
	if err != nil {
		return nil, &FitError{Recipe: w.recipe, Err: err}
	}
	g, err := graph(t.Classes)
	if err != nil {
		return nil, err
	}
	classes := t.Classes
	if k, ok := classifierRows(g, renamed); ok && k != classes {
		if g, err = graph(k); err != nil {
			return nil, err
		}
		classes = k
	}
	names := explain(sd, changes, g)
	bound, err := nn.Bind(g, renamed)
	if err != nil {
		return nil, &FitError{Recipe: w.recipe, Names: names, Err: err}
	}
	return &Fitted{Bound: bound, Recipe: w.recipe, Form: w.form, Changes: changes, Names: names, Classes: classes}, nil
}

// Is reports whether target is the class of errors that options are to blame for.
func (e *RecipeError) Is(target error) bool { return target == option.Err }

// classifierRows returns the rows of the classifier's weight in sd, when it is
// there and has the columns that the graph wants.
func classifierRows(g *nn.Graph, sd *tensor.StateDict) (int, bool) {
	node, ok := g.Classifier()
	if !ok {
		return 0, false
	}
	want := g.Params[node.Params[0]]
	w, ok := sd.Lookup(want.Name)
	if !ok || len(w.Shape()) != 2 || w.Shape()[0] < 1 || w.Shape()[1] != want.Shape[1] {
		return 0, false
	}
	return w.Shape()[0], true
}
