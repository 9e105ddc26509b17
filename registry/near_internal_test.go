package registry

import (
	"math/rand/v2"
	"testing"
)

// TestEdits holds the distance, which looks at few columns only, against its definition.
func TestEdits(t *testing.T) {
	var whole func(s, t string) int
	whole = func(s, t string) int {
		if s == "" || t == "" {
			return len(s) + len(t)
		}
		d := min(whole(s[1:], t), whole(s, t[1:])) + 1
		change := 1
		if s[0] == t[0] {
			change = 0
		}
		d = min(d, whole(s[1:], t[1:])+change)
		if len(s) > 1 && len(t) > 1 && s[0] == t[1] && s[1] == t[0] {
			d = min(d, whole(s[2:], t[2:])+1)
		}
		return d
	}
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, random.IntN(7))
		for i := range b {
			b[i] = 'a' + byte(random.IntN(3))
		}
		return string(b)
	}
	for range 2000 {
		s, u, most := word(), word(), random.IntN(maxEdits+1)
		want := len(s)
		for end := range len(u) + 1 {
			want = min(want, whole(s, u[:end]))
		}
		if got := edits(s, u, most); min(got, most+1) != min(want, most+1) {
			t.Fatalf("edits(%q, %q, %d) = %d, want %d", s, u, most, got, want)
		}
	}
}
