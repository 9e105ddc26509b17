package zoo

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"sync"

	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/tensor"
)

// evalBatch is how many images are computed together.
const evalBatch = 8

// batchResult is the outcome of one batch.
type batchResult struct {
	images []ImageResult
	err    error
}

// evaluate evaluates images and counts and logs them in order. Each core takes whole
// batches, decoding and computing alone: nothing waits for anything but the order.
func (m *Model) evaluate(ctx context.Context, e *Evaluation, data fs.FS, items []imagenet.Item, log *evalLog) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := m.net.threads
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	batches := (len(items) + evalBatch - 1) / evalBatch
	workers = max(1, min(workers, batches))
	alone := &network{bound: m.net.bound, engine: m.net.engine, threads: max(1, m.net.threads/workers)}

	// Results lie in a channel each, in order. The queue is short, so that one slow
	// image cannot make many finished ones pile up.
	queue := make(chan chan batchResult, 2*workers)
	type job struct {
		items  []imagenet.Item
		result chan batchResult
	}
	jobs := make(chan job)
	go func() {
		defer close(queue)
		defer close(jobs)
		for len(items) > 0 {
			n := min(evalBatch, len(items))
			result := make(chan batchResult, 1)
			select {
			case queue <- result:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- job{items[:n], result}:
			case <-ctx.Done():
				result <- batchResult{err: ctx.Err()}
				return
			}
			items = items[n:]
		}
	}()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				images, err := m.evaluateBatch(ctx, alone, data, j.items)
				j.result <- batchResult{images, err}
			}
		})
	}
	total := int64(e.To - e.From)
	for result := range queue {
		r := <-result
		if r.err != nil {
			return r.err
		}
		for _, image := range r.images {
			e.add(image)
		}
		if log != nil {
			if err := log.append(e, len(r.images)); err != nil {
				return err
			}
		}
		m.progress(Progress{Task: "evaluate", Name: m.entry.Name, Done: int64(len(e.Images)), Total: total})
		if err := e.chance(m.Graph().NumClasses()); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// evaluateBatch reads and computes images, together where they have the same size.
func (m *Model) evaluateBatch(ctx context.Context, net *network, data fs.FS, items []imagenet.Item) ([]ImageResult, error) {
	type loaded struct {
		at    int       // in items
		input []float32 // (C,H,W)
		h, w  int
	}
	results := make([]ImageResult, len(items))
	var batch []loaded
	for i, it := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		results[i] = ImageResult{Path: it.Path, Label: it.Label}
		input, h, w, err := m.preprocess(data, it.Path)
		if err != nil {
			results[i].Err = err.Error()
			continue
		}
		batch = append(batch, loaded{i, input, h, w})
	}
	for len(batch) > 0 {
		n := 1
		for n < len(batch) && batch[n].h == batch[0].h && batch[n].w == batch[0].w {
			n++
		}
		var input []float32 // (n,C,H,W)
		for _, b := range batch[:n] {
			input = append(input, b.input...)
		}
		shape := tensor.Shape{n, m.Graph().Channels, batch[0].h, batch[0].w}
		logits, _, err := net.forward(ctx, m.precision, input, shape)
		if err != nil {
			return nil, err
		}
		k := len(logits) / n
		for i, b := range batch[:n] {
			row, r := logits[i*k:(i+1)*k], &results[b.at]
			if err := m.checkLogits(row); err != nil {
				return nil, fmt.Errorf("zoo: evaluate %s: image %s: %w", m.entry.Name, r.Path, err)
			}
			r.Top = metrics.TopK(row, topN)
		}
		batch = batch[n:]
	}
	return results, nil
}
