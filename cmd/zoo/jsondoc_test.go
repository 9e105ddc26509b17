package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A docField is one that docs/json.md names.
type docField struct {
	optional, open bool   // open: its keys are data
	object         string // section of what it holds; empty: no object
}

// A docSection is one of docs/json.md: the fields of an object.
type docSection struct {
	fields map[string]docField
	line   string // section of an object of ndjson; empty for none
	used   map[string]bool
}

var (
	docName = regexp.MustCompile("`([a-z0-9_.]+)(\\?)?`")
	docLink = regexp.MustCompile(`^(?:list of )?\[[^]]+\]\(#([a-z0-9-]+)\)`)
	docLine = regexp.MustCompile(`^ndjson: one \[[^]]+\]\(#([a-z0-9-]+)\) a line`)
)

// readDoc returns the sections of docs/json.md, by what their headings are linked as.
func readDoc(t *testing.T) map[string]*docSection {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "json.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := make(map[string]*docSection)
	for _, part := range strings.Split(string(text), "\n## ")[1:] {
		heading, body, _ := strings.Cut(part, "\n")
		s := &docSection{fields: map[string]docField{}, used: map[string]bool{}}
		for _, name := range strings.Split(heading, ", ") {
			sections[strings.ReplaceAll(strings.ToLower(name), " ", "-")] = s
		}
		for _, line := range strings.Split(body, "\n") {
			if m := docLine.FindStringSubmatch(line); m != nil {
				s.line = m[1]
			}
			item, isItem := strings.CutPrefix(line, "- ")
			if !isItem {
				continue
			}
			names, about, _ := strings.Cut(item, ": ")
			f := docField{open: strings.HasPrefix(about, "texts by key")}
			if m := docLink.FindStringSubmatch(about); m != nil {
				f.object = m[1]
			}
			for _, m := range docName.FindAllStringSubmatch(names, -1) {
				f.optional = m[2] != ""
				at, name := s, m[1]
				if first, rest, dotted := strings.Cut(name, "."); dotted && first != "zoo" { // a key of metadata
					inner := strings.ToLower(heading) + "/" + first
					if sections[inner] == nil {
						sections[inner] = &docSection{fields: map[string]docField{}, used: map[string]bool{}}
					}
					s.fields[first] = docField{object: inner, optional: f.optional && (s.fields[first].object == "" || s.fields[first].optional)}
					at, name = sections[inner], rest
				}
				at.fields[name] = f
			}
		}
	}
	return sections
}

// holds reports how an object differs from what a section says.
func holds(t *testing.T, doc map[string]*docSection, section string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			holds(t, doc, section, x)
		}
	case map[string]any:
		s := doc[section]
		if s == nil {
			t.Errorf("docs/json.md has no section %q for an object with %q", section, slices.Sorted(maps.Keys(v)))
			return
		}
		for key, x := range v {
			f, ok := s.fields[key]
			if !ok {
				t.Errorf("docs/json.md: section %q lacks `%s`", section, key)
				continue
			}
			s.used[key] = true
			if !f.open {
				holds(t, doc, f.object, x)
			}
		}
		for key, f := range s.fields {
			if _, ok := v[key]; !ok && !f.optional {
				t.Errorf("docs/json.md: section %q promises `%s`, which is not printed: %v", section, key, v)
			}
		}
	}
}

// object parses a JSON object that has to begin with schema_version.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	if !regexp.MustCompile(`^\{\s*"schema_version": ?1,`).MatchString(text) {
		t.Fatalf("expected an object that begins with schema_version, found %.200q", text)
	}
	d := json.NewDecoder(strings.NewReader(text))
	var v map[string]any
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("%v, more %v: %.200q", err, d.More(), text)
	}
	delete(v, "schema_version")
	return v
}
