package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRedirected sees that what is not a terminal is written to as ever, whatever the settings of the
// terminal are, and that colours are printed where they are asked for.
func TestRedirected(t *testing.T) {
	cache := t.TempDir()
	for _, args := range [][]string{
		{"list", "csp*"}, {"report", "csp*50_*", "resnet34_*"}, {"verify", nanoModel}, {"cache", "ls"}, {"cache", "verify"},
		{"info", nanoModel}, {"info", nanoModel, "--layers"}, {"eval", nanoModel, "--limit", "20", "--per-class"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			want := command(t, cache, args...)
			for _, never := range []string{"\x1b", "left out: ", "…", " passed", "models"} {
				if strings.Contains(want.stdout, never) {
					t.Errorf("%q is printed:\n%s", never, want.stdout)
				}
			}
			t.Setenv("COLUMNS", "40")
			t.Setenv("TERM", "xterm")
			got := command(t, cache, append(args, "--wide")...)
			if d := cmp.Diff(want.stdout, got.stdout); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			coloured := command(t, cache, append(args, "--color", "always")...)
			if d := cmp.Diff(want.stdout, strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[39m", "").Replace(coloured.stdout)); d != "" {
				t.Errorf("colours change more than colours (-want +got)\n%s", d)
			}
			judges := strings.Contains(want.stdout, "PASS ") || strings.Contains(want.stdout, "exact")
			if judges != strings.Contains(coloured.stdout, "\x1b[32m") {
				t.Errorf("green is not printed where something passes:\n%s", coloured.stdout)
			}
		})
	}
	play(t, cache, []situation{
		{name: "a colour that is none", args: []string{"list", "--color", "yes"}, status: exitUsage,
			says: []string{"--color yes: expected auto, always or never"}},
		{name: "names that colour", args: []string{"info", "\x1b[31mred", "--color", "always"}, status: exitUnknown,
			says: []string{`\x1b[31mred`}, never: []string{"\x1b"}},
	})
}
