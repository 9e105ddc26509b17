package main

import (
	"path/filepath"
	"testing"
)

// The lines of hostile-2 about text that acts, and about outputs that are no files.
func TestHostile2Output(t *testing.T) {
	const nano = "cspresnet-nano_digits"
	rows := filepath.Join(corpus(t, "hostile-2"), "escapes_zoo.toml")
	raw := []string{"\x1b", "\a", "\u009b", "<script>"}
	var list []situation
	for _, args := range [][]string{
		{"info", nano}, {"list", nano}, {"list", nano, "--format", "csv"}, {"list", nano, "--format", "json"},
		{"report", nano, "--format", "md"}, {"report", nano, "--format", "csv"}, {"report", nano, "--format", "html"}, {"report", nano, "--format", "json"},
	} {
		list = append(list, situation{
			name: "rows that act: " + args[0] + " " + args[len(args)-1], args: append(args, "--config", rows), status: exitUsage,
			says: []string{nano, "weights.licence", "U+001B"}, never: raw,
		})
	}
	for _, args := range [][]string{
		{"convert", nano, "-o", "/dev/null"}, {"download", nano, "--output", "/dev/null"}, {"bundle", "create", nano, "-o", "/dev/null"},
		{"bench", nano, "--runs", "0", "--logits", "/dev/null"}, {"report", nano, "--plot", "/dev/null"},
	} {
		list = append(list, situation{name: "a device: " + args[0], args: args})
	}
	play(t, t.TempDir(), list)
}
