package table

import (
	"fmt"
	"slices"
	"strconv"
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

// A meaning is what a verdict says.
type meaning struct {
	verdict metrics.Verdict
	text    string
}

// meanings are those of all verdicts, in the order in which they are counted.
var meanings = []meaning{
	{metrics.Exact, "the published integer"},
	{metrics.Rounded, "equal at published precision"},
	{metrics.Reproduced, "equal, on every image of the published set"},
	{metrics.Consistent, "measured on a part of it, 95 % interval holds the published figure"},
	{metrics.Differs, "none of these"},
	{metrics.NotMeasured, "published, but not measured here"},
	{metrics.NotPublished, "nothing to compare with"},
}

// models says how many rows there are.
func models(rows []metrics.Row) string {
	if len(rows) == 1 {
		return "1 model"
	}
	return fmt.Sprintf("%d models", len(rows))
}

// count returns how many rows have each verdict.
func count(rows []metrics.Row, verdict func(metrics.Row) metrics.Verdict) map[metrics.Verdict]int {
	n := make(map[metrics.Verdict]int)
	for _, r := range rows {
		n[verdict(r)]++
	}
	return n
}

// verdicts is the table of how many figures of each kind came to each verdict.
func verdicts(rows []metrics.Row) Table {
	t := Table{
		Header: []string{"Verdict", "Params", "FLOPs", "Top-1", "Top-5", "Meaning"},
		Right:  []bool{false, true, true, true, true, false},
	}
	figures := []map[metrics.Verdict]int{
		count(rows, func(r metrics.Row) metrics.Verdict { return r.Params.Verdict }),
		count(rows, func(r metrics.Row) metrics.Verdict { return r.FLOPs.Verdict }),
		count(rows, func(r metrics.Row) metrics.Verdict { return r.Top1.Verdict }),
		count(rows, func(r metrics.Row) metrics.Verdict { return r.Top5.Verdict }),
	}
	for _, m := range meanings {
		cells := []string{string(m.verdict)}
		for _, n := range figures {
			cells = append(cells, strconv.Itoa(n[m.verdict]))
		}
		t.Rows = append(t.Rows, append(cells, m.text))
	}
	return t
}

// Tally counts the verdicts of a report in a sentence, such as "counts: 9 rounded; accuracy: 3
// reproduced, 6 not measured".
func Tally(rows []metrics.Row) string {
	listed := func(n map[metrics.Verdict]int) string {
		var parts []string
		for _, m := range meanings {
			word := string(m.verdict)
			if m.verdict == metrics.Differs && n[m.verdict] != 1 {
				word = "differ"
			}
			if n[m.verdict] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n[m.verdict], word))
			}
		}
		return strings.Join(parts, ", ")
	}
	if len(rows) == 0 {
		return "none"
	}
	return fmt.Sprintf("counts: %s; accuracy: %s", listed(count(rows, metrics.Row.Counts)), listed(count(rows, metrics.Row.Accuracy)))
}
