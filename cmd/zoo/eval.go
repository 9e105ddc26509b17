package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/registry"
)

// evalFlags are the flags of zoo eval beside those that evaluate.Options hold.
type evalFlags struct {
	data, labels, classes, shard string
	from                         zoo.OpenOptions
	show                         evalShow
}

// evalShow says how an evaluation is judged and printed.
type evalShow struct {
	noStrict, perClass, allowChance bool
}

func (s *evalShow) register(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&s.noStrict, "no-strict", false, "take the figure of the images that can be evaluated where some cannot, and say of how many it is")
	f.BoolVar(&s.perClass, "per-class", false, "print the accuracy for each class too")
	f.BoolVar(&s.allowChance, "allow-chance", false, "take an accuracy that is as good as guessing, or far below the published one")
}

func (a *app) evalCommand() *cobra.Command {
	var g evalFlags
	var o evaluate.Options
	c := &cobra.Command{
		Use:   "eval NAME",
		Short: "Measure Top-1 and Top-5 on labelled images",
		Long: `Classify a validation set and count how often the label is the first, or among the first
five, of the model's classes. --data is a folder, a .zip or .tar file, or a .tar.gz or .tar.zst. It holds
val.txt with lines "PATH LABEL", or Kaggle's LOC_val_solution.csv, Tiny ImageNet's val_annotations.txt or
the ILSVRC development kit's ground truth, beside the images or a folder val or images; or one folder
per class, with images at any depth, named by WordNet id where the classes are ImageNet's, by class name,
or by number from 0. --labels names a list elsewhere: columns between spaces, tabs or commas, labels as
numbers, WordNet ids or class names. --classes names the classes in label order: a line each, JSON, or
an imagenet_class_index. Without --data the images embedded for the model's classes are used.

-o appends the outcome of each image to a log, one JSON object a line; when the command is run
again with the same log, it goes on where it ended. --shard 2/8 takes the second of eight equal
parts; zoo eval merge puts the logs of all parts together.

Images without a label, in folders that are no class or listed and not there, end the command with exit
status 2 before it computes; --no-strict leaves them out. Images that are damaged, or no images at all, are
named and count in no figure, which is printed with how many it is of; the exit status is 2 for them too,
unless --no-strict. A file that the system cannot read ends the evaluation: it goes on from the log.
When accuracy is no better than guessing, or what is published (30 % where nothing is) makes it less
likely than one in a million, the exit status is 4, and the reason is printed in place of the figure, unless
--allow-chance; ImageNet-A, which is known by its folders, is left out of this. Formats: human, json, and
csv for --per-class.`,
		Example: "  zoo eval cspresnet50_3rdparty_8xb32_in1k --data imagenet/val -o run.jsonl\n  zoo eval cspresnet-nano_digits",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.evaluate(cmd.Context(), args[0], g, o)
		},
		ValidArgsFunction: a.completeFirstName,
	}
	f := c.Flags()
	f.StringVar(&g.data, "data", "", "folder, .zip, .tar, .tar.gz or .tar.zst with labelled images")
	f.StringVar(&g.labels, "labels", "", "list of labels that is not among the data")
	openFlags(c, &g.from)
	a.inputFlags(c, &g.from, false)
	f.StringVar(&g.classes, "classes", "", "file with the names of the classes in label order, by which folders and lists label images")
	f.IntVar(&o.ClassesOffset, "classes-offset", 0, "rows of the classifier before the first class: 1 where row 0 means background")
	f.IntVar(&o.Limit, "limit", 0, "evaluate the first images only, in path order")
	f.StringVar(&g.shard, "shard", "", "evaluate one of equal parts, such as 1/8")
	f.StringVarP(&o.Log, "output", "o", "", "log to append the outcome of each image to, and to go on from")
	g.show.register(c)
	a.precisionFlag(c, zoo.High)
	a.pictureFlags(c)
	c.AddCommand(a.mergeCommand())
	return c
}

