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
	Bound     *nn.Bound
	Recipe    string          // the recipe that was used; empty for none
	Network   string          // what the checkpoint's project calls the network; empty where it is not known
	Assumed   string          // what was taken for granted of that, in a line; empty for nothing
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

// Notices returns, in a line each, what somebody who named the file may want to know.
func (f *Fitted) Notices(file string) []string {
	out := f.Selection.Notices(file)
	if f.Assumed != "" {
		out = append(out, file+": "+f.Assumed)
	}
	return out
}

// Fit renames the tensors of sd until they are exactly those that the target wants: by a
// recipe, and by the edits that FitFile makes within a mapping. The number of classes is
// taken from the classifier's rows, so that a fine-tuned checkpoint fits too. The error is a
// *FitError when the checkpoint does not fit, and a *NetworkError when it fits and may be of
// another network all the same.
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
		for _, name := range sources(t.Sources) {
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
	network string        // what the checkpoint's project calls the network; empty until that is known
	assumed string        // of that, in a line
}

// attempt tries to fit a draft in one way. The error says that this way cannot be tried.
func (t Target) attempt(d *draft, w way) (*attempt, error) {
	source, ok := t.Sources[w.recipe]
	if !ok && w.recipe != "" {
		return nil, &RecipeError{w.recipe, sources(t.Sources)}
	}
	var r recipe.Recipe // none keeps the names
	if ok {
		r = source.Recipe()
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
		Bound: a.bound, Recipe: a.way.recipe, Network: a.network, Assumed: a.assumed, Form: a.way.form, Selection: a.draft.Selection, Changes: a.changes,
		Names: a.explain(), Classes: a.graph.NumClasses(),
	}
}

// refusal returns the error of one that does not.
func (a *attempt) refusal() *FitError {
	return &FitError{Recipe: a.way.recipe, Selection: a.draft.Selection, Names: a.explain(), Err: a.misfit}
}

// Is reports whether target is the class of errors that options are to blame for.
func (e *RecipeError) Is(target error) bool { return target == option.Err }

// classifierRows returns the rows of the first classifier whose weight is in sd and has the
// columns that the graph wants. Where the others have another number of rows, binding says so.
func classifierRows(g *nn.Graph, sd *tensor.StateDict) (int, bool) {
	for _, node := range g.Classifiers() {
		want := g.Params[node.Params[0]]
		w, ok := sd.Lookup(want.Name)
		if ok && len(w.Shape()) == 2 && w.Shape()[0] >= 1 && w.Shape()[1] == want.Shape[1] {
			return w.Shape()[0], true
		}
	}
	return 0, false
}
