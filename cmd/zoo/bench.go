package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/tensor"
)

func (a *app) benchCommand() *cobra.Command {
	var o zoo.BenchOptions
	var size, logits, weights string
	var layers bool
	c := &cobra.Command{
		Use:   "bench NAME",
		Short: "Time a network on this machine",
		Long: `Time a network on a synthetic input. Milliseconds are per image, the smallest and the median of
the runs; warming up, reading weights and compiling do not count. GFLOP/s counts a
multiply-accumulate as two operations, as processors' peaks do. --layers adds what each step
takes at best, how it is computed and why so, and with several threads the share of their
time in which they waited for each other. Formats: human, json.

` + dropped(stepsDrop),
		Example: "  zoo bench cspresnet50_3rdparty_8xb32_in1k --threads 2 --layers",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON)
			if err != nil {
				return err
			}
			if size != "" {
				if o.Height, o.Width, err = parseSize(size); err != nil {
					return err
				}
			}
			switch {
			case o.Threads < 1 || o.Threads > zoo.MaxThreads:
				return usage("--threads %d: expected 1 to %d", o.Threads, zoo.MaxThreads)
			case o.Batch < 1:
				return usage("--batch %d: expected at least 1", o.Batch)
			case o.Runs < 0:
				return usage("--runs %d: expected a number of runs, 0 to time nothing", o.Runs)
			}
			if o.Checkpoint != "" {
				if cmd.Flags().Changed("weights") {
					o.WeightsKey = weights
				}
			} else if o.Weights, err = golden.ParseWeights(weights); err != nil {
				if strings.HasPrefix(weights, "synthetic:") {
					return usage("--weights: %w", err)
				}
				o.Checkpoint = weights
			}
			if o.Checkpoint != "" {
				if err := checkpointFile(o.Checkpoint); err != nil {
					return err
				}
			}
			o.Precision = a.precision
			z, err := a.open()
			if err != nil {
				return err
			}
			b, err := z.Bench(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			if logits != "" {
				err := a.writeFile(cmd.Context(), "--logits", logits, func(w io.Writer) error { return writeLogits(w, b) })
				if err != nil {
					return err
				}
			}
			if format == formatJSON {
				return a.printBenchJSON(b, layers)
			}
			return a.printBench(b, layers)
		},
		ValidArgsFunction: a.completeFirstName,
	}
	f := c.Flags()
	f.StringVar(&size, "size", "", "input size, such as 256 or 256x320 (default: the model's own)")
	f.IntVar(&o.Threads, "threads", 1, "goroutines that compute")
	f.IntVar(&o.Batch, "batch", 1, "images computed together")
	f.IntVar(&o.Runs, "runs", 20, "runs to time; 0 computes once and times nothing")
	f.StringVar(&o.Checkpoint, "checkpoint", "", "file with the weights")
	archFlag(c, &o.Network)
	f.StringVar(&weights, "weights", "synthetic:0", "synthetic:SEED, published, or a checkpoint file; with --checkpoint, which weights of the file")
	f.StringVar(&logits, "logits", "", "file to write the computed logits to (safetensors)")
	f.BoolVar(&layers, "layers", false, "print what each step takes")
	a.precisionFlag(c, zoo.High)
	return c
}

// stepsDrop is the order in which a narrow terminal goes without columns.
var stepsDrop = []string{"Why", "Output", "Idle %", "Operator", "GFLOP/s", "Kernel"}

// writeLogits writes the logits (N,K) of a bench.
func writeLogits(w io.Writer, b *zoo.Bench) error {
	var sd tensor.StateDict
	if err := sd.Add("logits", tensor.FromFloat32s(tensor.Shape{b.Input[0], b.Classes}, b.Logits)); err != nil {
		return err
	}
	return safetensors.Write(w, &sd, map[string]string{"format": "pt", "model": b.Model, "input": "synthetic:0", "precision": string(b.Precision), "kernels": b.Kernels})
}

