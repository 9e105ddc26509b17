package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/registry/store"
)

func (a *app) cacheCommand() *cobra.Command {
	c := &cobra.Command{Use: "cache", Short: "Look after the cache"}
	c.AddCommand(a.cacheListCommand(), a.cacheVerifyCommand(), a.cachePruneCommand(), a.cacheRemoveCommand(), &cobra.Command{
		Use:   "path",
		Short: "Print the cache folder",
		Long:  "Print the cache folder. Formats: human, json.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, z, err := a.openFor(formatJSON)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printPath(z.Config().CacheDir)
			}
			a.line("%s", z.Config().CacheDir)
			return nil
		},
	})
	return c
}

// cacheDrop is the order in which a narrow terminal goes without columns.
var cacheDrop = []string{"FROM", "READ", "CHECKED BY", "DIGEST"}

func (a *app) cacheListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the checkpoints in the cache",
		Long: `List the checkpoints in the cache, by model: size, digest, what each was checked against when
it came, by its row, when its bytes were last read for that, if nothing of the file has changed
since, how it came, and which bundle brought its row. Formats: human, json, ndjson.

` + dropped(cacheDrop),
		Example: "  zoo cache ls",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, z, err := a.openFor(formatJSON, formatNDJSON)
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
			t := table.Table{Header: []string{"MODEL", "SIZE", "DIGEST", "CHECKED BY", "FROM", "READ"}, Drop: cacheDrop, Style: table.Bare}
			if a.onTerminal {
				t.Style = table.Plain
			}
			var total int64
			for _, s := range sources {
				t.Rows = append(t.Rows, []string{s.Model, fmt.Sprintf("%.1f MB", float64(s.Size)/1e6), a.hex("sha256:" + s.Digest.String()),
					string(s.CheckedBy), from(s), readAt(s.Read)})
				total += s.Size
			}
			if err := a.printTable(t); err != nil {
				return err
			}
			derived, err := z.Store().ListDerived()
			var made int64
			for _, d := range derived {
				made += d.Blob.Size
			}
			a.hint("%d checkpoints, %.1f MB; %d files made of them, %.1f MB", len(sources), float64(total)/1e6, len(derived), float64(made)/1e6)
			return err
		},
	}
}

// from says how a file came, and which bundle brought the row of its model, where one did.
func from(s *zoo.Source) string {
	if s.Row == "" {
		return s.Origin.String()
	}
	return s.Origin.String() + ", row of " + s.Row
}

func (a *app) cacheVerifyCommand() *cobra.Command {
	var fix bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Read every file in the cache and compare it with its digest",
		Long: `Read every file in the cache and compare its sha256 with its name, and every name with its
file. Other commands read a file again only where its size, its times or its number tell that
it may have changed; this one always does, and finds what a disk has changed by itself. What is wrong is printed, one line each, and the exit status is 6. Formats: human, json.`,
		Example: "  zoo cache verify",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, z, err := a.openFor(formatJSON)
			if err != nil {
				return err
			}
			h, err := z.Store().Verify(cmd.Context(), func(done, total int64) {
				a.progress(zoo.Progress{Task: "verify", Name: "cache", Done: done, Total: total})
			})
			if err != nil {
				return err
			}
			var removed []store.Removed
			if fix && len(h.Faults) > 0 {
				if removed, err = z.Store().Mend(cmd.Context(), h); err != nil {
					return err
				}
			}
			if err := a.printHealth(z, h, removed, format); err != nil {
				return err
			}
			if len(h.Faults) > 0 && !fix {
				a.hint("zoo cache verify --fix removes what is wrong, so that it is fetched or made again")
				return &silentError{exitDigest}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&fix, "fix", false, "remove what is wrong, so that it is fetched or made again")
	return c
}

