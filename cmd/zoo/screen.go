package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/printable"
)

// leastWidth is the width of a terminal below which nothing is fitted: lines of fewer columns say
// nothing.
const leastWidth = 40

// When colours are printed.
const (
	colourAuto   = "auto" // on a terminal that shows them, unless $NO_COLOR is set
	colourAlways = "always"
	colourNever  = "never"
)

// screenFlags adds the flags that say how output for people looks.
func (a *app) screenFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.BoolVar(&a.wide, "wide", false, "on a terminal, print every column of a table and all of a digest, however wide lines get")
	f.StringVar(&a.colour, "color", colourAuto, "colour of verdicts: auto (on a terminal, unless $NO_COLOR is set), always, never")
	values := []string{colourAuto, colourAlways, colourNever}
	root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// findScreen finds out where the outputs end, and what fits there. All that it changes is for a
// terminal: output that goes elsewhere is the same whatever the terminal is, but for --color always.
func (a *app) findScreen() error {
	var f *os.File
	if out, ok := a.data.(*dataWriter); ok {
		f, _ = out.w.(*os.File)
	}
	a.onTerminal = f != nil && term.IsTerminal(int(f.Fd()))
	a.screen = table.Screen{All: "--wide prints them"}
	if a.onTerminal && !a.wide {
		a.screen.Width = terminalWidth(f)
	}
	if f, ok := a.terminal.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !a.wide {
		a.hints.Width = terminalWidth(f)
	}
	switch a.colour {
	case colourAlways:
		a.screen.Colours = true
	case colourNever:
	case colourAuto:
		a.screen.Colours = a.onTerminal && os.Getenv("NO_COLOR") == "" && isTerminal(f) && showsColours(f)
	default:
		return usage("--color %s: expected %s, %s or %s", a.colour, colourAuto, colourAlways, colourNever)
	}
	if text, ok := a.stdout.(*printable.Writer); ok {
		text.Colours = a.screen.Colours
	}
	return nil
}

// isTerminal reports whether w is a terminal that understands control sequences.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// terminalWidth returns the columns of a terminal: $COLUMNS where it is a number, else what the terminal
// says.
func terminalWidth(f *os.File) int {
	width, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil || width < 1 {
		width, _, _ = term.GetSize(int(f.Fd()))
	}
	return max(cmp.Or(width, 80), leastWidth)
}

// printTable writes a table for people, so that it fits the terminal.
func (a *app) printTable(t table.Table) error { return t.Human(a.stdout, a.screen) }

// dropped says in a help text in which order a narrow terminal goes without columns, and what else is to
// be said of that.
func dropped(columns []string, more ...string) string {
	text := "On a narrow terminal columns are left out, in this order: " + strings.Join(columns, ", ") + "; --wide prints all."
	return table.Screen{Width: 96}.Wrap(strings.Join(append([]string{text}, more...), " "), 0)
}

// plural returns a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// hex returns a digest as a terminal shows it beside other facts: twelve digits, as many as people compare.
// It is whole with --wide, in every format for programs, wherever output goes but to a terminal, and
// where it is what was asked for: of a file that is inspected or written, and in errors.
func (a *app) hex(digest string) string {
	if a.onTerminal && !a.wide {
		return brief(digest)
	}
	return digest
}

// brief returns a digest, or a text such as "sha256:" and a digest, with the first twelve digits of it.
func brief(digest string) string {
	const digits = 12
	start := strings.IndexByte(digest, ':') + 1
	return digest[:min(len(digest), start+digits)]
}
