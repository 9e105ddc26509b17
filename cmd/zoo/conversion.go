package main

import (
	"errors"
	"fmt"
	"strings"

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
		a.printMappings(r)
		a.printNames(r.Names)
		for _, n := range r.NonTensors {
			a.line("%-10s %q  (%s, not run)", "ignored", n.Path, n.Type)
		}
	}
	a.hint("%s", describeConversion(r))
	if text := suggestion(r.Fits); text != "" {
		a.hint("%s", text)
	}
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
	if r.Identified {
		text += ", converted as " + r.Model + ", whose published file it is by its sha256"
		if r.Prefix {
			text += " as far as that is known, 8 digits, and by its tensors"
		}
	}
	if r.Recipe != "" {
		text += ", renamed by recipe " + r.Recipe
		if r.Network != "" {
			text += " for its " + r.Network
		}
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

// printMappings prints a line for each mapping that the file holds, where there are several.
func (a *app) printMappings(r *zoo.Conversion) {
	if len(r.Mappings) < 2 {
		return
	}
	for _, m := range r.Mappings {
		kind := ""
		if m.Class != "" {
			kind = ", a network of class " + m.Class
		}
		taken := ""
		if m.Key == r.Selection.Key || m.Key == "/" && r.Selection.Key == "" {
			taken = ", taken"
		}
		a.line("%-10s %q  (%d tensors%s%s)", "weights", m.Key, m.Tensors, kind, taken)
	}
}

// maxFits is how many networks are named that a file fits.
const maxFits = 5

// suggestion says which --model may be given for a file; empty where no network is known that it
// fits. Names of networks that have the same tensors are told, and none of them is chosen.
func suggestion(fits []zoo.Fit) string {
	var models []string
	for _, f := range fits {
		models = append(models, f.Models...)
	}
	switch n := len(models); {
	case n == 0:
		return ""
	case n > maxFits:
		models = append(models[:maxFits:maxFits], fmt.Sprintf("and %d more", n-maxFits))
	}
	return "the tensors are those of --model " + strings.Join(models, ", or of ") + ": what network they are, only you know"
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
	Weights      string        `json:"weights,omitempty"` // key of the mapping taken
	Edits        []string      `json:"edits,omitempty"`   // what was done to its tensors
	Mappings     []weightsJSON `json:"mappings,omitempty"`
	Identified   bool          `json:"identified,omitempty"`
	Fits         []fitJSON     `json:"fits,omitempty"`
	Recipe       string        `json:"recipe,omitempty"`
	Network      string        `json:"network,omitempty"`
	Classes      int           `json:"classes,omitempty"`
	ClassNames   []string      `json:"class_names,omitempty"`
	Tensors      int           `json:"tensors"`
	NonTensors   int           `json:"non_tensors"`
	Names        []nameJSON    `json:"names,omitempty"`
	Ignored      []ignoredJSON `json:"ignored,omitempty"`
	Error        string        `json:"error,omitempty"`
}

type weightsJSON struct {
	Key     string `json:"key"`
	Class   string `json:"class,omitempty"`
	Tensors int    `json:"tensors"`
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
		Container: r.Container, Checksums: r.Checksums, Model: r.Model, Identified: r.Identified, Fits: fitsJSON(r.Fits), Weights: r.Selection.Key,
		Edits: r.Selection.Facts(), Recipe: r.Recipe, Network: r.Network,
		Classes: r.Classes, ClassNames: r.ClassNames, Tensors: r.Tensors, NonTensors: len(r.NonTensors),
	}
	if explain {
		out.Names, out.Ignored = namesJSON(r.Names), ignored(r.NonTensors)
		for _, m := range r.Mappings {
			out.Mappings = append(out.Mappings, weightsJSON{m.Key, m.Class, m.Tensors})
		}
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
