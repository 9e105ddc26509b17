package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A topic is a word that zoo uses, explained. All of them are in topics.go; docs/glossary.md is
// written from there.
type topic struct {
	name     string
	also     []string // other words that it explains
	short    string   // what it is, in a line
	text     string   // paragraphs and lists
	example  string   // command lines
	see      []string // other topics
	document string   // a page that says more; empty for none
	commands []string // commands whose help names the topic
}

// topicOf returns the topic that explains a word; nil for none.
func topicOf(word string) *topic {
	word = strings.ToLower(word)
	for i := range topics {
		if t := &topics[i]; t.name == word || slices.Contains(t.also, word) {
			return t
		}
	}
	return nil
}

// write writes the topic for a terminal.
func (t *topic) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n\n%s\n\nExample:\n%s\n", t.name, t.short, t.text, indented(t.example))
	if len(t.also) > 0 {
		fmt.Fprintf(w, "\nAlso explains: %s\n", strings.Join(t.also, ", "))
	}
	if len(t.see) > 0 {
		fmt.Fprintf(w, "\nSee also: zoo help %s\n", either(t.see))
	}
	if t.document != "" {
		fmt.Fprintf(w, "\nMore: docs/%s\n", t.document)
	}
}

func indented(lines string) string { return "  " + strings.ReplaceAll(lines, "\n", "\n  ") }

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Explain a command, or a word that zoo uses",
		Long: `Explain a command, or a word that zoo uses: without an argument all of both are listed. What is a
command and a word is explained as both.`,
		Example: "  zoo help golden\n  zoo help exit\n  zoo help cache ls",
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			of := commandAt(c.Root(), args)
			if of == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range of.Commands() {
				if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), prefix) {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			for _, t := range topics {
				if len(args) == 0 && strings.HasPrefix(t.name, prefix) && commandAt(c.Root(), []string{t.name}) == nil {
					names = append(names, cobra.CompletionWithDesc(t.name, t.short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := a.formatOf(); err != nil {
				return err
			}
			of, words := commandAt(c.Root(), args), strings.Join(args, " ")
			about := topicOf(words)
			if of == nil && about == nil {
				var known []string
				for _, sub := range c.Root().Commands() {
					known = append(known, sub.Name())
				}
				for _, t := range topics {
					known = append(append(known, t.name), t.also...)
				}
				if near := nearest(words, known); near != "" {
					return usage("no command and no topic %q: did you mean zoo help %s?", words, near)
				}
				return usage("no command and no topic %q: zoo help lists them", words)
			}
			if of != nil {
				of.InitDefaultHelpFlag()
				of.InitDefaultVersionFlag()
				if err := of.Help(); err != nil {
					return err
				}
			}
			if of != nil && about != nil {
				a.line("")
			}
			if about != nil {
				about.write(a.stdout)
			}
			return nil
		},
	}
}

// commandAt returns the command of that path below a root, itself for an empty one; nil for none.
func commandAt(root *cobra.Command, path []string) *cobra.Command {
	c := root
	for _, name := range path {
		subs := c.Commands()
		i := slices.IndexFunc(subs, func(sub *cobra.Command) bool { return sub.Name() == name || sub.HasAlias(name) })
		if i < 0 {
			return nil
		}
		c = subs[i]
	}
	return c
}

// helpWithTopics makes the help of commands name the topics that explain their words, and that of
// the root list all topics.
func helpWithTopics(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		help(c, args)
		w := c.OutOrStdout()
		if !c.HasParent() {
			fmt.Fprintf(w, "\nTopics, explained by zoo help TOPIC:\n")
			for _, t := range topics {
				fmt.Fprintf(w, "  %-14s %s\n", t.name, t.short)
			}
			return
		}
		path := strings.TrimPrefix(c.CommandPath(), "zoo ")
		var names []string
		for _, t := range topics {
			if slices.Contains(t.commands, path) {
				names = append(names, t.name)
			}
		}
		if len(names) > 0 {
			fmt.Fprintf(w, "\nTopics, explained by zoo help TOPIC: %s\n", strings.Join(names, ", "))
		}
	})
}
