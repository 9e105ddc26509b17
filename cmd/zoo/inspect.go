package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
)

func (a *app) inspectCommand() *cobra.Command {
	var tensors bool
	var key string
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what a checkpoint holds, and which known networks it fits",
		Long: `Show what a checkpoint holds without writing anything or running any of it: its container, the
mappings with tensors in it, the tensors with dtype, shape and bytes, metadata, class names, what
its pickles name, and the registry's networks whose tensors these are. A fit is not used anywhere:
networks of other borders or sizes can have the same tensors, and which one a file is of, only its
owner knows.

FILE may be the index of a sharded checkpoint, one of its shards, or a folder with a checkpoint.
Formats: human, json.`,
		Example: "  zoo inspect model.pth\n  zoo inspect model.safetensors --tensors\n  zoo inspect checkpoint.ckpt --format json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if err := checkpointFile(args[0]); err != nil {
				return err
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			i, err := z.Inspect(args[0])
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(inspectionJSON(i))
			}
			a.printInspection(i, tensors, key)
			return nil
		},
	}
	c.Flags().BoolVar(&tensors, "tensors", false, "list every tensor")
	c.Flags().StringVar(&key, "only", "", "list tensors whose path contains this text")
	return c
}

// maxTensors is how many tensors are listed unless all are asked for.
const maxTensors = 10

func (a *app) printInspection(i *zoo.Inspection, all bool, only string) {
	line := func(name, format string, args ...any) {
		a.line("%-12s "+format, append([]any{name}, args...)...)
	}
	line("file", "%s", i.File)
	line("container", "%s", containerText(i))
	line("sha256", "%s", i.Digest)
	for _, name := range i.Identified {
		line("published as", "%s", name)
	}
	for n, m := range i.Mappings {
		if n == maxMappings {
			line("", "and %d more", len(i.Mappings)-n)
			break
		}
		line(first(n, "mappings"), "%s: %d tensors, %s", quotedKey(m.Key), m.Tensors, megabytes(m.Bytes))
	}
	a.printTensors(i, all, only, line)
	if i.Problem != "" {
		line("problem", "%s", i.Problem)
	}
	for n, name := range i.ClassNames {
		if n == maxTensors {
			line("", "and %d more", len(i.ClassNames)-n)
			break
		}
		line(first(n, "classes"), "%d  %s", n, name)
	}
	for n, key := range sortedKeys(i.Metadata) {
		line(first(n, "metadata"), "%s = %s", key, shortened(i.Metadata[key]))
	}
	for n, v := range i.NonTensors {
		if n == maxTensors {
			line("", "and %d more", len(i.NonTensors)-n)
			break
		}
		line(first(n, "others"), "%s  (%s, not run)", v.Path, v.Type)
	}
	for n, g := range i.Globals {
		line(first(n, "names"), "%s", g)
	}
	for n, f := range i.Fits {
		line(first(n, "fits"), "--model %s  (%s)", strings.Join(f.Models, ", "), fitText(f))
	}
	if len(i.Fits) == 0 {
		line("fits", "no network of the registry")
	}
}

func (a *app) printTensors(i *zoo.Inspection, all bool, only string, line func(name, format string, args ...any)) {
	shown := 0
	for n, t := range i.Tensors {
		if only != "" && !strings.Contains(t.Path, only) {
			continue
		}
		if shown == maxTensors && !all && only == "" {
			line("", "and %d more: --tensors lists all", len(i.Tensors)-n)
			return
		}
		line(first(shown, "tensors"), "%s  %v %v  %d bytes", t.Path, t.DType, t.Shape, t.Bytes)
		shown++
	}
}

// maxMappings is how many mappings are listed.
const maxMappings = 20

func containerText(i *zoo.Inspection) string {
	if i.Container == "zip" && !i.Checksums {
		return "zip, without checksums"
	}
	return i.Container
}

// first returns a heading on the first line of a list only.
func first(n int, heading string) string {
	if n == 0 {
		return heading
	}
	return ""
}

