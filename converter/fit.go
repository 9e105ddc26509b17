package converter

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gozoo/zoo/converter/recipe"
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
	Deploy  bool            // whether it is of the deploy form
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
	names := []string{t.Recipe}
	if t.Recipe == "" {
		names = append(names, slices.Sorted(maps.Keys(t.Recipes))...)
	}
	var closest error
	least := 0
	if t.Deploy != nil && t.Recipe == "" {
		names = append(names, deployForm)
	}
	for _, name := range names {
		fit, err := t.try(sd, name)
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

// deployForm stands for a recipe: the tensors are those of the deploy form.
const deployForm = "(deploy form)"

// try fits sd by one recipe, or as the deploy form.
func (t Target) try(sd *tensor.StateDict, name string) (*Fitted, error) {
	if name != deployForm {
		return t.fit(sd, name)
	}
	t.Graph = t.Deploy
	fitted, err := t.fit(sd, "")
	if err == nil {
		fitted.Deploy = true
	}
	return fitted, err
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

func (t Target) fit(sd *tensor.StateDict, recipeName string) (*Fitted, error) {
	r, ok := t.Recipes[recipeName]
	if !ok && recipeName != "" {
		return nil, &RecipeError{recipeName, slices.Sorted(maps.Keys(t.Recipes))}
	}
	renamed, changes, err := r.Apply(sd)
	if err != nil {
		return nil, &FitError{Recipe: recipeName, Err: err}
	}
	g, err := t.Graph(t.Classes)
	if err != nil {
		return nil, err
	}
	classes := t.Classes
	if k, ok := classifierRows(g, renamed); ok && k != classes {
		if g, err = t.Graph(k); err != nil {
			return nil, err
		}
		classes = k
	}
	names := explain(sd, changes, g)
	bound, err := nn.Bind(g, renamed)
	if err != nil {
		return nil, &FitError{Recipe: recipeName, Names: names, Err: err}
	}
	return &Fitted{Bound: bound, Recipe: recipeName, Changes: changes, Names: names, Classes: classes}, nil
}

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
