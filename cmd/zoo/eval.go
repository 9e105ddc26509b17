package main

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/metrics"
)

func (a *app) evalCommand() *cobra.Command {
	var data, labels, checkpoint, shard string
	var o evaluate.Options
	c := &cobra.Command{
		Use:   "eval NAME",
		Short: "Measure Top-1 and Top-5 on labelled images",
		Long: `Classify a validation set and count how often the label is the first, or among the first
five, of the model's classes. --data is a folder, a .zip or an uncompressed .tar file that holds
val.txt with lines "PATH LABEL" beside the images or a folder val, or the ILSVRC development
kit's ground truth, or one folder per class named by WordNet id. Without --data the images
embedded for the model's classes are used.

-o appends the outcome of each image to a log, one JSON object a line; when the command is run
again with the same log, it goes on where it ended. --shard 2/8 takes the second of eight equal
parts; zoo eval merge puts the logs of all parts together.

Images that are damaged, or no images at all, are named and count in no figure. A file that the
system cannot read ends the evaluation: it goes on from the log. When accuracy is no better than
guessing, evaluation stops with exit status 4 and says why. Formats: human, json.`,
		Example: "  zoo eval cspresnet50_3rdparty_8xb32_in1k --data imagenet/val -o run.jsonl\n  zoo eval cspresnet-nano_digits",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if o.Limit < 0 {
				return usage("--limit %d: expected a number of images, 0 for all", o.Limit)
			}
			if isStdout(o.Log) {
				return usage("-o %s: expected a file: a log is gone on from", o.Log)
			}
			if shard != "" {
				if o.Shard, o.Shards, err = parseShard(shard); err != nil {
					return err
				}
			}
			z, err := a.open()
			if err != nil {
				return err
			}
			if _, err := z.Registry().Lookup(args[0]); err != nil {
				return err
			}
			if labels != "" {
				if data == "" {
					return usage("--labels goes with --data")
				}
				if o.Labels, err = os.ReadFile(labels); err != nil {
					return &usageError{err}
				}
			}
			images, err := z.Images(args[0])
			if err != nil {
				return err
			}
			o.Dataset = zoo.EmbeddedDataset
			if data != "" {
				fsys, closer, err := evaluate.OpenData(data)
				if err != nil {
					return &usageError{err}
				}
				defer closer.Close()
				images, o.Dataset = fsys, data
			}
			if images == nil {
				return usage("--data: no images are embedded for the classes of %s: name a set", args[0])
			}
			m, err := a.openModel(cmd.Context(), args[0], checkpoint)
			if err != nil {
				return err
			}
			defer m.Close()
			o.Progress = func(done, total int) {
				a.progress(zoo.Progress{Task: "evaluate", Name: args[0], Done: int64(done), Total: int64(total)})
			}
			e, err := evaluate.Run(cmd.Context(), m, images, o)
			if err != nil {
				return err
			}
			if e.Resumed > 0 {
				a.hint("%d images were in %s already", e.Resumed, o.Log)
			}
			return a.printEvaluation(e, format)
		},
		ValidArgsFunction: a.completeFirstName,
	}
	f := c.Flags()
	f.StringVar(&data, "data", "", "folder, .zip or .tar file with labelled images")
	f.StringVar(&labels, "labels", "", "val.txt that is not among the data")
	f.StringVar(&checkpoint, "checkpoint", "", "file with the weights instead of the published ones")
	f.IntVar(&o.Limit, "limit", 0, "evaluate the first images only, in path order")
	f.StringVar(&shard, "shard", "", "evaluate one of equal parts, such as 1/8")
	f.StringVarP(&o.Log, "output", "o", "", "log to append the outcome of each image to, and to go on from")
	a.precisionFlag(c, zoo.High)
	c.AddCommand(&cobra.Command{
		Use:   "merge FILE...",
		Short: "Put the logs of all parts of an evaluation together",
		Long: `Put the logs that zoo eval --shard -o wrote together, and print the result of the whole. They must
be of the same model, weights, pixels, precision and images, each complete, without overlaps and
gaps. Formats: human, json.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			for _, path := range args {
				if err := inputFile(path); err != nil {
					return err
				}
			}
			e, err := evaluate.Merge(args...)
			if err != nil {
				return err
			}
			return a.printEvaluation(e, format)
		},
	})
	return c
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

// rateJSON is an accuracy with its 95 % interval, in percent to four decimals.
type rateJSON struct {
	Correct int         `json:"correct"`
	Percent json.Number `json:"percent"`
	Low     json.Number `json:"low"`
	High    json.Number `json:"high"`
}

func rate(correct, n int) rateJSON {
	percent := func(x float64) json.Number { return json.Number(strconv.FormatFloat(x, 'f', 4, 64)) }
	low, high := metrics.Wilson(correct, n)
	return rateJSON{correct, percent(metrics.Percent(correct, n)), percent(low), percent(high)}
}

// unreadableJSON is an image that could not be evaluated.
type unreadableJSON struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

func (a *app) printEvaluation(e *evaluate.Evaluation, format string) error {
	n := e.Accuracy.N
	for _, note := range e.Notes {
		a.hint("note: %s", note)
	}
	unreadable := []unreadableJSON{}
	for _, r := range e.Images {
		if r.Err != "" {
			unreadable = append(unreadable, unreadableJSON{r.Path, r.Err})
		}
	}
	if format == formatJSON {
		return a.printJSON(struct {
			evaluate.Subject
			Dataset    string           `json:"dataset"`
			From       int              `json:"from"`
			To         int              `json:"to"`
			Images     int              `json:"images"`
			Complete   bool             `json:"complete"`
			Top1       rateJSON         `json:"top1"`
			Top5       rateJSON         `json:"top5"`
			Unreadable []unreadableJSON `json:"unreadable"`
			Notes      []string         `json:"notes,omitempty"`
			Version    string           `json:"version"`
		}{
			e.Subject, e.Dataset, e.From, e.To, n, e.Complete(), rate(e.Accuracy.Top1, n), rate(e.Accuracy.Top5, n),
			unreadable, e.Notes, zoo.Version,
		})
	}
	a.line("%s on %s: %d of %d images, precision %s", e.Model, e.Dataset, n, e.Set, e.Precision)
	for _, t := range []struct {
		name    string
		correct int
	}{{"Top-1", e.Accuracy.Top1}, {"Top-5", e.Accuracy.Top5}} {
		low, high := metrics.Wilson(t.correct, n)
		a.line("%s %6.2f %%  %d correct, 95 %% interval %.2f to %.2f", t.name, metrics.Percent(t.correct, n), t.correct, low, high)
	}
	if len(unreadable) > 0 {
		a.line("%d of %d images could not be read, and are in no figure:", len(unreadable), len(e.Images))
	}
	for _, u := range unreadable {
		a.line("  %s: %s", u.Path, strings.TrimPrefix(u.Error, u.Path+": "))
	}
	a.line("weights %s, list sha256:%s", e.Weights, e.List)
	a.line("%s", e.Pixels)
	return nil
}
