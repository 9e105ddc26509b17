package converter

import (
	"errors"
	"fmt"
	"maps"
	"slices"

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
	// Recipes rename foreign checkpoints, by the project they come from.
	Recipes map[string]recipe.Recipe
	// Recipe names the one to use. Empty tries the network's own names first and
	// then each recipe, by name.
	Recipe string
}

// A Fitted checkpoint is one whose tensors are exactly what a network wants.
type Fitted struct {
	Bound   *nn.Bound
	Recipe  string          // the recipe that was used; empty for none
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
// not fit.
func (t Target) Fit(sd *tensor.StateDict) (*Fitted, error) {
	ways := []way{{recipe: t.Recipe}}
	if t.Recipe == "" {
		for _, name := range slices.Sorted(maps.Keys(t.Recipes)) {
			ways = append(ways, way{recipe: name})
		}
		if t.Deploy != nil {
			ways = append(ways, way{form: nn.Deploy})
		}
	}
	var closest error
	least := 0
	for _, w := range ways {
		fit, err := t.fit(sd, w)
		if err == nil {
			return fit, nil
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
	return nil, closest
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
	r, ok := t.Recipes[w.recipe]
	if !ok && w.recipe != "" {
		return nil, &RecipeError{w.recipe, slices.Sorted(maps.Keys(t.Recipes))}
	}
	renamed, changes, err := r.Apply(sd)
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
