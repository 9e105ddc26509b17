package zoo

import (
	"cmp"
	"io"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/tensor"
)

// ConvertOptions says what to make of a checkpoint.
type ConvertOptions struct {
	// Output is the file to write; a name that ends in ".zst" is compressed. Convert
	// keeps a safetensors file in the cache when empty.
	Output string
	// Stream is written to in place of a file. Output must be empty then.
	Stream io.Writer
	// DryRun does everything but to write the file: the Conversion says what it would be. The
	// published file of a registry entry is fetched into the cache all the same.
	DryRun bool
	// Format is what to write. Empty means what Output's name promises, and
	// safetensors where that promises nothing. ONNX needs a network, as Model gives it.
	Format converter.Format
	// DType casts floating point tensors to F32, F16 or BF16; Invalid keeps each.
	DType tensor.DType
	// Model is the registry name of the network that a file must fit; empty
	// writes the state dict under its own names.
	Model string
	// Weights says which tensors of the file are the network's, where it holds several
	// networks: see converter.Checkpoint.Select.
	Weights string
	// Network is what the file's own project calls the network that it holds, such as
	// "tf_efficientnet_b0", where it does not say and another has the same tensors.
	Network string
	// Recipe renames the tensors; empty means the entry's own, or whichever fits.
	Recipe string
	// Classes names the classes in label order, in place of the checkpoint's names.
	// With a network there must be one for each row of its classifier.
	Classes []string
	// Deploy fuses the branches of a network that has a deploy form, and writes that.
	Deploy bool
	// All writes every tensor of the file under its full path.
	All bool
	// Identify looks, where a file is converted without a model, whether it is the published file
	// of exactly one by its digest, and converts it as that; otherwise it looks for networks that the file
	// fits: see Conversion.Identified and Fits. Options that need a network need no model then.
	Identify bool
}

// OutputFormat returns the format that is written.
func (o *ConvertOptions) OutputFormat() converter.Format {
	promised, _ := converter.FormatOf(o.Output)
	return cmp.Or(o.Format, promised, converter.Safetensors)
}

// Cacheable reports whether the file that a registry entry is converted to is decided by
// the entry alone, so that the cache keeps it.
func (o *ConvertOptions) Cacheable() bool {
	return o.Stream == nil && o.Weights == "" && o.Recipe == "" && o.Network == "" && o.OutputFormat() == converter.Safetensors &&
		o.DType == tensor.Invalid && o.Classes == nil && !o.Deploy
}

// check returns an *OptionError for options that cannot go together: of the conversion of
// a file, or of a registry entry.
func (o *ConvertOptions) check(file bool) error {
	network := !file || o.Model != ""
	promised, promises := converter.FormatOf(o.Output)
	switch {
	case promises && promised != o.OutputFormat():
		return option.Errorf("Format", "%s, but %s ends as %s does: name another file", o.Format, o.Output, promised)
	case o.All && (o.Model != "" || o.Recipe != "" || o.Weights != ""):
		return option.Errorf("All", "every tensor is written under its own path: no model, no recipe and no key of weights goes with that")
	case o.All && !file:
		return option.Errorf("All", "this goes with a file")
	case o.Model != "" && !file:
		return option.Errorf("Model", "this goes with a file")
	case o.Network != "" && !network:
		return option.Errorf("Network", "the name tells networks of the same tensors apart: name a model")
	case o.Recipe != "" && !network:
		return option.Errorf("Recipe", "a recipe belongs to a network: name a model")
	case o.Deploy && !network:
		return option.Errorf("Deploy", "only a network has branches to fuse: name a model")
	case o.OutputFormat() == converter.ONNX && !network:
		return option.Errorf("Format", "ONNX holds a network: name a model")
	case o.Stream != nil && o.Output != "":
		return option.Errorf("Output", "a stream is written to in place of a file: leave this out")
	case o.Stream != nil:
	case o.Output == "" && file:
		return option.Errorf("Output", "no output file is named")
	case o.Output == "" && !o.Cacheable():
		return option.Errorf("Output", "the cache holds what the entry alone decides: name an output file")
	}
	return nil
}