func (a *app) printHealth(z *zoo.Zoo, h store.Health, removed []store.Removed, format string) error {
	type fault struct {
		Path   string `json:"path"`
		Reason string `json:"reason"`
	}
	faults := []fault{}
	for _, f := range h.Faults {
		faults = append(faults, fault{f.Path, f.Reason})
	}
	if format == formatJSON {
		return a.printJSON(struct {
			Files   int     `json:"files"`
			Bytes   int64   `json:"bytes"`
			Faults  []fault `json:"faults"`
			Removed int     `json:"removed"`
		}{h.Files, h.Bytes, faults, len(removed)})
	}
	for _, f := range faults {
		a.judge(fail, "%s: %s", inCache(z, f.Path), f.Reason)
	}
	if len(faults) == 0 {
		a.judge(pass, "%d files, %d bytes", h.Files, h.Bytes)
	}
	if len(removed) > 0 {
		a.hint("removed %d files", len(removed))
	}
	return nil
}

// inCache returns a path relative to the cache folder.
func inCache(z *zoo.Zoo, path string) string {
	if rel, err := filepath.Rel(z.Store().Dir(), path); err == nil {
		return rel
	}
	return path
}

func (a *app) cachePruneCommand() *cobra.Command {
	var keep string
	var dry bool
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove what interrupted work left in the cache, and what was used longest ago",
		Long: `Remove what interrupted work left in the cache: cut downloads that nobody is at, temporary
files, files without a name and names without a file. With --keep, remove also the files that
were used longest ago until the rest fits. What other processes work on stays, and so does what
they have open. Digests that were learnt stay known.
Formats: human, json.`,
		Example: "  zoo cache prune\n  zoo cache prune --keep 5GB --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			o := store.PruneOptions{Keep: -1, DryRun: dry}
			if keep != "" {
				if o.Keep, err = parseBytes(keep); err != nil {
					return usage("--keep %s: %w", keep, err)
				}
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			removed, err := z.Store().Prune(cmd.Context(), o)
			if perr := a.printRemoved(z, removed, dry, format); err == nil {
				err = perr
			}
			return err
		},
	}
	c.Flags().StringVar(&keep, "keep", "", "how much may stay, such as 500MB, 20GB, 1.5GiB or 0")
	c.Flags().BoolVar(&dry, "dry-run", false, "print what would be removed, and remove nothing")
	return c
}

func (a *app) printRemoved(z *zoo.Zoo, removed []store.Removed, dry bool, format string) error {
	type file struct {
		Path   string `json:"path"`
		Size   int64  `json:"size"`
		Reason string `json:"reason"`
	}
	files, total := []file{}, int64(0)
	for _, r := range removed {
		files = append(files, file{inCache(z, r.Path), r.Size, r.Reason})
		total += r.Size
	}
	if format == formatJSON {
		return a.printJSON(struct {
			DryRun  bool   `json:"dry_run"`
			Bytes   int64  `json:"bytes"`
			Removed []file `json:"removed"`
		}{dry, total, files})
	}
	for _, f := range files {
		a.line("%s: %d bytes: %s", f.Path, f.Size, f.Reason)
	}
	what := "removed"
	if dry {
		what = "would remove"
	}
	a.hint("%s %d files, %d bytes", what, len(files), total)
	return nil
}

// units of sizes, by their lower-case names without the B at the end.
var units = map[string]float64{
	"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
}

// parseBytes parses a number of bytes with a unit, which only 0 goes without.
func parseBytes(s string) (int64, error) {
	i := len(strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	number, err := strconv.ParseFloat(strings.TrimSpace(s[:i]), 64)
	unit, ok := units[strings.TrimSuffix(strings.ToLower(s[i:]), "b")]
	bytes := number * unit
	if err != nil || !ok || i == len(s) && number != 0 || !(bytes >= 0 && bytes < math.MaxInt64) {
		return 0, fmt.Errorf("expected a size with a unit, such as 500MB, 20GB or 1.5GiB")
	}
	return int64(bytes), nil
}
