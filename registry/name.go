package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxName bounds a name: names become file names in the cache.
const maxName = 128

// CheckName returns an error unless name can be a published name: ASCII letters,
// digits and "._+-", starting with a letter or a digit.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("expected a name of 1 to %d characters, found %d", maxName, len(name))
	}
	for i, c := range []byte(name) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._+-", rune(c))) {
			return fmt.Errorf("expected letters, digits and . _ + - after a letter or a digit, found %q", rune(c))
		}
	}
	return nil
}

// ErrUnknown is, by errors.Is, every *UnknownError.
var ErrUnknown = errors.New("the registry does not know the model")

// An UnknownError says that no entry has a name, and which come near it.
type UnknownError struct {
	Name string
	Near []string // best first; may be empty
}

func (e *UnknownError) Error() string {
	hint := "zoo list prints every name"
	if n := len(e.Near); n > 0 {
		hint = "did you mean " + e.Near[0]
		if n > 1 {
			hint = "did you mean " + strings.Join(e.Near[:n-1], ", ") + " or " + e.Near[n-1]
		}
		hint += "?"
	}
	return fmt.Sprintf("registry: unknown model %q: %s", e.Name, hint)
}

// Is reports whether target is ErrUnknown.
func (e *UnknownError) Is(target error) bool { return target == ErrUnknown }

// maxNear is how many names an UnknownError offers.
const maxNear = 3

// nearest returns the names that name may have been meant as, best first: those
// that begin or go on like it, with few letters changed.
func nearest(name string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	key := strings.ToLower(name)
	if key == "" || len(key) > 2*maxName {
		return nil
	}
	var near []candidate
	for _, n := range names {
		d := prefixDistance(key, strings.ToLower(n))
		if strings.Contains(strings.ToLower(n), key) {
			d = min(d, 1)
		}
		if d <= max(1, len(key)/4) {
			near = append(near, candidate{n, d})
		}
	}
	slices.SortStableFunc(near, func(x, y candidate) int { return x.distance - y.distance })
	var out []string
	for _, c := range near[:min(maxNear, len(near))] {
		out = append(out, c.name)
	}
	return out
}

// prefixDistance returns the smallest Levenshtein distance between s and any
// prefix of t: published names carry long suffixes that nobody types.
func prefixDistance(s, t string) int {
	row := make([]int, len(t)+1) // row[j]: distance of s[:i] and t[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(s) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(t) {
			change := diagonal
			if s[i] != t[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return slices.Min(row)
}
