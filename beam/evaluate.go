package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics"
)

// A Job is what to evaluate. It travels to the workers.
type Job struct {
	Model      string
	Data       string // empty: the embedded images
	Checkpoint string // empty: the published one
	Cache      string // empty: as zoo's own
	Precision  string
	Threads    int
	Shards     int
}

// Counts are the outcome of one shard, or of several together. All figures are
// integers, so that no order of adding them makes a difference.
type Counts struct {
	// Subject says what was evaluated, with which weights, pixels and images: shards
	// that differ in it must not be added.
	Subject    Subject
	Shards     int
	Images     int // evaluated, unreadable ones included
	N          int // that count
	Top1, Top5 int
	Unreadable int
}

// A Subject is what the counts are about.
type Subject struct {
	Model      string
	Weights    string
	Pixels     string
	Precision  string
	ListSHA256 string // of the whole set's paths and labels
	Set        int    // images in the set
}

func init() {
	register.DoFn3x1[context.Context, int, func(Counts), error](&shardFn{})
	register.Emitter1[Counts]()
	register.Function2x2(merge)
	register.Function1x2(format)
}

// Evaluate adds the evaluation of a job to a pipeline and returns its only result, a
// Counts: the shard numbers are made, spread over the workers, evaluated there, and
// the counts are added.
func Evaluate(s beam.Scope, j Job) beam.PCollection {
	s = s.Scope("zoo.Evaluate")
	numbers := make([]int, j.Shards)
	for i := range numbers {
		numbers[i] = i + 1
	}
	// Without the reshuffle a runner would fuse making the numbers with evaluating
	// them, and one worker would do all the work.
	shards := beam.Reshuffle(s, beam.CreateList(s, numbers))
	counts := beam.ParDo(s, &shardFn{Job: j}, shards)
	return beam.Combine(s, merge, counts)
}

// shardFn evaluates shards.
type shardFn struct {
	Job Job

	model *zoo.Model
}

// models holds one model for each job of this process, whatever number of shardFns a
// runner makes.
var models sync.Map // of Job to func() (*zoo.Model, error)

// Setup loads the model, once for all shards that this process evaluates.
func (f *shardFn) Setup(ctx context.Context) (err error) {
	j := f.Job
	open, _ := models.LoadOrStore(j, sync.OnceValues(func() (*zoo.Model, error) { return j.open(ctx) }))
	f.model, err = open.(func() (*zoo.Model, error))()
	return err
}

func (j Job) open(ctx context.Context) (*zoo.Model, error) {
	c := zoo.ConfigFromEnv()
	if j.Cache != "" {
		c.CacheDir = j.Cache
	}
	c.Threads, c.Precision = j.Threads, zoo.Precision(j.Precision)
	z, err := zoo.New(c)
	if err != nil {
		return nil, err
	}
	if j.Checkpoint != "" {
		return z.OpenFile(j.Model, j.Checkpoint)
	}
	return z.Open(ctx, j.Model)
}

// ProcessElement evaluates one shard.
func (f *shardFn) ProcessElement(ctx context.Context, shard int, emit func(Counts)) error {
	o := zoo.EvalOptions{Shard: shard, Shards: f.Job.Shards}
	if f.Job.Data != "" {
		data, closer, err := zoo.OpenData(f.Job.Data)
		if err != nil {
			return err
		}
		defer closer.Close()
		o.Data, o.Dataset = data, f.Job.Data
	}
	e, err := f.model.Evaluate(ctx, o)
	if err != nil {
		return err
	}
	emit(Counts{
		Subject: Subject{
			Model: e.Model, Weights: e.Weights, Pixels: e.Pixels, Precision: string(e.Precision),
			ListSHA256: e.ListSHA256, Set: e.Set,
		},
		Shards: 1, Images: e.To - e.From,
		N: e.Accuracy.N, Top1: e.Accuracy.Top1, Top5: e.Accuracy.Top5, Unreadable: e.Unreadable,
	})
	return nil
}

// merge adds the counts of different shards. It is an error when they are not about
// the same thing: a worker found other weights or other images.
func merge(a, b Counts) (Counts, error) {
	if a.Subject != b.Subject {
		return Counts{}, fmt.Errorf("shards are not about the same: %+v and %+v", a.Subject, b.Subject)
	}
	a.Shards += b.Shards
	a.Images += b.Images
	a.N += b.N
	a.Top1 += b.Top1
	a.Top5 += b.Top5
	a.Unreadable += b.Unreadable
	return a, nil
}

// format returns the result as one line of JSON. It is an error when an image is
// missing or was counted twice.
func format(c Counts) (string, error) {
	if c.Images != c.Subject.Set || c.N+c.Unreadable != c.Images {
		return "", fmt.Errorf("%d images evaluated in %d shards, the set has %d", c.Images, c.Shards, c.Subject.Set)
	}
	type rate struct {
		Correct int     `json:"correct"`
		Percent float64 `json:"percent"`
		Low     float64 `json:"low"`
		High    float64 `json:"high"`
	}
	of := func(correct int) rate {
		low, high := metrics.Wilson(correct, c.N)
		return rate{correct, metrics.Percent(correct, c.N), low, high}
	}
	line, err := json.Marshal(struct {
		SchemaVersion int    `json:"schema_version"`
		Model         string `json:"model"`
		Weights       string `json:"weights"`
		Pixels        string `json:"pixels"`
		Precision     string `json:"precision"`
		List          string `json:"list_sha256"`
		Shards        int    `json:"shards"`
		N             int    `json:"n"`
		Unreadable    int    `json:"unreadable"`
		Top1          rate   `json:"top1"`
		Top5          rate   `json:"top5"`
	}{
		1, c.Subject.Model, c.Subject.Weights, c.Subject.Pixels, c.Subject.Precision, c.Subject.ListSHA256,
		c.Shards, c.N, c.Unreadable, of(c.Top1), of(c.Top5),
	})
	return string(line), err
}
