package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Every command has a page that names its flags, and man takes the pages without a warning.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	got := command(t, t.TempDir(), "man", dir)
	if got.status != exitOK {
		t.Fatal(got)
	}
	paths := strings.Fields(got.stdout)
	request := regexp.MustCompile(`(?m)^[.']\S*`)
	known := []string{".TH", ".SH", ".PP", ".TP", ".IP", ".B", ".BR", ".nf", ".fi"}
	pages := make(map[string]string)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(path)] = string(text)
		for _, name := range request.FindAllString(string(text), -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s: a line begins with %q", filepath.Base(path), name)
			}
		}
	}
	for c := range tree(new(app).command()) {
		if !c.IsAvailableCommand() && c.HasParent() || strings.HasPrefix(c.CommandPath(), "zoo completion ") {
			continue
		}
		page := pages[manName(c)+".1"]
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(page, roff("--"+f.Name)) {
				t.Errorf("%s.1 has no flag --%s", manName(c), f.Name)
			}
		})
		if page == "" || c.Example != "" && !strings.Contains(page, roff(c.Example)) {
			t.Errorf("%s.1: %d bytes, without the example of --help", manName(c), len(page))
		}
	}
	for _, topic := range topics {
		if !strings.Contains(pages["zoo-glossary.7"], ".SH "+roff(strings.ToUpper(topic.name))) {
			t.Errorf("zoo-glossary.7 has nothing of %s", topic.name)
		}
	}
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("left out: no groff on this machine")
	}
	if out, err := exec.Command("groff", append([]string{"-man", "-ww", "-z"}, paths...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		".nf":           `\&.nf`,
		"'tis a \\-":    `\(aqtis a \e\-`,
		"a\n.b --flag":  "a\n\\&.b \\-\\-flag",
		"plain … words": "plain ... words",
	} {
		if got := roff(text); got != want {
			t.Errorf("%q becomes %q, expected %q", text, got, want)
		}
	}
}