// perImage returns milliseconds of each image of a batch.
func perImage(d time.Duration, b *zoo.Bench) float64 {
	return float64(d.Nanoseconds()) / 1e6 / float64(b.Input[0])
}

func (a *app) printBench(b *zoo.Bench, layers bool) error {
	what := fmt.Sprintf("%s %dx%d, batch %d, %d threads, %s on %s", b.Model, b.Input[2], b.Input[3], b.Input[0], b.Threads, b.Precision, b.Kernels)
	if b.Runs == 0 {
		a.prose("%s: computed once, not timed", what)
		return nil
	}
	a.prose("%s: %.3f ms an image, median %.3f of %d runs, %.1f GFLOP/s", what, perImage(b.Min, b), perImage(b.Median, b), b.Runs, b.GFLOPS())
	if !layers {
		return nil
	}
	t := table.Table{
		Header: []string{"Step", "Operator", "Kernel", "Output", "ms", "%", "GFLOP/s", "Idle %", "Why"},
		Right:  []bool{false, false, false, false, true, true, true, true, false},
		Drop:   stepsDrop,
	}
	var total time.Duration
	for _, l := range b.Layers {
		total += l.Min
	}
	for _, l := range b.Layers {
		speed := ""
		if l.MACs > 0 {
			speed = strconv.FormatFloat(l.GFLOPS(), 'f', 1, 64)
		}
		idle := "-"
		if b.Threads > 1 {
			idle = strconv.FormatFloat(100*l.Idle, 'f', 1, 64)
		}
		t.Rows = append(t.Rows, []string{
			l.Path, l.Kind, l.Kernel, l.Out.String(), strconv.FormatFloat(perImage(l.Min, b), 'f', 3, 64),
			strconv.FormatFloat(100*float64(l.Min)/float64(max(total, 1)), 'f', 1, 64), speed, idle, l.Why,
		})
	}
	return a.printTable(t)
}

func (a *app) printBenchJSON(b *zoo.Bench, layers bool) error {
	number := func(x float64, decimals int) json.Number {
		return json.Number(strconv.FormatFloat(x, 'f', decimals, 64))
	}
	type layer struct {
		Path   string       `json:"path"`
		Kind   string       `json:"kind"`
		Kernel string       `json:"kernel"`
		Why    string       `json:"why,omitempty"`
		Out    tensor.Shape `json:"output"`
		MACs   int64        `json:"macs"`
		MS     json.Number  `json:"ms_min"`
		GFLOPS json.Number  `json:"gflops"`
		Idle   json.Number  `json:"idle"` // share of the threads' time, 0 to 1
	}
	type result struct {
		Model     string      `json:"model"`
		Size      string      `json:"size"`
		Threads   int         `json:"threads"`
		Batch     int         `json:"batch"`
		Precision string      `json:"precision"`
		Variant   string      `json:"variant"`
		Min       json.Number `json:"ms_min"`
		Median    json.Number `json:"ms_median"`
		GFLOPS    json.Number `json:"gflops"`
		Runs      int         `json:"runs"`
		Layers    []layer     `json:"layers,omitempty"`
	}
	r := result{
		b.Model, fmt.Sprintf("%dx%d", b.Input[2], b.Input[3]), b.Threads, b.Input[0], string(b.Precision), b.Kernels,
		number(perImage(b.Min, b), 4), number(perImage(b.Median, b), 4), number(b.GFLOPS(), 1), b.Runs, nil,
	}
	if layers {
		for _, l := range b.Layers {
			r.Layers = append(r.Layers, layer{l.Path, l.Kind, l.Kernel, l.Why, l.Out, l.MACs, number(perImage(l.Min, b), 4),
				number(l.GFLOPS(), 1), number(l.Idle, 3)})
		}
	}
	return a.printJSON(struct {
		CPU     string   `json:"cpu"`
		Results []result `json:"results"`
	}{zoo.CPU(), []result{r}})
}
