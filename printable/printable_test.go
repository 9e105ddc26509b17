package printable_test

import (
	"testing"

	"github.com/gozoo/zoo/printable"
)

func TestText(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"espresso, café, 浓缩咖啡", "espresso, café, 浓缩咖啡"},
		{"\x1b[2J", `\x1b[2J`},
		{"a\nb\tc\rd\ae", `a\nb\tc\rd\ae`},
		{"\x7f", `\x7f`},
		{"\u0085 \u009b31m", `\u0085 \u009b31m`},
		{"gpj.\u202ecod", `gpj.\u202ecod`},
		{"zero\u200bwidth\ufeff", `zero\u200bwidth\ufeff`},
		{"line\u2028end", `line\u2028end`},
		{"\xff", `\xff`},
	} {
		got := printable.Text(tc.in)
		if got != tc.want {
			t.Errorf("Text(%q) = %s, want %s", tc.in, got, tc.want)
		}
		if err := printable.Check(tc.in); (err == nil) != (got == tc.in) {
			t.Errorf("Check(%q) = %v, but Text gives %s", tc.in, err, got)
		}
	}
}
