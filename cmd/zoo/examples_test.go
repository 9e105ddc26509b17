package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gozoo/zoo/internal/race"
)

// Everything that a document or a help text shows to be typed is typed here, on a stage
// (stage_test.go) that has the files, the network and the models that it speaks of.

// An example is command lines that are shown together, to be run one after the other.
type example struct {
	where string
	lines []string
}

// fence is a block of code in a document, with the language it is marked with.
var fence = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```")

// document returns the text of a file of the project.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// examples returns those of every command, of every topic, and of the README.
func examples(t *testing.T) (list []example) {
	for c := range tree(new(app).command()) {
		if c.Example != "" && !strings.HasPrefix(c.CommandPath(), "zoo completion") {
			list = append(list, example{c.CommandPath() + " --help", shellLines(c.Example)})
		}
	}
	for _, topic := range topics {
		list = append(list, example{"zoo help " + topic.name, shellLines(topic.example)})
	}
	for _, block := range fence.FindAllStringSubmatch(document(t, "README.md"), -1) {
		switch block[1] {
		case "sh", "bash":
			list = append(list, example{"README.md", shellLines(block[2])})
		case "console":
			var typed strings.Builder
			for line := range strings.Lines(block[2]) {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					typed.WriteString(command)
				}
			}
			list = append(list, example{"README.md", shellLines(typed.String())})
		}
	}
	return list
}

// TestCommandsHaveExamples sees that whoever has to give arguments is shown how.
func TestCommandsHaveExamples(t *testing.T) {
	for c := range tree(new(app).command()) {
		if _, arguments, _ := strings.Cut(c.Use, " "); c.Example == "" && arguments != "" {
			t.Errorf("%s: no example", c.CommandPath())
		}
	}
}

// TestExamplesRun runs them: each must end well. A line that another example has as well runs once.
func TestExamplesRun(t *testing.T) {
	seen := make(map[string]bool)
	ran := 0
	for _, e := range examples(t) {
		e.lines = slices.DeleteFunc(e.lines, func(line string) bool { return !strings.Contains(line, "zoo ") || testing.Short() && slow(line) })
		text := strings.Join(e.lines, "\n")
		if seen[text] || text == "" {
			continue
		}
		seen[text] = true
		t.Run(e.where, func(t *testing.T) {
			s := newStage(t)
			for _, line := range e.lines {
				ran += s.run(line)
			}
		})
	}
	if least := 30; ran < least && !testing.Short() && !race.Enabled {
		t.Errorf("%d commands were found and run, expected at least %d", ran, least)
	}
}

// slow reports whether a line computes for seconds.
func slow(line string) bool {
	return race.Enabled || slices.Contains([]string{"zoo report", "zoo demo"}, line)
}

// span is a command that a text speaks of, in a line of its own or of a table.
var span = regexp.MustCompile("`zoo( [^`\n]*)`")

// TestSpans sees that commands which documents speak of are there, with their flags.
func TestSpans(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(documents, "../../README.md", "../../ARCHITECTURE.md", "../../golden/README.md") {
		text := document(t, filepath.Join("cmd", "zoo", path))
		for _, s := range span.FindAllStringSubmatch(text, -1) {
			for _, typed := range commandsOf("zoo" + s[1]) {
				c, rest := commandLine(typed.args)
				if c == nil || len(rest) > 0 && c.HasSubCommands() && c.Args != nil && !accepts(c, c.Args, 1) {
					t.Errorf("%s: `zoo%s`: no such command", filepath.Base(path), s[1])
					continue
				}
				c.InitDefaultHelpFlag()
				for _, word := range rest {
					name, isFlag := strings.CutPrefix(word, "--")
					name, _, _ = strings.Cut(name, "=")
					if isFlag && c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil {
						t.Errorf("%s: `zoo%s`: no flag --%s", filepath.Base(path), s[1], name)
					}
				}
			}
		}
	}
}

// commandLine returns the command of a command line, and what is behind it; nil where it has none.
func commandLine(args []string) (*cobra.Command, []string) {
	c := new(app).command()
	for len(args) > 0 {
		next := commandAt(c, args[:1])
		if next == nil {
			break
		}
		c, args = next, args[1:]
	}
	if !c.HasParent() && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return nil, nil
	}
	return c, args
}

// run runs the commands of a line that are zoo's, and returns how many there were.
func (s *stage) run(line string) int {
	s.Helper()
	commands := commandsOf(line)
	for _, c := range commands {
		for _, assignment := range c.env {
			name, value, _ := strings.Cut(assignment, "=")
			s.Setenv(name, value)
			s.prop("", value)
		}
		if slices.Equal(c.args, []string{"verify"}) { // all goldens, which .ci/run verifies, take half a minute
			c.args = append(c.args, nanoModel)
		}
		if i := slices.Index(c.args, "--duration"); i >= 0 && i+1 < len(c.args) {
			c.args[i+1] = "50ms" // long enough for what is not looked at
		}
		args := s.set(c.args)
		stdin := s.picture(".png")
		if c.in != "" {
			s.prop("", c.in)
			var err error
			if stdin, err = os.ReadFile(c.in); err != nil {
				s.Fatal(err)
			}
		}
		got := commandIn(s.T, context.Background(), s.cache, bytes.NewReader(stdin), args...)
		if got.status != exitOK {
			s.Errorf("%s\nexit status %d\n%s%s", line, got.status, got.stdout, got.stderr)
		}
		if c.out != "" {
			text := []byte(got.stdout)
			if old, err := os.ReadFile(c.out); err == nil && c.appends {
				text = append(old, text...)
			}
			if err := os.WriteFile(c.out, text, 0o600); err != nil {
				s.Fatal(err)
			}
		}
	}
	return len(commands)
}

// set puts onto the stage what a command line names, and returns it with the addresses that hold there.
func (s *stage) set(args []string) []string {
	s.Helper()
	args = slices.Clone(args)
	for i, arg := range args {
		args[i] = s.address(arg)
	}
	c, rest := commandLine(args)
	if c == nil {
		return args // which is refused
	}
	if err := c.ParseFlags(rest); err != nil {
		return args
	}
	for i, arg := range c.Flags().Args() {
		if c.CommandPath() != "zoo lock key" {
			s.prop(c.CommandPath(), arg, i, len(c.Flags().Args()))
		}
	}
	switch c.CommandPath() {
	case "zoo lock sign":
		s.prop("", "zoo.lock")
	case "zoo lock verify":
		key := strings.TrimSuffix(c.Flag("key").Value.String(), ".pub")
		s.prop("", "zoo.lock")
		s.prop("", key)
		s.zoo("lock", "sign", "--key", key)
	}
	outputs := []string{"output", "cam", "plot"}
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && !slices.Contains(outputs, f.Name) {
			s.prop("--"+f.Name, f.Value.String())
		}
	})
	return args
}
