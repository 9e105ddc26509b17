package converter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/internal/option"
)

// A claim is what somebody says of the network of a checkpoint, as far as it is understood.
type claim struct {
	project, network, where string
	config                  map[string]any
	asked                   bool // by the caller, not by a file
}

// identify returns which of the attempts counts that fit a checkpoint by their recipes. Names and shapes do not tell networks
// apart that differ in borders, eps or pooling only: see recipe.Source. The error is a
// *NetworkError, or one of option.Err where the caller's word is not understood.
func (t *Target) identify(fits []*attempt) (*attempt, error) {
	claims := t.claims(fits)
	projects := make(map[string]bool)
	for _, c := range claims {
		var same *attempt
		other := false
		for _, f := range fits {
			s := t.Sources[f.way.recipe]
			if c.project != "" && c.project != f.way.recipe {
				continue
			}
			projects[f.way.recipe] = projects[f.way.recipe] || c.project != ""
			if what, doubt := s.Doubtful[c.network]; doubt && !c.asked {
				return nil, &NetworkError{Reason: fmt.Sprintf("it holds %s, by %s, a network %s: if it is %s/%s, say --arch %[5]s",
					c.network, c.where, what, f.way.recipe, s.Networks[0])}
			}
			is, differs := s.Is(c.network)
			if other = other || differs; is && same == nil {
				same = f
			}
		}
		switch {
		case c.network == "":
		case same != nil:
			s := t.Sources[same.way.recipe]
			for _, told := range claims {
				if told.project != same.way.recipe || told.network != c.network {
					continue
				}
				if err := settled(&s, told); err != nil {
					return nil, err
				}
			}
			same.network = c.network
			return same, nil
		case other:
			return nil, &NetworkError{Found: c.network, Where: c.where, Same: t.same(fits)}
		case c.asked:
			return nil, option.Errorf("Network", "architecture %q: files of this network are of %s", c.network, strings.Join(t.same(fits), ", "))
		}
	}
	// Nobody named a network. Who named a project narrows the choice.
	if left := slices.DeleteFunc(slices.Clone(fits), func(f *attempt) bool { return !projects[f.way.recipe] }); len(left) > 0 {
		fits = left
	}
	return t.assume(fits, claims)
}

// assume chooses where nothing names the network.
func (t *Target) assume(fits []*attempt, claims []claim) (*attempt, error) {
	chosen := fits[0]
	var alike []string
	plain := true
	for _, f := range fits {
		s := t.Sources[f.way.recipe]
		if len(s.Networks) > 0 && len(t.Sources[chosen.way.recipe].Networks) == 0 {
			chosen = f
		}
		for _, n := range s.Alike {
			alike = append(alike, f.way.recipe+"/"+n)
		}
		plain = plain && (s.Plain || len(s.Alike) == 0)
	}
	s := t.Sources[chosen.way.recipe]
	var told claim
	for _, c := range claims {
		if told.config == nil && c.project == chosen.way.recipe {
			told = c
		}
	}
	if s.NeedsSettings && told.config == nil {
		return nil, &NetworkError{Reason: fmt.Sprintf("networks of %s with these tensors differ in borders, heads or eps, which only a config.json tells: put it beside the file",
			chosen.way.recipe)}
	}
	if err := settled(&s, told); err != nil {
		return nil, err
	}
	same := t.same(fits)
	switch {
	case len(alike) == 0:
		if len(s.Networks) > 0 {
			chosen.network = s.Networks[0]
		}
		return chosen, nil
	case !plain || len(same) == 0:
		return nil, &NetworkError{Candidates: append(slices.Clone(same), alike...), Same: same}
	}
	chosen.network = s.Networks[0]
	chosen.assumed = fmt.Sprintf("taken for %s, as nothing says which network the file holds: %s would have the same tensors, and compute something else (--arch NAME says which it is)",
		same[0], strings.Join(alike, " and "))
	return chosen, nil
}

// settled returns the *NetworkError of a claim whose config.json makes another network.
func settled(s *recipe.Source, c claim) error {
	if s.Settings == nil || c.config == nil {
		return nil
	}
	if err := s.Settings(c.config); err != nil {
		return &NetworkError{Reason: fmt.Sprintf("%s: %v: it is another network with the same tensors", c.where, err)}
	}
	return nil
}

// same returns the names under which the network is published, of the fits' projects, the
// usual one of each.
func (t *Target) same(fits []*attempt) []string {
	var names []string
	for _, f := range fits {
		if n := t.Sources[f.way.recipe].Networks; len(n) > 0 {
			names = append(names, f.way.recipe+"/"+n[0])
		}
	}
	return names
}

// claims returns what is said of the checkpoint's network: by the caller first, then by the
// file, then by its name, whose digits take a reading of it and which is only asked where the
// rest leaves a doubt.
func (t *Target) claims(fits []*attempt) []claim {
	var all []claim
	if t.Network != "" {
		project, network := projectOf(t.Network)
		all = append(all, claim{project: project, network: t.today(bare(network)), where: "what was asked for", asked: true})
	}
	for _, f := range fits {
		if strings.Contains("."+f.draft.Prefix, ".timm_model.") { // of TIMMBackbone and of transformers' TimmWrapper
			all = append(all, claim{project: "timm", where: "a wrapper in its names"})
			break
		}
	}
	if t.File == nil {
		return all
	}
	for _, e := range t.File.Evidence() {
		all = append(all, claim{project: e.Project, network: t.today(e.Network), where: e.Where, config: e.Config})
	}
	var known []string
	doubt := false
	for _, f := range fits {
		s := t.Sources[f.way.recipe]
		known = append(known, slices.Concat(s.Networks, s.Alike, s.Unpublished)...)
		doubt = doubt || len(s.Alike) > 0
	}
	decided := slices.ContainsFunc(all, func(c claim) bool { return slices.Contains(known, c.network) })
	if !doubt || decided {
		return all
	}
	known = append(known, slices.Sorted(maps.Keys(t.Renamed))...)
	if n, ok := t.File.ByName(known); ok {
		all = append(all, claim{network: t.today(n), where: "its name, whose digits are those of the file"})
	}
	return all
}

// today returns what a network is called now.
func (t *Target) today(network string) string {
	if now, ok := t.Renamed[network]; ok {
		return now
	}
	return network
}

// Joins returns, for each source whose recipe joins or cuts tensors, of how many tensors of a file the
// one of a name is made: 1 where neither is done, 0 where it is cut out of one.
func (t Target) Joins() []func(name string) int {
	var all []func(string) int
	for _, s := range t.Sources {
		if r := s.Recipe(); slices.ContainsFunc(r, func(rule recipe.Rule) bool { return rule.Parts+rule.Pieces > 0 }) {
			all = append(all, r.Parts)
		}
	}
	return all
}

// sources names the projects of sources, sorted.
func sources(m map[string]recipe.Source) []string { return slices.Sorted(maps.Keys(m)) }
