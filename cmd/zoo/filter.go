package main

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/registry"
)

// listOptions say which models are listed, and in what order.
type listOptions struct {
	what                           string // a pattern, a name, or words; empty: all
	guess                          bool   // whether names that come near will do
	family, licence, dataset, sort string
	sorted                         bool // whether sort was asked for
	filters                        []string
}

// allDatasets is what --dataset is for every data set.
const allDatasets = "all"

// selected returns the entries that are asked for, in the order that is asked for.
func (a *app) selected(z *zoo.Zoo, o *listOptions) ([]*registry.Entry, error) {
	matches, accuracy, err := parseFilters(o.filters)
	if err != nil {
		return nil, err
	}
	if known := append(datasets(z), allDatasets); o.dataset != "" && !slices.Contains(known, o.dataset) {
		return nil, usage("--dataset %s: expected %s", o.dataset, strings.Join(known, " or "))
	}
	found, err := a.find(z, o)
	if err != nil {
		return nil, err
	}
	var entries []*registry.Entry
	others := make(map[string]int) // data sets of entries that a filter of accuracies is not about
	for _, e := range found {
		switch {
		case o.family != "" && e.Family != o.family, o.licence != "" && !strings.EqualFold(e.Weights.Licence, o.licence), !matches(e):
		case o.dataset == "" && accuracy && e.Dataset() != string(registry.LabelsImageNet):
			others[orDash(e.Dataset())]++
		case o.dataset == "" || o.dataset == allDatasets || e.Dataset() == o.dataset:
			entries = append(entries, e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		a.hint("left out: %d with accuracies on %s, which say nothing beside those on %s: --dataset %s lists all", others[name], name,
			registry.LabelsImageNet, allDatasets)
	}
	if len(entries) == 0 {
		a.hint("no model matches; zoo list prints all %d", len(z.Registry().Names()))
	}
	return entries, sortEntries(entries, o)
}

// datasets returns the data sets that published accuracies are on, sorted.
func datasets(z *zoo.Zoo) []string {
	names := make(map[string]bool)
	for _, e := range z.Registry().All() {
		names[e.Dataset()] = true
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// find returns the entries that a pattern, a name or words are about: sorted by name, but of
// words the nearest first.
func (a *app) find(z *zoo.Zoo, o *listOptions) ([]*registry.Entry, error) {
	r := z.Registry()
	glob := cmp.Or(o.what, "*")
	if registry.IsPattern(glob) {
		if _, err := path.Match(glob, ""); err != nil {
			return nil, usage("pattern %q: %w", glob, err)
		}
		a.tellFaults(r.Faults(glob))
		entries := r.Match(glob)
		if len(entries) == 0 {
			a.hintUnknown(glob, r.Near(glob))
		}
		return entries, nil
	}
	// A row that is asked for by its name is no row among others.
	if entry, err := r.Row(glob); err == nil {
		return []*registry.Entry{entry}, nil
	} else if errors.As(err, new(*registry.RowError)) {
		return nil, err
	}
	names := r.Search(glob)
	switch near := r.Near(glob); {
	case len(names) > 0:
		a.hint("%s %q in its name or an alias; the nearest come first", plural(len(names), "model has", "models have"), glob)
	case o.guess && len(near) > 0:
		a.hint("no model has %q in its name; these come near", glob)
		names = near
	default:
		a.hintUnknown(glob, near)
	}
	var entries []*registry.Entry
	var faults []error
	for _, name := range names {
		if entry, err := r.Row(name); err == nil {
			entries = append(entries, entry)
		} else {
			faults = append(faults, err)
		}
	}
	a.tellFaults(faults)
	if o.sort == "name" && !o.sorted {
		o.sort = "" // as they were found
	}
	return entries, nil
}

// hintUnknown says what came near to what no model is called; nothing where nothing did.
func (a *app) hintUnknown(name string, near []string) {
	if len(near) > 0 {
		a.hint("%s", flagged(&registry.UnknownError{Name: name, Near: near}))
	}
}

// tellFaults names rows that are left out since they are not right.
func (a *app) tellFaults(faults []error) {
	const most = 10
	for _, err := range faults[:min(most, len(faults))] {
		a.hint("left out: %v", err)
	}
	if more := len(faults) - most; more > 0 {
		a.hint("left out: %d more rows that are not right", more)
	}
}

// figures are the published figures that entries are sorted and filtered by.
var figures = map[string]func(*registry.Entry) registry.Figure{
	"params": func(e *registry.Entry) registry.Figure { return e.Published.ParamsM },
	"flops":  func(e *registry.Entry) registry.Figure { return e.Published.FLOPsG },
	"top1":   func(e *registry.Entry) registry.Figure { return e.Published.Top1 },
	"top5":   func(e *registry.Entry) registry.Figure { return e.Published.Top5 },
}

// accuracies are the figures that depend on a data set.
var accuracies = []string{"top1", "top5"}

// parseFilters returns whether an entry matches all filters, such as "top1>=80", and whether one of them is about
// an accuracy.
func parseFilters(filters []string) (matches func(*registry.Entry) bool, accuracy bool, err error) {
	type filter struct {
		figure func(*registry.Entry) registry.Figure
		holds  func(x float64) bool
	}
	var parsed []filter
	for _, text := range filters {
		at := strings.IndexAny(text, "<>")
		wrong := usage("--filter %q: expected params, flops, top1 or top5, then <, <=, > or >=, then a number", text)
		if at < 0 {
			return nil, false, wrong
		}
		name := strings.TrimSpace(text[:at])
		figure, ok := figures[name]
		accuracy = accuracy || slices.Contains(accuracies, name)
		number, orEqual := strings.CutPrefix(text[at+1:], "=")
		bound, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if !ok || err != nil || math.IsNaN(bound) {
			return nil, false, wrong
		}
		want := -1 // of the comparison with the bound
		if text[at] == '>' {
			want = 1
		}
		parsed = append(parsed, filter{figure, func(x float64) bool {
			order := cmp.Compare(x, bound)
			return order == want || orEqual && order == 0
		}})
	}
	return func(e *registry.Entry) bool {
		for _, f := range parsed {
			if x := f.figure(e); !x.Known() || !f.holds(x.Float()) {
				return false
			}
		}
		return true
	}, accuracy, nil
}

// sortEntries sorts by a published figure or by name, or leaves entries as they are where the key is empty;
// a leading minus reverses. Entries without the figure come last. Accuracies on different data sets stand apart,
// those on ImageNet-1k first.
func sortEntries(entries []*registry.Entry, o *listOptions) error {
	name, falling := strings.CutPrefix(o.sort, "-")
	figure, ok := figures[name]
	if !ok && name != "name" && o.sort != "" {
		return usage("--sort %s: expected name, params, flops, top1 or top5", o.sort)
	}
	slices.SortStableFunc(entries, func(x, y *registry.Entry) int {
		order := 0
		switch {
		case ok:
			fx, fy := figure(x), figure(y)
			if fx.Known() != fy.Known() {
				if fx.Known() {
					return -1
				}
				return 1
			}
			if slices.Contains(accuracies, name) && x.Dataset() != y.Dataset() {
				return compareDatasets(x.Dataset(), y.Dataset())
			}
			order = cmp.Compare(fx.Float(), fy.Float())
		case o.sort != "":
			order = strings.Compare(x.Name, y.Name)
		}
		if falling {
			order = -order
		}
		return order
	})
	return nil
}

// compareDatasets orders data sets: ImageNet-1k, then others by name, then what is not known.
func compareDatasets(x, y string) int {
	place := func(name string) int {
		switch name {
		case string(registry.LabelsImageNet):
			return 0
		case "":
			return 2
		}
		return 1
	}
	return cmp.Or(cmp.Compare(place(x), place(y)), strings.Compare(x, y))
}
