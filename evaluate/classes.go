package evaluate

import "github.com/gozoo/zoo/metrics"

// A ClassResult is how many images of one class a model classified correctly.
type ClassResult struct {
	Class      int              `json:"class"`
	Accuracy   metrics.Accuracy `json:"accuracy"`
	Unreadable int              `json:"unreadable"` // images of it that could not be evaluated
}

// PerClass returns the accuracy for each class that has images, in the order of labels.
func (e *Evaluation) PerClass() []ClassResult {
	size := 0
	for _, r := range e.Images {
		size = max(size, r.Label+1)
	}
	all := make([]ClassResult, size)
	for _, r := range e.Images {
		c := &all[r.Label]
		if c.Class = r.Label; r.Err != "" {
			c.Unreadable++
		} else {
			c.Accuracy.Add(r.Label, r.Top)
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
