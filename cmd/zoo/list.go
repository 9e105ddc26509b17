package main

import (
	"cmp"
	"encoding/csv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
)

func (a *app) listCommand() *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use:   "list [GLOB or WORDS]",
		Short: "List known models with their published figures",
		Long: `List known models with their published figures: parameters in millions, FLOPs in units of
10^9, accuracies in percent on the DATASET. CONVERTED FROM is the file that the checkpoint was made
from, where its publisher says so. The last column says how the checkpoint is to be had: embedded,
cached, by download, as a file of this machine, or by import of one. "embedded float16" is of a
checkpoint that was made of the published one, and stands for it until that is there.

A GLOB such as 'csp*' is held against whole names. Where the argument is no name and holds no
character of globs, it is searched for: models are listed whose names or aliases hold each of its
words, in whatever case, with - and _ or without, the nearest first. Where none do, the table for
people has those that come near.

Names with a slash are of other zoos: 'timm/*' and 'torchvision/*' list the networks of theirs that are
computed here, with their figures. A * stands for no slash, so that 'resnet*' lists none of them;
words find them, too.

--filter compares a figure with a number, with <, <=, > or >=; a model without the figure does
not match. Several filters must all match. Accuracies on different data sets cannot be compared: a
filter of top1 or top5 is about models with figures on ImageNet-1k, unless --dataset names another or
is all; where models are sorted by them each data set stands apart, ImageNet-1k first. Rows of a
zoo.toml that are not right are named and left out. Formats: human, json, ndjson, csv.

` + dropped(listDrop),
		Example: "  zoo list 'csp*'\n  zoo list resnet50\n  zoo list 'timm/*' --licence apache-2.0\n  zoo list --filter 'top1>=80' --filter 'params<30' --sort -top1",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, z, err := a.openFor(formatJSON, formatNDJSON, formatCSV)
			if err != nil {
				return err
			}
			o.what, o.guess, o.sorted = strings.Join(args, ""), format == formatHuman, cmd.Flags().Changed("sort")
			entries, err := a.selected(z, &o)
			if err != nil {
				return err
			}
			rows, err := listRows(z, entries)
			if err != nil {
				return err
			}
			return a.printList(rows, format)
		},
		ValidArgsFunction: a.completeFirstName,
	}
	f := c.Flags()
	f.StringVar(&o.family, "family", "", "only models of this family")
	f.StringVar(&o.licence, "licence", "", "only models under this licence, such as Apache-2.0")
	f.StringVar(&o.dataset, "dataset", "", "only models with figures on this data set, such as imagenet-1k; all for every one")
	f.StringArrayVar(&o.filters, "filter", nil,
		"only models with such a published figure: params, flops, top1 or top5 compared with a number")
	f.StringVar(&o.sort, "sort", "name", "sort by name, params, flops, top1 or top5; -top1 for highest first")
	return c
}

// listRow is one line of the list. Figures are texts, with the published digits.
type listRow struct {
	Name    string   `json:"name"`
	Family  string   `json:"family"`
	Arch    string   `json:"arch"`
	ParamsM *string  `json:"params_m"` // null: not published
	FLOPsG  *string  `json:"flops_g"`
	Top1    *string  `json:"top1"`
	Top5    *string  `json:"top5"`
	Licence string   `json:"licence"`
	From    string   `json:"converted_from"` // address; empty: not stated
	Where   string   `json:"where"`
	Dataset string   `json:"dataset"` // of the accuracies; empty: not known
	Aliases []string `json:"aliases,omitempty"`
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
	aliases := make(map[string][]string)
	for _, alias := range z.Registry().Aliases() {
		aliases[alias.Row] = append(aliases[alias.Row], alias.Name)
	}
	rows := []listRow{}
	for _, e := range entries {
		p := &e.Published
		rows = append(rows, listRow{
			e.Name, e.Family, e.Arch, figure(p.ParamsM), figure(p.FLOPsG), figure(p.Top1), figure(p.Top5), e.Weights.Licence,
			printable.Shown(e.Weights.ConvertedFrom), where(z, e, cached), e.Dataset(), aliases[e.Name],
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
		w.Write([]string{"name", "family", "arch", "params_m", "flops_g", "top1", "top5", "licence", "converted_from", "where", "dataset"})
		for _, r := range rows {
			w.Write(printable.Cells(r.Name, r.Family, r.Arch, text(r.ParamsM, ""), text(r.FLOPsG, ""), text(r.Top1, ""), text(r.Top5, ""),
				r.Licence, r.From, r.Where, r.Dataset))
		}
		w.Flush()
		return w.Error()
	}
	t := table.Table{
		Header: []string{"NAME", "FAMILY", "PARAMS M", "FLOPS G", "TOP-1", "TOP-5", "DATASET", "LICENCE", "CONVERTED FROM", "WHERE"},
		Drop:   listDrop,
		Style:  table.Plain,
	}
	for _, r := range rows {
		t.Rows = append(t.Rows, []string{r.Name, r.Family, text(r.ParamsM, "-"), text(r.FLOPsG, "-"), text(r.Top1, "-"), text(r.Top5, "-"),
			orDash(r.Dataset), orDash(r.Licence), fileOf(r.From), r.Where})
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	a.tally("%s", plural(len(rows), "model", "models"))
	return nil
}

// listDrop is the order in which a narrow terminal goes without columns.
var listDrop = []string{"CONVERTED FROM", "LICENCE", "FAMILY", "TOP-5", "FLOPS G", "DATASET", "WHERE", "PARAMS M", "TOP-1"}

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
