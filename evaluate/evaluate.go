// Package evaluate measures a model on labelled images: how often the label is the first,
// or among the first five, of its classes.
//
//	data, closer, err := evaluate.OpenData("imagenet/val")
//	e, err := evaluate.Run(ctx, m, data, evaluate.Options{Log: "run.jsonl"})
//	fmt.Println(e.Accuracy.Top1, "of", e.Accuracy.N)
//
// An evaluation can go on where it ended, and can be divided: Merge puts the logs of its
// parts together. Nothing here knows where models come from.
package evaluate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"reflect"
	"slices"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/tensor"
)

// Options says how to evaluate. The zero value takes all images.
type Options struct {
	// Labels is the text of a list of "PATH LABEL" that is not among the data; may be nil.
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
	// Progress, when set, is told how many images of the part are done.
	Progress func(done, total int)
}

// A Subject is what an evaluation is about. Only evaluations of one Subject can be put
// together, or go on. Subjects can be compared.
type Subject struct {
	Model     string           `json:"model" what:"model"`
	Weights   golden.Weights   `json:"weights" what:"weights"`
	Pixels    string           `json:"pixels" what:"pixels"` // how image files become network inputs
	Precision tensor.Precision `json:"precision" what:"precision"`
	List      digest.Digest    `json:"list_sha256" what:"list of images"` // of the whole set's paths and labels
	Set       int              `json:"set" what:"number of images in the set"`
	Limit     int              `json:"limit" what:"limit"` // images, in path order, that were to be evaluated; Set for all
}

// Differs names the first fact in which two subjects are not the same, with both values;
// empty for none.
func (s Subject) Differs(o Subject) string {
	a, b := reflect.ValueOf(s), reflect.ValueOf(o)
	for i := range a.NumField() {
		if x, y := a.Field(i).Interface(), b.Field(i).Interface(); x != y {
			return fmt.Sprintf("%s: %v and %v", a.Type().Field(i).Tag.Get("what"), x, y)
		}
	}
	return ""
}

// An Evaluation is how many images of a set a model classified correctly.
type Evaluation struct {
	Subject
	Dataset    string           `json:"dataset"`
	From       int              `json:"from"` // the part that this is about: From ≤ i < To of the images up to Limit
	To         int              `json:"to"`
	Accuracy   metrics.Accuracy `json:"accuracy"`
	Images     []ImageResult    `json:"images"`     // of the part, in path order
	Unreadable int              `json:"unreadable"` // images of it that could not be evaluated; they count in no accuracy
	Resumed    int              `json:"resumed"`    // images whose outcome was in the log already
	Notes      []string         `json:"notes"`      // sentences about the set that its user should read
}

// An ImageResult is what the model made of one image.
type ImageResult struct {
	Path  string `json:"path"`
	Label int    `json:"label"`
	Top   []int  `json:"top,omitempty"`   // classes by falling score, at most five; nil when the image is unreadable
	Err   string `json:"error,omitempty"` // why the image could not be read; empty when it could
}

// Complete reports whether every image of the set was evaluated.
func (e *Evaluation) Complete() bool { return e.Accuracy.N == e.Set }

// topN is how many classes an ImageResult keeps.
const topN = 5

// Decoder is what makes pixels of image files, in the words of reports.
const Decoder = "decoded as libjpeg-turbo does"

// Run classifies a labelled set of images, in one of the layouts that OpenData lists, and
// counts. An image that is not one, or is damaged, is counted and named. A file that cannot
// be read, as when a disk is gone, is an error: its outcome is not known. Run stops with a
// *ChanceError when accuracy is that of guessing. What was done before an error is in the
// log.
func Run(ctx context.Context, m *model.Model, data fs.FS, o Options) (*Evaluation, error) {
	if err := m.Classifies(); err != nil {
		return nil, err
	}
	set, err := imagenet.Walk(data, imagenet.Options{Classes: m.Graph().NumClasses(), Names: folderNames(m), List: o.Labels})
	if err != nil {
		return nil, fmt.Errorf("evaluate: %s on %s: %w", m.Name(), cmp.Or(o.Dataset, "the given images"), err)
	}
	e := &Evaluation{
		Subject: Subject{
			Model: m.Name(), Weights: m.Weights(), Precision: m.Compute().Precision,
			Pixels: fmt.Sprintf("%s; %v", Decoder, m.Pipeline()),
			List:   listDigest(set.Items), Set: len(set.Items), Limit: len(set.Items),
		},
		Dataset: o.Dataset, Notes: set.Notes,
	}
	if o.Limit > 0 {
		e.Limit = min(o.Limit, e.Limit)
	}
	if e.From, e.To, err = part(e.Limit, o.Shard, o.Shards); err != nil {
		return nil, fmt.Errorf("evaluate: %s: %w", m.Name(), err)
	}
	items := set.Items[e.From:e.To]
	r := &runner{evaluation: e, data: data, progress: o.Progress}
	if o.Log != "" {
		if e.Weights == (golden.Weights{}) {
			return nil, option.Errorf("Log", "evaluate: %s: a log says of which weights it is: name them in model.Options.Weights", m.Name())
		}
		if r.log, err = openLog(o.Log, e, items); err != nil {
			return nil, err
		}
		defer r.log.close()
	}
	if err := r.run(ctx, m, items[len(e.Images):]); err != nil {
		return nil, err
	}
	if r.log != nil {
		if err := r.log.close(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// folderNames returns the class names that folders of images may have: those of the
// model, if no two are equal.
func folderNames(m *model.Model) []string {
	classes := m.Classes()
	sorted := slices.Sorted(slices.Values(classes))
	if len(slices.Compact(sorted)) != len(classes) {
		return nil
	}
	return classes
}

// part returns the positions from ≤ i < to of one of equal parts of n images.
func part(n, shard, shards int) (from, to int, err error) {
	if shards == 0 && shard == 0 {
		return 0, n, nil
	}
	if shards < 1 || shard < 1 || shard > shards {
		return 0, 0, option.Errorf("Shard", "shard %d of %d: expected 1 to the number of shards", shard, shards)
	}
	if shards > n {
		return 0, 0, option.Errorf("Shards", "%d shards of %d images: some would be empty", shards, n)
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

// listDigest returns the digest of a set's paths and labels.
func listDigest(items []imagenet.Item) digest.Digest {
	list := sha256.New()
	for _, it := range items {
		fmt.Fprintf(list, "%s %d\n", it.Path, it.Label)
	}
	return digest.Of([sha256.Size]byte(list.Sum(nil)))
}
