package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/printable"
)

// addReasons adds a column that says why a row differs, where one does.
func (t *Table) addReasons(rows []metrics.Row) {
	if !slices.ContainsFunc(rows, func(r metrics.Row) bool { return r.Reason() != "" }) {
		return
	}
	t.Header, t.Remarks = append(t.Header, "Why"), true
	for i, r := range rows {
		t.Rows[i] = append(t.Rows[i], r.Reason())
	}
}

// verdictColour colours the verdicts in some columns: green for what comes out, red for what differs.
func verdictColour(columns ...int) func(int, string) printable.Colour {
	return func(column int, cell string) printable.Colour {
		if !slices.Contains(columns, column) {
			return printable.Plain
		}
		switch metrics.Verdict(cell) {
		case metrics.Exact, metrics.Rounded, metrics.Reproduced:
			return printable.Green
		case metrics.Consistent:
			return printable.Yellow
		case metrics.Differs:
			return printable.Red
		}
		return printable.Plain
	}
}

// Tally counts the verdicts of a report in a sentence, such as "counts: 9 rounded; accuracy: 3
// reproduced, 6 not measured".
func Tally(rows []metrics.Row) string {
	count := func(verdict func(metrics.Row) metrics.Verdict) string {
		n := make(map[metrics.Verdict]int)
		for _, r := range rows {
			n[verdict(r)]++
		}
		var parts []string
		for _, v := range []metrics.Verdict{metrics.Exact, metrics.Rounded, metrics.Reproduced, metrics.Consistent, metrics.Differs,
			metrics.NotMeasured, metrics.NotPublished} {
			word := string(v)
			if v == metrics.Differs && n[v] != 1 {
				word = "differ"
			}
			if n[v] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n[v], word))
			}
		}
		return strings.Join(parts, ", ")
	}
	if len(rows) == 0 {
		return "none"
	}
	return fmt.Sprintf("counts: %s; accuracy: %s", count(metrics.Row.Counts), count(metrics.Row.Accuracy))
}
