package zoo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/registry"
)

// ConvertOptions says what to make of a checkpoint.
type ConvertOptions struct {
	// Output is the file to write. Convert keeps it in the cache when empty.
	Output string
	// Model is the registry name of the network that a file must fit; empty
	// writes the state dict under its own names.
	Model string
	// Recipe renames the tensors; empty means the entry's own, or whichever fits.
	Recipe string
	// All writes every tensor of the file under its full path.
	All bool
}

// A Conversion says what was converted, and how.
type Conversion struct {
	Path, SHA256         string // of the file written
	Source, SourceSHA256 string // base name, hex
	Container            string // of the source
	Model, Recipe        string // empty for none
	Classes              int    // rows of the classifier; 0 without a network
	Tensors              int
	Changes              []recipe.Change // what became of each name
	NonTensors           []pth.NonTensor // what was not a tensor, and was not run
}

// Convert converts the named model's published file, downloading it if need be.
// The error is a *converter.CheckpointError when the file is not what the entry's
// network wants; then nothing is written.
func (z *Zoo) Convert(ctx context.Context, name string, o ConvertOptions) (*Conversion, error) {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return nil, err
	}
	if o.All || o.Model != "" && o.Model != name {
		return nil, fmt.Errorf("zoo: convert %s: All and another Model go with a file", name)
	}
	src, err := z.download(ctx, entry)
	if err != nil {
		return nil, err
	}
	checkpoint, err := openSource(entry, src)
	if err != nil {
		return nil, err
	}
	defer checkpoint.Close()
	recipe := cmp.Or(o.Recipe, entry.Weights.Recipe)
	fitted, err := fit(entry, checkpoint, recipe)
	if err != nil {
		return nil, err
	}
	c := newConversion(checkpoint, src)
	c.describe(entry, fitted)
	if o.Output == "" && recipe == entry.Weights.Recipe {
		c.Path, err = z.converted(entry, src)
	} else if o.Output == "" {
		err = fmt.Errorf("zoo: convert %s: recipe %q is not the entry's: name an output file", name, recipe)
	} else {
		c.Path, err = o.Output, writeFitted(entry, checkpoint, src, fitted, o.Output)
	}
	if err != nil {
		return nil, err
	}
	c.SHA256, err = fileSHA256(c.Path)
	return c, err
}

// ConvertFile converts a checkpoint file to o.Output, which appears only once it is
// complete. The error is a *converter.CheckpointError when the file cannot be read
// or does not fit o.Model.
func (z *Zoo) ConvertFile(ctx context.Context, path string, o ConvertOptions) (*Conversion, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var entry *registry.Entry
	if o.Model != "" {
		var err error
		if entry, err = z.registry.Lookup(o.Model); err != nil {
			return nil, err
		}
	}
	switch same, err := sameFile(path, o.Output); {
	case err != nil:
		return nil, err
	case o.Output == "":
		return nil, fmt.Errorf("zoo: convert %s: no output file is named", path)
	case same:
		return nil, fmt.Errorf("zoo: convert %s: the output is the input: name another file", path)
	case entry == nil && o.Recipe != "", entry != nil && o.All:
		return nil, fmt.Errorf("zoo: convert %s: Recipe needs a Model, and All goes without", path)
	}
	digest, err := fileSHA256(path)
	if err != nil {
		return nil, err
	}
	checkpoint, err := converter.Open(path)
	if err != nil {
		return nil, err
	}
	defer checkpoint.Close()
	src := &Source{Path: path, SHA256: digest}
	c := newConversion(checkpoint, src)
	if entry != nil {
		fitted, err := fit(entry, checkpoint, o.Recipe)
		if err != nil {
			return nil, err
		}
		c.describe(entry, fitted)
		err = writeFitted(entry, checkpoint, src, fitted, o.Output)
		if err != nil {
			return nil, err
		}
	} else if err := c.writePlain(checkpoint, o); err != nil {
		return nil, err
	}
	c.Path = o.Output
	c.SHA256, err = fileSHA256(c.Path)
	return c, err
}

func newConversion(checkpoint *converter.Checkpoint, src *Source) *Conversion {
	return &Conversion{Source: checkpoint.Name, SourceSHA256: src.SHA256, Container: checkpoint.Container, NonTensors: checkpoint.NonTensors}
}

// describe says what fitting an entry's network took.
func (c *Conversion) describe(entry *registry.Entry, fitted *converter.Fitted) {
	c.Model, c.Recipe, c.Classes = entry.Name, fitted.Recipe, fitted.Classes
	c.Tensors, c.Changes = len(fitted.Bound.Tensors), fitted.Changes
}

// writeFitted writes the tensors that an entry's network wants, with their
// provenance.
func writeFitted(entry *registry.Entry, checkpoint *converter.Checkpoint, src *Source, fitted *converter.Fitted, output string) error {
	return converter.WriteSafetensors(output, fitted.Bound.StateDict(), converter.Provenance{
		Source: checkpoint.Name, SHA256: src.SHA256, Container: checkpoint.Container,
		Model: entry.Name, Recipe: fitted.Recipe, Classes: checkpoint.Classes, Version: Version,
	})
}

// writePlain writes a checkpoint's tensors under their own names: those of the state
// dict, or with o.All every one.
func (c *Conversion) writePlain(checkpoint *converter.Checkpoint, o ConvertOptions) error {
	read := checkpoint.StateDict
	if o.All {
		read = checkpoint.Tensors
	}
	sd, err := read()
	if err != nil {
		return err
	}
	if _, c.Changes, err = recipe.Recipe(nil).Apply(sd); err != nil {
		return err
	}
	c.Tensors = sd.Len()
	return converter.WriteSafetensors(o.Output, sd, converter.Provenance{
		Source: c.Source, SHA256: c.SourceSHA256, Container: c.Container, Classes: checkpoint.Classes, Version: Version,
	})
}

func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sameFile reports whether both paths mean one file. An output that is not there
// yet is another file.
func sameFile(input, output string) (bool, error) {
	in, err := os.Stat(input)
	if err != nil {
		return false, err
	}
	out, err := os.Stat(output)
	if err != nil {
		return false, nil
	}
	return os.SameFile(in, out), nil
}
