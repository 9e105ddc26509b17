package evaluate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"

	"github.com/gozoo/zoo/internal/dataset"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/tensor"
)

// batchSize is how many images are computed together.
const batchSize = 8

// A runner evaluates the images of an evaluation.
type runner struct {
	evaluation *Evaluation
	data       fs.FS
	log        *log // nil for none
	progress   func(done, total int)
	scored     []int // rows, in order; nil for all

	allowChance bool
	large       sync.Mutex // held while a large image file is in memory
}

// A batch is images to compute, and where to put what came of them.
type batch struct {
	items  []dataset.Item
	result chan batchResult
}

// batchResult is the outcome of one batch.
type batchResult struct {
	images []ImageResult
	err    error
}

// run evaluates images, and counts and logs them in order. Each worker takes whole batches,
// decoding and computing alone: nothing waits for anything but the order.
func (r *runner) run(ctx context.Context, m *model.Model, items []dataset.Item) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	compute := m.Compute()
	workers := max(1, min(compute.Threads, (len(items)+batchSize-1)/batchSize))
	compute.Threads, compute.Concurrency = compute.Threads/workers, workers
	alone, err := m.With(compute)
	if err != nil {
		return err
	}
	// Results lie in a channel each, in order. The queue is short, so that one slow
	// image cannot make many finished ones pile up.
	queue, batches := make(chan chan batchResult, 2*workers), make(chan batch)
	go feed(ctx, items, queue, batches)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range workers {
		wg.Go(func() {
			for b := range batches {
				images, err := r.evaluate(ctx, alone, b.items)
				b.result <- batchResult{images, err}
			}
		})
	}
	for result := range queue {
		b := <-result
		if b.err != nil {
			return b.err
		}
		if err := r.count(b.images); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// feed divides images into batches, and announces the result of each before it is begun.
func feed(ctx context.Context, items []dataset.Item, queue chan<- chan batchResult, batches chan<- batch) {
	defer close(queue)
	defer close(batches)
	for len(items) > 0 {
		n := min(batchSize, len(items))
		result := make(chan batchResult, 1)
		select {
		case queue <- result:
		case <-ctx.Done():
			return
		}
		select {
		case batches <- batch{items[:n], result}:
		case <-ctx.Done():
			result <- batchResult{err: ctx.Err()}
			return
		}
		items = items[n:]
	}
}

// count enters the outcome of the next images.
func (r *runner) count(images []ImageResult) error {
	e := r.evaluation
	for _, image := range images {
		e.add(image)
	}
	if r.log != nil {
		if err := r.log.append(e, len(images)); err != nil {
			return err
		}
	}
	if r.progress != nil {
		r.progress(len(e.Images), e.To-e.From)
	}
	if r.allowChance {
		return nil
	}
	return e.chance()
}

// evaluate reads images and computes those that are any.
func (r *runner) evaluate(ctx context.Context, m *model.Model, items []dataset.Item) ([]ImageResult, error) {
	results := make([]ImageResult, len(items))
	var inputs []model.Input
	var at []int // in results, of each input
	for i, it := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		results[i] = ImageResult{Path: it.Path, Label: it.Label, Also: it.Also}
		input, err := r.input(ctx, m, it.Path)
		if err := ctx.Err(); err != nil {
			return nil, err // not the image's fault
		}
		if gone(err) {
			return nil, fmt.Errorf("evaluate: %s: %w: what was done before is kept", m.Name(), err)
		}
		if err != nil {
			results[i].Err = printable.Text(err.Error())
			continue
		}
		inputs, at = append(inputs, input), append(at, i)
	}
	logits, err := m.Logits(ctx, inputs...)
	if err != nil {
		return nil, blame(ctx, m, inputs, err, func(i int) string { return items[at[i]].Path })
	}
	for i, x := range logits {
		results[at[i]].Top, results[at[i]].All = best(x, r.scored)
	}
	return results, nil
}

// largeFile is what an image file has, in bytes, of which one is in memory at a time.
const largeFile = 32 << 20

// input reads one image and preprocesses it.
func (r *runner) input(ctx context.Context, m *model.Model, name string) (model.Input, error) {
	large := false
	data, err := dataset.ReadImage(r.data, name, func(size int64) {
		if large = size > largeFile; large {
			r.large.Lock()
		}
	})
	if large {
		defer r.large.Unlock()
	}
	if err != nil {
		return model.Input{}, err
	}
	pixels, err := m.Pipeline().Load(ctx, data, m.DecodeOptions())
	if err != nil {
		return model.Input{}, fmt.Errorf("%s: %w", name, err)
	}
	return model.Tensor(tensor.Shape{1, 3, pixels.H, pixels.W}, m.Pipeline().Normalize(pixels)), nil
}

// gone reports whether an error of reading an image says something about the file system
// and not about the image. A part of an archive that is damaged is an image that is.
func gone(err error) bool {
	return errors.As(err, new(*fs.PathError)) || errors.As(err, new(syscall.Errno))
}

// blame names the image whose computation alone fails too.
func blame(ctx context.Context, m *model.Model, inputs []model.Input, err error, path func(int) string) error {
	for i, input := range inputs {
		if ctx.Err() != nil {
			break
		}
		if _, one := m.Logits(ctx, input); one != nil {
			return fmt.Errorf("evaluate: %s: image %s: %w", m.Name(), path(i), one)
		}
	}
	return err
}
