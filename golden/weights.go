package golden

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/digest"
)

// Weights says which weights a network has: those of the checkpoint with a digest, the
// synthetic ones of a seed, or those that its publisher gave it, whichever they are. The
// zero Weights are of unknown origin. Weights can be compared.
type Weights struct {
	kind   string // one of the constants below; empty for unknown ones
	digest digest.Digest
	seed   uint64
	gain   float64 // that synthetic ones are multiplied by; 0 is 1
}

// How texts of Weights begin. That of published ones has no more to say.
const (
	kindDigest    = "sha256"
	kindSynthetic = "synthetic"
	kindPublished = "published"
)

// Published are the weights that a network was published with.
var Published = Weights{kind: kindPublished}

// FromFile returns the weights of the checkpoint that has a full digest.
func FromFile(d digest.Digest) Weights { return Weights{kind: kindDigest, digest: d} }

// Synthetic returns the weights that SyntheticTensor makes of a seed.
func Synthetic(seed uint64) Weights { return Weights{kind: kindSynthetic, seed: seed} }

// ParseWeights parses "sha256:HEX", with all 64 digits, "synthetic:SEED", "synthetic:SEED*GAIN",
// where GAIN is a decimal such as 0.35, or "published".
func ParseWeights(s string) (Weights, error) {
	kind, rest, _ := strings.Cut(s, ":")
	switch {
	case s == kindPublished:
		return Published, nil
	case kind == kindDigest:
		if d, err := digest.Parse(rest); err == nil && d.Full() {
			return FromFile(d), nil
		}
	case kind == kindSynthetic:
		of, by, gained := strings.Cut(s, "*")
		w := Weights{kind: kindSynthetic}
		var err error
		if w.seed, err = parseSynthetic(of); err == nil && gained {
			w.gain, err = parseGain(by)
		}
		if err == nil {
			return w, nil
		}
	}
	return Weights{}, fmt.Errorf("golden: weights %.90q: expected sha256: and 64 lower-case hex digits, "+
		"synthetic: and a whole number, the same with a gain, as in synthetic:0*0.35, or published", s)
}

// parseGain parses a decimal above 0; 0 stands for 1.
func parseGain(s string) (float64, error) {
	gain, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.Trim(s, "0123456789.") != "" || gain == 0 {
		return 0, fmt.Errorf("expected a decimal above 0, found %q", s)
	}
	if gain == 1 {
		return 0, nil
	}
	return gain, nil
}

// parseSynthetic parses "synthetic:SEED", which also stands for an input.
func parseSynthetic(s string) (seed uint64, err error) {
	digits, ok := strings.CutPrefix(s, kindSynthetic+":")
	if ok {
		seed, err = strconv.ParseUint(digits, 10, 64)
	}
	if !ok || err != nil {
		return 0, fmt.Errorf("expected synthetic:SEED, found %q", s)
	}
	return seed, nil
}

// Digest returns the digest of the checkpoint that the weights are of, and whether it is
// known.
func (w Weights) Digest() (d digest.Digest, ok bool) { return w.digest, w.kind == kindDigest }

// Seed returns the seed of synthetic weights, and whether they are synthetic.
func (w Weights) Seed() (seed uint64, ok bool) { return w.seed, w.kind == kindSynthetic }

// Gain returns what synthetic weights are multiplied by, after the seed has made them: 1 of all others.
func (w Weights) Gain() float64 {
	if w.gain == 0 {
		return 1
	}
	return w.gain
}

// String returns the text that ParseWeights parses; empty for the zero Weights.
func (w Weights) String() string {
	switch w.kind {
	case kindDigest:
		return w.digest.Text()
	case kindSynthetic:
		s := kindSynthetic + ":" + strconv.FormatUint(w.seed, 10)
		if w.gain != 0 {
			s += "*" + strconv.FormatFloat(w.gain, 'f', -1, 64)
		}
		return s
	}
	return w.kind
}

// MarshalText returns what String does.
func (w Weights) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText is ParseWeights, for decoders; no text gives the zero Weights.
func (w *Weights) UnmarshalText(text []byte) (err error) {
	if *w = (Weights{}); len(text) > 0 {
		*w, err = ParseWeights(string(text))
	}
	return err
}
