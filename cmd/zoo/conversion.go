package main

import (
	"errors"
	"fmt"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/pth"
)

// printConversion prints what was converted. Where a checkpoint did not fit, what
// became of its names is printed all the same when that was asked for.
func (a *app) printConversion(r *zoo.Conversion, err error, format string, f *convertFlags, o *zoo.ConvertOptions) error {
	explain := f.explain
	var fit *converter.FitError
	if err != nil && (!explain || !errors.As(err, &fit)) {
		return err
	}
	if format == formatJSON {
		if perr := a.printConversionJSON(r, fit, explain, o.DryRun); perr != nil {
			return perr
		}
		return err
	}
	if err != nil {
		a.printNames(fit.Names)
		return err
	}
	if explain {
		a.printNames(r.Names)
		for _, n := range r.NonTensors {
			a.line("%-10s %q  (%s, not run)", "ignored", n.Path, n.Type)
		}
	}
	a.hint("%s", describeConversion(r))
	switch {
	case o.DryRun:
		sum, err := r.Digest()
		if err != nil {
			return err
		}
		a.line("would write %s: %s, %d tensors, %d bytes, sha256 %s", r.Path, r.Format, r.Tensors, r.Size, sum)
	case o.Stream == nil:
		a.line("%s", r.Path)
	}
	return nil
}

func describeConversion(r *zoo.Conversion) string {
	text := fmt.Sprintf("%s (%s): %d tensors", r.Source, r.Container, r.Tensors)
	if r.Recipe != "" {
		text += ", renamed by recipe " + r.Recipe
	}
	if r.Container == "zip" && !r.Checksums {
		text += "; it carries no checksums"
	}
	if r.Classes > 0 && len(r.ClassNames) == 0 {
		text += fmt.Sprintf("; %d classes without names", r.Classes)
	}
	if n := len(r.NonTensors); n == 1 {
		text += "; 1 value that is no tensor was left out, and not run"
	} else if n > 1 {
		text += fmt.Sprintf("; %d values that are no tensors were left out, and not run", n)
	}
	return text
}

// printNames prints a line for each name: what became of it, dtypes and shapes, and
// the rule that decided. Names are quoted: they can hold anything.
func (a *app) printNames(names []converter.Explained) {
	for _, n := range names {
		line := fmt.Sprintf("%-10s ", n.Fate)
		switch {
		case n.Name == "":
			line += fmt.Sprintf("%q %s", n.To, n.Want)
		case n.To == "" || n.To == n.Name:
			line += fmt.Sprintf("%q %s", n.Name, n.Found)
		default:
			line += fmt.Sprintf("%q -> %q %s", n.Name, n.To, n.Found)
		}
		if n.Fate == converter.Misshapen {
			line += ", expected " + n.Want
		}
		if n.Rule != "" {
			line += "  (" + n.Rule + ")"
		}
		a.line("%s", line)
	}
}

// conversionJSON is what --format json prints. A checkpoint that does not fit has
// recipe, names and an error only.
type conversionJSON struct {
	DryRun       bool          `json:"dry_run,omitempty"` // nothing was written
	Path         string        `json:"path,omitempty"`
	Format       string        `json:"format,omitempty"`
	Size         int64         `json:"bytes,omitempty"`
	Digest       string        `json:"sha256,omitempty"`
	Source       string        `json:"source,omitempty"`
	SourceDigest string        `json:"source_sha256,omitempty"`
	Container    string        `json:"source_container,omitempty"`
	Checksums    bool          `json:"source_checksums"`
	Model        string        `json:"model,omitempty"`
	Recipe       string        `json:"recipe,omitempty"`
	Classes      int           `json:"classes,omitempty"`
	ClassNames   []string      `json:"class_names,omitempty"`
	Tensors      int           `json:"tensors"`
	NonTensors   int           `json:"non_tensors"`
	Names        []nameJSON    `json:"names,omitempty"`
	Ignored      []ignoredJSON `json:"ignored,omitempty"`
	Error        string        `json:"error,omitempty"`
}

type nameJSON struct {
	Fate  string `json:"fate"`
	Name  string `json:"name,omitempty"`
	To    string `json:"to,omitempty"`
	Rule  string `json:"rule,omitempty"`
	Found string `json:"found,omitempty"`
	Want  string `json:"want,omitempty"`
}

type ignoredJSON struct {
	Path string `json:"path"`
	Type string `json:"type"`
}

func (a *app) printConversionJSON(r *zoo.Conversion, fit *converter.FitError, explain, dry bool) error {
	if fit != nil {
		return a.printJSON(conversionJSON{Recipe: fit.Recipe, Names: namesJSON(fit.Names), Error: fit.Error()})
	}
	written, err := r.Digest()
	if err != nil {
		return err
	}
	out := conversionJSON{
		DryRun: dry, Path: r.Path, Format: string(r.Format), Size: r.Size, Digest: written.String(), Source: r.Source, SourceDigest: r.SourceDigest.String(),
		Container: r.Container, Checksums: r.Checksums, Model: r.Model, Recipe: r.Recipe,
		Classes: r.Classes, ClassNames: r.ClassNames, Tensors: r.Tensors, NonTensors: len(r.NonTensors),
	}
	if explain {
		out.Names, out.Ignored = namesJSON(r.Names), ignored(r.NonTensors)
	}
	return a.printJSON(out)
}

func namesJSON(names []converter.Explained) []nameJSON {
	var out []nameJSON
	for _, n := range names {
		out = append(out, nameJSON{string(n.Fate), n.Name, n.To, n.Rule, n.Found, n.Want})
	}
	return out
}

func ignored(values []pth.NonTensor) []ignoredJSON {
	var out []ignoredJSON
	for _, n := range values {
		out = append(out, ignoredJSON{n.Path, n.Type})
	}
	return out
}
