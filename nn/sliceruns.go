package nn

import "fmt"

// SliceRuns takes the channels From ≤ c < To of each of Runs equal runs of C channels, and leaves them
// side by side: of q, k and v of one head after the other it takes the q of all.
type SliceRuns struct{ C, Runs, From, To int }

// Kind names the operator.
func (SliceRuns) Kind() string { return "slice_runs" }

// Params returns none.
func (SliceRuns) Params() []Param { return nil }

// Size returns (N,Runs*(To-From),H,W), or as many channels of tokens.
func (s SliceRuns) Size(in ...Size) (Size, error) {
	x, err := one(in)
	if err != nil {
		return Size{}, err
	}
	if s.Runs < 1 || x.Features() || x.C != s.C || x.C%s.Runs != 0 || s.From < 0 || s.From >= s.To || s.To > x.C/s.Runs {
		return Size{}, fmt.Errorf("channels %d to %d of %d runs of %v", s.From, s.To, s.Runs, x)
	}
	x.C = s.Runs * (s.To - s.From)
	return x, nil
}

// CutRuns cuts each of some equal runs of channels into parts of the given sizes, of which it is all,
// and returns the first parts of all runs side by side, then the second ones, and so on.
func (b *Builder) CutRuns(x Value, runs int, sizes ...int) []Value {
	parts, at := make([]Value, len(sizes)), 0
	if runs < 1 {
		b.fail("cannot cut %d runs of channels", runs)
		return parts
	}
	for i, c := range sizes {
		parts[i] = b.node(SliceRuns{x.C, runs, at, at + c}, runs*c, x)
		at += c
	}
	if runs*at != x.C {
		b.fail("cannot cut %d runs of %d channels in %v", runs, x.C, sizes)
	}
	return parts
}
