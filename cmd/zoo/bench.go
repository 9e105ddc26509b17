package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/tensor"
)

// benchFlags are those that zoo.BenchOptions does not hold.
type benchFlags struct {
	size, logits, weights string
	layers                bool
}

func (a *app) benchCommand() *cobra.Command {
	var o zoo.BenchOptions
	var flags benchFlags
	c := &cobra.Command{
		Use:   "bench NAME|GLOB...",
		Short: "Time networks on this machine",
		Long: `Time networks on a synthetic input. The smallest and the median milliseconds are of an image;
warming up, reading weights and compiling do not count. Percentiles are milliseconds of a call, that
is a batch, by nearest rank: p99 is the smallest time that 99 % of the calls did not exceed. Where too
few calls were timed for one to be beyond it, "-" stands for it (null in JSON): p90 wants 10 runs, p95
20 and p99 100. GFLOP/s counts a multiply-accumulate as two operations, as processors' peaks do.

--duration computes without a pause instead, with --sessions calls at once, each on its own --threads,
and adds the images a second of all together; calls that are under way at the end are waited for.

Several names or patterns make a table with a row for each model. One that fails is named, the others
are timed, and the exit status is the highest of any. --layers adds what each step of one model takes
at best, how it is computed and why so, and with several threads the share of their time in which they
waited for each other. Formats: human, json, ndjson (a line for each model as it ends), csv, md.

` +
			dropped(benchDrop, "Those of --layers: "+strings.Join(stepsDrop, ", ")+"."),
		Example: "  zoo bench cspresnet50_3rdparty_8xb32_in1k --threads 2 --layers\n" +
			"  zoo bench 'csp*-nano_digits' --runs 100\n" +
			"  zoo bench cspresnet-nano_digits --duration 2s --sessions 2",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := a.formatOf(formatJSON, formatNDJSON, formatCSV, formatMarkdown)
			if err != nil {
				return err
			}
			if err := benchOptions(cmd, &o, flags); err != nil {
				return err
			}
			o.Precision = a.precision
			z, err := a.open()
			if err != nil {
				return err
			}
			names, err := a.expand(z, args)
			if err != nil {
				return err
			}
			switch {
			case len(names) == 1:
			case o.Checkpoint != "":
				return usage("a checkpoint file goes with one model, found %d", len(names))
			case flags.logits != "" || flags.layers:
				return usage("--logits and --layers go with one model, found %d", len(names))
			}
			p := &benchPrinter{app: a, format: format, layers: flags.layers, many: len(names) > 1}
			return a.bench(cmd.Context(), z, names, o, flags.logits, p)
		},
		ValidArgsFunction: a.completeNames,
	}
	f := c.Flags()
	f.StringVar(&flags.size, "size", "", "input size, such as 256 or 256x320 (default: the model's own)")
	f.IntVar(&o.Threads, "threads", 1, "goroutines that compute, of each session")
	f.IntVar(&o.Batch, "batch", 1, "images computed together")
	f.IntVar(&o.Runs, "runs", 20, "runs to time; 0 computes once and times nothing")
	f.DurationVar(&o.Duration, "duration", 0, "how long to compute for images a second, such as 10s, instead of --runs")
	f.IntVar(&o.Sessions, "sessions", 1, "calls at once, with --duration")
	f.StringVar(&o.Checkpoint, "checkpoint", "", "file with the weights")
	archFlag(c, &o.Network)
	f.StringVar(&flags.weights, "weights", "synthetic:0",
		"synthetic:SEED or synthetic:SEED*GAIN, published, or a checkpoint file; with --checkpoint, which weights of the file")
	f.StringVar(&flags.logits, "logits", "", "file to write the computed logits to (safetensors)")
	f.BoolVar(&flags.layers, "layers", false, "print what each step takes")
	a.precisionFlag(c, zoo.High)
	return c
}

// benchOptions completes options with what flags say, and refuses what contradicts itself.
func benchOptions(cmd *cobra.Command, o *zoo.BenchOptions, flags benchFlags) (err error) {
	changed := cmd.Flags().Changed
	if flags.size != "" {
		if o.Height, o.Width, err = parseSize(flags.size); err != nil {
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
	case changed("sessions") && !changed("duration"):
		return usage("--sessions goes with --duration: runs are timed one after the other")
	case o.Sessions < 1 || o.Sessions > zoo.MaxThreads/o.Threads:
		return usage("--sessions %d of --threads %d: expected 1 session or more, and at most %d threads in all",
			o.Sessions, o.Threads, zoo.MaxThreads)
	}
	if changed("duration") {
		switch {
		case o.Duration <= 0 || o.Duration > zoo.MaxBenchDuration:
			return usage("--duration %v: expected more than 0, and at most %v", o.Duration, zoo.MaxBenchDuration)
		case changed("runs"):
			return usage("--runs and --duration contradict each other: give the one that ends it")
		case flags.layers:
			return usage("--layers goes with --runs: with --duration steps are not timed")
		}
		o.Runs = 0
	}
	if o.Checkpoint != "" {
		if changed("weights") {
			o.WeightsKey = flags.weights
		}
	} else if o.Weights, err = golden.ParseWeights(flags.weights); err != nil {
		if strings.HasPrefix(flags.weights, "synthetic:") {
			return usage("--weights: %w", err)
		}
		o.Checkpoint = flags.weights
	}
	if o.Checkpoint != "" {
		return checkpointFile(o.Checkpoint)
	}
	return nil
}

// bench times models one after the other. The error is that of one model, or with several a
// *benchError of the worst.
func (a *app) bench(ctx context.Context, z *zoo.Zoo, names []string, o zoo.BenchOptions, logits string, p *benchPrinter) error {
	failed := &benchError{models: len(names)}
	for _, name := range names {
		b, err := z.Bench(ctx, name, o)
		if err == nil && logits != "" {
			err = a.writeFile(ctx, "--logits", logits, func(w io.Writer) error { return writeLogits(w, b) })
		}
		switch {
		case ctx.Err() != nil:
			p.end() // what was timed so far
			return ctx.Err()
		case err != nil && len(names) == 1:
			return err
		case err != nil:
			failed.add(err)
			err = p.fail(name, err)
		default:
			err = p.add(b)
		}
		if err != nil {
			return err
		}
	}
	if err := p.end(); err != nil {
		return err
	}
	if failed.count > 0 {
		return failed
	}
	return nil
}

// A benchError says that models could not be timed. It has the exit status of the worst.
type benchError struct {
	count, models int
	worst         error
}

func (e *benchError) Error() string {
	return fmt.Sprintf("%d of %d models could not be timed", e.count, e.models)
}

func (e *benchError) Unwrap() error { return e.worst }

func (e *benchError) add(err error) {
	e.count++
	if e.worst == nil || exitStatus(err) > exitStatus(e.worst) {
		e.worst = err
	}
}

// writeLogits writes the logits (N,K) of a bench.
func writeLogits(w io.Writer, b *zoo.Bench) error {
	var sd tensor.StateDict
	if err := sd.Add("logits", tensor.FromFloat32s(tensor.Shape{b.Input[0], b.Classes}, b.Logits)); err != nil {
		return err
	}
	return safetensors.Write(w, &sd, map[string]string{
		"format": "pt", "model": b.Model, "input": "synthetic:0", "precision": string(b.Precision), "kernels": b.Kernels,
	})
}
