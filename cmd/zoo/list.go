package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
)

func (a *app) listCommand() *cobra.Command {
	var family, licence, sort string
	var filters []string
	c := &cobra.Command{
		Use:   "list [GLOB]",
		Short: "List known models with their published figures",
		Long: `List known models with their published figures: parameters in millions, FLOPs in units of
10^9, accuracies in percent. CONVERTED FROM is the file that the checkpoint was made from, where
its publisher says so. The last column says how the checkpoint is to be had: embedded, cached, by
download, as a file of this machine, or by import of one.

--filter compares a figure with a number, with <, <=, > or >=; a model without the figure does
not match. Several filters must all match. Rows of a zoo.toml that are not right are named and left
out. Formats: human, json, ndjson, csv.

` + dropped(listDrop),
		Example: "  zoo list 'csp*'\n  zoo list --filter 'top1>=80' --filter 'params<30' --sort -top1",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON, formatCSV)
			if err != nil {
				return err
			}
			glob := "*"
			if len(args) == 1 {
				glob = args[0]
			}
			if _, err := path.Match(glob, ""); err != nil {
				return usage("pattern %q: %w", glob, err)
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			matches, err := parseFilters(filters)
			if err != nil {
				return err
			}
			var entries []*registry.Entry
			for _, e := range z.Registry().Match(glob) {
				if (family == "" || e.Family == family) && (licence == "" || strings.EqualFold(e.Weights.Licence, licence)) && matches(e) {
					entries = append(entries, e)
				}
			}
			// A row that is asked for by its name is no row among others.
			if bad := (*registry.RowError)(nil); !strings.ContainsAny(glob, `*?[\`) {
				if _, err := z.Registry().Lookup(glob); errors.As(err, &bad) {
					return err
				}
			}
			a.tellFaults(z.Registry().Faults(glob))
			if err := sortEntries(entries, sort); err != nil {
				return err
			}
			rows, err := listRows(z, entries)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				a.hint("no model matches; zoo list prints all %d", len(z.Registry().Names()))
			}
			return a.printList(rows, format)
		},
		ValidArgsFunction: a.completeFirstName,
	}
	c.Flags().StringVar(&family, "family", "", "only models of this family")
	c.Flags().StringVar(&licence, "licence", "", "only models under this licence, such as Apache-2.0")
	c.Flags().StringArrayVar(&filters, "filter", nil, "only models with such a published figure: params, flops, top1 or top5 compared with a number")
	c.Flags().StringVar(&sort, "sort", "name", "sort by name, params, flops, top1 or top5; -top1 for highest first")
	return c
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

// parseFilters returns whether an entry matches all filters, such as "top1>=80".
func parseFilters(filters []string) (func(*registry.Entry) bool, error) {
	type filter struct {
		figure func(*registry.Entry) registry.Figure
		holds  func(x float64) bool
	}
	var parsed []filter
	for _, text := range filters {
		at := strings.IndexAny(text, "<>")
		wrong := usage("--filter %q: expected params, flops, top1 or top5, then <, <=, > or >=, then a number", text)
		if at < 0 {
			return nil, wrong
		}
		figure, ok := figures[strings.TrimSpace(text[:at])]
		number, orEqual := strings.CutPrefix(text[at+1:], "=")
		bound, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if !ok || err != nil || math.IsNaN(bound) {
			return nil, wrong
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
	}, nil
}

// sortEntries sorts by a published figure, or by name; a leading minus reverses.
// Entries without the figure come last.
func sortEntries(entries []*registry.Entry, key string) error {
	name, falling := strings.CutPrefix(key, "-")
	figure, ok := figures[name]
	if !ok && name != "name" {
		return usage("--sort %s: expected name, params, flops, top1 or top5", key)
	}
	slices.SortStableFunc(entries, func(x, y *registry.Entry) int {
		order := 0
		if ok {
			fx, fy := figure(x), figure(y)
			if fx.Known() != fy.Known() {
				if fx.Known() {
					return -1
				}
				return 1
			}
			order = cmp.Compare(fx.Float(), fy.Float())
		} else {
			order = strings.Compare(x.Name, y.Name)
		}
		if falling {
			order = -order
		}
		return order
	})
	return nil
}

// listRow is one line of the list. Figures are texts, with the published digits.
type listRow struct {
	Name    string  `json:"name"`
	Family  string  `json:"family"`
	Arch    string  `json:"arch"`
	ParamsM *string `json:"params_m"` // null: not published
	FLOPsG  *string `json:"flops_g"`
	Top1    *string `json:"top1"`
	Top5    *string `json:"top5"`
	Licence string  `json:"licence"`
	From    string  `json:"converted_from"` // address; empty: not stated
	Where   string  `json:"where"`
}

func listRows(z *zoo.Zoo, entries []*registry.Entry) ([]listRow, error) {
	sources, err := z.Cached()
	if err != nil {
		return nil, err
	}
	cached := make(map[string]bool)
	for _, s := range sources {
		cached[s.Model] = true
	}
	figure := func(f registry.Figure) *string {
		if !f.Known() {
			return nil
		}
		text := f.String()
		return &text
	}
	rows := []listRow{}
	for _, e := range entries {
		p := &e.Published
		rows = append(rows, listRow{
			e.Name, e.Family, e.Arch, figure(p.ParamsM), figure(p.FLOPsG), figure(p.Top1), figure(p.Top5), e.Weights.Licence, printable.Shown(e.Weights.ConvertedFrom), where(e, cached),
		})
	}
	return rows, nil
}

func (a *app) printList(rows []listRow, format string) error {
	switch format {
	case formatNDJSON:
		return printLines(a.stdout, rows)
	case formatJSON:
		return a.printJSON(struct {
			Models []listRow `json:"models"`
		}{rows})
	case formatCSV:
		w := csv.NewWriter(a.stdout)
		w.Write([]string{"name", "family", "arch", "params_m", "flops_g", "top1", "top5", "licence", "converted_from", "where"})
		for _, r := range rows {
			w.Write(printable.Cells(r.Name, r.Family, r.Arch, text(r.ParamsM, ""), text(r.FLOPsG, ""), text(r.Top1, ""), text(r.Top5, ""), r.Licence, r.From, r.Where))
		}
		w.Flush()
		return w.Error()
	}
	t := table.Table{
		Header: []string{"NAME", "FAMILY", "PARAMS M", "FLOPS G", "TOP-1", "TOP-5", "LICENCE", "CONVERTED FROM", "WHERE"},
		Drop:   listDrop,
		Style:  table.Plain,
	}
	for _, r := range rows {
		t.Rows = append(t.Rows, []string{r.Name, r.Family, text(r.ParamsM, "-"), text(r.FLOPsG, "-"), text(r.Top1, "-"), text(r.Top5, "-"),
			orDash(r.Licence), fileOf(r.From), r.Where})
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	a.tally("%s", plural(len(rows), "model", "models"))
	return nil
}

// listDrop is the order in which a narrow terminal goes without columns.
var listDrop = []string{"CONVERTED FROM", "LICENCE", "FAMILY", "TOP-5", "FLOPS G", "WHERE", "PARAMS M", "TOP-1"}

// text returns what s points to, or another text for nil.
func text(s *string, none string) string {
	if s == nil {
		return none
	}
	return *s
}

// fileOf returns the file name of an address, or a dash.
func fileOf(address string) string { return orDash(address[strings.LastIndexByte(address, '/')+1:]) }

// orDash returns s, or a dash where there is nothing.
func orDash(s string) string { return cmp.Or(s, "-") }
