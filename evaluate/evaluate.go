// Package evaluate measures a model on labelled images: how often the label is the first,
// or among the first five, of its classes.
//
//	data, closer, err := evaluate.OpenData(ctx, "imagenet/val")
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
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/dataset"
	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/internal/option"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/tensor"
	"github.com/gozoo/zoo/vision"
)

// Options says how to evaluate. The zero value takes all images.
type Options struct {
	// Labels is the text of a list that is not among the data, as ReadLabels returns it, and
	// LabelsName what messages call it; may be nil.
	Labels     []byte
	LabelsName string
	// Classes are the names that folders and lists may label images by, in the order of the
	// classifier's rows; nil means the model's. ClassIDs are WordNet ids or other short names
	// beside them; may be nil.
	Classes, ClassIDs []string
	// ClassesOffset is how many rows of the classifier stand before its first class: 1 where
	// row 0 means background. Labels in sets count from the first class.
	ClassesOffset int
	// Partial evaluates the images that can be labelled where there are others, whose number
	// is in Subject.LeftOut. Without it such a set is an error.
	Partial bool
	// Expected is the Top-1, from 0 to 1, that the weights are published with on such images.
	// An evaluation that it makes less likely than one in a million is a *ChanceError. 0 means
	// that nothing is expected.
	Expected float64
	// AllowChance takes every accuracy, that of guessing included.
	AllowChance bool
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
	// LimitList is the digest of the paths and labels up to Limit; none where that is all.
	LimitList digest.Digest `json:"limit_sha256,omitzero" what:"list of images up to the limit"`
	Classes   int           `json:"classes,omitempty" what:"number of classes"`                 // rows of the classifier; 0 in logs of the first version
	LeftOut   int           `json:"left_out,omitempty" what:"number of images without a label"` // that are there and not in the set
	Benchmark string        `json:"benchmark,omitempty" what:"benchmark"`                       // that the images are of, where it is not ImageNet's own, such as "ImageNet-A"
	// Scored is how many classes count, where the benchmark has some of the network's only: it is
	// defined as the best among them. They are the benchmark's. 0: all of the network's.
	Scored int `json:"scored,omitempty" what:"number of classes that are scored"`
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
	AmongAll   metrics.Accuracy `json:"among_all"`  // among all classes, where Accuracy is among those that are scored; else zero
	Images     []ImageResult    `json:"images"`     // of the part, in path order
	Unreadable int              `json:"unreadable"` // images of it that could not be evaluated; they count in no accuracy
	Resumed    int              `json:"resumed"`    // images whose outcome was in the log already
	Notes      []string         `json:"notes"`      // sentences about the set that its user should read
}

// An ImageResult is what the model made of one image.
type ImageResult struct {
	Path  string `json:"path,omitempty"`
	Label int    `json:"label"`
	Also  []int  `json:"also,omitempty"`  // labels that are right too
	Top   []int  `json:"top,omitempty"`   // classes by falling score, at most five, of those that are scored; nil when the image is unreadable
	All   []int  `json:"all,omitempty"`   // the same of all classes, where not all are scored; else nil
	Err   string `json:"error,omitempty"` // why the image could not be read; empty when it could
}

// Complete reports whether every image that is there was evaluated.
func (e *Evaluation) Complete() bool { return e.Accuracy.N == e.Set && e.LeftOut == 0 }

// topN is how many classes an ImageResult keeps.
const topN = 5

// Decoder is what makes pixels of image files, in the words of reports.
const Decoder = "decoded as libjpeg-turbo does"

// Run classifies a labelled set of images, in one of the layouts that OpenData lists, and
// counts. An image that is not one, or is damaged, is counted and named; where all are, and where
// the set holds images without a label, the error is a *DataError. A file that cannot
// be read, as when a disk is gone, is an error: its outcome is not known. Run stops with a
// *ChanceError when accuracy is that of guessing. What was done before an error is in the
// log.
func Run(ctx context.Context, m *model.Model, data fs.FS, o Options) (*Evaluation, error) {
	if err := m.Classifies(); err != nil {
		return nil, err
	}
	e, items, err := prepare(ctx, m, data, o)
	if err != nil {
		return nil, err
	}
	r := &runner{evaluation: e, data: data, progress: o.Progress, scored: e.scored(), allowChance: o.AllowChance}
	if o.Log != "" {
		if e.Weights == (golden.Weights{}) {
			return nil, option.Errorf("Log", "evaluate: %s: a log says of which weights it is: name them in model.Options.Weights", m.Name())
		}
		if r.log, err = openLog(o.Log, e, items[e.From:e.To]); err != nil {
			return nil, err
		}
		defer r.log.close()
	}
	if err := r.run(ctx, m, items[e.From:e.To][len(e.Images):]); err != nil {
		return nil, err
	}
	if r.log != nil {
		if err := r.log.close(); err != nil {
			return nil, err
		}
	}
	if o.Shards <= 1 {
		if err := e.nothing(); err != nil {
			return nil, err
		}
	}
	if o.AllowChance {
		return e, nil
	}
	expected := o.Expected
	if !representative(items, e.From, e.To) {
		expected = min(expected, Unpublished)
	}
	return e, e.Implausible(expected)
}

