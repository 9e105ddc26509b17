package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
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
	collect                         *[]evaluationJSON // takes what is printed as JSON; nil: it is printed
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
		Use:   "eval NAME|GLOB...",
		Short: "Measure Top-1 and Top-5 on labelled images",
		Long: `Classify a validation set and count how often the label is the first, or among the first
five, of the model's classes. --data is a folder, a .zip or .tar file, or a .tar.gz or .tar.zst. It holds
val.txt with lines "PATH LABEL", or Kaggle's LOC_val_solution.csv, Tiny ImageNet's val_annotations.txt or
the ILSVRC development kit's ground truth, beside the images or a folder val or images; or one folder
per class, with images at any depth, named by WordNet id where the classes are ImageNet's, by class name,
or by number from 0. --labels names a list elsewhere: columns between spaces, tabs or commas, labels as
numbers, WordNet ids or class names; or ImageNet-Real's real.json, by which each of several labels of an
image is right. --classes names the classes in label order: a line each, JSON, or
an imagenet_class_index. Without --data the images embedded for the model's classes are used.

ImageNetV2, ImageNet-A, ImageNet-R, ImageNet-Sketch, imagenette and imagewoof are told by their images,
their classes and the names of their folders and archives, and their figures are put beside no figure of
ImageNet's own: zoo help benchmark. Where a set has some of the classes, Top-1 and Top-5 are of the best
among these, as its benchmark is defined, and those among all classes stand below.

-o appends the outcome of each image to a log, one JSON object a line; when the command is run
again with the same log, it goes on where it ended. Where it names a folder, the log is NAME.jsonl in
it. --shard 2/8 takes the second of eight equal parts; zoo eval merge puts the logs of all parts together.

Several models, or those that a GLOB such as 'resnet*' matches, are evaluated one after the other on the
same images, each with its own log: -o names a folder then. One that fails does not keep the others from it.

Images without a label, in folders that are no class or listed and not there, end the command with exit
status 2 before it computes; --no-strict leaves them out. Images that are damaged, or no images at all, are
named and count in no figure, which is printed with how many it is of; the exit status is 2 for them too,
unless --no-strict. A file that the system cannot read ends the evaluation: it goes on from the log.
When accuracy is no better than guessing, or what is published (30 % where nothing is) makes it less
likely than one in a million, the exit status is 4, and the reason is printed in place of the figure, unless
--allow-chance; ImageNet-A is left out of this. Formats: human, json, and
csv for --per-class.`,
		Example: `  zoo eval cspresnet50_3rdparty_8xb32_in1k --data imagenet/val -o run.jsonl
  zoo eval cspresnet-nano_digits
  zoo eval 'csp*_digits' -o runs/`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.evaluate(cmd.Context(), names, g, o)
		},
		ValidArgsFunction: a.completeNames,
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
	f.StringVarP(&o.Log, "output", "o", "",
		"log to append the outcome of each image to, and to go on from; or a folder for a log of each model")
	g.show.register(c)
	a.precisionFlag(c, zoo.High)
	a.pictureFlags(c)
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		z, err := a.open()
		if err != nil {
			return err
		}
		names, err := a.expand(z, args)
		if err != nil {
			return err
		}
		return run(cmd, names)
	}
	c.AddCommand(a.mergeCommand())
	return c
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
				if entry, err := z.Registry().Row(e.Model); err == nil { // of others nothing is known
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
