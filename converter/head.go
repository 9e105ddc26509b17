package converter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/tensor"
)

// headWords are what classifiers are called in files: as the first element of their names,
// or as the second behind one of them.
var headWords = words(`head heads fc classifier cls cls_head last_linear linear lin logits output out final top fc_cls last`)

// projections are the first elements of names of what self-supervised training has behind the
// features.
var projections = words(`proj projector projection projection_head proj_head prototypes predictor contrast contrast_head mlp mlp_head`)

// trainingWords are the first elements of names of what only training uses, beside those that
// begin and end as ofTrainingOnly says.
var trainingWords = words(`criterion criterions loss losses loss_fn loss_func loss_function metric metrics acc accuracy
	queue queue_ptr queue_labels encoder_k projector projection_head prototypes predictor`)

func words(text string) map[string]bool {
	m := map[string]bool{}
	for _, word := range strings.Fields(text) {
		m[word] = true
	}
	return m
}

func first(name string) string {
	element, _, _ := strings.Cut(name, ".")
	return element
}

// ofTrainingOnly reports whether a tensor is of a loss, of a metric, or of what contrastive
// training compares with.
func ofTrainingOnly(name string) bool {
	part := first(name)
	for _, begin := range []string{"train_", "val_", "valid_", "validation_", "test_", "momentum_"} {
		if strings.HasPrefix(part, begin) {
			return true
		}
	}
	for _, end := range []string{"_loss", "_acc", "_accuracy", "_metric", "_metrics", "_auroc", "_f1", "_confmat"} {
		if strings.HasSuffix(part, end) {
			return true
		}
	}
	return trainingWords[part]
}

// behindFeatures reports whether a tensor is of what lies behind the features of a network: a
// classifier, or what self-supervised training has in its place.
func behindFeatures(name string) bool { return headWords[first(name)] || projections[first(name)] }

