package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/backbone"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/vision"
)

// completeNames completes registry names and aliases, for the shell; an alias is shown with what it
// stands for.
func (a *app) completeNames(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	a.quiet = true
	z, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, name := range z.Registry().Names() {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	for _, alias := range z.Registry().Aliases() {
		if strings.HasPrefix(alias.Name, prefix) {
			names = append(names, cobra.CompletionWithDesc(alias.Name, alias.Row))
		}
	}
	return names, cobra.ShellCompDirectiveDefault
}

// completeFirstName completes a registry name as the first argument and files
// after it.
func (a *app) completeFirstName(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.completeNames(cmd, args, prefix)
}

// completeFlags gives the flags of a command, and of those below it, whose values can be listed a completion,
// where they have none yet.
func (a *app) completeFlags(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		values, ok := flagValues[f.Name]
		if _, done := c.GetFlagCompletionFunc(f.Name); !ok || done {
			return
		}
		c.RegisterFlagCompletionFunc(f.Name, func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			directive := cobra.ShellCompDirectiveNoFileComp
			if f.Name == "filter" { // a number follows
				directive |= cobra.ShellCompDirectiveNoSpace
			}
			if f.Name == "weights" { // which may be a file
				directive = cobra.ShellCompDirectiveDefault
			}
			before := ""
			if f.Name == "precision" { // of verify, which takes a list
				before = prefix[:strings.LastIndexByte(prefix, ',')+1]
			}
			return begun(values(a, c, args), before, prefix), directive
		})
	})
	for _, sub := range c.Commands() {
		a.completeFlags(sub)
	}
}

// begun returns the values that a prefix begins, behind the values of a list that are there already.
func begun(values []string, before, prefix string) []string {
	var out []string
	for _, v := range values {
		if strings.HasPrefix(before+v, prefix) {
			out = append(out, before+v)
		}
	}
	return out
}

// flagValues lists the values of flags, by their names.
var flagValues = map[string]func(a *app, c *cobra.Command, args []string) []string{
	"format":  func(_ *app, c *cobra.Command, _ []string) []string { return formatsIn(c.Long) },
	"family":  ofRows(func(e *registry.Entry) string { return e.Family }),
	"licence": ofRows(func(e *registry.Entry) string { return e.Weights.Licence }),
	"dataset": func(a *app, c *cobra.Command, args []string) []string {
		return append(ofRows((*registry.Entry).Dataset)(a, c, args), allDatasets)
	},
	"sort":          fixed(sortKeys()...),
	"filter":        fixed(filterBeginnings()...),
	"dtype":         fixed(slices.DeleteFunc(slices.Sorted(maps.Keys(dtypes)), func(s string) bool { return s == "" })...),
	"to":            fixed(converter.Formats()...),
	"precision":     precisions,
	"convention":    fixed(metrics.Conventions()...),
	"interpolation": fixed(vision.Bilinear, vision.Bicubic),
	"resize":        fixed(vision.ResizeNone),
	"arch": func(a *app, c *cobra.Command, args []string) []string {
		networks, _ := a.sources(c, args)
		return networks
	},
	"recipe": func(a *app, c *cobra.Command, args []string) []string {
		_, recipes := a.sources(c, args)
		return recipes
	},
	"weights": weightKeys,
}

// fixed returns values that are always the same.
func fixed[T ~string](values ...T) func(*app, *cobra.Command, []string) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return func(*app, *cobra.Command, []string) []string { return texts }
}

// precisions returns those that --precision takes: of verify several, or all.
func precisions(_ *app, c *cobra.Command, _ []string) []string {
	names := []string{string(zoo.Highest), string(zoo.High), string(zoo.Medium)}
	if c.Name() == "verify" {
		names = append(names, "all")
	}
	return names
}

// ofRows returns what rows say of something, each once.
func ofRows(fact func(*registry.Entry) string) func(*app, *cobra.Command, []string) []string {
	return func(a *app, _ *cobra.Command, _ []string) []string {
		a.quiet = true
		z, err := a.open()
		if err != nil {
			return nil
		}
		facts := make(map[string]bool)
		for _, e := range z.Registry().All() {
			facts[fact(e)] = true
		}
		delete(facts, "")
		return slices.Sorted(maps.Keys(facts))
	}
}

func sortKeys() []string {
	keys := append(slices.Sorted(maps.Keys(figures)), "name")
	for _, key := range keys {
		keys = append(keys, "-"+key)
	}
	return keys
}

func filterBeginnings() []string {
	var out []string
	for _, figure := range slices.Sorted(maps.Keys(figures)) {
		for _, comparison := range []string{"<", "<=", ">", ">="} {
			out = append(out, figure+comparison)
		}
	}
	return out
}

// formatsIn returns the formats that a help text says a command knows, behind "Formats:".
func formatsIn(help string) []string {
	formats := []string{formatAuto, formatHuman}
	known := []string{formatJSON, formatNDJSON, formatCSV, formatMarkdown, formatHTML, formatSARIF}
	_, list, _ := strings.Cut(help, "Formats:")
	for _, word := range regexp.MustCompile(`[a-z]+`).FindAllString(list, -1) {
		if slices.Contains(known, word) && !slices.Contains(formats, word) {
			formats = append(formats, word)
		}
	}
	return formats
}

// sources returns what projects call the networks of the model that the command line names, or
// of every one, and the recipes: the projects, and each with a network.
func (a *app) sources(c *cobra.Command, args []string) (networks, recipes []string) {
	arch := ""
	for _, flag := range []string{"model", "like"} {
		if f := c.Flag(flag); f != nil && f.Value.String() != "" {
			args = []string{f.Value.String()}
		}
	}
	a.quiet = true
	if z, err := a.open(); err == nil && len(args) > 0 {
		if entry, err := z.Registry().Lookup(args[0]); err == nil {
			arch = entry.Arch
		}
	}
	for _, family := range backbone.All() {
		for of, projects := range family.Sources {
			if arch != "" && of != arch {
				continue
			}
			for project, source := range projects {
				recipes = append(recipes, project)
				for _, network := range slices.Concat(source.Networks, source.Alike) {
					networks, recipes = append(networks, network), append(recipes, project+"/"+network)
				}
			}
		}
	}
	slices.Sort(networks)
	slices.Sort(recipes)
	return slices.Compact(networks), slices.Compact(recipes)
}

// weightKeys returns the keys of the checkpoint that the command line names; of zoo bench, what it
// takes without one.
func weightKeys(_ *app, c *cobra.Command, args []string) []string {
	path := ""
	if f := c.Flag("checkpoint"); f != nil {
		path = f.Value.String()
	}
	if path == "" && len(args) > 0 && isFile(args[0]) {
		path = args[0]
	}
	if path == "" {
		if c.Name() == "bench" {
			return []string{"synthetic:0", "published"}
		}
		return nil
	}
	path, err := zoo.ExpandHome(path)
	if err != nil || checkpointFile(path) != nil {
		return nil
	}
	checkpoint, err := converter.Open(path)
	if err != nil {
		return nil
	}
	defer checkpoint.Close()
	var keys []string
	for _, m := range checkpoint.Mappings() {
		keys = append(keys, m.Key)
	}
	return keys
}
