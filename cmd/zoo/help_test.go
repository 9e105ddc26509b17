package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/tensor"
)

// glossary returns the topics as a page.
func glossary() string {
	var b strings.Builder
	b.WriteString("# Glossary\n\nThe words that zoo uses. `zoo help TOPIC` prints the same; ")
	b.WriteString("this page is written from there by `go test ./cmd/zoo -run Glossary -update`.\n\n")
	for _, t := range topics {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", t.name, t.name, t.short)
	}
	for _, t := range topics {
		fmt.Fprintf(&b, "\n## %s\n\n%s%s.\n", t.name, strings.ToUpper(t.short[:1]), t.short[1:])
		if len(t.also) > 0 {
			fmt.Fprintf(&b, "Also: %s.\n", strings.Join(t.also, ", "))
		}
		fmt.Fprintf(&b, "\n%s\n\n```sh\n%s\n```\n", t.text, t.example)
		var see []string
		for _, name := range t.see {
			see = append(see, fmt.Sprintf("[%s](#%s)", name, name))
		}
		if t.document != "" {
			see = append(see, fmt.Sprintf("[%s](%s)", t.document, t.document))
		}
		fmt.Fprintf(&b, "\nSee %s.\n", strings.Join(see, ", "))
	}
	return b.String()
}

