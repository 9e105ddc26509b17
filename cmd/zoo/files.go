package main

import (
	"context"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gozoo/zoo"
)

// isStdout reports whether a path given for an output means standard output.
func isStdout(path string) bool {
	switch filepath.ToSlash(filepath.Clean(path)) {
	case "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return true
	}
	return false
}

// expandFlags expands a leading "~/" in the flags that were given: shells do not where a flag is
// written as --flag=~/path. Values that are no paths do not begin so.
func expandFlags(c *cobra.Command) error {
	var failed error
	expand := func(f *pflag.Flag, text string) string {
		path, err := zoo.ExpandHome(text)
		if err != nil {
			failed = usage("--%s: %w", f.Name, err)
		}
		return path
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		if list, ok := f.Value.(pflag.SliceValue); ok {
			var values []string
			for _, text := range list.GetSlice() {
				values = append(values, expand(f, text))
			}
			list.Replace(values)
		} else if f.Value.Type() == "string" {
			f.Value.Set(expand(f, f.Value.String()))
		}
	})
	return failed
}

// stream returns standard output for data that are no text, unless that is a terminal. From
// then on all text goes to standard error.
func (a *app) stream(flag string) (io.Writer, error) {
	if a.onTerminal {
		return nil, usage("%s -: standard output is a terminal: name a file, or a pipe to a program", flag)
	}
	a.stdout, a.screen = a.stderr, a.hints
	return a.data, nil
}

// writeFile writes the file that a flag names, or standard output for "-". Files appear
// whole or not at all.
func (a *app) writeFile(ctx context.Context, flag, path string, write func(w io.Writer) error) error {
	if !isStdout(path) {
		return zoo.WriteFile(ctx, path, write)
	}
	w, err := a.stream(flag)
	if err != nil {
		return err
	}
	return write(w)
}

// heeding is a writer until the context ends.
type heeding struct {
	ctx context.Context
	w   io.Writer
}

func (h *heeding) Write(p []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	return h.w.Write(p)
}
