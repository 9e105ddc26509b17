package main

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/registry/store"
)

func (a *app) cacheRemoveCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "rm NAME...",
		Short: "Remove what is in the cache of models",
		Long: `Remove what is in the cache of each model: its published file and earlier ones, what was made of
them, downloads that were cut off, and the goldens, the licence and the row that a bundle brought.
NAME may be a pattern such as 'csp*', of names in the cache. A file that another model shares stays;
digests that were learnt stay known. A model whose files another process works on, or has open,
stays whole, and the exit status is 1. Of a model that is not in the cache nothing is removed, which
is said. Formats: human, json.`,
		Example: "  zoo cache rm cspresnet50_3rdparty_8xb32_in1k\n  zoo cache rm 'resnet*' --dry-run",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, z, err := a.openFor(formatJSON)
			if err != nil {
				return err
			}
			names, err := a.cachedNames(z, args)
			if err != nil {
				return err
			}
			cleared, err := z.Uncache(cmd.Context(), names, dry)
			var removed []store.Removed
			failed := []error{err}
			for _, c := range cleared {
				failed = append(failed, c.Err)
				if c.Err == nil && len(c.Removed) == 0 {
					a.hint("%s: nothing of it is in the cache", c.Name)
				}
				removed = append(removed, c.Removed...)
			}
			if err := a.printRemoved(z, removed, dry, format); err != nil {
				return err
			}
			return errors.Join(failed...)
		},
		ValidArgsFunction: a.completeCached,
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "print what would be removed, and remove nothing")
	return c
}

// cachedNames returns the models that arguments mean: a name that the registry or the cache knows, or those in
// the cache that a pattern matches. Nothing is removed where one is misspelt.
func (a *app) cachedNames(z *zoo.Zoo, args []string) ([]string, error) {
	there, err := z.InCache()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, arg := range args {
		if strings.ContainsAny(arg, `*?[`) {
			if _, err := path.Match(arg, ""); err != nil {
				return nil, usage("pattern %q: %w", arg, err)
			}
			before := len(names)
			for _, name := range there {
				if ok, _ := path.Match(arg, name); ok {
					names = append(names, name)
				}
			}
			if len(names) == before {
				a.hint("%s: nothing in the cache has such a name", arg)
			}
			continue
		}
		name := arg
		if !slices.Contains(there, arg) {
			// A row that cannot be used has a name, too.
			if entry, err := z.Registry().Lookup(arg); err == nil {
				name = entry.Name
			} else if errors.Is(err, zoo.ErrUnknown) {
				return nil, err
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// completeCached completes names of models in the cache, for the shell.
func (a *app) completeCached(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	a.quiet = true
	z, err := a.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := z.InCache()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) }), cobra.ShellCompDirectiveNoFileComp
}
