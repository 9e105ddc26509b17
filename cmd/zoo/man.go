package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gozoo/zoo"
)

// Manual pages, of the commands and of the words: what --help and zoo help print, for man. They
// carry a version and no date, so that the same source gives the same bytes.

// manCommand writes them. It is for who packs a release, and hidden from others.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the manual pages of all commands into a folder",
		Long:    "Write the manual pages of all commands, and of the words that zoo uses, into a folder, and print their paths.",
		Example: "  zoo man pages",
		Args:    cobra.ExactArgs(1),
		Hidden:  true,
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := a.formatOf(); err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			write := func(name string, page func(w io.Writer)) error {
				path := filepath.Join(args[0], name)
				a.line("%s", path)
				return zoo.WriteFile(c.Context(), path, func(w io.Writer) error {
					page(w)
					return nil
				})
			}
			for of := range tree(c.Root()) {
				if of.Hidden || of.HasParent() && of.Parent().Name() == "completion" {
					continue
				}
				if err := write(manName(of)+".1", func(w io.Writer) { commandPage(w, of) }); err != nil {
					return err
				}
			}
			return write("zoo-glossary.7", glossaryPage)
		},
	}
}

// manName returns what the page of a command is called.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func head(w io.Writer, name string, section int, short string) {
	fmt.Fprintf(w, ".TH \"%s\" %d \"\" \"zoo %s\" \"zoo\"\n", roff(strings.ToUpper(name)), section, zoo.Version)
	fmt.Fprintf(w, ".SH NAME\n%s \\- %s\n", roff(name), roff(short))
}

func commandPage(w io.Writer, c *cobra.Command) {
	head(w, manName(c), 1, c.Short)
	_, arguments, _ := strings.Cut(c.Use, " ")
	if c.HasSubCommands() && arguments == "" {
		arguments = "COMMAND"
	}
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B %s\n%s\n", roff(c.CommandPath()), roff(strings.TrimSpace(arguments+" [flags]")))
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(w, ".SH DESCRIPTION\n%s\n", paragraphs(text))
	if c.HasAvailableSubCommands() {
		fmt.Fprintln(w, ".SH COMMANDS")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(sub.Name()), roff(sub.Short))
			}
		}
	}
	c.InitDefaultHelpFlag()
	fmt.Fprintln(w, ".SH OPTIONS")
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { option(w, f) })
	if c.HasParent() {
		fmt.Fprintln(w, ".PP\nOptions of all commands are in\n.BR zoo (1).")
	}
	if c.Example != "" {
		fmt.Fprintf(w, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(c.Example))
	}
	if !c.HasParent() {
		fmt.Fprintf(w, ".SH ENVIRONMENT\n%s\n", paragraphs(topicOf("settings").text))
		fmt.Fprintf(w, ".SH EXIT STATUS\n%s\n", paragraphs(topicOf("exit").text))
	}
	fmt.Fprintln(w, ".SH SEE ALSO")
	if c.HasParent() {
		fmt.Fprintf(w, ".BR %s (1),\n", roff(manName(c.Parent())))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "completion" {
			fmt.Fprintf(w, ".BR %s (1),\n", roff(manName(sub)))
		}
	}
	fmt.Fprintln(w, ".BR zoo\\-glossary (7)")
}

// option writes a flag, what it takes, what it does and what it is without.
func option(w io.Writer, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	takes, does := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	fmt.Fprintf(w, ".TP\n\\fB%s\\fR", roff(name))
	if takes != "" {
		fmt.Fprintf(w, " \\fI%s\\fR", roff(takes))
	}
	if without := f.DefValue; without != "" && without != "false" && without != "[]" && without != "0" {
		does += fmt.Sprintf(" (default %s)", without)
	}
	fmt.Fprintf(w, "\n%s\n", roff(does))
}

func glossaryPage(w io.Writer) {
	head(w, "zoo-glossary", 7, "the words that zoo uses")
	for _, t := range topics {
		fmt.Fprintf(w, ".SH %s\n%s%s.\n.PP\n", roff(strings.ToUpper(t.name)), roff(strings.ToUpper(t.short[:1])), roff(t.short[1:]))
		fmt.Fprintf(w, "%s\n.PP\n.nf\n%s\n.fi\n", paragraphs(t.text), roff(indented(t.example)))
	}
	fmt.Fprintln(w, ".SH SEE ALSO\n.BR zoo (1)")
}

// paragraphs returns a text with empty lines and lists as man sets it.
func paragraphs(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		item, isItem := strings.CutPrefix(line, "- ")
		switch {
		case line == "":
			b.WriteString(".PP\n")
		case isItem:
			b.WriteString(".IP \\(bu 2\n" + roff(item) + "\n")
		default:
			b.WriteString(roff(strings.TrimLeft(line, " ")) + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// roff returns text in which nothing is an instruction to man.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...", "'", `\(aq`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
