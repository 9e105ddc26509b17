package main

import (
	"os"
	"path/filepath"
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
	// Rows of the table are rows of what zoo report prints.
	all := command(t, t.TempDir(), "--offline", "report").stdout
	_, table, _ := strings.Cut(string(text), "```text\n")
	table, _, _ = strings.Cut(table, "```")
	rows := strings.Split(strings.TrimSpace(table), "\n")
	if len(rows) != 6 {
		t.Errorf("%d lines of the table, expected a head of three and three rows", len(rows))
	}
	for _, row := range rows {
		if !strings.Contains(all, row+"\n") {
			t.Errorf("zoo report prints no line %q", row)
		}
	}
}

// docs/reproduction.md and its page are what the program prints of every row, offline and with an empty cache.
func TestReproduction(t *testing.T) {
	for _, format := range []string{"md", "html"} {
		got := command(t, t.TempDir(), "--offline", "report", "*", "--format", format)
		if got.status != exitOK {
			t.Fatalf("%+v", got)
		}
		file := filepath.Join("..", "..", "docs", "reproduction."+format)
		if *update {
			if err := os.WriteFile(file, []byte(got.stdout), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), got.stdout); diff != "" {
			t.Errorf("docs/reproduction.%s: write it by go test ./cmd/zoo -run Reproduction -update (-page +program):\n%s", format, diff)
		}
	}
}
