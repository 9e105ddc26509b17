package zoo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/converter/scan"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/tensor"
)

// An Inspection is what a checkpoint holds.
type Inspection struct {
	File      string // base name
	Container string // as in converter.Checkpoint
	Checksums bool
	Digest    digest.Digest // of the file; of a sharded checkpoint that of the list of its files' digests
	// Identified are the rows whose published file it is by its digest.
	Identified []string
	Mappings   []InspectedMapping // sorted by key
	Tensors    []InspectedTensor  // in the file's order
	Problem    string             // why the tensors cannot be read; empty where they can
	ClassNames []string           // in label order; nil where it has none
	Metadata   map[string]string
	NonTensors []pth.NonTensor
	Globals    []string // what its pickles name, with the severity where that is above harmless; sorted
	Fits       []Fit
}

// An InspectedMapping is a mapping with tensors of its own.
type InspectedMapping struct {
	Key     string // keys from the root, joined by "/"; empty for the root
	Tensors int
	Bytes   int64
}

// An InspectedTensor is one tensor of a checkpoint.
type InspectedTensor struct {
	Path  string // keys and indices from the root, joined by "/"
	DType tensor.DType
	Shape tensor.Shape
	Bytes int
}

// Inspect returns what a checkpoint holds: of a file, an index or a shard of a sharded checkpoint,
// or a folder. It runs and writes nothing. The error is a *converter.CheckpointError where it
// cannot be opened; tensors of a kind that is not supported are a Problem.
func (z *Zoo) Inspect(path string) (*Inspection, error) {
	c, err := converter.Open(path)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	i := &Inspection{
		File: filepath.Base(path), Container: c.Container, Checksums: c.Checksums, Digest: c.Digest(),
		ClassNames: c.Classes, Metadata: c.Metadata, NonTensors: c.NonTensors,
	}
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
		for _, entry := range z.identified(i.Digest, st.Size()) {
			i.Identified = append(i.Identified, entry.Name)
		}
		if i.Globals, err = globalsOf(path); err != nil {
			return nil, err
		}
	}
	all, err := c.Tensors()
	if err != nil {
		i.Problem = err.Error()
		return i, nil
	}
	mappings := map[string]*InspectedMapping{}
	for path, t := range all.All() {
		i.Tensors = append(i.Tensors, InspectedTensor{path, t.DType(), t.Shape(), t.Nbytes()})
		key := ""
		if at := strings.LastIndexByte(path, '/'); at >= 0 {
			key = path[:at]
		}
		m := mappings[key]
		if m == nil {
			m = &InspectedMapping{Key: key}
			mappings[key] = m
		}
		m.Tensors++
		m.Bytes += int64(t.Nbytes())
	}
	for _, m := range mappings {
		i.Mappings = append(i.Mappings, *m)
	}
	slices.SortFunc(i.Mappings, func(a, b InspectedMapping) int { return strings.Compare(a.Key, b.Key) })
	if i.Fits, err = z.Fits(c); err != nil {
		i.Problem = err.Error()
	}
	return i, nil
}

// globalsOf returns what the pickles of a file name.
func globalsOf(path string) ([]string, error) {
	report, err := scan.File(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range report.Findings {
		if f.Global == "" {
			continue
		}
		text := f.Global
		if f.Severity > scan.Harmless {
			text += " (" + f.Severity.String() + ")"
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