func quotedKey(key string) string {
	if key == "" {
		return "the root"
	}
	return fmt.Sprintf("%q", key)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// shortened returns the start of a long text.
func shortened(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + fmt.Sprintf("… (%d bytes)", len(s))
}

func fitText(f zoo.Fit) string {
	text := fmt.Sprintf("%s, %d classes", f.Arch, f.Classes)
	if f.Recipe != "" {
		text += ", names of " + f.Recipe
	}
	if f.Form != "" {
		text += ", " + string(f.Form)
	}
	return text
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// The parts of what --format json prints.
type (
	inspectJSON struct {
		File       string            `json:"file"`
		Container  string            `json:"container"`
		Checksums  bool              `json:"checksums"`
		Digest     string            `json:"sha256"`
		Identified []string          `json:"published_as"`
		Mappings   []mappingJSON     `json:"mappings"`
		Tensors    []tensorJSON      `json:"tensors"`
		Problem    string            `json:"problem,omitempty"`
		ClassNames []string          `json:"class_names"`
		Metadata   map[string]string `json:"metadata"`
		Others     []ignoredJSON     `json:"others"`
		Globals    []string          `json:"globals"`
		Fits       []fitJSON         `json:"fits"`
	}
	mappingJSON struct {
		Key     string `json:"key"`
		Tensors int    `json:"tensors"`
		Bytes   int64  `json:"bytes"`
	}
	tensorJSON struct {
		Path  string `json:"path"`
		DType string `json:"dtype"`
		Shape []int  `json:"shape"`
		Bytes int    `json:"bytes"`
	}
	fitJSON struct {
		Arch    string   `json:"arch"`
		Recipe  string   `json:"recipe,omitempty"`
		Form    string   `json:"form,omitempty"`
		Classes int      `json:"classes"`
		Models  []string `json:"models"`
	}
)

func inspectionJSON(i *zoo.Inspection) inspectJSON {
	out := inspectJSON{
		File: i.File, Container: i.Container, Checksums: i.Checksums, Digest: i.Digest.String(), Identified: some(i.Identified), Problem: i.Problem,
		Mappings: []mappingJSON{}, Tensors: []tensorJSON{}, ClassNames: some(i.ClassNames), Metadata: i.Metadata,
		Others: append([]ignoredJSON{}, ignored(i.NonTensors)...), Globals: some(i.Globals), Fits: append([]fitJSON{}, fitsJSON(i.Fits)...),
	}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	for _, m := range i.Mappings {
		out.Mappings = append(out.Mappings, mappingJSON{m.Key, m.Tensors, m.Bytes})
	}
	for _, t := range i.Tensors {
		out.Tensors = append(out.Tensors, tensorJSON{t.Path, t.DType.String(), append([]int{}, t.Shape...), t.Bytes})
	}
	return out
}

// some returns a list that is never null in JSON.
func some(list []string) []string { return append([]string{}, list...) }

func fitsJSON(fits []zoo.Fit) []fitJSON {
	var out []fitJSON
	for _, f := range fits {
		out = append(out, fitJSON{f.Arch, f.Recipe, string(f.Form), f.Classes, f.Models})
	}
	return out
}

// identified returns the name of the model whose published file this is. The error says what the
// file fits where it is none.
func (a *app) identified(z *zoo.Zoo, path string) (string, error) {
	if err := inputFile(path); err != nil {
		return "", err
	}
	entries, sum, err := z.Identify(path)
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	switch len(names) {
	case 1:
		a.hint("%s: sha256 %s is that of %s", path, sum.Short(), names[0])
		return names[0], nil
	case 0:
	default:
		return "", usage("%s is the published file of %s: name one, zoo import NAME FILE", path, strings.Join(names, " and of "))
	}
	return "", a.unidentified(z, path, fmt.Errorf("%s: no known model's file has sha256 %s", path, sum))
}

// unidentified adds to an error what may be done with a file that is no published one.
func (a *app) unidentified(z *zoo.Zoo, path string, err error) error {
	checkpoint, oerr := converter.Open(path)
	if oerr != nil {
		if errors.Is(oerr, zoo.ErrCheckpoint) {
			return fmt.Errorf("%w, and it is no checkpoint: %w", err, oerr)
		}
		return oerr
	}
	defer checkpoint.Close()
	if fits, _ := z.Fits(checkpoint); len(fits) > 0 {
		return &unknownFileError{fmt.Errorf("%w; %s: zoo predict NAME --checkpoint FILE, zoo convert FILE --model NAME", err, suggestion(fits))}
	}
	return &unknownFileError{fmt.Errorf("%w, and it fits no network of the registry: zoo inspect FILE shows what it holds", err)}
}

// An unknownFileError says that a file is no model's of the registry.
type unknownFileError struct{ err error }

func (e *unknownFileError) Error() string        { return e.err.Error() }
func (e *unknownFileError) Unwrap() error        { return e.err }
func (e *unknownFileError) Is(target error) bool { return target == zoo.ErrUnknown }
