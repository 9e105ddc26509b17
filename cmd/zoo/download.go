package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
)

func (a *app) downloadCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "download NAME|GLOB...",
		Short: "Download checkpoints into the cache and print their paths",
		Long: `Download each model's published file into the cache, check its digest while it comes in,
and print its path. A file that is in the cache already is not downloaded again; one that
was cut off goes on where it ended, and a large one comes over several connections. What is
printed says how the file came, and what it was checked against: all digits of the sha256 that
the registry states (sha256), that a lock file pins or that came from the built-in address
before (lock), that the host states (host), or only the 8 that its name carries (prefix),
which a made file can have, too; and when its bytes were read for that: now, or on the last
day before which nothing of the file has changed. A GLOB such as 'csp*' stands for the models
whose names it matches. Formats: human, json, ndjson; with ndjson, progress
goes to standard error as one JSON object a line.`,
		Example: "  zoo download cspresnet50_3rdparty_8xb32_in1k\n  zoo download cspresnet-nano_digits --output nano.pth",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, z, err := a.openFor(formatJSON, formatNDJSON)
			if err != nil {
				return err
			}
			names, err := a.expand(z, args) // a misspelt name is said before anything is downloaded
			if err != nil {
				return err
			}
			if output != "" && len(names) != 1 {
				return usage("--output goes with one NAME, found %d", len(names))
			}
			if isStdout(output) {
				return a.downloadStream(cmd.Context(), z, names[0], format)
			}
			sources, err := downloadAll(cmd.Context(), z, names, output)
			if perr := a.printSources(sources, format); err == nil {
				err = perr
			}
			return err
		},
		ValidArgsFunction: a.completeNames,
	}
	c.Flags().StringVar(&output, "output", "", "file to copy the checkpoint to, - being standard output")
	return c
}

// downloadStream downloads a model's file and writes it to standard output.
func (a *app) downloadStream(ctx context.Context, z *zoo.Zoo, name, format string) error {
	w, err := a.stream("--output")
	if err != nil {
		return err
	}
	src, err := z.Download(ctx, name)
	if err != nil {
		return err
	}
	if err := z.Store().CopyTo(ctx, src.Digest, w); err != nil {
		return err
	}
	src.Path = zoo.StreamPath
	return a.printSources([]*zoo.Source{src}, format)
}

// atOnce is how many files are downloaded at the same time.
const atOnce = 3

// downloadAll downloads models, and returns those that came in the order of the
// names, with the errors of all others. output is for one model only.
func downloadAll(ctx context.Context, z *zoo.Zoo, names []string, output string) ([]*zoo.Source, error) {
	sources, errs := make([]*zoo.Source, len(names)), make([]error, len(names))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if output == "" {
				sources[i], errs[i] = z.Download(ctx, name)
			} else {
				sources[i], errs[i] = z.DownloadTo(ctx, name, output)
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(sources, func(s *zoo.Source) bool { return s == nil }), errors.Join(errs...)
}

func (a *app) importCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import [NAME] FILE",
		Short: "Put a file that came another way into the cache, after the same checks",
		Long: `Put a file into the cache as a model's published one, if its digest says that it is. Where no
more than 8 digits are known the file is used by that word: zoo lock NAME pins all of them.
Without a NAME the digest says whose file it is. Formats: human, json, ndjson.`,
		Example: "  zoo import efficientnet-lite0_3rdparty_in1k efficientnet-lite0-57934424.pth",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, z, err := a.openFor(formatJSON, formatNDJSON)
			if err != nil {
				return err
			}
			var name string
			path := args[len(args)-1]
			if len(args) == 1 {
				name, err = a.identified(z, path)
			} else {
				name, err = a.resolve(z, args[0])
			}
			if err != nil {
				return err
			}
			if err := inputFile(path); err != nil {
				return err
			}
			s, err := z.Import(cmd.Context(), name, path)
			if err != nil {
				return err
			}
			return a.printSources([]*zoo.Source{s}, format)
		},
		ValidArgsFunction: a.completeFirstName,
	}
}

// started is when this process was.
var started = time.Now().Truncate(time.Second)

// readAt says when the bytes of a file were read to compute their digest.
func readAt(t time.Time) string {
	switch {
	case t.IsZero():
		return "not read since it may have changed"
	case !t.Before(started):
		return "read now"
	}
	return "read on " + t.Local().Format(time.DateOnly)
}

// printSources prints files in JSON, or their paths.
func (a *app) printSources(sources []*zoo.Source, format string) error {
	switch format {
	case formatNDJSON:
		return printLines(a.stdout, sources)
	case formatJSON:
		return a.printJSON(struct {
			Files []*zoo.Source `json:"files"`
		}{append([]*zoo.Source{}, sources...)})
	}
	for _, s := range sources {
		a.line("%s", s.Path)
		digest := s.Digest.String()
		if a.hints.Width > 0 {
			digest = brief(digest)
		}
		a.hint("%s: %d bytes, sha256 %s, checked by %s, from %s, %s", s.Model, s.Size, digest, s.CheckedBy, s.Origin, readAt(s.Read))
	}
	return nil
}
