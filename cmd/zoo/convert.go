package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/tensor"
)

func (a *app) convertCommand() *cobra.Command {
	var o zoo.ConvertOptions
	var f convertFlags
	c := &cobra.Command{
		Use:   "convert NAME|FILE",
		Short: "Convert a checkpoint without running it",
		Long: `Convert a PyTorch checkpoint (.pth in either container) or a safetensors file, or one
of them compressed with zstd (.zst), and print the path of the file written. Nothing
pickled is ever run.

With a registry NAME the file is downloaded if need be, and must be what the network wants.
With a FILE the state dict is written under its own names, unless its sha256 is that of exactly
one known model's file: then it is converted as that, and this is said. Where no more than 8
digits are known, the tensors have to fit the model's network, too. Otherwise the networks are
printed that it fits, and none of them is used. --model NAME renames it by the family's recipe where its
names are foreign, and refuses a tensor that is missing, is not wanted or has another shape.
FILE may be the index of a sharded checkpoint, a shard, or a folder with a checkpoint. A
classifier of another number of rows is taken for a fine-tuned one; its class names come from
the checkpoint, or from --classes. --all writes every tensor of the file under its full path.

Where a file holds several networks, an average comes before the weights that it is of, as timm
has it: state_dict_ema, model_ema, state_dict, model, and further keys; without any of them the
only mapping that fits is taken. --weights KEY takes another, such as state_dict/teacher;
--explain lists what is there. With --model, wrappers, a common prefix and masks of pruning are
undone where exactly the network's tensors are left; what was done is printed.

Networks that differ in borders, eps or pooling have the same tensors. Which one a file of another
project holds is told by --arch or --recipe PROJECT/NETWORK, else by the file (arch, args), by the
config.json beside it, or by its name where the digits in it are those of its sha256. Where nothing
tells, the project's plain network is assumed and said, or the file is refused with the candidates.

What is written is safetensors, .pth (for torch.load with weights_only), .npz (numpy), or
.onnx (the network with its weights; NAME, --model, or a file that is known): as --to says, or as the name given to
-o ends. A name that ends in .zst is compressed.

Without -o a NAME is converted to safetensors in the cache, and everything else into the
working directory. -o - writes the file to standard output and everything else to standard
error; a device or a named pipe is written through. --dry-run does everything but to write, and
prints what would be written, its size and its digest. Formats: human, json.`,
		Example: `  zoo convert cspresnet50_3rdparty_8xb32_in1k
  zoo convert cspresnet50_3rdparty_8xb32_in1k --to onnx
  zoo convert mine.pth --to npz -o - | ssh host 'cat > mine.npz'
  zoo convert mine.pth --model cspresnet50_3rdparty_8xb32_in1k --classes names.txt -o mine.safetensors`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, z, err := a.openFor(formatJSON)
			if err != nil {
				return err
			}
			from := args[0]
			if !isFile(from) {
				if from, err = a.resolve(z, from); err != nil {
					return err
				}
			}
			if err := a.applyConvert(&f, &o, from); err != nil {
				return err
			}
			result, err := convert(cmd, z, from, o)
			return a.printConversion(result, err, format, &f, &o)
		},
		ValidArgsFunction: a.completeNames,
	}
	flags := c.Flags()
	flags.StringVarP(&o.Output, "output", "o", "", "file to write, - being standard output")
	flags.StringVar(&f.to, "to", "", "format to write: safetensors, pth, npz or onnx (default: as --output ends, else safetensors)")
	flags.StringVar(&f.dtype, "dtype", "", "cast floating point tensors: f32, f16 or bf16 (default: as they are)")
	flags.StringVar(&o.Model, "model", "", "registry name whose network the checkpoint must fit")
	weightsFlag(c, &o.Weights)
	archFlag(c, &o.Network)
	flags.StringVar(&o.Recipe, "recipe", "", "rename by this recipe, such as timm, or timm/resnet50 (default: whichever fits)")
	flags.StringVar(&f.classes, "classes", "", "file of class names in label order, one a line or a JSON list, to keep with the tensors")
	flags.BoolVar(&o.Deploy, "deploy", false, "fuse the parallel branches of a network that has them, or the norms of its layers: RepVGG, MobileOne, LeViT, RIFormer, RepMLP")
	flags.BoolVar(&o.All, "all", false, "write every tensor of the file under its full path")
	flags.BoolVar(&o.DryRun, "dry-run", false, "write nothing, print what would be written")
	flags.BoolVar(&f.explain, "explain", false, "print what became of every name, and what was not a tensor")
	c.RegisterFlagCompletionFunc("model", a.completeNames)
	return c
}

// convertFlags are those that stand for an option of another type.
type convertFlags struct {
	to, dtype, classes string
	explain            bool
}

// dtypes are the values of --dtype.
var dtypes = map[string]tensor.DType{"": tensor.Invalid, "f32": tensor.F32, "f16": tensor.F16, "bf16": tensor.BF16}

// applyConvert enters the flags into the options, and names the file to write where that is needed
// and none was named.
func (a *app) applyConvert(f *convertFlags, o *zoo.ConvertOptions, arg string) error {
	var ok bool
	if o.DType, ok = dtypes[f.dtype]; !ok {
		return usage("--dtype %s: expected f32, f16 or bf16", f.dtype)
	}
	if f.to != "" {
		var err error
		if o.Format, err = converter.ParseFormat(f.to); err != nil {
			return usage("--to %s: expected %s", f.to, joined(converter.Formats()))
		}
	}
	if f.classes != "" {
		var err error
		if o.Classes, err = converter.ReadClasses(f.classes); err != nil {
			return &usageError{err}
		}
	}
	name := arg
	switch {
	case isStdout(o.Output):
		var err error
		o.Output = ""
		o.Stream, err = a.stream("-o")
		return err
	case o.Output != "":
		return nil
	case isFile(arg):
		base := strings.TrimSuffix(filepath.Base(arg), ".zst")
		name = strings.TrimSuffix(base, filepath.Ext(base))
	case o.Cacheable() || o.Recipe != "":
		return nil // in the cache, or nowhere
	}
	if o.Deploy {
		name += "-deploy"
	}
	o.Output = name + "." + string(o.OutputFormat())
	return nil
}

// convert converts a file where the argument is one, a registry entry otherwise.
func convert(cmd *cobra.Command, z *zoo.Zoo, arg string, o zoo.ConvertOptions) (*zoo.Conversion, error) {
	if !isFile(arg) {
		return z.Convert(cmd.Context(), arg, o)
	}
	if err := checkpointFile(arg); err != nil {
		return nil, err
	}
	o.Identify = true
	return z.ConvertFile(cmd.Context(), arg, o)
}

// isFile reports whether the argument means a file: one that is there, or something
// no registry name looks like.
func isFile(arg string) bool {
	if info, err := os.Stat(arg); err == nil && info.Mode().IsRegular() {
		return true
	}
	if converter.IsFolder(arg) {
		return true
	}
	return endsAsCheckpoint(arg) || strings.ContainsRune(arg, filepath.Separator)
}

// endsAsCheckpoint reports whether a path ends as the names of checkpoints do.
func endsAsCheckpoint(path string) bool {
	for _, suffix := range []string{".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".zst"} {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}
