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
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/tensor"
)

// ConvertOptions says what to make of a checkpoint.
type ConvertOptions struct {
	// Output is the file to write; a name that ends in ".zst" is compressed. Convert
	// keeps a safetensors file in the cache when empty.
	Output string
	// Format is what to write. Empty means what Output's name promises, and
	// safetensors where that promises nothing. ONNX needs a network, as Model gives it.
	Format converter.Format
	// DType casts floating point tensors to F32, F16 or BF16; Invalid keeps each.
	DType tensor.DType
	// Model is the registry name of the network that a file must fit; empty
	// writes the state dict under its own names.
	Model string
	// Recipe renames the tensors; empty means the entry's own, or whichever fits.
	Recipe string
	// Classes names the classes in label order, in place of the checkpoint's names.
	// With a network there must be one for each row of its classifier.
	Classes []string
	// Deploy fuses the branches of a network that has a deploy form, and writes that.
	Deploy bool
	// All writes every tensor of the file under its full path.
	All bool
}

// An OptionError says that options contradict each other, or what they are about.
type OptionError struct{ Err error }

// Error returns the cause's message.
func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *OptionError) Unwrap() error { return e.Err }

// badOption returns an *OptionError.
func badOption(format string, args ...any) error { return &OptionError{fmt.Errorf(format, args...)} }

// format returns the format to write.
func (o *ConvertOptions) format() converter.Format {
	promised, _ := converter.FormatOf(o.Output)
	return cmp.Or(o.Format, promised, converter.Safetensors)
}

// A Conversion says what was converted, and how.
type Conversion struct {
	Path                 string // of the file written
	Format               converter.Format
	Source, SourceSHA256 string // base name, hex
	Container            string // of the source
	Checksums            bool   // whether the source's container protects its content
	Model, Recipe        string // empty for none
	Form                 string // of the network written: registry.FormDeploy, or empty
	Classes              int    // rows of the classifier; 0 without a network
	ClassNames           []string
	Tensors              int
	Names                []converter.Explained // what became of each name
	NonTensors           []pth.NonTensor       // what was not a tensor, and was not run
}

// SHA256 reads the file that was written and returns its digest in hex.
func (c *Conversion) SHA256() (string, error) { return fileSHA256(c.Path) }

// Convert converts the named model's published file, downloading it if need be.
// The error is a *converter.CheckpointError when the file is not what the entry's
// network wants, and an *OptionError or a *converter.RecipeError when the options are
// to blame; then nothing is written.
func (z *Zoo) Convert(ctx context.Context, name string, o ConvertOptions) (*Conversion, error) {
	entry, err := z.registry.Lookup(name)
	if err != nil {
		return nil, err
	}
	if o.All || o.Model != "" && o.Model != name {
		return nil, badOption("zoo: convert %s: All and another Model go with a file", name)
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
	o.Recipe = cmp.Or(o.Recipe, entry.Weights.Recipe)
	job, err := plan(checkpoint, src, entry, o)
	if err != nil {
		return nil, err
	}
	if o.Output != "" {
		return job.write(ctx, o.Output)
	}
	if o.Recipe != entry.Weights.Recipe || o.format() != converter.Safetensors || o.DType != tensor.Invalid || o.Classes != nil || o.Deploy {
		return nil, badOption("zoo: convert %s: the cache holds what the entry alone decides: name an output file", name)
	}
	job.done.Path, err = z.converted(ctx, entry, src)
	return job.done, err
}

// ConvertFile converts a checkpoint file to o.Output, which appears only once it is
// complete. The error is a *converter.CheckpointError when the file cannot be read
// or does not fit o.Model, and an *OptionError or a *converter.RecipeError when the
// options are to blame.
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
		return nil, badOption("zoo: convert %s: no output file is named", path)
	case same:
		return nil, badOption("zoo: convert %s: the output is the input: name another file", path)
	case entry == nil && o.Recipe != "", entry != nil && o.All:
		return nil, badOption("zoo: convert %s: Recipe needs a Model, and All goes without", path)
	case entry == nil && o.Deploy:
		return nil, badOption("zoo: convert %s: Deploy fuses a network's branches: name a Model", path)
	case entry == nil && o.format() == converter.ONNX:
		return nil, badOption("zoo: convert %s: ONNX holds a network: name a Model", path)
	}
	checkpoint, err := converter.Open(path)
	if err != nil {
		return nil, err
	}
	defer checkpoint.Close()
	job, err := plan(checkpoint, nil, entry, o)
	if err != nil {
		return nil, err
	}
	return job.write(ctx, o.Output)
}

