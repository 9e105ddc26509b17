package main

import (
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics"
)

func (a *app) reportCommand() *cobra.Command {
	var measured []string
	c := &cobra.Command{
		Use:   "report [NAME|GLOB...]",
		Short: "Print the reproduction table: published figures beside those found here",
		Long: `Count parameters and FLOPs from the networks themselves, and measure accuracy where images are
embedded: download, convert, verify, evaluate. Prints the published figures beside them, with
the difference and a verdict; what was not measured here is marked so. Without arguments: the
published CSPNets, the EfficientNet-Lites and the embedded networks. --measured enters the result
of zoo eval -o, on part of a set or all of it.
Exit status 4 when a network is not what the reference framework computes. Formats: human, md,
csv, json.`,
		Example: "  zoo report\n  zoo report 'csp*' --format md",
		RunE: func(cmd *cobra.Command, names []string) error {
			format, err := a.formatOf(formatMarkdown, formatCSV, formatJSON)
			if err != nil {
				return err
			}
			for _, name := range names {
				if _, err := path.Match(name, ""); err != nil {
					return usage("pattern %q: %w", name, err)
				}
			}
			z, err := a.open()
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
				e, err := zoo.Merge(parts...)
				if err != nil {
					return err
				}
				o.Measured = append(o.Measured, e)
			}
			rows, failed := z.Report(cmd.Context(), o)
			if rows == nil {
				return failed
			}
			write := metrics.WriteHuman
			switch format {
			case formatMarkdown:
				write = metrics.WriteMarkdown
			case formatCSV:
				write = metrics.WriteCSV
			case formatJSON:
				write = metrics.WriteJSON
			}
			if err := write(a.stdout, rows); err != nil {
				return err
			}
			return failed
		},
		ValidArgsFunction: a.completeNames,
	}
	c.Flags().StringArrayVar(&measured, "measured", nil, "log of zoo eval -o to enter the accuracies of, or all parts of one with commas between; may be repeated")
	a.precisionFlag(c, zoo.Highest)
	return c
}
