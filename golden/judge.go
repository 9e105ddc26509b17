package golden

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gozoo/zoo/tensor"
)

// ErrVerify is, by errors.Is, every error of a network that does not compute what it
// should, or cannot be judged.
var ErrVerify = errors.New("the network is not verified")

// mediumLimit is the tolerance beyond which medium is not judged: a network that
// amplifies rounding so much says nothing about the products' precision.
const mediumLimit = 0.2

// Tolerance returns the largest allowed difference as a share of the largest
// reference value, for a reference whose own float32 noise is given. It is false
// when the precision is not to be judged on such a network.
//
// The floors are 50 times the CSPNets' measured float32 noise (1-2e-6) for the
// float32 precisions and twice the worst measured bf16 error for medium; the
// multiples of noise let a network that amplifies rounding be judged by how much
// it does.
func Tolerance(p tensor.Precision, noise float64) (tol float64, judged bool) {
	switch p {
	case tensor.Highest:
		return max(1e-4, 8*noise), true
	case tensor.High:
		return max(1e-4, 64*noise), true
	case tensor.Medium:
		tol = max(5e-2, 3e4*noise)
		return tol, tol <= mediumLimit
	}
	return 0, false
}

// A Comparison is the largest difference found in one tensor.
type Comparison struct {
	Path      string  // module path, "logits", or "logits beside probes"
	Index     int     // where the difference is largest
	Want, Got float32 // the values there
	// Error is the largest difference as a share of Scale, the largest absolute
	// reference value; infinite when a value is not finite.
	Error float64
	Scale float64
}

// A Verdict is the outcome of judging one run against a golden.
type Verdict struct {
	Golden    string
	Precision tensor.Precision
	Judged    bool // false: the precision is not judged on this network
	Pass      bool
	Tolerance float64
	Logits    Comparison   // of the network as it is used
	Probed    *Comparison  // logits of the run that kept the probes; nil where there was none
	Probes    []Comparison // in execution order
	// FirstBad is the first module, in execution order, beyond the tolerance.
	FirstBad *Comparison
	// Flips lists the images whose Top-1 differs although the reference's margin
	// is wide enough to tell.
	Flips []Flip
}

// A Flip is an image whose Top-1 class differs from the reference's.
type Flip struct {
	Image     int // index in the batch
	Want, Got int // classes
}

// Error returns the largest difference over logits and probes, as a share of the
// largest reference value of its tensor.
func (v *Verdict) Error() float64 {
	worst := 0.0
	for _, c := range v.all() {
		worst = max(worst, c.Error)
	}
	return worst
}

// all returns every comparison, in execution order and the logits last.
func (v *Verdict) all() []Comparison {
	all := append(slices.Clone(v.Probes), v.Logits)
	if v.Probed != nil {
		all = append(all, *v.Probed)
	}
	return all
}

// Headroom returns how many times larger Error could be before the verdict
// failed; below 1 it has.
func (v *Verdict) Headroom() float64 { return v.Tolerance / v.Error() }

// String returns the reason of a failure, or the error and the headroom of a
// pass.
func (v *Verdict) String() string {
	switch {
	case !v.Judged:
		return fmt.Sprintf("not judged at %s: the tolerance would be %.2g", v.Precision, v.Tolerance)
	case v.FirstBad != nil:
		b := v.FirstBad
		return fmt.Sprintf("first bad layer %s: value %d: expected %g, found %g; error %.2g of the largest value, allowed %.2g", b.Path, b.Index, b.Want, b.Got, b.Error, v.Tolerance)
	case len(v.Flips) > 0:
		f := v.Flips[0]
		return fmt.Sprintf("Top-1 of image %d: expected class %d, found %d", f.Image, f.Want, f.Got)
	}
	text := fmt.Sprintf("error %.2g of the largest value, allowed %.2g, headroom %.0fx", v.Error(), v.Tolerance, v.Headroom())
	if v.Probed != nil {
		text += fmt.Sprintf("; logits %.2g, and %.2g beside probes", v.Logits.Error, v.Probed.Error)
	}
	return text
}

// A Run is what a network computed from a golden's input.
type Run struct {
	Logits []float32 // (N,K), of the network as it is used
	// Probes are summaries of modules' outputs, made by Probe, in execution order. To have them is
	// another way to compute: what is kept cannot be fused with what follows. Probed
	// are the logits (N,K) of the run that had them; nil where that was the same run.
	Probes []ProbeValues
	Probed []float32
}

// Judge compares a run with the golden. Probes that the golden does not hold are
// ignored. It is an error when the golden holds one that is not among them, or when sizes
// differ: a golden that cannot be compared is no pass.
func (g *Golden) Judge(p tensor.Precision, r Run) (*Verdict, error) {
	for _, logits := range [][]float32{r.Logits, r.Probed} {
		if len(logits) != len(g.Logits) && logits != nil || r.Logits == nil {
			return nil, fmt.Errorf("golden: expected %d logits in rows of %d, found %d", len(g.Logits), g.K, len(logits))
		}
	}
	v := &Verdict{Golden: g.Name, Precision: p, Pass: true}
	v.Tolerance, v.Judged = Tolerance(p, g.Noise)
	wanted := make(map[string][]float32, len(g.Probes))
	for _, w := range g.Probes {
		wanted[w.Path] = w.Values
	}
	for _, got := range r.Probes {
		want, ok := wanted[got.Path]
		if !ok {
			continue
		}
		delete(wanted, got.Path)
		v.Probes = append(v.Probes, compare(got.Path, want, got.Values))
	}
	for _, w := range g.Probes {
		if _, left := wanted[w.Path]; left {
			return nil, fmt.Errorf("golden: probe %q: the network has no such module", w.Path)
		}
	}
	v.Logits = compare("logits", g.Logits, r.Logits)
	if r.Probed != nil {
		c := compare("logits beside probes", g.Logits, r.Probed)
		v.Probed = &c
	}
	for _, c := range v.all() {
		if !(c.Error <= v.Tolerance) {
			v.Pass, v.FirstBad = false, &c
			break
		}
	}
	for i := range g.Shape[0] {
		want, got := g.Logits[i*g.K:(i+1)*g.K], r.Logits[i*g.K:(i+1)*g.K]
		first, margin := best(want)
		if top, _ := best(got); top != first && margin > 2*v.Tolerance*v.Logits.Scale {
			v.Flips = append(v.Flips, Flip{Image: i, Want: first, Got: top})
			v.Pass = false
		}
	}
	return v, nil
}

// compare finds the largest difference between two slices of equal length.
func compare(path string, want, got []float32) Comparison {
	c := Comparison{Path: path}
	for _, w := range want {
		c.Scale = max(c.Scale, math.Abs(float64(w)))
	}
	worst := -1.0
	for i, w := range want {
		d := math.Abs(float64(w) - float64(got[i]))
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if d > worst {
			worst, c.Index, c.Want, c.Got = d, i, w, got[i]
		}
	}
	switch {
	case c.Scale > 0:
		c.Error = worst / c.Scale
	case worst > 0: // the reference is all zero and we are not
		c.Error = math.Inf(1)
	}
	return c
}

// best returns the index of the largest value, the first of equals, and how far
// the second largest is behind.
func best(x []float32) (index int, margin float64) {
	first, second := math.Inf(-1), math.Inf(-1)
	for i, v := range x {
		switch f := float64(v); {
		case f > first:
			first, second, index = f, first, i
		case f > second:
			second = f
		}
	}
	return index, first - second
}
