package model

import (
	"encoding/json"
	"fmt"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/vision"
)

// A Description is what the metadata of a file that zoo converted say of its network. Texts are
// as they stand in the file, which anybody may have written.
type Description struct {
	Name     string          // the registry's name of the model; empty where none is stated
	Arch     string          // architecture of package backbone; empty where none is stated
	Pipeline vision.Pipeline // how images become inputs; the zero Pipeline where none is stated
	Labels   string          // whose class numbers the classifier's are: see converter.MetaLabels; may be empty
}

// Describe returns what a file, of any container that package converter reads, says of its
// network; the zero Description where it says nothing. The error is a
// *converter.CheckpointError when it cannot be read, or says half of it.
func Describe(path string) (Description, error) {
	c, err := converter.Open(path)
	if err != nil {
		return Description{}, err
	}
	defer c.Close()
	return DescriptionOf(c)
}

// DescriptionOf is Describe for a checkpoint that is open.
func DescriptionOf(c *converter.Checkpoint) (Description, error) {
	d := Description{Name: c.Metadata[converter.MetaModel], Arch: c.Metadata[converter.MetaArch], Labels: c.Metadata[converter.MetaLabels]}
	text, ok := c.Metadata[converter.MetaPreprocessing]
	if !ok {
		return d, nil
	}
	if err := json.Unmarshal([]byte(text), &d.Pipeline); err != nil {
		err = fmt.Errorf("metadata %q: %w: convert the checkpoint again, or name the model and its preprocessing",
			converter.MetaPreprocessing, err)
		return d, &converter.CheckpointError{File: c.Name, Err: err}
	}
	return d, nil
}