// The page and the program say the same, and neither names what is not there.
func TestGlossary(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "glossary.md")
	if *update {
		if err := os.WriteFile(page, []byte(glossary()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(glossary(), string(text)); diff != "" {
		t.Errorf("docs/glossary.md: write it by go test ./cmd/zoo -run Glossary -update (-topics +page):\n%s", diff)
	}
	root := new(app).command()
	words := make(map[string]string)
	for _, topic := range topics {
		for _, word := range append([]string{topic.name}, topic.also...) {
			if of := words[word]; of != "" {
				t.Errorf("%q is explained by %s and by %s", word, of, topic.name)
			}
			words[word] = topic.name
		}
		for _, name := range topic.see {
			if about := topicOf(name); about == nil || about.name != name {
				t.Errorf("%s: see %q, which is no topic", topic.name, name)
			}
		}
		for _, path := range topic.commands {
			if commandAt(root, strings.Fields(path)) == nil {
				t.Errorf("%s: no command %q", topic.name, path)
			}
		}
		if topic.document != "" {
			if _, err := os.Stat(filepath.Join("..", "..", "docs", topic.document)); err != nil {
				t.Errorf("%s: %v", topic.name, err)
			}
		}
		for line := range strings.Lines(topic.text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 || strings.ContainsAny(line, "`*<>") {
				t.Errorf("%s: a line of %d columns, or one that Markdown reads otherwise: %q", topic.name, n, line)
			}
		}
	}
}

// Figures and names in topics are those of the code.
func TestTopicsAreTrue(t *testing.T) {
	says := func(topic string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(topicOf(topic).text, text) {
				t.Errorf("topic %s does not say %q", topic, text)
			}
		}
	}
	for _, tt := range []struct {
		p    tensor.Precision
		says string
	}{
		{tensor.Highest, "- highest: %s, or %.0f times"},
		{tensor.High, "- high: %s, or %.0f times"},
		{tensor.Medium, "- medium: %s, or %.0f times"},
	} {
		floor, _ := golden.Tolerance(tt.p, 0)
		times, _ := golden.Tolerance(tt.p, 1)
		short := map[float64]string{1e-4: "1e-4", 5e-2: "5e-2"}[floor]
		says("headroom", fmt.Sprintf(tt.says, short, times))
		says("precision", "- "+string(tt.p)+": ")
	}
	if _, judged := golden.Tolerance(tensor.Medium, 0.2/3e4); !judged {
		t.Error("medium is judged up to less than 0.2")
	}
	if _, judged := golden.Tolerance(tensor.Medium, 0.21/3e4); judged {
		t.Error("medium is judged beyond 0.2")
	}
	for _, c := range metrics.Conventions() {
		says("flops", "- "+string(c)+": ")
	}
	for _, v := range []metrics.Verdict{
		metrics.Exact, metrics.Rounded, metrics.Reproduced, metrics.Consistent, metrics.Differs, metrics.NotMeasured, metrics.NotPublished,
	} {
		says("verdict", "- "+string(v)+": ")
	}
	for _, format := range []string{formatAuto, formatHuman, formatJSON, formatNDJSON, formatCSV, formatMarkdown, formatHTML} {
		says("formats", format)
	}
	says("settings", zoo.EnvCache, zoo.EnvOffline, zoo.EnvMirror, zoo.EnvConfig, zoo.EnvLock, zoo.EnvLockKey)
	readme := strings.Join(strings.Fields(document(t, "README.md")), " ")
	for status, what := range map[int]string{
		exitOK: "good", exitInternal: "internal", exitUsage: "usage", exitUnknown: "unknown model", exitVerify: "verification failed",
		exitNetwork: "network",
		exitDigest:  "digest or", exitCheckpoint: "unsafe, corrupt or", exitInterrupted: "interrupted",
	} {
		if !regexp.MustCompile(fmt.Sprintf(`- %d: (an? |the )?%s`, status, what)).MatchString(topicOf("exit").text) {
			t.Errorf("topic exit does not say that %d is %q", status, what)
		}
		if text := fmt.Sprintf("%d %s", status, what); !strings.Contains(readme, text) {
			t.Errorf("README.md does not say %q", text)
		}
	}
}

// zoo help explains commands and topics, and guesses what was meant.
func TestHelp(t *testing.T) {
	play(t, t.TempDir(), []situation{
		{name: "all", args: []string{"help"}, says: []string{"Available Commands", "zoo help TOPIC", "  headroom", "predict"}},
		{name: "flag", args: []string{"--help"}, says: []string{"Available Commands", "zoo help TOPIC", "  headroom"}},
		{name: "topic", args: []string{"help", "headroom"},
			says: []string{"headroom: how many times", "zoo verify cspresnet-nano_digits"}, never: []string{"Usage:"}},
		{name: "another word", args: []string{"help", "Tolerance"}, says: []string{"headroom: how many times"}},
		{name: "several words", args: []string{"help", "exit", "status"}, says: []string{"exit: how a command ended"}},
		{name: "command", args: []string{"help", "verify"},
			says: []string{"zoo verify [NAME", "zoo help TOPIC: precision, golden, headroom"}},
		{name: "command of a command", args: []string{"help", "cache", "ls"}, says: []string{"zoo cache ls"}},
		{name: "both", args: []string{"help", "lock"}, says: []string{"zoo lock NAME", "lock: the file that pins"}},
		{name: "nearly", args: []string{"help", "goldn"}, status: exitUsage,
			says: []string{`no command and no topic "goldn": did you mean zoo help golden?`}},
		{name: "nothing", args: []string{"help", "transformers"}, status: exitUsage,
			says: []string{`no command and no topic "transformers": zoo help lists them`}},
		{name: "command that is not there", args: []string{"help", "cache", "zap"}, status: exitUsage,
			says: []string{`no command and no topic "cache zap"`}},
		{name: "format", args: []string{"help", "golden", "--format", "json"}, status: exitUsage,
			says: []string{"this command knows auto, human"}},
	})
	got := command(t, t.TempDir(), "__complete", "help", "he")
	if names := strings.Fields(got.stdout); !slices.Contains(names, "headroom") {
		t.Errorf("help he is completed to %q", got.stdout)
	}
}

// Scripts of completion are data, and go where data go.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := command(t, t.TempDir(), "completion", shell); got.status != exitOK || !strings.Contains(got.stdout, shell+" completion ") {
			t.Errorf("%s: exit status %d, printed %.80q", shell, got.status, got.stdout)
		}
	}
}
