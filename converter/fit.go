package converter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
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
	// Recipes rename foreign checkpoints, by the project they come from.
	Recipes map[string]recipe.Recipe
	// Recipe names the one to use. Empty tries the network's own names first and
	// then each recipe, by name.
	Recipe string
}

// A Fitted checkpoint is one whose tensors are exactly what a network wants.
type Fitted struct {
	Bound     *nn.Bound
	Recipe    string          // the recipe that was used; empty for none
	Form      nn.Form         // of the network
	Selection Selection       // which of the file's tensors were taken, and how
	Changes   []recipe.Change // what the recipe made of each name
	Names     []Explained     // what became of each name of the file, beside what the network wants
	Classes   int             // rows of the classifier; 0 where the file has none
}

// A FitError says why a checkpoint does not fit a network, by the recipe and the edits that
// came closest. It wraps an *nn.BindError when names, shapes or dtypes differ.
type FitError struct {
	Recipe    string
	Selection Selection
	Names     []Explained // what became of each name, and what is missing
	Err       error
	Help      string // the one thing to do; empty where none is known
}

// Error returns the cause's message, which recipe was tried, and what helps.
func (e *FitError) Error() string {
	var tried []string
	if e.Selection.Key != "" && len(e.Selection.Others) > 0 {
		tried = append(tried, fmt.Sprintf("weights %q", e.Selection.Key))
	}
	if e.Selection.Prefix != "" {
		tried = append(tried, fmt.Sprintf("without the prefix %q", short(e.Selection.Prefix)))
	}
	if e.Recipe != "" {
		tried = append(tried, fmt.Sprintf("renamed by recipe %q", e.Recipe))
	}
	text := e.Err.Error()
	if len(tried) > 0 {
		text = strings.Join(tried, ", ") + ": " + text
	}
	if e.Help != "" {
		text += "\n  " + e.Help
	}
	return text
}

// Unwrap returns the cause.
func (e *FitError) Unwrap() error { return e.Err }

// Fit renames the tensors of sd until they are exactly those that the target wants: by a
// recipe, and by the edits that FitFile makes within a mapping. The number of classes is
// taken from the classifier's rows, so that a fine-tuned checkpoint fits too. The error is a
// *FitError when the checkpoint does not fit.
func (t Target) Fit(sd *tensor.StateDict) (*Fitted, error) {
	d := newDraft(sd, Selection{})
	if err := d.unwrap(); err != nil {
		return nil, &FitError{Err: fmt.Errorf("converter: %w", err)}
	}
	return t.fitDraft(d)
}

// ways returns how a checkpoint may fit the network, in the order in which they are tried.
func (t Target) ways() []way {
	ways := []way{{recipe: t.Recipe}}
	if t.Recipe == "" {
		for _, name := range slices.Sorted(maps.Keys(t.Recipes)) {
			ways = append(ways, way{recipe: name})
		}
		if t.Deploy != nil {
			ways = append(ways, way{form: nn.Deploy})
		}
	}
	return ways
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

// An attempt is a draft that was renamed in one way, and what became of that.
type attempt struct {
	target  Target
	way     way
	draft   *draft
	renamed *tensor.StateDict
	changes []recipe.Change
	graph   *nn.Graph
	bound   *nn.Bound     // nil unless it fits
	misfit  *nn.BindError // nil where it fits
}

// attempt tries to fit a draft in one way. The error says that this way cannot be tried.
func (t Target) attempt(d *draft, w way) (*attempt, error) {
	r, ok := t.Recipes[w.recipe]
	if !ok && w.recipe != "" {
		return nil, &RecipeError{w.recipe, slices.Sorted(maps.Keys(t.Recipes))}
	}
	renamed, changes, err := r.Apply(d.sd)
	if err != nil {
		return nil, &FitError{Recipe: w.recipe, Selection: d.Selection, Err: err}
	}
	a := &attempt{target: t, way: w, draft: d, renamed: renamed, changes: changes}
	return a, a.bind()
}

// bind compares the tensors with those that the network wants, with as many classes as the
// classifier has rows.
func (a *attempt) bind() error {
	graph := a.target.Graph
	if a.way.form == nn.Deploy {
		graph = a.target.Deploy
	}
	g, err := graph(a.target.Classes)
	if err != nil {
		return err
	}
	if k, ok := classifierRows(g, a.renamed); ok && k != a.target.Classes {
		if g, err = graph(k); err != nil {
			return err
		}
	}
	if a.draft.NoClassifier {
		g = g.WithoutClassifier()
	}
	a.graph = g
	a.bound, err = nn.Bind(g, a.renamed)
	a.misfit = nil
	if err != nil && !errors.As(err, &a.misfit) {
		return err
	}
	return nil
}

// distance is how many tensors keep the attempt from fitting.
func (a *attempt) distance() int {
	if a.misfit == nil {
		return 0
	}
	return len(a.misfit.Missing) + len(a.misfit.Unexpected) + len(a.misfit.Misshapen)
}

// fitted returns the checkpoint of an attempt that fits.
func (a *attempt) fitted() *Fitted {
	return &Fitted{
		Bound: a.bound, Recipe: a.way.recipe, Form: a.way.form, Selection: a.draft.Selection, Changes: a.changes,
		Names: a.explain(), Classes: a.graph.NumClasses(),
	}
}

// refusal returns the error of one that does not.
func (a *attempt) refusal() *FitError {
	return &FitError{Recipe: a.way.recipe, Selection: a.draft.Selection, Names: a.explain(), Err: a.misfit}
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
