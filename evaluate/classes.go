package evaluate

import (
	"slices"

	"github.com/gozoo/zoo/metrics"
)

// A ClassResult is how many images of one class a model classified correctly.
type ClassResult struct {
	Class      int              `json:"class"`
	Accuracy   metrics.Accuracy `json:"accuracy"`
	Unreadable int              `json:"unreadable"` // images of it that could not be evaluated
}

// PerClass returns the accuracy for each class that has images, in the order of labels. An image
// of several counts in each.
func (e *Evaluation) PerClass() []ClassResult {
	size := 0
	for _, r := range e.Images {
		size = max(size, slices.Max(r.labels())+1)
	}
	all := make([]ClassResult, size)
	for _, r := range e.Images {
		for _, label := range r.labels() {
			c := &all[label]
			if c.Class = label; r.Err != "" {
				c.Unreadable++
			} else {
				c.Accuracy.AddAny(r.labels(), r.Top)
			}
		}
	}
	results := all[:0]
	for _, c := range all {
		if c.Accuracy.N+c.Unreadable > 0 {
			results = append(results, c)
		}
	}
	return results
}
