package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/registry/bundle"
)

func (a *app) bundleCommand() *cobra.Command {
	c := &cobra.Command{Use: "bundle", Short: "Carry models to machines without a network"}
	c.AddCommand(a.bundleCreateCommand(), a.bundleLoadCommand())
	return c
}

func (a *app) bundleCreateCommand() *cobra.Command {
	var output string
	var o zoo.BundleOptions
	c := &cobra.Command{
		Use:   "create NAME... -o FILE",
		Short: "Write models, their lock file, goldens and licences into one tar file",
		Long: `Fetch each model's file where need be and write it into one tar file, with a lock file that
pins it, its goldens, the text of its licence, and its row where that is no built-in one. The
same models give the same bytes. A FILE whose name ends in .zst is compressed. A signed lock
file is taken along as it is. With --key the bundle is signed: every byte of it, goldens,
licences and rows too, for those who load it with --lock-key. Formats: human, json.`,
		Example: "  zoo bundle create cspresnet50_3rdparty_8xb32_in1k -o models.tar --key release.key\n" +
			"  zoo bundle create flowers -o flowers.tar.zst",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if output == "" {
				return usage("-o: expected a file to write, - being standard output")
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			names, err = a.expand(z, names)
			if err != nil {
				return err
			}
			for _, path := range o.Goldens {
				if err := inputFile(path); err != nil {
					return err
				}
			}
			if o.Key != "" {
				if err := inputFile(o.Key); err != nil {
					return err
				}
			}
			if isStdout(output) {
				w, err := a.stream("-o")
				if err != nil {
					return err
				}
				return z.CreateBundle(cmd.Context(), w, names, o)
			}
			if err := z.WriteBundle(cmd.Context(), output, names, o); err != nil {
				return err
			}
			if format == formatJSON {
				return a.printPath(output)
			}
			a.line("%s", output)
			return nil
		},
		ValidArgsFunction: a.completeNames,
	}
	c.Flags().StringVarP(&output, "output", "o", "", "file to write, - being standard output")
	c.Flags().StringVar(&o.Key, "key", "", "private key to sign with: zoo lock key FILE makes one")
	c.Flags().StringArrayVar(&o.Goldens, "golden", nil, "golden file to add; may be repeated")
	return c
}

func (a *app) bundleLoadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "load FILE",
		Short: "Put the models of a bundle into the cache, after every check",
		Long: `Put the models of a bundle into the cache, once every digest was computed and agrees with
the registry and the lock files. Goldens, licences and rows go to the folders of these names in
the cache, goldens and rows with a note of the bundle, which zoo verify and zoo info repeat. A
model whose row came so has its name from then on; a row that is built in, or in a zoo.toml,
stands. With --lock-key the bundle must be signed by that key, all of it (zoo bundle create
--key): else the exit status is 6, and nothing is written. Prints the models. FILE may be
compressed with zstd, and may be -, standard input. Formats: human, json.`,
		Example: "  zoo bundle load models.tar --lock-key release.key.pub",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, z, err := a.openFor(formatJSON)
			if err != nil {
				return err
			}
			var loaded *bundle.Loaded
			if args[0] == "-" {
				loaded, err = z.LoadBundle(cmd.Context(), a.stdin)
			} else if err = inputFile(args[0]); err == nil {
				loaded, err = z.LoadBundleFile(cmd.Context(), args[0])
			}
			if err != nil {
				return err
			}
			if format == formatJSON {
				names := []string{}
				for _, m := range loaded.Models {
					names = append(names, m.Name)
				}
				return a.printJSON(struct {
					Models []string `json:"models"`
					Rows   []string `json:"rows"`  // models whose rows were kept
					Files  []string `json:"files"` // goldens, licences and rows, as they lie in the cache
					Origin string   `json:"origin"`
				}{names, append([]string{}, loaded.Rows...), append([]string{}, loaded.Files...), fmt.Sprint(loaded.Origin)})
			}
			for _, m := range loaded.Models {
				a.line("%s", m.Name)
			}
			for _, path := range loaded.Files {
				a.hint("%s", path)
			}
			a.hint("%s", loaded.Origin)
			return nil
		},
	}
}
