package evaluate

import (
	"cmp"
	"fmt"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/dataset"
	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/metrics"
)

// A ChanceError says that the accuracy of an evaluation is no better than guessing, or so far
// below what is published that it measures a mistake, not the network.
type ChanceError struct {
	Evaluation *Evaluation // as far as it got
	Classes    int         // that the guess is among
	Expected   float64     // Top-1, from 0 to 1, that the accuracy is too far below; 0: it is that of guessing
	Hint       string      // which mistake explains it; may be empty
}

func (e *ChanceError) Error() string {
	a := e.Evaluation.Accuracy
	text := fmt.Sprintf("evaluate: %s: stopped: Top-1 is %d of %d images, as good as guessing among %d classes",
		e.Evaluation.Model, a.Top1, a.N, e.Classes)
	if e.Expected > 0 {
		text = fmt.Sprintf("evaluate: %s: Top-1 is %d of %d images, which an expected %.2f %% makes less likely than one in a million",
			e.Evaluation.Model, a.Top1, a.N, 100*e.Expected)
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	} else {
		text += ": the labels, the images or the weights are not those of this model"
	}
	return text + ": --allow-chance takes the figure all the same"
}

// Is reports whether target is golden.ErrVerify.
func (e *ChanceError) Is(target error) bool { return target == golden.ErrVerify }

// Unpublished is the Top-1 that is expected of weights without a published one, and Harder
// that of images which are known to be harder than those of the published one.
const (
	Unpublished = 0.3
	Harder      = 0.1
)

// unlikely is how likely an accuracy must be at least. No accuracy is expected to be above
// certain, so that two strange images do not decide.
const unlikely, certain = 1e-6, 0.99

// Implausible returns a *ChanceError when the accuracy is so far below an expected Top-1, from 0
// to 1, that it is less likely than one in a million; 0 expects nothing. Of ImageNet-A, whose
// images were chosen because networks fail on them, nothing is expected.
func (e *Evaluation) Implausible(expected float64) error {
	switch {
	case e.Benchmark == "":
	case e.Benchmark == dataset.Adversarial:
		return nil
	case dataset.Easier(e.Benchmark): // though its images may be small
		expected = min(expected, Unpublished)
	default:
		expected = min(expected, Harder)
	}
	expected = min(expected, certain)
	if expected <= 0 || metrics.AtMost(e.Accuracy.Top1, e.Accuracy.N, expected) >= unlikely {
		return nil
	}
	return &ChanceError{e, e.among(), expected, e.otherNumbering()}
}

// representative reports whether a part of a set is of at least half of its classes. One of a set
// that is sorted by class may be of few, and those hard.
func representative(items []dataset.Item, from, to int) bool {
	classes := func(items []dataset.Item) int {
		seen := make(map[int]bool)
		for _, it := range items {
			seen[it.Label] = true
		}
		return len(seen)
	}
	return from == 0 && to == len(items) || 2*classes(items[from:to]) >= classes(items)
}

// Fewer images than chanceImages do not stop an evaluation. A part of a sorted set may
// be of few classes, and those hard.
const chanceImages = 200

// chance returns a *ChanceError when the accuracy by now is that of guessing: its 95 %
// interval holds the accuracy of a guess, and no more than twice that or two points
// above it.
func (e *Evaluation) chance() error {
	a, classes := e.Accuracy, e.among()
	if a.N < chanceImages || classes < 2 || e.Benchmark == dataset.Adversarial {
		return nil
	}
	guess := 100 / float64(classes)
	low, high := metrics.Wilson(a.Top1, a.N)
	if low > guess || high > max(2*guess, guess+2) {
		return nil
	}
	return &ChanceError{e, classes, 0, e.otherNumbering()}
}

// among returns how many classes are scored.
func (e *Evaluation) among() int { return cmp.Or(e.Scored, e.Classes) }

// otherNumbering says under which other numbering of the classes the labels would be
// right; empty for none.
func (e *Evaluation) otherNumbering() string {
	for _, by := range []struct {
		what  string
		label func(int) (int, bool)
	}{
		{"were numbered from 1", func(n int) (int, bool) { return n - 1, true }},
		{"were one too low", func(n int) (int, bool) { return n + 1, true }},
		{"were the ILSVRC development kit's", func(n int) (int, bool) {
			label, ok := imagenet.ByKitNumber(n)
			return label, ok && e.Classes == len(imagenet.Names())
		}},
	} {
		correct := 0
		for _, r := range e.Images {
			top := r.Top
			if r.All != nil {
				top = r.All
			}
			if label, ok := by.label(r.Label); ok && len(top) > 0 && top[0] == label {
				correct++
			}
		}
		if low, _ := metrics.Wilson(correct, e.Accuracy.N); low > max(20, 200/float64(e.Classes)) {
			return fmt.Sprintf("if the labels %s, it would be %d", by.what, correct)
		}
	}
	return ""
}
