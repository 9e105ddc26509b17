package registry

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// maxNear is how many names an UnknownError offers.
const maxNear = 3

// Near returns the names of up to three rows that a name may have been meant as, best first. Case and
// what stands between letters and digits do not count. Names come near that begin with what was asked
// for or hold it, whose letters were changed, left out, added or swapped in a few places, and those of
// which some letters were left out ("effnet-b0"), or which leave some out ("vit-huge-patch14"); likewise for
// aliases. Of those that are equally
// near the one that is listed first as an alias comes first, since that is what most people mean.
func (r *Registry) Near(name string) []string {
	key := fold(name)
	// Other catalogues have an organisation before the name, and papers numbers behind it: ViT-B/16.
	if last := name[strings.LastIndexByte(name, '/')+1:]; fold(last) != digits(fold(last)) {
		name, key = last, fold(last)
	}
	if key == "" || len(name) > 2*maxName || len(key) > maxName {
		return nil
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return !isWord(c) })
	return r.ranked(maxNear, func(l *label) (int, bool) { return l.distance(key, words) })
}

// Search returns the names of the rows that hold every word of a text, in their name or an alias,
// the nearest to the whole text first. Words are what stands between spaces; otherwise names are
// compared as by Near.
func (r *Registry) Search(text string) []string {
	var words []string
	for _, word := range strings.Fields(text) {
		if word = fold(word); word != "" {
			words = append(words, word)
		}
	}
	if len(words) == 0 || len(text) > 2*maxName {
		return nil
	}
	key := strings.Join(words, "")
	return r.ranked(math.MaxInt, func(l *label) (int, bool) {
		for _, word := range words {
			holds := func(s string) bool { return strings.Contains(s, word) }
			if !holds(l.full) && !slices.ContainsFunc(l.short, holds) {
				return 0, false
			}
		}
		return l.begins(key), true
	})
}

// ranked returns the names of rows, the smallest distance first.
func (r *Registry) ranked(most int, distance func(l *label) (int, bool)) []string {
	type candidate struct {
		*label
		distance int
	}
	var found []candidate
	for _, l := range r.labels() {
		if d, ok := distance(&l); ok {
			found = append(found, candidate{&l, d})
		}
	}
	slices.SortFunc(found, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.distance, y.distance), cmp.Compare(x.place, y.place),
			cmp.Compare(len(x.name), len(y.name)), strings.Compare(x.name, y.name)) // plain names are short
	})
	var names []string
	for _, c := range found[:min(most, len(found))] {
		names = append(names, c.name)
	}
	return names
}

// A label is what a row is called, in the form of fold.
type label struct {
	name string // of the row, as it is
	full string // the name
	// short are the network's, which is the name up to its first underscore, and aliases; of another zoo the name
	// there, and the network's.
	short []string
	place int // of its first alias among all; behind them where it has none, and behind those where it is of another zoo
}

func (r *Registry) labels() []label {
	names := r.all()
	labels := make([]label, len(names))
	at := make(map[string]*label, len(names))
	for i, name := range names {
		if _, there, other := strings.Cut(name, "/"); other {
			network, _, _ := strings.Cut(there, ".")
			labels[i] = label{name, fold(name), []string{fold(network), fold(there)}, len(r.aliases) + 1}
		} else {
			network, _, _ := strings.Cut(name, "_")
			labels[i] = label{name, fold(name), []string{fold(network)}, len(r.aliases)}
		}
		at[name] = &labels[i]
	}
	for i, a := range r.aliases {
		l := at[a.Row]
		l.short = append(l.short, fold(a.Name))
		l.place = min(l.place, i)
	}
	return labels
}

// fold returns the letters and digits of a name, in lower case: people write resnet50, resnet-50,
// resnet_50 and ResNet50.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		if isWord(c) {
			return c
		}
		return -1
	}, strings.ToLower(name))
}

func isWord(c rune) bool { return 'a' <= c && c <= 'z' || isDigit(c) }

func isDigit(c rune) bool { return '0' <= c && c <= '9' }