// A conversion is a checkpoint on its way to a file.
type conversion struct {
	done   *Conversion // as far as it is known
	source *converter.Checkpoint
	sd     *tensor.StateDict
	output converter.Output
}

// plan decides what to write of a checkpoint. Src is the cached file that it is, if
// it is one, and entry the one whose network it must fit, if any.
func plan(checkpoint *converter.Checkpoint, src *Source, entry *registry.Entry, o ConvertOptions) (*conversion, error) {
	c := &Conversion{
		Format: o.format(), Source: checkpoint.Name, Container: checkpoint.Container, Checksums: checkpoint.Checksums,
		NonTensors: checkpoint.NonTensors, ClassNames: checkpoint.Classes,
	}
	job := &conversion{done: c, source: checkpoint, output: converter.Output{Format: c.Format, DType: o.DType}}
	if o.Classes != nil {
		c.ClassNames = o.Classes
	}
	if entry == nil {
		read := checkpoint.StateDict
		if o.All {
			read = checkpoint.Tensors
		}
		sd, err := read()
		if err != nil {
			return nil, err
		}
		job.sd, c.Names = sd, converter.Kept(sd)
	} else {
		fitted, err := fit(entry, checkpoint, o.Recipe)
		if err != nil {
			return nil, err
		}
		if fitted, err = formed(entry, fitted, o); err != nil {
			return nil, err
		}
		if fitted.Deploy {
			c.Form = registry.FormDeploy
		}
		job.sd, job.output.Graph = fitted.Bound.StateDict(), fitted.Bound.Graph
		c.Model, c.Recipe, c.Classes, c.Names = entry.Name, fitted.Recipe, fitted.Classes, fitted.Names
		switch n := len(c.ClassNames); {
		case n == fitted.Classes:
		case o.Classes != nil:
			return nil, badOption("zoo: convert %s: %d class names, but the classifier has %d rows: name each", checkpoint.Name, n, fitted.Classes)
		default:
			c.ClassNames = nil // those of another number of classes name nothing
		}
	}
	c.Tensors = job.sd.Len()
	job.output.Provenance = converter.Provenance{
		Source: c.Source, Container: c.Container, Model: c.Model, Recipe: c.Recipe, Classes: c.ClassNames, Version: Version,
	}
	if src != nil {
		c.SourceSHA256, job.output.Provenance.SHA256 = src.SHA256, src.SHA256
	} else {
		job.output.SHA256 = checkpoint.SHA256
	}
	return job, nil
}

// formed returns a checkpoint in the form that is asked for: fused, or as it is.
func formed(entry *registry.Entry, fitted *converter.Fitted, o ConvertOptions) (*converter.Fitted, error) {
	if !o.Deploy || fitted.Deploy {
		return fitted, nil
	}
	g, err := graph(entry, registry.FormDeploy, fitted.Classes)
	if err != nil {
		return nil, badOption("%w: leave Deploy out", err)
	}
	return fitted.Fuse(g, o.DType)
}

// write writes the file and returns what was done.
func (j *conversion) write(ctx context.Context, path string) (*Conversion, error) {
	if err := converter.Write(ctx, path, j.sd, j.output); err != nil {
		return nil, err
	}
	j.done.Path, j.done.SourceSHA256 = path, cmp.Or(j.done.SourceSHA256, j.source.SHA256())
	return j.done, nil
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
