package main

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Command lines that cannot be right: what was expected, what was found, and what to do. Most
// are found by cobra and pflag, whose own words nobody gets to see.

// usageError is a command line that cannot be right.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// ownUsage gives all commands of a tree the project's own errors for flags, for arguments, and
// for commands that are not there. What holds other commands and does nothing itself asks for one of them.
func ownUsage(root *cobra.Command) {
	root.SetFlagErrorFunc(flagError)
	for c := range tree(root) {
		if !c.Runnable() && c.HasSubCommands() {
			c.Args, c.RunE = cobra.ArbitraryArgs, commandError
		}
		if check := c.Args; check != nil {
			c.Args = func(c *cobra.Command, args []string) error {
				err := check(c, args)
				switch {
				case err == nil || errors.As(err, new(*usageError)):
					return err
				case c.HasSubCommands() && accepts(c, check, 0) && !accepts(c, check, 1):
					return commandError(c, args)
				}
				return argumentError(c, check, args)
			}
		}
	}
}

// tree returns a command and all that are below it.
func tree(c *cobra.Command) iter.Seq[*cobra.Command] {
	var walk func(c *cobra.Command, yield func(*cobra.Command) bool) bool
	walk = func(c *cobra.Command, yield func(*cobra.Command) bool) bool {
		return yield(c) && !slices.ContainsFunc(c.Commands(), func(sub *cobra.Command) bool { return !walk(sub, yield) })
	}
	return func(yield func(*cobra.Command) bool) { walk(c, yield) }
}

// commandError says that a command which holds others has none of a name, or was given none.
func commandError(c *cobra.Command, args []string) error {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	of := strings.TrimPrefix(c.CommandPath(), "zoo")
	if len(args) == 0 {
		return usage("expected a command of%s: %s", of, either(names))
	}
	if of != "" {
		of = " of" + of
	}
	switch near := nearest(args[0], names); {
	case near != "":
		return usage("unknown command %q%s: did you mean %s %s?", args[0], of, c.CommandPath(), near)
	case !c.HasParent():
		return usage("unknown command %q: zoo --help lists every command", args[0])
	}
	return usage("unknown command %q%s: expected %s", args[0], of, either(names))
}

// accepts reports whether a check of arguments takes so many of them.
func accepts(c *cobra.Command, check cobra.PositionalArgs, n int) bool {
	return check(c, make([]string, n)) == nil
}

// argumentError says which arguments a command expects, as the first line of its help has them,
// and which it was given.
func argumentError(c *cobra.Command, check cobra.PositionalArgs, args []string) error {
	_, expected, _ := strings.Cut(c.Use, " ")
	if strings.HasPrefix(expected, "-") {
		expected = ""
	}
	expected, _, _ = strings.Cut(expected, " -") // flags that have to be given
	if accepts(c, check, 0) && !accepts(c, check, 1) || expected == "" {
		expected = "no argument"
	}
	found := "none"
	switch n, most := len(args), 5; {
	case n > most:
		found = fmt.Sprintf("%d arguments, the first being %q", n, args[0])
	case n > 1:
		found = fmt.Sprintf("%d arguments: %s", n, strings.Trim(fmt.Sprintf("%q", args), "[]"))
	case n == 1:
		found = fmt.Sprintf("%q", args[0])
	}
	return usage("%s: expected %s, found %s: see %s --help", strings.TrimPrefix(c.CommandPath(), "zoo "), expected, found, c.CommandPath())
}

// flagError says in the project's words what pflag found wrong with a flag.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown):
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		typed, dashes := unknown.GetSpecifiedName(), "--"
		if group := unknown.GetSpecifiedShortnames(); group != "" { // -top, as other programs have it, or a letter that is none
			typed, dashes = group, "-"
		}
		flag := dashes + typed
		if near := nearest(typed, names); near != "" && len(typed) > 1 {
			return usage("%s has no flag %s: did you mean --%s?", c.CommandPath(), flag, near)
		}
		return usage("%s has no flag %s: %s --help lists those that it has", c.CommandPath(), flag, c.CommandPath())
	case errors.As(err, &missing):
		name := missing.GetSpecifiedName()
		if missing.GetSpecifiedShortnames() != "" {
			name = missing.GetFlag().Name
		}
		return usage("--%s: expected %s behind it, found nothing: see %s --help", name, valueOf(missing.GetFlag()), c.CommandPath())
	case errors.As(err, &invalid):
		expected := valueOf(invalid.GetFlag())
		if errors.Is(err, strconv.ErrRange) {
			expected += " that is not so large"
		}
		return usage("--%s %s: expected %s: see %s --help", invalid.GetFlag().Name, invalid.GetValue(), expected, c.CommandPath())
	case errors.As(err, &syntax):
		return usage("%s is no flag: %s --help lists those that it has", syntax.GetSpecifiedFlag(), c.CommandPath())
	}
	return usage("%w: see %s --help", err, c.CommandPath())
}

// valueOf says what a flag takes.
func valueOf(f *pflag.Flag) string {
	switch kind := f.Value.Type(); kind {
	case "int", "int64", "uint", "uint64", "count":
		return "a whole number"
	case "float32", "float64":
		return "a number"
	case "bool":
		return "true or false"
	case "duration":
		return "a time with a unit, such as 500ms, 10s or 2m"
	}
	return "a value"
}

// either returns names as a choice: "a, b or c".
func either(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// nearest returns the name that a typed word was meant to be: the one that it is the beginning of,
// or that is a few letters away; empty for none.
func nearest(typed string, names []string) string {
	typed = strings.ToLower(typed)
	best, least := "", len(typed)/3+1
	for _, name := range names {
		d := editDistance(typed, strings.ToLower(name))
		if len(typed) > 1 && strings.HasPrefix(name, typed) {
			d = 0
		}
		if d < least {
			best, least = name, d
		}
	}
	return best
}

// editDistance returns how many letters have to be put in, left out or replaced to make t of s.
func editDistance(s, t string) int {
	row := make([]int, len(t)+1) // row[j]: distance of s[:i] and t[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(s) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(t) {
			replaced := diagonal
			if s[i] != t[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(t)]
}