// isHeadPath reports whether a layer of a path can be a classifier: one that is called so, or
// the last of a Sequential whose others, such as Dropout, have no tensors.
func isHeadPath(path string) bool {
	parts := strings.Split(path, ".")
	if !headWords[parts[0]] {
		return false
	}
	parts = parts[1:]
	if len(parts) > 0 && headWords[parts[0]] {
		parts = parts[1:]
	}
	return all(parts, isNumber)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// contrastive are the elements of names that only networks of contrastive training have:
// there a first layer of a Sequential is one of a projection.
var contrastive = []string{"queue", "queue_ptr", "encoder_k", "encoder_q", "predictor", "projector", "momentum_encoder", "prototypes"}

// unexpected returns the names, before the recipe, of the tensors that the network does not
// want.
func (a *attempt) unexpected() []string {
	var out []string
	for _, c := range a.changes {
		if c.To != "" && slices.Contains(a.misfit.Unexpected, c.To) {
			out = append(out, c.From)
		}
	}
	return out
}

// whole returns the attempt where it fits, or would without tensors that only training uses.
func (a *attempt) whole() *attempt {
	if a.misfit == nil {
		return a
	}
	if len(a.misfit.Missing)+len(a.misfit.Misshapen) > 0 || !all(a.unexpected(), ofTrainingOnly) {
		return nil
	}
	return a.repaired(a.unexpected(), func(*attempt) {})
}

// lacksHead reports whether nothing but the classifier, or a part of it, keeps the attempt
// from fitting: nothing is left over but what lies behind the features.
func (a *attempt) lacksHead() bool {
	if a.misfit == nil || len(a.misfit.Missing) == 0 || len(a.misfit.Misshapen) > 0 {
		return false
	}
	head := a.headParams()
	return all(a.misfit.Missing, func(name string) bool { return slices.Contains(head, name) }) &&
		all(a.unexpected(), func(name string) bool { return behindFeatures(name) || ofTrainingOnly(name) })
}

// headParams returns the names of the tensors that what lies behind the features wants: the
// classifier's weight and bias, as a rule.
func (a *attempt) headParams() []string {
	behind := a.graph.BehindFeatures()
	var names []string
	for _, node := range a.graph.Nodes {
		for _, i := range node.Params {
			if p := a.graph.Params[i]; behind[node.Out] && !p.Optional {
				names = append(names, p.Name)
			}
		}
	}
	return names
}

// biases returns the names of the classifiers' weights by those of their biases.
func (a *attempt) biases() map[string]string {
	weights := map[string]string{}
	for _, node := range a.graph.Classifiers() {
		if len(node.Params) == 2 {
			weights[a.graph.Params[node.Params[1]].Name] = a.graph.Params[node.Params[0]].Name
		}
	}
	return weights
}

// headless returns the attempt as a network without a classifier, where the file lacks
// exactly that.
func (a *attempt) headless() *attempt {
	if !a.lacksHead() || len(a.misfit.Missing) < len(a.headParams()) {
		return nil
	}
	return a.repaired(a.unexpected(), func(a *attempt) { a.draft.NoClassifier = true })
}

// withHead returns the attempt with the classifier that the file has elsewhere, or without
// biases. Where the network has several classifiers nothing tells which of them another is.
func (a *attempt) withHead() *attempt {
	if !a.lacksHead() {
		return nil
	}
	params, weights := a.headParams(), a.biases()
	if len(a.misfit.Missing) < len(params) {
		if !all(a.misfit.Missing, func(name string) bool { return weights[name] != "" }) || !all(a.unexpected(), ofTrainingOnly) {
			return nil
		}
		return a.repaired(a.unexpected(), func(a *attempt) {
			for _, bias := range a.misfit.Missing {
				a.zeroBias(weights[bias], bias)
			}
		})
	}
	if len(params) != 2 || len(weights) != 1 {
		return nil
	}
	head, ok := a.findHead()
	if !ok {
		return nil
	}
	return a.repaired(a.unexpected(), func(a *attempt) {
		a.draft.Head = head.path
		a.take(params[0], head.weight)
		if head.bias != nil {
			a.take(params[1], *head.bias)
		} else {
			a.zeroBias(params[0], params[1])
		}
	})
}

// A linearHead is what a file has for a classifier.
type linearHead struct {
	path   string // before the recipe
	weight leftOut
	bias   *leftOut // nil for none
}

// findHead returns the one linear layer of the file that can be the classifier: among what
// lies behind the features, else beside the network.
func (a *attempt) findHead() (linearHead, bool) {
	var inside, beside []leftOut
	for _, name := range a.unexpected() {
		t, _ := a.draft.sd.Lookup(name)
		if !ofTrainingOnly(name) {
			inside = append(inside, leftOut{name, a.draft.origin(name), t})
		}
	}
	for _, l := range a.draft.left[a.draft.given:] {
		if !ofTrainingOnly(l.name) && headWords[first(l.name)] {
			beside = append(beside, l)
		}
	}
	if len(inside) > 0 {
		return a.onlyLinear(inside)
	}
	return a.onlyLinear(beside)
}

// onlyLinear returns the linear layer that tensors are, where they are one whose columns are
// the network's features.
func (a *attempt) onlyLinear(tensors []leftOut) (linearHead, bool) {
	var h linearHead
	features := a.graph.Params[a.graph.Classifiers()[0].Params[0]].Shape[1]
	for i, l := range tensors {
		path, part, ok := cutLast(l.name)
		s := l.t.Shape()
		switch {
		case !ok || h.path != "" && h.path != path || !isHeadPath(path):
			return h, false
		case part == "weight" && len(s) == 2 && s[1] == features && s[0] > 0:
			h.path, h.weight = path, l
		case part == "bias" && len(s) == 1:
			h.path, h.bias = path, &tensors[i]
		default:
			return h, false
		}
	}
	if h.weight.name == "" {
		return h, false
	}
	if strings.HasSuffix(h.path, ".0") && (h.weight.t.Shape()[0] == features || a.isContrastive()) {
		return h, false // the first layer of a projection
	}
	return h, true
}

// isContrastive reports whether the file is of contrastive training.
func (a *attempt) isContrastive() bool {
	is := func(name string) bool {
		return slices.ContainsFunc(strings.Split(name, "."), func(part string) bool { return slices.Contains(contrastive, part) })
	}
	return is(a.draft.Prefix) || slices.ContainsFunc(a.draft.sd.Names(), is) ||
		slices.ContainsFunc(a.draft.left, func(l leftOut) bool { return is(l.name) })
}

// cutLast splits a name at its last dot.
func cutLast(name string) (before, last string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

// repaired returns a copy of the attempt without the tensors of some names, changed further;
// nil where it does not fit then.
func (a *attempt) repaired(leave []string, change func(*attempt)) *attempt {
	out := *a
	sd := new(tensor.StateDict)
	out.draft = a.draft.copy(sd)
	for name, t := range a.draft.sd.All() {
		if slices.Contains(leave, name) {
			out.draft.leave(name, a.draft.origin(name), t)
		} else {
			mustAdd(sd, name, t)
		}
	}
	out.renamed, out.changes = new(tensor.StateDict), nil
	for _, c := range a.changes {
		if slices.Contains(leave, c.From) {
			continue
		}
		out.changes = append(out.changes, c)
		if c.To != "" {
			t, _ := a.renamed.Lookup(c.To)
			mustAdd(out.renamed, c.To, t)
		}
	}
	change(&out)
	if err := out.bind(); err != nil || out.misfit != nil {
		return nil
	}
	return &out
}

// take gives a tensor that was left out the name that the network wants.
func (a *attempt) take(want string, l leftOut) {
	d := a.draft
	d.left = slices.DeleteFunc(d.left, func(other leftOut) bool { return other.name == l.name })
	d.LeftOut = slices.DeleteFunc(d.LeftOut, func(file string) bool { return slices.Contains(l.file, file) })
	name := "beside: " + l.name // which no name within the network is
	mustAdd(d.sd, name, l.t)
	d.file[name] = l.file
	a.changes = append(a.changes, recipe.Change{From: name, To: want})
	mustAdd(a.renamed, want, l.t)
}

// zeroBias gives a classifier the bias that computes as none.
func (a *attempt) zeroBias(of, name string) {
	weight, _ := a.renamed.Lookup(of)
	shape := tensor.Shape{weight.Shape()[0]}
	size, err := shape.Bytes(weight.DType())
	if err != nil {
		return // as binding will say
	}
	bias, err := tensor.New(weight.DType(), shape, make([]byte, size))
	if err != nil {
		return
	}
	a.draft.ZeroBias = true
	mustAdd(a.renamed, name, bias)
}

// mustAdd adds a tensor under a name that is not there yet.
func mustAdd(sd *tensor.StateDict, name string, t tensor.Tensor) {
	if err := sd.Add(name, t); err != nil {
		panic(fmt.Sprintf("converter: %v", err))
	}
}

// all reports whether every member of s is so.
func all[T any](s []T, is func(T) bool) bool {
	return !slices.ContainsFunc(s, func(v T) bool { return !is(v) })
}
