package main

import (
	"slices"
	"strings"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/registry"
)

// expand returns the names of the rows that arguments stand for, each once: names, aliases, and
// patterns in which * stands for whatever names hold. It says how many rows patterns are.
func (a *app) expand(z *zoo.Zoo, args []string) ([]string, error) {
	entries, err := z.Entries(args...)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(args, registry.IsPattern) {
		a.hint("%s: %s", strings.Join(args, " "), plural(len(entries), "model", "models"))
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name
	}
	return names, nil
}

// resolve is expand for a command that takes one model.
func (a *app) resolve(z *zoo.Zoo, name string) (string, error) {
	entry, err := z.Lookup(name)
	if err != nil {
		return "", err
	}
	return entry.Name, nil
}
