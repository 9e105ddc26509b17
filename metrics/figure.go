package metrics

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// A Verdict says how a figure found here stands to the published one.
type Verdict string

// The verdicts. Exact, Rounded and Differs are for counts; Reproduced,
// Consistent, Differs and NotMeasured for accuracies.
const (
	Exact        Verdict = "exact"         // the published integer
	Rounded      Verdict = "rounded"       // within half a unit of the last published digit
	Reproduced   Verdict = "reproduced"    // measured on the whole published set, equal at published precision
	Consistent   Verdict = "consistent"    // measured on a part, the 95 % interval holds the published figure
	Differs      Verdict = "differs"       // neither
	NotMeasured  Verdict = "not measured"  // published, not measured here
	NotPublished Verdict = "not published" // nothing to compare with
)

// severity orders verdicts from the one that wants attention most.
var severity = []Verdict{Differs, NotMeasured, Consistent, Rounded, Reproduced, Exact, NotPublished}

// worst returns the verdict that wants attention most.
func worst(vs ...Verdict) Verdict {
	for _, s := range severity {
		for _, v := range vs {
			if v == s {
				return v
			}
		}
	}
	return NotPublished
}

// Units of figures.
const (
	Million = 1_000_000
	Billion = 1_000_000_000
)

// A Figure is an integer counted from a graph beside the published figure.
type Figure struct {
	Published string // in Unit; empty: not published
	Unit      int64  // Million or Billion
	Exact     int64  // as counted here
	Delta     int64  // Exact minus the published figure; 0 when not published
	Verdict   Verdict
}

// NewFigure compares an exact count with a published text in the given unit.
func NewFigure(published string, unit, exact int64) (Figure, error) {
	c := Figure{Published: published, Unit: unit, Exact: exact, Verdict: NotPublished}
	if published == "" {
		return c, nil
	}
	d, err := parseDecimal(published)
	if err != nil {
		return Figure{}, err
	}
	step := unit // value of the last published digit
	for range d.decimals {
		if step%10 != 0 {
			return Figure{}, fmt.Errorf("metrics: published count %q has more digits than its unit %d", published, unit)
		}
		step /= 10
	}
	value, err := product(d.digits, step)
	if err != nil {
		return Figure{}, fmt.Errorf("metrics: published count %q: %w", published, err)
	}
	c.Delta = exact - value
	switch {
	case c.Delta == 0:
		c.Verdict = Exact
	case max(c.Delta, -c.Delta) <= step/2:
		c.Verdict = Rounded
	default:
		c.Verdict = Differs
	}
	return c, nil
}

// off says how far a figure lies from the published one, as a share of that.
func (f Figure) off() string {
	published := f.Exact - f.Delta
	if published == 0 {
		return fmt.Sprintf("%d above published", f.Delta)
	}
	share, side := 100*float64(f.Delta)/float64(published), "above"
	if share < 0 {
		share, side = -share, "below"
	}
	if share < 1 {
		return fmt.Sprintf("%.2g %% %s published", share, side)
	}
	return fmt.Sprintf("%.1f %% %s published", share, side)
}

// A Rate is a share of correct images beside the published percentage.
type Rate struct {
	Published string // percent; empty: not published
	Correct   int
	N         int // images looked at; 0: not measured
	Verdict   Verdict
}

// NewRate compares correct out of n with a published text, measured on a set of
// the given size; n of 0 means not measured.
//
// A full set reproduces the figure when it lies within half a unit of the last
// published digit; both ways of rounding a tie are accepted.
func NewRate(published string, correct, n, set int) (Rate, error) {
	if correct < 0 || correct > n {
		return Rate{}, fmt.Errorf("metrics: %d correct of %d images", correct, n)
	}
	r := Rate{Published: published, Correct: correct, N: n}
	if published == "" {
		r.Verdict = NotPublished
		return r, nil
	}
	d, err := parseDecimal(published)
	if err != nil {
		return Rate{}, err
	}
	switch low, high := Wilson(correct, n); {
	case n == 0:
		r.Verdict = NotMeasured
	case n == set && d.rounds(correct, n):
		r.Verdict = Reproduced
	case n != set && low <= d.float() && d.float() <= high:
		r.Verdict = Consistent
	default:
		r.Verdict = Differs
	}
	return r, nil
}

// Percent returns the measured percentage.
func (r Rate) Percent() float64 { return Percent(r.Correct, r.N) }

// Delta returns measured minus published in percentage points, and whether there
// are both.
func (r Rate) Delta() (delta float64, ok bool) {
	d, err := parseDecimal(r.Published)
	if err != nil || r.N == 0 {
		return 0, false
	}
	return r.Percent() - d.float(), true
}

// String returns the exact count in its unit, with the published decimals; with
// enough for three digits, at least two decimals, when nothing was published.
func (f Figure) String() string {
	if f.Verdict == Exact || f.Verdict == Rounded {
		return f.Published // also where it lies half way, and could be rounded either way
	}
	decimals := 2
	if d, err := parseDecimal(f.Published); err == nil {
		decimals = d.decimals
	} else {
		for n := f.Exact; n > 0 && n < f.Unit && decimals < 6; n *= 10 {
			decimals++
		}
	}
	return new(big.Rat).SetFrac64(f.Exact, f.Unit).FloatString(decimals)
}

// String returns the measured percentage with the published decimals, two when
// nothing was published; empty when not measured.
func (r Rate) String() string {
	if r.N == 0 {
		return ""
	}
	decimals := 2
	if d, err := parseDecimal(r.Published); err == nil {
		decimals = d.decimals
	}
	return strconv.FormatFloat(r.Percent(), 'f', decimals, 64)
}

// A decimal is a number that was written with a certain precision:
// digits / 10^decimals.
type decimal struct {
	digits   int64
	decimals int
}

// maxDigits is more than any figure has, and fits an int64.
const maxDigits = 18

// parseDecimal reads digits with at most one point between them.
func parseDecimal(s string) (decimal, error) {
	whole, fraction, point := strings.Cut(s, ".")
	digits := whole + fraction
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || whole == "" || point == (fraction == "") || len(digits) > maxDigits {
		return decimal{}, fmt.Errorf("metrics: published figure %q: expected a decimal number such as 27.64 of at most %d digits", s, maxDigits)
	}
	return decimal{int64(n), len(fraction)}, nil
}

// rounds reports whether 100 correct/n, n not 0, lies within half a unit of the
// last digit.
func (d decimal) rounds(correct, n int) bool {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.decimals)), nil)
	diff := new(big.Rat).SetFrac(big.NewInt(d.digits), scale)
	diff.Sub(diff, new(big.Rat).Mul(big.NewRat(100, 1), big.NewRat(int64(correct), int64(n))))
	half := new(big.Rat).SetFrac(big.NewInt(1), scale.Mul(scale, big.NewInt(2)))
	return diff.Abs(diff).Cmp(half) <= 0
}

func (d decimal) float() float64 { return float64(d.digits) / math.Pow10(d.decimals) }
