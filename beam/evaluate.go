package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/evaluate"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/model"
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
	NoStrict   bool // leave images without a label out
}

// Counts are the outcome of one shard, or of several together. All figures are
// integers, so that no order of adding them makes a difference.
type Counts struct {
	// Subject says what was evaluated, with which weights, pixels and images: shards
	// that differ in it must not be added.
	Subject    evaluate.Subject
	Shards     int
	Images     int // evaluated, unreadable ones included
	N          int // that count
	Top1, Top5 int
	Unreadable int
}

func init() {
	register.DoFn3x1[context.Context, int, func(Counts), error](&shardFn{})
	register.Emitter1[Counts]()
	register.Function2x2(merge)
	register.Function1x2(format)
	// Beam would write a Subject field by field; JSON is what logs of evaluations hold.
	beam.RegisterCoder(reflect.TypeFor[Counts](), encode, decode)
}

func encode(c Counts) ([]byte, error) { return json.Marshal(c) }

func decode(text []byte) (c Counts, err error) { return c, json.Unmarshal(text, &c) }

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

	model *model.Model
}

// models holds one model for each job of this process, whatever number of shardFns a
// runner makes.
var models = struct {
	sync.Mutex
	open map[Job]*model.Model
}{open: make(map[Job]*model.Model)}

// Setup loads the model, once for all shards that this process evaluates. What failed is
// tried again by the next.
func (f *shardFn) Setup(ctx context.Context) (err error) {
	models.Lock()
	defer models.Unlock()
	if f.model = models.open[f.Job]; f.model == nil {
		if f.model, err = f.Job.open(ctx); err == nil {
			models.open[f.Job] = f.model
		}
	}
	return err
}

func (j Job) open(ctx context.Context) (*model.Model, error) {
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
	data, closer, err := f.Job.data(ctx)
	if err != nil {
		return err
	}
	defer closer.Close()
	e, err := evaluate.Run(ctx, f.model, data, evaluate.Options{Dataset: f.Job.Data, Shard: shard, Shards: f.Job.Shards, Partial: f.Job.NoStrict})
	if err != nil {
		return err
	}
	emit(Counts{
		Subject: e.Subject,
		Shards:  1, Images: e.To - e.From,
		N: e.Accuracy.N, Top1: e.Accuracy.Top1, Top5: e.Accuracy.Top5, Unreadable: e.Unreadable,
	})
	return nil
}

// data opens the images: those that are named, or those embedded for the model.
func (j Job) data(ctx context.Context) (fs.FS, io.Closer, error) {
	if j.Data != "" {
		return evaluate.OpenData(ctx, j.Data)
	}
	z, err := zoo.New(zoo.ConfigFromEnv())
	if err != nil {
		return nil, nil, err
	}
	images, err := z.Images(j.Model)
	if err == nil && images == nil {
		err = fmt.Errorf("no images are embedded for %s: name some with --data", j.Model)
	}
	return images, io.NopCloser(nil), err
}

// merge adds the counts of different shards. It is an error when they are not about
// the same thing: a worker found other weights or other images.
func merge(a, b Counts) (Counts, error) {
	if what := a.Subject.Differs(b.Subject); what != "" {
		return Counts{}, fmt.Errorf("shards are not about the same: %s", what)
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
		SchemaVersion int `json:"schema_version"`
		evaluate.Subject
		Shards     int  `json:"shards"`
		N          int  `json:"n"`
		Unreadable int  `json:"unreadable"`
		Top1       rate `json:"top1"`
		Top5       rate `json:"top5"`
	}{
		1, c.Subject, c.Shards, c.N, c.Unreadable, of(c.Top1), of(c.Top5),
	})
	return string(line), err
}
