package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// session is a command of a document, with what it prints.
var session = regexp.MustCompile("(?s)```console\n\\$ (?:zoo|go run ./cmd/zoo) ([^\n]*)\n(.*?)```")

// What the README shows is what the program prints.
func TestReadme(t *testing.T) {
	t.Chdir("../..")
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	sessions := session.FindAllStringSubmatch(string(text), -1)
	if len(sessions) == 0 {
		t.Fatal("no command is shown with its output")
	}
	for _, s := range sessions {
		got := command(t, t.TempDir(), append([]string{"--offline"}, strings.Fields(s[1])...)...)
		if got.status != exitOK {
			t.Errorf("zoo %s: exit status %d: %s", s[1], got.status, got.stderr)
		}
		if diff := cmp.Diff(s[2], got.stdout); diff != "" {
			t.Errorf("zoo %s (-README +program):\n%s", s[1], diff)
		}
	}
	// Rows of the table are whole rows of the one that .ci/run compares with the program's.
	all, err := os.ReadFile("docs/reproduction.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "```text\n")
	table, _, _ = strings.Cut(table, "```")
	rows := strings.Split(strings.TrimSpace(table), "\n")
	if len(rows) != 6 {
		t.Errorf("%d lines of the table, expected a head of three and three rows", len(rows))
	}
	for _, row := range rows {
		if !strings.Contains(string(all), row+"\n") {
			t.Errorf("docs/reproduction.md has no line %q", row)
		}
	}
}
