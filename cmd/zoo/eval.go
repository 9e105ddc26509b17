package main

import (
	"archive/zip"
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics"
)

func (a *app) evalCommand() *cobra.Command {
	var data, checkpoint, output string
	var limit int
	c := &cobra.Command{
		Use:   "eval NAME",
		Short: "Measure Top-1 and Top-5 on labelled images",
		Long: `Classify a validation set and count how often the label is the first, or among the first
five, of the model's classes. --data is a folder or a .zip file: either val.txt with lines
"PATH LABEL" beside the images or a folder val, or one folder per class named by WordNet id.
Without --data the images embedded for the model's classes are used. -o writes one line per
image: path, label and the five best classes, separated by tabs. Formats: human, json.`,
		Example: "  zoo eval cspresnet50_3rdparty_8xb32_in1k --data imagenet/val\n  zoo eval cspresnet-nano_digits",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if limit < 0 {
				return usage("--limit %d: expected a number of images, 0 for all", limit)
			}
			o := zoo.EvalOptions{Limit: limit}
			if data != "" {
				fsys, closer, err := openData(data)
				if err != nil {
					return err
				}
				defer closer.Close()
				o.Data, o.Dataset = fsys, data
			}
			m, err := a.openModel(cmd.Context(), args[0], checkpoint)
			if err != nil {
				return err
			}
			defer m.Close()
			e, err := m.Evaluate(cmd.Context(), o)
			if err != nil {
				return err
			}
			for _, r := range e.Images {
				if r.Err != nil {
					a.hint("unreadable: %v", r.Err)
				}
			}
			if output != "" {
				if err := writeImageResults(output, e); err != nil {
					return err
				}
			}
			return a.printEvaluation(e, format)
		},
		ValidArgsFunction: a.completeFirstName,
	}
	f := c.Flags()
	f.StringVar(&data, "data", "", "folder or .zip file with labelled images")
	f.StringVar(&checkpoint, "checkpoint", "", "file with the weights instead of the published ones")
	f.IntVar(&limit, "limit", 0, "evaluate the first images only, in path order")
	f.StringVarP(&output, "output", "o", "", "file to write the result of each image to")
	a.precisionFlag(c, zoo.High)
	return c
}

// openData opens a folder or a zip file as a file system.
func openData(path string) (fs.FS, io.Closer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	if info.IsDir() {
		return os.DirFS(path), io.NopCloser(nil), nil
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, nil, usage("%s: expected a folder or a zip file: %w", path, err)
	}
	return z, z, nil
}

func writeImageResults(path string, e *zoo.Evaluation) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for _, r := range e.Images {
		top := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Top), " ", ","), "[]")
		if r.Err != nil {
			top = "unreadable"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\n", r.Path, r.Label, top)
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
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

func (a *app) printEvaluation(e *zoo.Evaluation, format string) error {
	n := e.Accuracy.N
	if format == formatJSON {
		return a.printJSON(struct {
			Model      string   `json:"model"`
			Dataset    string   `json:"dataset"`
			Set        int      `json:"set"`
			Images     int      `json:"images"`
			Unreadable int      `json:"unreadable"`
			Complete   bool     `json:"complete"`
			Top1       rateJSON `json:"top1"`
			Top5       rateJSON `json:"top5"`
			Precision  string   `json:"precision"`
			Kernels    string   `json:"kernels"`
			Weights    string   `json:"weights"`
			List       string   `json:"list_sha256"`
		}{e.Model, e.Dataset, e.Set, n, e.Unreadable, e.Complete(), rate(e.Accuracy.Top1, n), rate(e.Accuracy.Top5, n), string(e.Precision), zoo.Variant(), e.Weights, e.ListSHA256})
	}
	w := a.stdout
	fmt.Fprintf(w, "%s on %s: %d of %d images, precision %s on %s\n", e.Model, e.Dataset, n, e.Set, e.Precision, zoo.Variant())
	for _, t := range []struct {
		name    string
		correct int
	}{{"Top-1", e.Accuracy.Top1}, {"Top-5", e.Accuracy.Top5}} {
		low, high := metrics.Wilson(t.correct, n)
		fmt.Fprintf(w, "%s %6.2f %%  %d correct, 95 %% interval %.2f to %.2f\n", t.name, metrics.Percent(t.correct, n), t.correct, low, high)
	}
	if e.Unreadable > 0 {
		fmt.Fprintf(w, "%d images were unreadable and count in no figure\n", e.Unreadable)
	}
	fmt.Fprintf(w, "weights %s, list sha256:%s\n", e.Weights, e.ListSHA256)
	return nil
}
