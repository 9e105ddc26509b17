package converter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/nn"
)

// FitFile finds the tensors of a checkpoint that are exactly those that the target wants.
// Weights is a key as Checkpoint.Select takes it; with an empty one the mapping is chosen by
// the order of its keys, and where no such key is there, the only mapping that fits.
//
// Where the tensors do not fit under their own names or by a recipe, edits are tried, and
// only what then fits exactly is taken: wrappers within names, a prefix that all names of the
// network have, masks of pruning, buffers that average others, a classifier in another place,
// positions of another square grid, which are resized, and no classifier at all, which leaves a
// network that has features and no classes. Selection says what was done.
func (t Target) FitFile(c *Checkpoint, weights string) (*Fitted, error) {
	t.File = c
	fitted, first := t.fitKey(c, weights)
	if first == nil || weights != "" {
		return fitted, first
	}
	var misfit *FitError
	if !errors.As(first, &misfit) && !errors.As(first, new(*CheckpointError)) {
		return nil, first
	}
	known := misfit != nil && knownKey(misfit.Selection.Key)
	var fits []*Fitted
	for _, m := range c.mappings() {
		if m.Key == "" || misfit != nil && m.Key == misfit.Selection.Key {
			continue
		}
		if fitted, err := t.fitKey(c, m.Key); err == nil {
			fits = append(fits, fitted)
		}
	}
	switch {
	case len(fits) == 0:
		return nil, first
	case len(fits) == 1 && !known:
		return fits[0], nil
	}
	var keys []string
	for _, f := range fits {
		keys = append(keys, "--weights "+quoteFlag(f.Selection.key()))
	}
	help := "what fits is elsewhere in the file: " + strings.Join(keys, ", ")
	if misfit == nil {
		return nil, &FitError{Err: first, Help: help}
	}
	misfit.Help = help
	return nil, first
}

// fitKey fits what one key of a checkpoint takes.
func (t Target) fitKey(c *Checkpoint, key string) (*Fitted, error) {
	d, err := c.draft(key)
	if err != nil {
		return nil, err
	}
	return t.fitDraft(d)
}

// knownKey reports whether a mapping was chosen by its key.
func knownKey(key string) bool {
	return slices.Contains(pth.StateDictKeys(), key[strings.LastIndexByte(key, '/')+1:])
}

// fitDraft fits the tensors of a draft, edited as little as that takes.
func (t Target) fitDraft(d *draft) (*Fitted, error) {
	if project, network, ok := strings.Cut(t.Recipe, "/"); ok {
		t.Recipe, t.Network = project, network
	}
	s := search{target: t}
	if err := s.try(d); err != nil {
		return nil, err
	}
	if len(s.attempts) == 0 {
		return nil, s.refused
	}
	// Most files fit as they are, and need no looking for prefixes.
	if fit, err := s.fitting(s.attempts, func(a *attempt) *attempt { return a }); err != nil {
		return nil, err
	} else if fit != nil {
		return fit.fitted(), nil
	}
	cleaned, err := d.cleaned()
	if err != nil {
		return nil, &FitError{Selection: d.Selection, Err: fmt.Errorf("converter: %w", err)}
	}
	if cleaned != d {
		if err := s.try(cleaned); err != nil {
			return nil, err
		}
	}
	for _, prefix := range cleaned.prefixes(t.least()) {
		if below, ok := cleaned.below(prefix); ok {
			if err := s.try(below); err != nil {
				return nil, err
			}
		}
	}
	for _, first := range []func(*attempt) *attempt{(*attempt).asItIs, (*attempt).resized} {
		for _, repair := range []func(*attempt) *attempt{(*attempt).whole, (*attempt).withHead, (*attempt).headless} {
			if fit, err := s.choose(d, func(a *attempt) *attempt { return repair(first(a)) }); fit != nil || err != nil {
				return fit, err
			}
		}
	}
	return nil, s.refusal(cleaned)
}

// least returns how many tensors the network wants at least, in either form.
func (t Target) least() int {
	least := 0
	for _, graph := range []func(classes int) (*nn.Graph, error){t.Graph, t.Deploy} {
		if graph == nil {
			continue
		}
		g, err := graph(t.Classes)
		if err != nil {
			continue // as trying to fit it will say
		}
		n := 0
		for _, p := range g.WithoutClassifier().Params {
			if !p.Optional {
				n++
			}
		}
		if least == 0 || n < least {
			least = n
		}
	}
	return least
}

// prefixes returns what at least n names begin with, up to a dot: shorter ones first.
func (d *draft) prefixes(n int) []string {
	count := map[string]int{}
	for _, name := range d.sd.Names() {
		for i := range len(name) {
			if name[i] == '.' {
				count[name[:i]]++
			}
		}
	}
	var out []string
	for _, prefix := range sortedKeys(count) {
		if count[prefix] >= max(n, 1) {
			out = append(out, prefix)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(a) - len(b) })
	return out[:min(len(out), 16)]
}

// A search holds the attempts to fit a file: those of one draft follow each other.
type search struct {
	target   Target
	attempts []*attempt
	refused  error // of the first way that could not be tried
}

// try attempts to fit a draft in every way. The error is one that ends the search.
func (s *search) try(d *draft) error {
	for _, w := range s.target.ways() {
		a, err := s.target.attempt(d, w)
		if errors.As(err, new(*FitError)) {
			if s.refused == nil {
				s.refused = err
			}
			continue
		}
		if err != nil {
			return err
		}
		s.attempts = append(s.attempts, a)
	}
	return nil
}

