// Package registry is the catalogue: which models are known, and what is known
// about each. It reads text and knows neither the network nor the disk; the files
// that it describes are the business of its package store.
//
//	r, err := registry.Parse("zoo.toml", data)
//	entry, err := r.Lookup("cspdarknet50_3rdparty_8xb32_in1k")
package registry

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/vision"
)

// An Entry is one row: everything that is known about a published model. Entries
// of a Registry are shared and must not be changed.
type Entry struct {
	Name    string `toml:"-"` // as published
	Family  string `toml:"family"`
	Arch    string `toml:"arch"`
	Classes int    `toml:"classes"`
	Labels  Labels `toml:"labels"` // empty: no known list names the classes
	// ClassNames are the names of the classes where the row itself lists them; else empty.
	ClassNames []string `toml:"class_names"`
	// Base is the row that stood for the facts that this one does not state; empty: none did.
	Base string `toml:"base"`

	Weights   Weights         `toml:"weights"`
	Input     vision.Pipeline `toml:"input"` // the preprocessing that the published figures were measured with
	Published Published       `toml:"published"`

	// Builtin is what the program itself says of the weights of that name, whatever files of
	// rows say over it. Zero: the row is not built in.
	Builtin Weights `toml:"-"`
	// Outside says that the row came with its file: see ParseCarried. Nobody here has looked at it.
	Outside bool `toml:"-"`
}

// AtBuiltin reports whether the row is built in, and address, digest and size of its weights
// are what the program itself says.
func (e *Entry) AtBuiltin() bool {
	w, b := &e.Weights, &e.Builtin
	return *b != Weights{} && w.URL == b.URL && w.Digest == b.Digest && w.Size == b.Size
}

// Dataset returns the name of the data set that the published accuracies are about: the one that is
// stated, else the one that the labels are of; empty where neither is known. Accuracies on
// different data sets cannot be compared.
func (e *Entry) Dataset() string { return cmp.Or(e.Published.Dataset, string(e.Labels)) }

// Labels names the list that classes are numbered by.
type Labels string

// The known lists.
const (
	LabelsImageNet Labels = "imagenet-1k" // 1000 classes
	LabelsDigits   Labels = "digits"      // 10 classes, 0 to 9
)

// classesOf holds how many classes each list has.
var classesOf = map[Labels]int{LabelsImageNet: 1000, LabelsDigits: 10}

// Weights says where the published checkpoint comes from and how to know it.
type Weights struct {
	// URL is where the file comes from, in one of the forms of ParseAddress. Empty:
	// no address, the file has to be imported.
	URL           string        `toml:"url"`
	Digest        digest.Digest `toml:"sha256"`
	Size          int64         `toml:"size"` // bytes; 0: not known
	Licence       string        `toml:"licence"`
	Container     string        `toml:"container"`      // "legacy", "zip" or "safetensors"; empty: not known
	ConvertedFrom string        `toml:"converted_from"` // address of the checkpoint it was made from; may be empty
	Recipe        string        `toml:"recipe"`         // that renames its tensors; empty: none is needed
}

// Published holds the figures as their publisher printed them.
type Published struct {
	ParamsM Figure `toml:"params_m"` // millions
	FLOPsG  Figure `toml:"flops_g"`  // billions
	Top1    Figure `toml:"top1"`     // percent
	Top5    Figure `toml:"top5"`     // percent

	// FLOPsConvention and FLOPsSize say how FLOPs are counted, and at which side
	// of a square input in pixels. A published FLOPsG was counted so.
	FLOPsConvention string `toml:"flops_convention"`
	FLOPsSize       int    `toml:"flops_size"`
	// Form says which form of the network ParamsM and FLOPsG are about: empty for
	// the one that the checkpoint holds, nn.Deploy for the one that it is fused to.
	Form   nn.Form `toml:"form"`
	Images int     `toml:"images"` // that Top1 and Top5 were measured on; 0: not known
	// Dataset is what Top1 and Top5 were measured on; empty where the labels say it, or nothing does:
	// see Entry.Dataset.
	Dataset string `toml:"dataset"`
	Source  string `toml:"source"` // where the figures were printed
	// Note says, in a sentence, why a figure cannot be reproduced; empty where all can
	// or the reason is not known.
	Note string `toml:"note"`
}

// A Figure is a published decimal number with the digits it was printed with. The
// zero Figure is one that was not published.
type Figure struct{ text string }

// ParseFigure parses digits with at most one point between them, such as "80.05".
func ParseFigure(s string) (Figure, error) {
	whole, fraction, point := strings.Cut(s, ".")
	const digits = "0123456789"
	if whole == "" || point && fraction == "" || len(s) > 20 || strings.Trim(whole+fraction, digits) != "" {
		return Figure{}, fmt.Errorf("expected a decimal number such as \"80.05\", found %.40q", s)
	}
	return Figure{s}, nil
}

// Known reports whether the figure was published.
func (f Figure) Known() bool { return f.text != "" }

// Float returns the value; 0 when it was not published.
func (f Figure) Float() float64 {
	x, _ := strconv.ParseFloat(f.text, 64) // ParseFigure took nothing else
	return x
}

// String returns the figure as published; empty when it was not.
func (f Figure) String() string { return f.text }

// UnmarshalTOML takes a string only: a number would lose its trailing zeros.
func (f *Figure) UnmarshalTOML(value any) (err error) {
	s, ok := value.(string)
	if !ok {
		return fmt.Errorf("expected a published figure in quotes, found %v", value)
	}
	*f, err = ParseFigure(s)
	return err
}