// prepare reads a set, and returns the evaluation that has not begun.
func prepare(ctx context.Context, m *model.Model, data fs.FS, o Options) (*Evaluation, []dataset.Item, error) {
	name := cmp.Or(o.Dataset, "the given images")
	fail := func(err error) (*Evaluation, []dataset.Item, error) {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, dataErrorf("evaluate: %s on %s: %w", m.Name(), name, err)
	}
	rows := m.Graph().NumClasses()
	names := o.Classes
	if names == nil {
		names = m.Classes()
	}
	switch {
	case rows == 1:
		return fail(errors.New("the classifier has one row, whose Top-1 is always the same: it tells a probability, see predict"))
	case o.ClassesOffset < 0 || o.ClassesOffset >= rows:
		return fail(fmt.Errorf("%d rows before the first class: expected 0 to %d", o.ClassesOffset, rows-1))
	}
	for _, list := range [][]string{names, o.ClassIDs} {
		if n := len(list); list != nil && n != rows && n != rows-o.ClassesOffset {
			return fail(fmt.Errorf("%d class names for %d rows of the classifier: name each", n, rows-o.ClassesOffset))
		}
	}
	set, err := dataset.Walk(ctx, data, dataset.Options{
		Classes: rows, Offset: o.ClassesOffset, Names: names, IDs: o.ClassIDs,
		List: o.Labels, ListName: cmp.Or(o.LabelsName, dataset.ListFile), Name: o.Dataset,
	})
	if err != nil {
		return fail(err)
	}
	if len(set.Left) > 0 {
		var left []string
		for _, l := range set.Left {
			left = append(left, l.String())
		}
		total := fmt.Sprintf("%d of %d images cannot be evaluated: %s", set.LeftOut(), set.LeftOut()+len(set.Items), strings.Join(left, "; "))
		if !o.Partial || len(set.Items) == 0 {
			for _, note := range set.Notes {
				total += "; " + note
			}
			if len(set.Items) > 0 {
				total += ": mend the set, or leave them out with --no-strict"
			}
			return fail(errors.New(total))
		}
		set.Notes = append(set.Notes, total)
	}
	e := &Evaluation{
		Subject: Subject{
			Model: m.Name(), Weights: m.Weights(), Precision: m.Compute().Precision,
			Pixels: PixelsOf(m.Pipeline()),
			List:   listDigest(set.Items), Set: len(set.Items), Limit: len(set.Items),
			Classes: rows, LeftOut: set.LeftOut(), Benchmark: set.Benchmark, Scored: len(set.Scored),
		},
		Dataset: printable.Text(o.Dataset), Notes: set.Notes,
	}
	if o.Limit > 0 && o.Limit < e.Limit {
		e.Limit = o.Limit
		e.LimitList = listDigest(set.Items[:e.Limit])
	}
	if e.From, e.To, err = part(e.Limit, o.Shard, o.Shards); err != nil {
		return nil, nil, fmt.Errorf("evaluate: %s: %w", m.Name(), err)
	}
	return e, set.Items, nil
}

// PixelsOf returns what evaluations say of how image files become the network's input.
func PixelsOf(p vision.Pipeline) string { return fmt.Sprintf("%s; %v", Decoder, p) }

// nothing returns an error when no image could be read.
func (e *Evaluation) nothing() error {
	if e.Accuracy.N > 0 || len(e.Images) == 0 {
		return nil
	}
	first := e.Images[0]
	return dataErrorf("evaluate: %s on %s: none of %d images could be read: %s: %s", e.Model, cmp.Or(e.Dataset, "the given images"),
		len(e.Images), printable.Text(first.Path), strings.TrimPrefix(first.Err, printable.Text(first.Path)+": "))
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
	e.Accuracy.AddAny(r.labels(), r.Top)
	if e.Scored > 0 {
		e.AmongAll.AddAny(r.labels(), r.All)
	}
}

// labels returns all labels of an image that are right.
func (r ImageResult) labels() []int { return append([]int{r.Label}, r.Also...) }

// scored returns the rows, in order, of the classes that are scored; nil for all, and where no
// benchmark has so many.
func (s Subject) scored() []int {
	if s.Scored == 0 {
		return nil
	}
	labels := slices.Clone(imagenet.SubsetLabels(s.Benchmark))
	for i := range labels {
		labels[i] += s.Classes - len(imagenet.IDs()) // rows before the first class
	}
	if len(labels) != s.Scored || s.Classes < len(imagenet.IDs()) {
		return nil
	}
	return labels
}

// best returns the first of the classes that are scored, and where these are not all the
// first of all classes too.
func best(logits []float32, scored []int) (top, all []int) {
	all = metrics.TopK(logits, topN)
	if scored == nil {
		return all, nil
	}
	some := make([]float32, len(scored))
	for i, row := range scored {
		some[i] = logits[row]
	}
	for _, i := range metrics.TopK(some, topN) {
		top = append(top, scored[i])
	}
	return top, all
}

// listDigest returns the digest of a set's paths and labels. A path with a line end, or that
// begins as a quoted one does, is quoted, so that no two lists are written alike.
func listDigest(items []dataset.Item) digest.Digest {
	list := sha256.New()
	for _, it := range items {
		path := it.Path
		if strings.Contains(path, "\n") || strings.HasPrefix(path, `"`) {
			path = strconv.Quote(path)
		}
		fmt.Fprintf(list, "%s %s\n", path, labelText(append([]int{it.Label}, it.Also...)))
	}
	return digest.Of([sha256.Size]byte(list.Sum(nil)))
}
