package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
)

func (a *app) downloadCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "download NAME...",
		Short: "Download checkpoints into the cache and print their paths",
		Long: `Download each model's published file into the cache, check its digest while it comes in,
and print its path. A file that is in the cache already is not downloaded again; one that
was cut off goes on where it ended. Formats: human, json, ndjson.`,
		Example: "  zoo download cspresnet50_3rdparty_8xb32_in1k\n  zoo download cspresnet-nano_digits --output nano.pth",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON)
			if err != nil {
				return err
			}
			if output != "" && len(names) != 1 {
				return usage("--output goes with one NAME, found %d", len(names))
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			for _, name := range names { // a misspelt name is said before anything is downloaded
				if _, err := z.Registry().Lookup(name); err != nil {
					return err
				}
			}
			var sources []*zoo.Source
			for _, name := range names {
				var s *zoo.Source
				if output == "" {
					s, err = z.Download(cmd.Context(), name)
				} else {
					s, err = z.DownloadTo(cmd.Context(), name, output)
				}
				if err != nil {
					return err
				}
				sources = append(sources, s)
			}
			return a.printSources(sources, format)
		},
		ValidArgsFunction: a.completeNames,
	}
	c.Flags().StringVar(&output, "output", "", "file to copy the checkpoint to")
	return c
}

func (a *app) importCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "import NAME FILE",
		Short:   "Put a file that came another way into the cache, after the same checks",
		Long:    "Put a file into the cache as a model's published one, if its digest says that it is.\nFormats: human, json, ndjson.",
		Example: "  zoo import efficientnet-lite0_3rdparty_in1k efficientnet-lite0-57934424.pth",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON)
			if err != nil {
				return err
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			if _, err := z.Registry().Lookup(args[0]); err != nil {
				return err
			}
			if err := inputFile(args[1]); err != nil {
				return err
			}
			s, err := z.Import(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return a.printSources([]*zoo.Source{s}, format)
		},
		ValidArgsFunction: a.completeFirstName,
	}
}

// sourceJSON is a zoo.Source as JSON.
type sourceJSON struct {
	Model     string `json:"model"`
	Path      string `json:"path"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	CheckedBy string `json:"checked_by"`
}

// printSources prints files in JSON, or their paths.
func (a *app) printSources(sources []*zoo.Source, format string) error {
	files := []sourceJSON{}
	for _, s := range sources {
		files = append(files, sourceJSON{s.Model, s.Path, s.Size, s.SHA256, s.CheckedBy})
	}
	switch format {
	case formatNDJSON:
		return printLines(a.stdout, files)
	case formatJSON:
		return a.printJSON(struct {
			Files []sourceJSON `json:"files"`
		}{files})
	}
	for _, s := range sources {
		fmt.Fprintln(a.stdout, s.Path)
		a.hint("%s: %d bytes, sha256 %s, checked by %s", s.Model, s.Size, s.SHA256, s.CheckedBy)
	}
	return nil
}

func (a *app) cacheCommand() *cobra.Command {
	c := &cobra.Command{Use: "cache", Short: "Look at the cache", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return usage("expected a command of cache: ls or path")
	}}
	c.AddCommand(&cobra.Command{
		Use:   "ls",
		Short: "List the checkpoints in the cache",
		Long:  "List the checkpoints in the cache, by model. Formats: human, json, ndjson.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON)
			if err != nil {
				return err
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			sources, err := z.Cached()
			if err != nil {
				return err
			}
			if format != formatHuman {
				return a.printSources(sources, format)
			}
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			for _, s := range sources {
				fmt.Fprintf(w, "%s\t%.1f MB\tsha256:%s\n", s.Model, float64(s.Size)/1e6, s.SHA256)
			}
			return w.Flush()
		},
	}, &cobra.Command{
		Use:   "path",
		Short: "Print the cache folder",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			z, err := a.open()
			if err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, z.Config().CacheDir)
			return nil
		},
	})
	return c
}
