package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// foreign are words in which cobra, pflag, Go and the system speak of command lines, and zoo does not.
var foreign = []string{
	"arg(s)", "requires at least", "accepts ", "received", "unknown flag", "unknown shorthand", "needs an argument",
	"bad flag syntax", "invalid argument", "invalid syntax", "out of range", "strconv", "parsing", `for "zoo`, "required flag",
	"in the group", "Did you mean this", "Unknown help topic", "no such file", "unexpected EOF", "%!",
}

// TestUsageErrors gives every command too many arguments, too few, flags that it does not have,
// flags without a value, and values that are none: all are refused in the project's own words.
func TestUsageErrors(t *testing.T) {
	cache := t.TempDir()
	root := new(app).command()
	refused := func(says string, args ...string) {
		t.Helper()
		got := command(t, cache, args...)
		line, rest, _ := strings.Cut(got.stderr, "\n")
		if got.status != exitUsage || got.stdout != "" || rest != "" ||
			!strings.HasPrefix(line, "zoo: ") || !strings.Contains(line, says) {
			t.Errorf("zoo %q: exit status %d, printed %q, said %q: expected %d and a line with %q",
				args, got.status, got.stdout, got.stderr, exitUsage, says)
		}
		for _, word := range foreign {
			if strings.Contains(got.stderr, word) {
				t.Errorf("zoo %q says %q: %s", args, word, got.stderr)
			}
		}
	}
	commands := 0
	for c := range tree(root) {
		commands++
		path := strings.Fields(c.CommandPath())[1:]
		line := func(args ...string) []string { return append(slices.Clone(path), args...) }
		help := c.CommandPath() + " --help"
		if slices.Contains([]string{"help"}, c.Name()) {
			continue // it has tests of its own
		}
		refused(c.CommandPath()+" has no flag --no-such-flag", line("--no-such-flag")...)
		refused(help, line("-Z")...)
		refused("--=x is no flag", line("--=x")...)
		if n := mostArguments(c); n >= 0 && c.HasParent() {
			refused(fmt.Sprintf("%q", "ARG"), line(slices.Repeat([]string{"ARG"}, n+1)...)...)
		}
		if c.Args != nil && !accepts(c, c.Args, 0) {
			refused(strings.Join(path, " ")+": expected ", line()...)
		}
		flags := c.LocalFlags()
		if c != root {
			flags = c.LocalNonPersistentFlags()
		}
		flags.VisitAll(func(f *pflag.Flag) {
			if f.NoOptDefVal == "" {
				refused("--"+f.Name+": expected ", line("--"+f.Name)...)
			}
			switch f.Value.Type() {
			case "string", "stringArray", "stringSlice":
				return
			case "int", "int64":
				refused("--"+f.Name+" 99999999999999999999: expected ", line("--"+f.Name, "99999999999999999999")...)
			}
			refused("--"+f.Name+" no-value: expected ", line("--"+f.Name+"=no-value")...)
		})
	}
	if commands < 25 {
		t.Errorf("%d commands", commands)
	}
}

// mostArguments returns how many arguments a command takes at most; -1 where there is no end.
func mostArguments(c *cobra.Command) int {
	const enough = 20
	if c.Args == nil || accepts(c, c.Args, enough) {
		return -1
	}
	n := enough
	for n > 0 && !accepts(c, c.Args, n) {
		n--
	}
	return n
}

// What is nearly right is answered with what was meant.
func TestUsageHints(t *testing.T) {
	cache := t.TempDir()
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"lst"}, `zoo: unknown command "lst": did you mean zoo list?`},
		{[]string{"cache", "verfy"}, `zoo: unknown command "verfy" of cache: did you mean zoo cache verify?`},
		{[]string{"cache", "other"}, `zoo: unknown command "other" of cache: expected `},
		{[]string{"completion", "tcsh"}, `zoo: unknown command "tcsh" of completion: expected bash, fish, powershell or zsh`},
		{[]string{"report", "--fromat", "csv"}, "zoo: zoo report has no flag --fromat: did you mean --format?"},
		{[]string{"predict", "-precision", "high"}, "zoo: zoo predict has no flag -precision: did you mean --precision?"},
		{[]string{"predict", "a", "b", "-k", "3"}, "zoo: zoo predict has no flag -k: zoo predict --help lists those that it has"},
		{[]string{"env", "x"}, `zoo: env: expected no argument, found "x": see zoo env --help`},
		{[]string{"row"}, "zoo: row: expected FILE, found none: see zoo row --help"},
		{[]string{"push", "x"}, `zoo: push: expected NAME oci://HOST/REPOSITORY:TAG, found "x": see zoo push --help`},
		{[]string{"list", "-j", "two"}, "zoo: --jobs two: expected a whole number: see zoo list --help"},
	} {
		if got := command(t, cache, tt.args...); got.status != exitUsage || !strings.HasPrefix(got.stderr, tt.says) {
			t.Errorf("zoo %q: exit status %d, said %q: expected %q", tt.args, got.status, got.stderr, tt.says)
		}
	}
}

// What Go and the system say is said plainly, whatever it is wrapped in.
func TestPlain(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "x.pth")
	_, open := os.Open(missing)
	near := filepath.Join(t.TempDir(), "flowers.pth")
	if err := os.WriteFile(near, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	typo := filepath.Join(filepath.Dir(near), "flower.pth")
	_, misspelt := os.Stat(typo)
	elsewhere := filepath.Join(missing, "runs", "best.pth")
	_, nowhere := os.Open(elsewhere)
	link := filepath.Join(t.TempDir(), "link.pth")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Skipf("no links here: %v", err)
	}
	_, dangling := os.Open(link)
	_, stat := os.Stat(missing)
	_, folder := os.ReadFile(filepath.Dir(missing))
	_, number := strconv.Atoi("seven")
	_, large := strconv.Atoi("99999999999999999999")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{open, missing + ": there is no such file or folder"},
		{usage("--data: %w", stat), "--data: " + missing + ": there is no such file or folder"},
		{fmt.Errorf("%s: %w", missing, open), missing + ": there is no such file or folder"},
		{errors.Join(open, number), missing + ": there is no such file or folder\nexpected a number, found \"seven\""},
		{misspelt, typo + ": there is no such file or folder: did you mean " + near + "?"},
		{dangling, link + ": it is a link to nothing"},
		{nowhere, elsewhere + ": there is no folder " + filepath.Dir(elsewhere)},
		{folder, filepath.Dir(missing) + ": expected a file, found a folder"},
		{fmt.Errorf("--size: %w", large), "--size: 99999999999999999999 is too large a number"},
		{fmt.Errorf("x.zip: %w", io.ErrUnexpectedEOF), "x.zip: it ends too early"},
		{&os.LinkError{Op: "rename", Old: "a", New: "b", Err: fs.ErrExist}, "b: it is there already"},
		{errors.New("open the door: unexpected EOF"), "open the door: unexpected EOF"}, // no error of the system
	} {
		if diff := cmp.Diff(tt.want, plain(tt.err)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.err, diff)
		}
	}
}
