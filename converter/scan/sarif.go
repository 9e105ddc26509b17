package scan

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// The parts of SARIF 2.1.0 that are written; names as in its schema.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool       `json:"tool"`
		Artifacts  []sarifArtifact `json:"artifacts"`
		Results    []sarifResult   `json:"results"`
		ColumnKind string          `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifArtifact struct {
		Location sarifURI `json:"location"`
	}
	sarifURI struct {
		URI   string `json:"uri"`
		Index *int   `json:"index,omitempty"`
	}
	sarifResult struct {
		RuleID     string          `json:"ruleId"`
		RuleIndex  int             `json:"ruleIndex"`
		Level      string          `json:"level"`
		Message    sarifText       `json:"message"`
		Locations  []sarifLocation `json:"locations"`
		Properties sarifProperties `json:"properties"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifURI     `json:"artifactLocation"`
		Region   *sarifRegion `json:"region,omitempty"`
	}
	sarifRegion struct {
		ByteOffset int64 `json:"byteOffset"`
		ByteLength int   `json:"byteLength"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifProperties struct {
		Severity string `json:"severity"`
		Member   string `json:"member,omitempty"`
		Offset   *int64 `json:"offset,omitempty"`
		Opcode   string `json:"opcode,omitempty"`
		Global   string `json:"global,omitempty"`
	}
)

// rules says of each rule what it is about, in the order of their indices.
var rules = []struct {
	rule Rule
	text string
}{
	{RuleGlobal, "A pickle names a global that a checkpoint has no use for, or of which nothing is known."},
	{RuleCall, "A pickle calls, or does, what no program writes that saves a checkpoint."},
	{RuleBroken, "A pickle cannot be followed to its end."},
	{RuleTrailing, "Something follows a pickle that is none."},
	{RuleContainer, "A container is not sound, or not what the file's name says."},
	{RuleProgram, "The file is a program."},
	{RuleBounds, "The file holds more than is followed."},
	{RuleUnread, "The file is of a kind that is not looked into, or cannot be read."},
}

// levels are SARIF's for the severities that are reported.
var levels = map[Severity]string{Unknown: "note", Suspicious: "warning", Dangerous: "error"}

// WriteSARIF writes reports as one run in SARIF 2.1.0, as code scanning services read it. What is
// harmless is left out. Version is the program's; it may be empty.
func WriteSARIF(w io.Writer, version string, reports []*Report) error {
	run := sarifRun{
		Tool:      sarifTool{sarifDriver{Name: "zoo scan", Version: version, InformationURI: "https://github.com/gozoo/zoo"}},
		Artifacts: []sarifArtifact{}, Results: []sarifResult{}, ColumnKind: "utf16CodeUnits",
	}
	index := map[Rule]int{}
	for i, r := range rules {
		index[r.rule] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{string(r.rule), sarifText{r.text}})
	}
	for i, r := range reports {
		uri := uriOf(r.File)
		run.Artifacts = append(run.Artifacts, sarifArtifact{sarifURI{URI: uri}})
		for _, f := range r.Findings {
			level, ok := levels[f.Severity]
			if !ok {
				continue
			}
			result := sarifResult{
				RuleID: string(f.Rule), RuleIndex: index[f.Rule], Level: level, Message: sarifText{f.Sentence()},
				Properties: sarifProperties{Severity: f.Severity.String(), Member: f.Member, Opcode: f.Opcode, Global: f.Global},
			}
			at := sarifLocation{Physical: sarifPhysical{Artifact: sarifURI{uri, &i}}}
			if f.Offset >= 0 {
				result.Properties.Offset = &f.Offset
				if f.Member == "" {
					at.Physical.Region = &sarifRegion{f.Offset, 1}
				}
			}
			if f.Member != "" {
				at.Logical = []sarifLogical{{f.Member, "member"}}
			}
			result.Locations = []sarifLocation{at}
			run.Results = append(run.Results, result)
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// Sentence says what was found, and where in the file.
func (f *Finding) Sentence() string {
	text := f.Text
	if f.Opcode != "" {
		text = "the pickle " + text
	}
	var where []string
	if f.Member != "" {
		where = append(where, fmt.Sprintf("in %q", f.Member))
	}
	if f.Offset >= 0 {
		where = append(where, fmt.Sprintf("at byte %d", f.Offset))
	}
	if f.Opcode != "" {
		where = append(where, "by "+f.Opcode)
	}
	if len(where) == 0 {
		return text
	}
	return text + " (" + strings.Join(where, " ") + ")"
}

// uriOf returns a path, or an address, as a URI reference.
func uriOf(path string) string {
	if strings.Contains(path, "://") {
		return (&url.URL{Opaque: path}).String()
	}
	slashed := filepath.ToSlash(path)
	u := url.URL{Path: slashed}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
		if !strings.HasPrefix(slashed, "/") {
			u.Path = "/" + slashed
		}
	}
	return u.String()
}
