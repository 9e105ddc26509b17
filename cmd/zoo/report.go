package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
)

func (a *app) reportCommand() *cobra.Command {
	var measured []string
	var plot string
	c := &cobra.Command{
		Use:   "report [NAME|GLOB...]",
		Short: "Print the reproduction table: published figures beside those found here",
		Long: `Count parameters and FLOPs from the networks themselves, and measure accuracy where images are
embedded: download, convert, verify, evaluate. Prints the published figures beside them, with
the difference and a verdict; what was not measured here is marked so. Without arguments: the
published CSPNets, the EfficientNet-Lites and the embedded networks. What differs says by how much,
and why where that is known. --measured enters the result
of zoo eval -o, on part of a set or all of it.
Exit status 4 when a network is not what the reference framework computes. Formats: human, md,
csv, json, html: one page that needs nothing else, with a plot, which its reader
can sort and filter.

` + dropped(table.SummaryDrop, "Of the exact counts: "+strings.Join(table.CountsDrop, ", ")+"."),
		Example: "  zoo report\n  zoo report 'csp*' --format md",
		RunE: func(cmd *cobra.Command, names []string) error {
			format, z, err := a.openFor(formatMarkdown, formatCSV, formatJSON, formatHTML)
			if err != nil {
				return err
			}
			o := zoo.ReportOptions{Names: names}
			for _, list := range measured {
				parts := strings.Split(list, ",")
				for _, path := range parts {
					if err := inputFile(path); err != nil {
						return err
					}
				}
				e, err := evaluate.Merge(parts...)
				if err != nil {
					return err
				}
				o.Measured = append(o.Measured, e)
			}
			rows, failed := z.Report(cmd.Context(), o)
			if rows == nil {
				return failed
			}
			write := func(w io.Writer, rows []metrics.Row) error { return table.WriteHuman(w, rows, a.screen) }
			switch format {
			case formatMarkdown:
				write = table.WriteMarkdown
			case formatCSV:
				write = table.WriteCSV
			case formatJSON:
				write = table.WriteJSON
			case formatHTML:
				write = table.WriteHTML
			}
			if plot != "" {
				err := a.writeFile(cmd.Context(), "--plot", plot, func(w io.Writer) error { return table.WritePlot(w, rows) })
				if err != nil {
					return err
				}
			}
			if err := write(a.stdout, rows); err != nil {
				return err
			}
			if format == formatHuman {
				a.tally("%s; %s", plural(len(rows), "model", "models"), table.Tally(rows))
			}
			return failed
		},
		ValidArgsFunction: a.completeNames,
	}
	c.Flags().StringArrayVar(&measured, "measured", nil, "log of zoo eval -o to enter the accuracies of, or all parts of one with commas between; may be repeated")
	c.Flags().StringVar(&plot, "plot", "", "file to write a plot of accuracy against FLOPs and parameters to (SVG)")
	a.precisionFlag(c, zoo.Highest)
	return c
}