// Distances. They order what people do when they name a model: most write it otherwise or leave the
// end off, then they mistype it, then they add what their own project calls its weights.
const (
	isName      = 0
	beginsName  = 1
	edited      = 2 // for each letter
	inName      = 3
	otherDigits = 3 // beside the letters: it may be another network
	hasWords    = 4
	abbreviated = 6
	holdsName   = 7

	maxEdits = 4 // as many as that are no slip
)

// begins returns isName, beginsName, or inName for all else.
func (l *label) begins(key string) int {
	switch {
	case l.full == key || slices.Contains(l.short, key):
		return isName
	case strings.HasPrefix(l.full, key) || slices.ContainsFunc(l.short, func(s string) bool { return strings.HasPrefix(s, key) }):
		return beginsName
	}
	return inName
}

// distance returns how far a row is from what was asked for, as a whole and in words, and whether it is near.
func (l *label) distance(key string, words []string) (int, bool) {
	best := l.begins(key)
	if best < inName {
		return best, true
	}
	const none = 1 << 10
	best = none
	most := min(maxEdits, max(1, len(key)/4))
	if len(key) < 3 {
		most = 0
	}
	for i := range len(l.short) + 1 {
		s := l.full
		if i < len(l.short) {
			s = l.short[i]
		}
		if d := edits(key, s, most); d <= most {
			d *= edited
			if d > 2*edited {
				d *= 2 // hardly a slip
			}
			if !strings.HasPrefix(digits(s[:min(len(s), len(key)+most)]), digits(key)) {
				d += otherDigits
			}
			best = min(best, d)
		}
		// Two letters are somewhere in the long end of many a name.
		if least := 2 + 2*(i/len(l.short)); len(key) >= least && strings.Contains(s, key) {
			best = min(best, inName)
		}
	}
	if len(words) > 1 && inOrder(l.full, words) {
		best = min(best, hasWords)
	}
	for _, s := range l.short {
		if len(key) > 2 && abbreviates(key, s) {
			best = min(best, abbreviated)
		}
		if len(s) > 3 && (strings.Contains(key, s) || abbreviates(s, key)) {
			best = min(best, holdsName+(len(key)-len(s))/4)
		}
	}
	return best, best < none
}

// digits returns the digits of a name.
func digits(name string) string {
	return strings.Map(func(c rune) rune {
		if isDigit(c) {
			return c
		}
		return -1
	}, name)
}

// inOrder reports whether a name holds words one after the other.
func inOrder(name string, words []string) bool {
	for _, word := range words {
		i := strings.Index(name, word)
		if i < 0 {
			return false
		}
		name = name[i+len(word):]
	}
	return true
}

// abbreviates reports whether leaving letters of a name out, but not the first one and no digits,
// gives a key, or more than the key.
func abbreviates(key, name string) bool {
	if name == "" || key[0] != name[0] {
		return false
	}
	i := 0
	for _, c := range name {
		switch {
		case i == len(key):
			return true
		case byte(c) == key[i]:
			i++
		case isDigit(c):
			return false
		}
	}
	return i == len(key)
}

// edits returns the smallest number of letters to change, add, leave out or swap with their neighbour
// that make any beginning of t of s, published names carrying long ends that nobody types; some number
// above most where it is more than that. s is no longer than a name may be.
func edits(s, t string, most int) int {
	if len(s)-len(t) > most {
		return most + 1
	}
	t = t[:min(len(t), len(s)+most)]
	var rows [3][maxName + maxEdits + 2]int // [j] of a row i: of s[:i] and t[:j]
	last, row, next := &rows[0], &rows[1], &rows[2]
	for j := range len(t) + 1 {
		row[j] = j
	}
	begin, end := 0, len(t)
	for i := range len(s) {
		begin, end = max(0, i-most), min(len(t), i+most+1) // farther columns are of more edits
		next[begin] = i + 1
		for j := begin; j < end; j++ {
			change := row[j]
			if s[i] != t[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				next[j+1] = min(next[j+1], last[j-1]+1)
			}
		}
		next[end+1] = most + 1
		if slices.Min(next[begin:end+1]) > most {
			return most + 1
		}
		last, row, next = row, next, last
	}
	return slices.Min(row[begin : end+1])
}