// evaluate carries zoo eval out.
func (a *app) evaluate(ctx context.Context, name string, g evalFlags, o evaluate.Options) error {
	format, err := a.evalFormat(g.show)
	if err != nil {
		return err
	}
	if o.Limit < 0 {
		return usage("--limit %d: expected a number of images, 0 for all", o.Limit)
	}
	if isStdout(o.Log) {
		return usage("-o %s: expected a file: a log is gone on from", o.Log)
	}
	if o.ClassesOffset < 0 {
		return usage("--classes-offset %d: expected a number of rows, 0 for none", o.ClassesOffset)
	}
	if g.shard != "" {
		if o.Shard, o.Shards, err = parseShard(g.shard); err != nil {
			return err
		}
	}
	z, err := a.open()
	if err != nil {
		return err
	}
	entry, err := z.Registry().Lookup(name)
	if err != nil {
		return err
	}
	if g.labels != "" {
		if g.data == "" {
			return usage("--labels goes with --data")
		}
		if o.Labels, err = evaluate.ReadLabels(g.labels); err != nil {
			return err
		}
		o.LabelsName = filepath.Base(g.labels)
	}
	if g.classes != "" {
		if o.Classes, o.ClassIDs, err = converter.ReadClassIndex(g.classes); err != nil {
			return &usageError{err}
		}
	}
	images, err := z.Images(name)
	if err != nil {
		return err
	}
	o.Dataset = zoo.EmbeddedDataset
	if g.data != "" {
		fsys, closer, err := evaluate.OpenData(ctx, g.data)
		if err != nil {
			return err
		}
		defer closer.Close()
		images, o.Dataset = fsys, g.data
	}
	if images == nil {
		return usage("--data: no images are embedded for the classes of %s: name a set", name)
	}
	m, err := a.openModel(ctx, name, g.from)
	if err != nil {
		return err
	}
	defer m.Close()
	o.Progress = func(done, total int) {
		a.progress(zoo.Progress{Task: "evaluate", Name: name, Done: int64(done), Total: int64(total)})
	}
	o.Partial, o.AllowChance = g.show.noStrict, g.show.allowChance
	if o.Expected = expected(entry, m.Weights()); g.from.Input != nil { // nothing is published with that
		o.Expected = min(o.Expected, evaluate.Unpublished)
	}
	e, err := evaluate.Run(ctx, m, images, o)
	if err != nil {
		return err
	}
	if e.Resumed > 0 {
		a.hint("%d images were in %s already", e.Resumed, o.Log)
	}
	names := o.Classes
	if names == nil {
		names = m.Classes()
	}
	return a.printEvaluation(e, format, g.show, names)
}

// evalFormat returns the format that an evaluation is printed in.
func (a *app) evalFormat(show evalShow) (string, error) {
	format, err := a.formatOf(formatJSON, formatCSV)
	if err == nil && format == formatCSV && !show.perClass {
		err = usage("--format csv prints classes: it goes with --per-class")
	}
	return format, err
}

// expected returns the Top-1 that is expected of weights: what the catalogue publishes, and for
// weights of one's own no more than of weights about which nothing is published.
func expected(entry *registry.Entry, weights golden.Weights) float64 {
	top1 := entry.Published.Top1
	if !top1.Known() {
		return evaluate.Unpublished
	}
	if d, ok := weights.Digest(); !ok || !entry.Weights.Digest.Matches(d) {
		return min(evaluate.Unpublished, top1.Float()/100)
	}
	return top1.Float() / 100
}

func (a *app) mergeCommand() *cobra.Command {
	var show evalShow
	var output string
	c := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Put the logs of all parts of an evaluation together",
		Long: `Put the logs that zoo eval --shard -o wrote together, and print the result of the whole. They must
be of the same model, weights, pixels, precision and images, each complete, without overlaps and
gaps, and as they were written: paths and labels are held against the digest that the logs name. Which
classes the network computed no log can prove. -o writes the whole as one log, the one that an evaluation
without --shard writes: zoo report --measured takes it. The parts stay. Formats: human, json, and csv for
--per-class.`,
		Example: "  zoo eval merge part-*.jsonl -o run.jsonl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.evalFormat(show)
			if err != nil {
				return err
			}
			for _, path := range args {
				if err := inputFile(path); err != nil {
					return err
				}
				if sameFile(path, output) {
					return usage("-o %s: it is one of the parts, which stay: name another file", output)
				}
			}
			e, err := evaluate.Merge(args...)
			if err != nil {
				return err
			}
			if !show.allowChance {
				z, err := a.open()
				if err != nil {
					return err
				}
				if entry, err := z.Registry().Lookup(e.Model); err == nil { // of others nothing is known
					if err := e.Implausible(expected(entry, e.Weights)); err != nil {
						return err
					}
				}
			}
			if output != "" {
				if err := a.writeFile(cmd.Context(), "-o", output, e.WriteLog); err != nil {
					return err
				}
			}
			return a.printEvaluation(e, format, show, nil)
		},
	}
	show.register(c)
	c.Flags().StringVarP(&output, "output", "o", "", "log to write the whole to, - being standard output")
	return c
}

// sameFile reports whether both paths lead to one file that is there.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// parseShard parses "i/n".
func parseShard(s string) (shard, shards int, err error) {
	i, n, _ := strings.Cut(s, "/")
	shard, err1 := strconv.Atoi(i)
	shards, err2 := strconv.Atoi(n)
	if err1 != nil || err2 != nil || shard < 1 || shard > shards {
		return 0, 0, usage("--shard %s: expected i/n with i from 1 to n, such as 1/8", s)
	}
	return shard, shards, nil
}
