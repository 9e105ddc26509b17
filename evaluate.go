package zoo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"

	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/metrics"
)

// EvalOptions says what to evaluate on. The zero value evaluates on the images
// embedded for the model's classes.
type EvalOptions struct {
	// Data holds the images, in one of the layouts of an ImageNet validation set: see
	// OpenData. Nil means the embedded set.
	Data fs.FS
	// Labels is the text of a list of "PATH LABEL" that is not in Data; may be nil.
	Labels []byte
	// Dataset is what the result, and its log, call the data.
	Dataset string
	// Limit takes the first images only, in path order; 0 means all.
	Limit int
	// Shard, from 1, of Shards says which part of the images to take; Shards of 0 means
	// all of them. Merge puts the parts together.
	Shard, Shards int
	// Log is the path of a file that the outcome of each image is appended to. When it
	// is there already, with images of the same evaluation, these are not computed
	// again. Empty means no log.
	Log string
}

// An Evaluation is how many images of a set a model classified correctly.
type Evaluation struct {
	Model      string
	Dataset    string
	Weights    string // as Model.Weights
	Pixels     string // how image files become network inputs
	Precision  Precision
	ListSHA256 string // of the whole set's paths and labels, hex
	Set        int    // images in the set
	Limit      int    // images, in path order, that were to be evaluated; Set for all
	From, To   int    // the part of them that this is about, From ≤ i < To
	Accuracy   metrics.Accuracy
	Images     []ImageResult // of the part, in path order
	Unreadable int           // images of it that could not be evaluated; they count in no accuracy
	Resumed    int           // images whose outcome was in the log already
	Notes      []string      // sentences about the set that its user should read
}

// An ImageResult is what the model made of one image.
type ImageResult struct {
	Path  string
	Label int
	Top   []int  // classes by falling score, at most five; nil when the image is unreadable
	Err   string // why the image could not be read; empty when it could
}

// Complete reports whether every image of the set was evaluated.
func (e *Evaluation) Complete() bool { return e.Accuracy.N == e.Set }

// topN is how many classes an ImageResult keeps.
const topN = 5

// Evaluate classifies a labelled set of images and counts how often the label is
// the first, or among the first five, of the model's classes. Images that cannot be
// read are counted and named. It stops with a *ChanceError when accuracy is that of
// guessing; anything else that goes wrong is an error too, and what was done by then
// is in the log.
func (m *Model) Evaluate(ctx context.Context, o EvalOptions) (*Evaluation, error) {
	data, dataset := o.Data, o.Dataset
	if data == nil {
		var err error
		if data, err = embeddedImages(m.entry); err != nil {
			return nil, err
		}
		if data == nil {
			return nil, badOption("zoo: evaluate %s: no images are embedded for its classes: name a folder with images", m.entry.Name)
		}
		dataset = "embedded"
	}
	set, err := imagenet.Walk(data, imagenet.Options{Classes: m.Graph().NumClasses(), Names: m.folderNames(), List: o.Labels})
	if err != nil {
		return nil, fmt.Errorf("zoo: evaluate %s on %s: %w", m.entry.Name, cmp.Or(dataset, "the given images"), err)
	}
	e := &Evaluation{
		Model: m.entry.Name, Dataset: dataset, Weights: m.Weights(), Precision: m.precision,
		Pixels:     fmt.Sprintf("%s; %v", decoder, m.entry.Input),
		ListSHA256: listSHA256(set.Items), Set: len(set.Items), Limit: len(set.Items), Notes: set.Notes,
	}
	if o.Limit > 0 {
		e.Limit = min(o.Limit, e.Limit)
	}
	if e.From, e.To, err = part(e.Limit, o.Shard, o.Shards); err != nil {
		return nil, fmt.Errorf("zoo: evaluate %s: %w", m.entry.Name, err)
	}
	items := set.Items[e.From:e.To]

	var log *evalLog
	if o.Log != "" {
		if log, err = openEvalLog(o.Log, e, items); err != nil {
			return nil, err
		}
		defer log.close()
	}
	if err := m.evaluate(ctx, e, data, items[len(e.Images):], log); err != nil {
		return nil, err
	}
	if log != nil {
		if err := log.close(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// folderNames returns the class names that folders of images may have: those of the
// checkpoint, if no two are equal.
func (m *Model) folderNames() []string {
	sorted := slices.Sorted(slices.Values(m.classes))
	if len(slices.Compact(sorted)) != len(m.classes) {
		return nil
	}
	return m.classes
}

// part returns the positions from ≤ i < to of one of equal parts of n images.
func part(n, shard, shards int) (from, to int, err error) {
	if shards == 0 && shard == 0 {
		return 0, n, nil
	}
	if shards < 1 || shard < 1 || shard > shards {
		return 0, 0, badOption("shard %d of %d: expected 1 to the number of shards", shard, shards)
	}
	if shards > n {
		return 0, 0, badOption("%d shards of %d images: some would be empty", shards, n)
	}
	return n * (shard - 1) / shards, n * shard / shards, nil
}

// add counts the outcome of the next image.
func (e *Evaluation) add(r ImageResult) {
	e.Images = append(e.Images, r)
	if r.Err != "" {
		e.Unreadable++
		return
	}
	e.Accuracy.Add(r.Label, r.Top)
}

// listSHA256 returns the digest of a set's paths and labels.
func listSHA256(items []imagenet.Item) string {
	list := sha256.New()
	for _, it := range items {
		fmt.Fprintf(list, "%s %d\n", it.Path, it.Label)
	}
	return hex.EncodeToString(list.Sum(nil))
}