// fitting returns the attempt that fits when repaired, among those of one draft; nil where
// none does. The network's own names need no proof; of recipes the one whose network the file
// holds is taken, and where that is another one the error says so.
func (s *search) fitting(attempts []*attempt, repair func(*attempt) *attempt) (*attempt, error) {
	var fits []*attempt
	for _, a := range attempts {
		repaired := repair(a)
		switch {
		case repaired == nil || repaired.misfit != nil:
		case a.way.recipe == "":
			return repaired, nil
		default:
			fits = append(fits, repaired)
		}
	}
	if len(fits) == 0 {
		return nil, nil
	}
	return s.target.identify(fits)
}

// closest returns the attempt with the least that keeps it from fitting. One without a prefix
// that has to be far closer to be the one that is told of.
func (s *search) closest() *attempt {
	distance := func(a *attempt) int {
		if a.draft.Prefix != s.attempts[0].draft.Prefix {
			return 2 * a.distance()
		}
		return a.distance()
	}
	return slices.MinFunc(s.attempts, func(a, b *attempt) int { return distance(a) - distance(b) })
}

// averages are the prefixes of which the first that fits is taken where several do: an
// average before what it is of, and the encoder that MoCo trains before the one that follows.
var averages = []string{"ema_model", "model_ema", "ema", "averaged_model", "swa_model", "teacher", "encoder_q"}

// choose returns the checkpoint of the attempt that fits when repaired. Where tensors below
// several prefixes do, one has to be an average.
func (s *search) choose(d *draft, repair func(*attempt) *attempt) (*Fitted, error) {
	var fits []*attempt // one for each prefix, none inside another
	for rest := s.attempts; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].draft == rest[0].draft {
			n++
		}
		same := rest[:n]
		rest = rest[n:]
		if slices.ContainsFunc(fits, func(b *attempt) bool { return strings.HasPrefix(same[0].draft.Prefix, b.draft.Prefix) }) {
			continue
		}
		fit, err := s.fitting(same, repair)
		if err != nil {
			return nil, err
		}
		if fit != nil {
			fits = append(fits, fit)
		}
	}
	if len(fits) == 0 {
		return nil, nil
	}
	chosen := fits[0]
	if len(fits) > 1 {
		if chosen = preferred(fits); chosen == nil {
			return nil, &FitError{Selection: d.Selection, Err: fmt.Errorf("converter: the file holds %d networks that fit", len(fits)),
				Help: "say which: " + strings.Join(keysOf(fits), ", ")}
		}
	}
	for _, other := range fits {
		if other != chosen {
			chosen.draft.Others = append(chosen.draft.Others, Weights{Key: other.draft.Selection.key(), Tensors: other.draft.sd.Len()})
		}
	}
	if linear, ok := chosen.follower(fits); ok {
		return nil, &FitError{Recipe: chosen.way.recipe, Selection: chosen.draft.Selection, Names: chosen.explain(),
			Err:  fmt.Errorf("converter: the network fits, but %s lies beside it, and may follow it", linear),
			Help: fmt.Sprintf("--weights %s takes the network alone", quoteFlag(chosen.draft.key()))}
	}
	return chosen.fitted(), nil
}

// preferred returns the first by averages; nil where none is one.
func preferred(fits []*attempt) *attempt {
	for _, name := range averages {
		for _, a := range fits {
			if a.draft.lastOfPrefix() == name {
				return a
			}
		}
	}
	return nil
}

func keysOf(fits []*attempt) []string {
	var keys []string
	for _, a := range fits {
		keys = append(keys, "--weights "+quoteFlag(a.draft.key()))
	}
	return keys
}

// lastOfPrefix returns the last element of the prefix.
func (d *draft) lastOfPrefix() string {
	prefix := strings.TrimRight(d.Prefix, "./")
	return prefix[strings.LastIndexAny(prefix, "./")+1:]
}

// follower returns a description of a linear layer beside the network that takes its features
// or its logits, and belongs to none of the networks that fit.
func (a *attempt) follower(fits []*attempt) (string, bool) {
	if a.draft.Prefix == "" || a.draft.Head != "" {
		return "", false
	}
	columns := map[int]bool{}
	for _, node := range a.graph.Classifiers() {
		linear := a.graph.Params[node.Params[0]].Shape // (K,F)
		columns[linear[0]], columns[linear[1]] = true, true
	}
	for _, l := range a.draft.left[a.draft.given:] {
		s := l.t.Shape()
		other := func(b *attempt) bool { return b.draft.Prefix != "" && strings.HasPrefix(l.name, b.draft.Prefix) }
		if len(s) != 2 || !columns[s[1]] || !strings.HasSuffix(l.name, ".weight") ||
			ofTrainingOnly(l.name) || slices.ContainsFunc(fits, other) {
			continue
		}
		return fmt.Sprintf("the linear layer %q %v", short(strings.TrimSuffix(l.name, ".weight")), s), true
	}
	return "", false
}

// refusal returns the error of a file that does not fit in any way.
func (s *search) refusal(d *draft) error {
	a := s.closest()
	err := a.refusal()
	err.Help = a.help(d)
	return err
}
