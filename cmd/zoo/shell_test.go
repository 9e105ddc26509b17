package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A typed is one command of a shell's line. What another program would give it to read is a picture.
type typed struct {
	program string
	args    []string
	env     []string // NAME=VALUE before it
	out     string   // the file that its output goes to
	appends bool     // to its end
	in      string   // the file that is its input
}

// shellLines returns the commands of a text as a shell takes them, without prompts and comments.
func shellLines(text string) (lines []string) {
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// tokens are what a shell divides a line into.
var tokens = regexp.MustCompile(`'[^']*'|"[^"]*"|&&|\|\||>>|[|<>;]|\s+|#.*|[^\s'"&|<>;]+|&`)

// commandsOf returns the commands of a shell's line that are zoo's.
func commandsOf(line string) (all []typed) {
	c, word, redirect := typed{}, "", ""
	inWord := false
	endWord := func() {
		switch name, _, assigns := strings.Cut(word, "="); {
		case !inWord:
			return
		case redirect == "<":
			c.in = word
		case redirect != "":
			c.out, c.appends = word, redirect == ">>"
		case c.program == "" && assigns && name == strings.ToUpper(name):
			c.env = append(c.env, word)
		case c.program == "":
			c.program = word
		default:
			c.args = append(c.args, word)
		}
		word, inWord, redirect = "", false, ""
	}
	end := func() {
		endWord()
		if c.program == "go" && len(c.args) > 1 && c.args[0] == "run" && c.args[1] == "./cmd/zoo" {
			c.program, c.args = "zoo", c.args[2:]
		}
		if c.program == "zoo" {
			all = append(all, c)
		}
		c = typed{}
	}
	for _, token := range tokens.FindAllString(line, -1) {
		switch {
		case strings.TrimSpace(token) == "":
			endWord()
		case strings.HasPrefix(token, "#") && !inWord:
			end()
			return all
		case slices.Contains([]string{"&&", "||", ";", "&", "|"}, token):
			end()
		case token == ">", token == ">>", token == "<":
			endWord()
			redirect = token
		default:
			word, inWord = word+strings.Trim(token, `'"`), true
		}
	}
	end()
	return all
}

func TestCommandsOf(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []typed
	}{
		{"zoo list 'csp*' --sort -top1  # best first", []typed{{program: "zoo", args: []string{"list", "csp*", "--sort", "-top1"}}}},
		{`zoo list --filter "top1>=80"`, []typed{{program: "zoo", args: []string{"list", "--filter", "top1>=80"}}}},
		{"ZOO_OFFLINE=1 go run ./cmd/zoo report >table", []typed{
			{program: "zoo", args: []string{"report"}, env: []string{"ZOO_OFFLINE=1"}, out: "table"},
		}},
		{"curl URL | zoo predict n - <x.png && zoo env >> log; ls", []typed{
			{program: "zoo", args: []string{"predict", "n", "-"}, in: "x.png"},
			{program: "zoo", args: []string{"env"}, out: "log", appends: true},
		}},
		{"docker run zoo list", nil},
	} {
		if diff := cmp.Diff(tt.want, commandsOf(tt.line), cmp.AllowUnexported(typed{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.line, diff)
		}
	}
}
