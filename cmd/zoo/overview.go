package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/registry"
)

// runOverview prints what zoo without a command prints.
func (a *app) runOverview(cmd *cobra.Command, _ []string) error {
	format, z, err := a.openFor(formatJSON)
	if err != nil {
		return err
	}
	cached, err := z.Cached()
	if err != nil {
		return err
	}
	known, embedded := z.Registry().All(), 0
	for _, e := range known {
		if isEmbedded(e) || z.StandIn(e.Name) != nil {
			embedded++
		}
	}
	if format == formatJSON {
		return a.printJSON(struct {
			Known    int `json:"known"`
			Embedded int `json:"embedded"`
			Cached   int `json:"cached"`
		}{len(known), embedded, len(cached)})
	}
	a.line("%s.", cmd.Short)
	a.line("%d models known, %d embedded, %d in the cache.", len(known), embedded, len(cached))
	a.line("")
	a.line("  zoo demo       a photograph is named, looked into and verified: nothing is downloaded")
	a.line("  zoo report     the reproduction table, computed here")
	a.line("  zoo verify     the networks against the reference framework's numbers")
	a.line("  zoo list       every model; zoo --help lists every command")
	return nil
}

// isEmbedded reports whether an entry's checkpoint is part of the program.
func isEmbedded(e *registry.Entry) bool {
	return strings.HasPrefix(e.Weights.URL, registry.EmbeddedScheme)
}

// where says how an entry's checkpoint is to be had.
func where(z *zoo.Zoo, e *registry.Entry, cached map[string]bool) string {
	t := z.StandIn(e.Name)
	switch {
	case isEmbedded(e):
		return "embedded"
	case cached[e.Name]:
		return "cached"
	case t != nil: // another file than the published one
		return "embedded " + t.Kind
	case e.Weights.URL == "":
		return "import"
	case strings.HasPrefix(e.Weights.URL, registry.FileScheme):
		return "file"
	}
	return "download"
}
