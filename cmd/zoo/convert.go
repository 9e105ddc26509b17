package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter/recipe"
)

func (a *app) convertCommand() *cobra.Command {
	var o zoo.ConvertOptions
	var to string
	var explain bool
	c := &cobra.Command{
		Use:   "convert NAME|FILE",
		Short: "Convert a checkpoint to safetensors without running it",
		Long: `Convert a PyTorch checkpoint (.pth in either container, or one compressed with zstd)
or a safetensors file to safetensors, and print the path of the file written. Nothing
pickled is ever run.

With a registry NAME the file is downloaded if need be, and must be what the network wants.
With a FILE the state dict is written under its own names; --model NAME renames it by the
family's recipe where its names are foreign, and refuses a tensor that is missing, is not
wanted or has another shape; --all writes every tensor of the file under its full path.

Without -o a NAME is converted in the cache, and a FILE into the working directory, its
name ending in .safetensors. Formats: human, json.`,
		Example: "  zoo convert cspresnet50_3rdparty_8xb32_in1k\n  zoo convert mine.pth --model cspresnet50_3rdparty_8xb32_in1k -o mine.safetensors",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			switch file := isFile(args[0]); {
			case to != "safetensors":
				return usage("--to %s: expected safetensors", to)
			case o.All && (o.Model != "" || o.Recipe != ""):
				return usage("--all writes every tensor under its own path: it goes with neither --model nor --recipe")
			case file && o.Recipe != "" && o.Model == "":
				return usage("--recipe needs --model: a recipe belongs to a network")
			case !file && (o.All || o.Model != ""):
				return usage("--all and --model go with a file, and there is no file %q", args[0])
			case !file && o.Recipe != "" && o.Output == "":
				return usage("--recipe with a NAME needs -o: the cache holds what the entry's own recipe makes")
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			result, err := convert(cmd, z, args[0], o)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printConversionJSON(result, explain)
			}
			if explain {
				a.printChanges(result)
			}
			a.hint("%s", describeConversion(result))
			fmt.Fprintln(a.stdout, result.Path)
			return nil
		},
		ValidArgsFunction: a.completeNames,
	}
	f := c.Flags()
	f.StringVarP(&o.Output, "output", "o", "", "file to write")
	f.StringVar(&to, "to", "safetensors", "format to write: safetensors")
	f.StringVar(&o.Model, "model", "", "registry name whose network the checkpoint must fit")
	f.StringVar(&o.Recipe, "recipe", "", "rename by this recipe, such as timm (default: whichever fits)")
	f.BoolVar(&o.All, "all", false, "write every tensor of the file under its full path")
	f.BoolVar(&explain, "explain", false, "print what became of every name, and what was not a tensor")
	c.RegisterFlagCompletionFunc("model", a.completeNames)
	return c
}

// convert converts a file where the argument is one, a registry entry otherwise.
func convert(cmd *cobra.Command, z *zoo.Zoo, arg string, o zoo.ConvertOptions) (*zoo.Conversion, error) {
	if !isFile(arg) {
		return z.Convert(cmd.Context(), arg, o)
	}
	if err := inputFile(arg); err != nil {
		return nil, err
	}
	if o.Output == "" {
		base := strings.TrimSuffix(filepath.Base(arg), ".zst")
		o.Output = strings.TrimSuffix(base, filepath.Ext(base)) + ".safetensors"
	}
	return z.ConvertFile(cmd.Context(), arg, o)
}

// isFile reports whether the argument means a file: one that is there, or something
// no registry name looks like.
func isFile(arg string) bool {
	if info, err := os.Stat(arg); err == nil && info.Mode().IsRegular() {
		return true
	}
	for _, suffix := range []string{".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".zst"} {
		if strings.HasSuffix(arg, suffix) {
			return true
		}
	}
	return strings.ContainsRune(arg, filepath.Separator)
}

func describeConversion(r *zoo.Conversion) string {
	text := fmt.Sprintf("%s (%s): %d tensors", r.Source, r.Container, r.Tensors)
	if r.Recipe != "" {
		text += ", renamed by recipe " + r.Recipe
	}
	if n := len(r.NonTensors); n == 1 {
		text += "; 1 value that is no tensor was left out, and not run"
	} else if n > 1 {
		text += fmt.Sprintf("; %d values that are no tensors were left out, and not run", n)
	}
	return text
}

func (a *app) printChanges(r *zoo.Conversion) {
	for _, c := range r.Changes {
		switch what := changeKind(c); what {
		case "matched":
			fmt.Fprintf(a.stdout, "%-8s %s\n", what, c.From)
		case "dropped":
			fmt.Fprintf(a.stdout, "%-8s %s  (%s)\n", what, c.From, c.Rule)
		default:
			fmt.Fprintf(a.stdout, "%-8s %s -> %s  (%s)\n", what, c.From, c.To, c.Rule)
		}
	}
	for _, n := range r.NonTensors {
		fmt.Fprintf(a.stdout, "%-8s %s  (%s, not run)\n", "ignored", n.Path, n.Type)
	}
}

func changeKind(c recipe.Change) string {
	switch {
	case c.To == "":
		return "dropped"
	case c.From == c.To:
		return "matched"
	}
	return "renamed"
}

func (a *app) printConversionJSON(r *zoo.Conversion, explain bool) error {
	type change struct {
		From string `json:"from"`
		To   string `json:"to,omitempty"`
		Kind string `json:"kind"`
		Rule string `json:"rule,omitempty"`
	}
	type ignored struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	out := struct {
		Path         string    `json:"path"`
		SHA256       string    `json:"sha256"`
		Source       string    `json:"source"`
		SourceSHA256 string    `json:"source_sha256"`
		Container    string    `json:"source_container"`
		Model        string    `json:"model,omitempty"`
		Recipe       string    `json:"recipe,omitempty"`
		Classes      int       `json:"classes,omitempty"`
		Tensors      int       `json:"tensors"`
		NonTensors   int       `json:"non_tensors"`
		Changes      []change  `json:"changes,omitempty"`
		Ignored      []ignored `json:"ignored,omitempty"`
	}{
		r.Path, r.SHA256, r.Source, r.SourceSHA256, r.Container, r.Model, r.Recipe,
		r.Classes, r.Tensors, len(r.NonTensors), nil, nil,
	}
	if explain {
		for _, c := range r.Changes {
			row := change{From: c.From, To: c.To, Kind: changeKind(c)}
			if c.Rule != nil {
				row.Rule = c.Rule.String()
			}
			out.Changes = append(out.Changes, row)
		}
		for _, n := range r.NonTensors {
			out.Ignored = append(out.Ignored, ignored{n.Path, n.Type})
		}
	}
	return a.printJSON(out)
}
