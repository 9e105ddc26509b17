package metrics

import (
	"math"
	"slices"
)

// TopK returns the indices of the k largest logits, largest first; all of them
// when there are fewer. Of equal logits the one with the lower index comes first.
// NaN comes last.
func TopK(logits []float32, k int) []int {
	k = min(k, len(logits))
	if k < 1 {
		return nil
	}
	top := make([]int, 0, k)
	for i := range logits {
		if len(top) == k && !before(logits, i, top[k-1]) {
			continue
		}
		if len(top) < k {
			top = append(top, i)
		}
		at := len(top) - 1
		for ; at > 0 && before(logits, i, top[at-1]); at-- {
			top[at] = top[at-1]
		}
		top[at] = i
	}
	return top
}

// before reports whether logit i is ranked before logit j.
func before(logits []float32, i, j int) bool {
	x, y := logits[i], logits[j]
	switch {
	case x != x || y != y: // NaN
		if (x != x) != (y != y) {
			return y != y
		}
		return i < j
	case x != y:
		return x > y
	}
	return i < j
}

// Softmax returns the scores of logits: positive, adding up to 1. It is computed
// in float64. One NaN makes all scores NaN; no logits give no scores.
func Softmax(logits []float32) []float32 {
	if len(logits) == 0 {
		return nil
	}
	top := math.Inf(-1)
	for _, x := range logits {
		top = math.Max(top, float64(x)) // NaN wins
	}
	e := make([]float64, len(logits))
	var total float64
	for i, x := range logits {
		e[i] = 1
		if float64(x) != top { // Inf - Inf would be NaN
			e[i] = math.Exp(float64(x) - top)
		}
		total += e[i]
	}
	scores := make([]float32, len(logits))
	for i := range e {
		scores[i] = float32(e[i] / total)
	}
	return scores
}

// Sigmoid returns the probability of each class on its own, 1/(1+exp(-x)), computed in float64.
// NaN stays NaN.
func Sigmoid(logits []float32) []float32 {
	scores := make([]float32, len(logits))
	for i, x := range logits {
		scores[i] = float32(1 / (1 + math.Exp(-float64(x))))
	}
	return scores
}

// An Accuracy counts images and those whose label was among the best classes. The
// zero Accuracy has seen none.
type Accuracy struct {
	N    int `json:"n"`    // images
	Top1 int `json:"top1"` // label first
	Top5 int `json:"top5"` // label among the first five
}

// Add counts one image with the given label whose best classes are top, best first, as
// TopK returns them. Only the first five are looked at.
func (a *Accuracy) Add(label int, top []int) { a.AddAny([]int{label}, top) }

// AddAny counts one image of which any of some labels is right.
func (a *Accuracy) AddAny(labels, top []int) {
	a.N++
	right := func(class int) bool { return slices.Contains(labels, class) }
	switch rank := slices.IndexFunc(top[:min(5, len(top))], right); {
	case rank == 0:
		a.Top1++
		a.Top5++
	case rank > 0:
		a.Top5++
	}
}

// Percent returns 100 correct/n, and 0 for n of 0.
func Percent(correct, n int) float64 {
	if n == 0 {
		return 0
	}
	return 100 * float64(correct) / float64(n)
}

// Wilson returns the 95 % score interval, in percent, of a share that was observed as
// correct out of n: E. B. Wilson, Probable inference, 1927. For n of 0 it is 0 to 100.
func Wilson(correct, n int) (low, high float64) {
	if n == 0 {
		return 0, 100
	}
	const z = 1.959963984540054 // 97.5 % quantile of the normal distribution
	p, m := float64(correct)/float64(n), float64(n)
	centre := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 100 / (1 + z*z/m)
	low, high = (centre-half)*scale, (centre+half)*scale
	if correct == 0 {
		low = 0 // exactly, whatever the rounding
	}
	if correct == n {
		high = 100
	}
	return low, high
}
