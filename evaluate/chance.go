package evaluate

import (
	"fmt"

	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/imagenet"
	"github.com/gozoo/zoo/metrics"
)

// A ChanceError says that an evaluation was stopped because its accuracy is no better than
// guessing. Such a result measures a mistake, not the network.
type ChanceError struct {
	Evaluation *Evaluation // as far as it got
	Classes    int
	Hint       string // which mistake explains it; may be empty
}

func (e *ChanceError) Error() string {
	a := e.Evaluation.Accuracy
	text := fmt.Sprintf("evaluate: %s: stopped: Top-1 is %d of %d images, as good as guessing among %d classes",
		e.Evaluation.Model, a.Top1, a.N, e.Classes)
	if e.Hint != "" {
		return text + ": " + e.Hint
	}
	return text + ": the labels, the images or the weights are not those of this model"
}

// Is reports whether target is golden.ErrVerify.
func (e *ChanceError) Is(target error) bool { return target == golden.ErrVerify }

// Fewer images than chanceImages do not stop an evaluation. A part of a sorted set may
// be of few classes, and those hard.
const chanceImages = 200

// chance returns a *ChanceError when the accuracy by now is that of guessing: its 95 %
// interval holds the accuracy of a guess, and no more than twice that or two points
// above it.
func (e *Evaluation) chance(classes int) error {
	a := e.Accuracy
	if a.N < chanceImages || classes < 2 {
		return nil
	}
	guess := 100 / float64(classes)
	low, high := metrics.Wilson(a.Top1, a.N)
	if low > guess || high > max(2*guess, guess+2) {
		return nil
	}
	return &ChanceError{e, classes, e.otherNumbering(classes)}
}

// otherNumbering says under which other numbering of the classes the labels would be
// right; empty for none.
func (e *Evaluation) otherNumbering(classes int) string {
	for _, by := range []struct {
		what  string
		label func(int) (int, bool)
	}{
		{"were numbered from 1", func(n int) (int, bool) { return n - 1, true }},
		{"were one too low", func(n int) (int, bool) { return n + 1, true }},
		{"were the ILSVRC development kit's", func(n int) (int, bool) {
			label, ok := imagenet.ByKitNumber(n)
			return label, ok && classes == len(imagenet.Names())
		}},
	} {
		correct := 0
		for _, r := range e.Images {
			if label, ok := by.label(r.Label); ok && len(r.Top) > 0 && r.Top[0] == label {
				correct++
			}
		}
		if low, _ := metrics.Wilson(correct, e.Accuracy.N); low > max(20, 200/float64(classes)) {
			return fmt.Sprintf("if the labels %s, it would be %d", by.what, correct)
		}
	}
	return ""
}
