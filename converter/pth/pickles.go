package pth

import "fmt"

// A Traced pickle is one of those that follow one another in a stream.
type Traced struct {
	Offset int // of its first byte
	*Trace
}

const (
	maxSequence = 1000 // pickles that follow one another
	maxInside   = 5    // pickles inside pickles
)

// TracePickles follows the pickles that lie one after the other from the start of data, at
// most so many, and returns where they end. What follows is none: it does not start as one, and
// names no global. The last one may be broken.
func TracePickles(data []byte, most int) (pickles []Traced, end int) {
	for end < len(data) && len(pickles) < min(most, maxSequence) {
		t := TracePickle(data[end:])
		if len(pickles) > 0 && t.Err != nil && len(t.Uses) == 0 && !looksPickled(data[end:]) {
			break
		}
		pickles = append(pickles, Traced{end, t})
		end += t.Size
		if t.Err != nil {
			break
		}
	}
	return pickles, end
}

// IsLegacy reports whether data start with the magic number of the container that torch wrote
// before 1.6.
func IsLegacy(data []byte) bool {
	value, _, err := run(data[:min(len(data), 4096)], nil, legacySmall)
	return err == nil && isMagic(value)
}

// endangers returns an error where the pickle, or one inside its byte strings, names what
// reaches the system by a way that names alone do not show.
func endangers(src []byte, depth int) error {
	pickles, _ := TracePickles(src, maxSequence)
	for _, p := range pickles {
		for _, u := range p.Uses {
			if u.Severity == Dangerous {
				return fmt.Errorf("refused: the pickle %s: do not load this file in Python", u.Why)
			}
		}
		for _, n := range p.Nested {
			if looksPickled(n.Data) && depth < maxInside {
				if err := endangers(n.Data, depth+1); err != nil {
					return fmt.Errorf("a pickle inside the byte string at byte %d: %w", n.Offset, err)
				}
			}
		}
	}
	return nil
}
