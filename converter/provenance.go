package converter

import (
	"encoding/json"
	"fmt"

	"github.com/gozoo/zoo/digest"
)

// Metadata keys of converted files. All values are strings that depend on the
// input alone, so that converting twice gives the same bytes.
const (
	MetaSource    = "source"           // base name of the source file
	MetaSHA256    = "source_sha256"    // of the source file's bytes, hex
	MetaContainer = "source_container" // legacy, zip or safetensors
	MetaModel     = "model"            // registry name, when bound to a network
	MetaRecipe    = "recipe"           // recipe used; absent for none
	MetaNetwork   = "source_network"   // the source's network by its project's name, where it is known
	MetaWeights   = "weights"          // key of the mapping taken, where there were others or it was edited
	MetaEdits     = "edits"            // what was removed, multiplied, assumed and left out, a JSON list of texts
	MetaClasses   = "classes"          // class names in label order, a JSON list
	MetaVersion   = "zoo_version"      // version of zoo that converted

	// What a program needs that has only the file.
	MetaArch          = "zoo.arch"          // architecture of package backbone
	MetaPreprocessing = "zoo.preprocessing" // how images become inputs, as vision.Pipeline is written in JSON
	MetaPublished     = "zoo.published"     // the figures that these weights were published with, a JSON object
	MetaLabels        = "zoo.labels"        // whose class numbers these are: a list such as imagenet-1k, or who named MetaClasses
)

// Values of MetaLabels beside the names of lists: who named the classes.
const (
	LabelsOfCheckpoint = "checkpoint" // the file that was converted
	LabelsOfRow        = "row"        // the row of zoo.toml
	LabelsGiven        = "given"      // who converted it
)

// Provenance says where a converted file came from.
type Provenance struct {
	Source    string // base name
	Digest    digest.Digest
	Container string
	Model     string
	Selection Selection
	Recipe    string
	Network   string
	Classes   []string
	Version   string

	Arch, Labels             string
	Preprocessing, Published string // JSON objects
}

// metadata returns the metadata of a converted file; empty facts are left out.
func (p Provenance) metadata() map[string]string {
	m := map[string]string{}
	for key, value := range map[string]string{
		MetaSource: p.Source, MetaSHA256: p.Digest.String(), MetaContainer: p.Container,
		MetaModel: p.Model, MetaRecipe: p.Recipe, MetaNetwork: p.Network, MetaVersion: p.Version,
		MetaArch: p.Arch, MetaPreprocessing: p.Preprocessing, MetaPublished: p.Published, MetaLabels: p.Labels,
	} {
		if value != "" {
			m[key] = value
		}
	}
	if facts := p.Selection.Facts(); len(facts) > 0 || len(p.Selection.Others) > 0 {
		if key := p.Selection.key(); key != "" {
			m[MetaWeights] = key
		}
		if len(facts) > 0 {
			text, _ := json.Marshal(facts)
			m[MetaEdits] = string(text)
		}
	}
	if len(p.Classes) > 0 {
		text, _ := json.Marshal(p.Classes) // text can always be encoded
		m[MetaClasses] = string(text)
	}
	return m
}

// classesIn returns the class names that metadata of a converted file hold, if any.
func classesIn(metadata map[string]string) ([]string, error) {
	text, ok := metadata[MetaClasses]
	if !ok {
		return nil, nil
	}
	var classes []string
	if err := json.Unmarshal([]byte(text), &classes); err != nil {
		return nil, fmt.Errorf("metadata %q: expected a JSON list of class names: %w", MetaClasses, err)
	}
	return classes, nil
}
