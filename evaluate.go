package zoo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"runtime"
	"sync"

	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/tensor"
)

// EvalOptions says what to evaluate on. The zero value evaluates on the images
// embedded for the model's classes.
type EvalOptions struct {
	// Data holds the images, in one of the layouts of an ImageNet validation
	// folder; nil means the embedded set.
	Data fs.FS
	// Dataset is what the result calls the data; empty means "embedded".
	Dataset string
	// Limit takes the first images only, in path order; 0 means all.
	Limit int
}

// An Evaluation is how many images of a set a model classified correctly.
type Evaluation struct {
	Model      string
	Dataset    string
	Weights    string // as Model.Weights
	ListSHA256 string // of the whole set's paths and labels, hex
	Set        int    // images in the set
	Precision  Precision
	Accuracy   metrics.Accuracy
	Images     []ImageResult // of every image that was looked at, in path order
	Unreadable int           // images among them that could not be evaluated; they count in no accuracy
}

// An ImageResult is what the model made of one image.
type ImageResult struct {
	Path  string
	Label int
	Top   []int // classes by falling score, at most five; nil with an error
	Err   error // why the image could not be read
}

// Complete reports whether every image of the set was evaluated.
func (e *Evaluation) Complete() bool { return e.Accuracy.N == e.Set }

// topN is how many classes an ImageResult keeps.
const topN = 5

// evalBatch is how many images are computed together.
const evalBatch = 8

// Evaluate classifies a labelled set of images and counts how often the label is
// the first, or among the first five, of the model's classes. Images that cannot be
// read are counted and named; anything else that goes wrong is an error.
func (m *Model) Evaluate(ctx context.Context, o EvalOptions) (*Evaluation, error) {
	data, dataset := o.Data, o.Dataset
	if data == nil {
		var err error
		if data, err = embeddedImages(m.entry); err != nil {
			return nil, err
		}
		if data == nil {
			return nil, fmt.Errorf("zoo: evaluate %s: no images are embedded for its classes: name a folder with images", m.entry.Name)
		}
		dataset = "embedded"
	}
	items, err := imagenet.Walk(data, m.Graph().NumClasses())
	if err != nil {
		return nil, err
	}
	e := &Evaluation{
		Model: m.entry.Name, Dataset: dataset, Weights: m.weights, Precision: m.precision,
		ListSHA256: listSHA256(items), Set: len(items),
	}
	if o.Limit > 0 && o.Limit < len(items) {
		items = items[:o.Limit]
	}

	// Reading the next batch overlaps with computing this one.
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan []loaded, 1)
	total := int64(len(items))
	go func() {
		defer close(batches)
		for len(items) > 0 && stop.Err() == nil {
			n := min(evalBatch, len(items))
			select {
			case batches <- m.load(data, items[:n]):
			case <-stop.Done():
			}
			items = items[n:]
		}
	}()
	for batch := range batches {
		if err := m.evaluateBatch(ctx, e, batch); err != nil {
			return nil, err
		}
		m.progress(Progress{Task: "evaluate", Name: m.entry.Name, Done: int64(len(e.Images)), Total: total})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return e, nil
}

// listSHA256 returns the digest of a set's paths and labels.
func listSHA256(items []imagenet.Item) string {
	list := sha256.New()
	for _, it := range items {
		fmt.Fprintf(list, "%s %d\n", it.Path, it.Label)
	}
	return hex.EncodeToString(list.Sum(nil))
}

// loaded is one image ready to be computed.
type loaded struct {
	item  imagenet.Item
	input []float32 // (C,H,W)
	h, w  int
	err   error
}

// load reads and preprocesses images on every core.
func (m *Model) load(data fs.FS, items []imagenet.Item) []loaded {
	out := make([]loaded, len(items))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), len(items)) {
		wg.Go(func() {
			for i := range next {
				out[i].item = items[i]
				out[i].input, out[i].h, out[i].w, out[i].err = m.preprocess(data, items[i].Path)
			}
		})
	}
	for i := range items {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

// evaluateBatch computes images, together where they have the same size, and
// counts the outcome in order.
func (m *Model) evaluateBatch(ctx context.Context, e *Evaluation, batch []loaded) error {
	for len(batch) > 0 {
		if first := batch[0]; first.err != nil {
			e.Images = append(e.Images, ImageResult{Path: first.item.Path, Label: first.item.Label, Err: first.err})
			e.Unreadable++
			batch = batch[1:]
			continue
		}
		n := 1
		for n < len(batch) && batch[n].err == nil && batch[n].h == batch[0].h && batch[n].w == batch[0].w {
			n++
		}
		var input []float32 // (n,C,H,W)
		for _, b := range batch[:n] {
			input = append(input, b.input...)
		}
		shape := tensor.Shape{n, m.Graph().Channels, batch[0].h, batch[0].w}
		logits, _, err := m.net.forward(ctx, m.precision, input, shape)
		if err != nil {
			return err
		}
		k := len(logits) / n
		for i, b := range batch[:n] {
			row := logits[i*k : (i+1)*k]
			if err := e.Accuracy.Add(b.item.Label, row); err != nil {
				return fmt.Errorf("zoo: evaluate %s: image %s: %w", m.entry.Name, b.item.Path, err)
			}
			e.Images = append(e.Images, ImageResult{Path: b.item.Path, Label: b.item.Label, Top: metrics.TopK(row, topN)})
		}
		batch = batch[n:]
	}
	return nil
}
