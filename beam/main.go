// Command beam evaluates a zoo model on a labelled set of images as an Apache Beam
// pipeline, so that any number of machines share the work. The counts are the same
// integers for every number of shards and workers, and the same as zoo eval's.
//
//	go run . --model cspresnet50_3rdparty_8xb32_in1k --data imagenet/val --shards 64 --output eval.json
//
// Flags that are not listed by --help as zoo's own are Beam's: --runner and what that
// runner takes. See README.md for Flink, Spark and Dataflow.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/textio"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

func main() {
	var j Job
	flag.StringVar(&j.Model, "model", "", "registry name")
	flag.StringVar(&j.Data, "data", "", "folder, .zip, .tar, .tar.gz or .tar.zst with labelled images, at the same path on every worker; empty means the images embedded for the model")
	flag.StringVar(&j.Checkpoint, "checkpoint", "", "file with the weights instead of the published ones, at the same path on every worker")
	flag.StringVar(&j.Cache, "cache-dir", "", "zoo's cache folder on the workers (default: as zoo's own)")
	flag.StringVar(&j.Precision, "precision", "high", "how to compute: highest, high or medium")
	flag.IntVar(&j.Threads, "threads", 1, "goroutines that compute, of each shard; runners start a shard on every core")
	flag.IntVar(&j.Shards, "shards", 16, "parts to divide the images into")
	flag.BoolVar(&j.NoStrict, "no-strict", false, "leave images without a label out, where there are any, instead of refusing the set")
	output := flag.String("output", "", "file for the counts, as JSON; local, or in a store that Beam writes to")
	flag.Parse()
	beam.Init() // on a worker, this does not return

	if err := run(context.Background(), j, *output); err != nil {
		fmt.Fprintln(os.Stderr, "beam:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, j Job, output string) error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case j.Model == "":
		return errors.New("--model is needed")
	case j.Shards < 1:
		return fmt.Errorf("--shards %d: expected at least 1", j.Shards)
	case output == "":
		return errors.New("--output is needed: workers have no terminal to print to")
	}
	p, s := beam.NewPipelineWithRoot()
	counts := Evaluate(s, j)
	textio.Write(s, output, beam.ParDo(s, format, counts))
	return beamx.Run(ctx, p)
}
