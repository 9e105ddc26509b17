package table

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/tensor"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/printable"
)

// absent marks a figure that was not published, not measured or has no verdict.
const absent = "-"

// legend explains the tables of a report.
func legend() string {
	var b strings.Builder
	b.WriteString(`1 FLOP = 1 multiply-accumulate. "pub." as published, "ours" computed here; "-" not published, or not measured here.`)
	for i, m := range meanings[:5] { // the others have no word in the tables
		separator := " "
		if i == 0 || m.verdict == metrics.Consistent { // where a line of a terminal is full
			separator = "\n"
		}
		fmt.Fprintf(&b, "%s%s: %s.", separator, m.verdict, m.text)
	}
	return b.String()
}

// The columns that the two tables of WriteHuman go without on a narrow screen, the first of them
// first.
var (
	SummaryDrop = []string{"counted by", "Top-5 %", "FLOPs G", "Params M", "Top-1 %", "Accuracy"}
	CountsDrop  = []string{"input", "classifier", "FLOPs torchvision", "FLOPs timm", "FLOPs mmengine-train",
		"FLOPs fvcore", "FLOPs mmengine", "FLOPs mmcv-legacy"}
)

// WriteHuman writes a reproduction report for people: the table, which is
// 130 columns wide for a name of 32 letters and published figures of five, the exact
// integers, and how accuracies were measured.
func WriteHuman(w io.Writer, rows []metrics.Row, s Screen) error {
	var b bytes.Buffer
	if err := summary(rows).Human(&b, s); err != nil {
		return err
	}
	fmt.Fprintln(&b)
	for line := range strings.SplitSeq(legend(), "\n") {
		fmt.Fprintln(&b, s.Wrap(line, 2))
	}
	fmt.Fprintln(&b)
	if err := integers(rows).Human(&b, s); err != nil {
		return err
	}
	for _, list := range []struct {
		title string
		lines []string
	}{{"Measured", measurements(rows)}, {"Notes", otherNotes(rows)}} {
		if len(list.lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", list.title)
		for _, line := range list.lines {
			fmt.Fprintln(&b, s.Wrap("  "+printable.Text(line), 4))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// WriteSummary writes the first table of WriteHuman alone.
func WriteSummary(w io.Writer, rows []metrics.Row, s Screen) error { return summary(rows).Human(w, s) }

// WriteMarkdown writes the same report as a document in GitHub's Markdown, with a count by verdict.
func WriteMarkdown(w io.Writer, rows []metrics.Row) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Reproduction report\n\n%s: figures as published, and as computed here. 1 FLOP = 1 multiply-accumulate.\n",
		models(rows))
	for _, section := range []struct {
		title string
		table Table
	}{{"Verdicts", verdicts(rows)}, {"Figures", published(rows)}, {"Exact counts", integers(rows)}} {
		fmt.Fprintf(&b, "\n## %s\n\n", section.title)
		if err := section.table.Markdown(&b); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		title string
		lines []string
	}{{"How accuracies were measured", measurements(rows)}, {"Notes", otherNotes(rows)}} {
		if len(list.lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", list.title)
		for _, line := range list.lines {
			fmt.Fprintf(&b, "- %s\n", printable.Markdown(line))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// summary is the table at a glance: pairs of published and own figures.
func summary(rows []metrics.Row) Table {
	columns := make([][]string, 4)
	for _, r := range rows {
		for i, p := range pairs(r) {
			columns[i] = append(columns[i], p[0], p[1])
		}
	}
	t := Table{
		Header: []string{"Model", "Params M\npub. ours", "FLOPs G\npub. ours", "counted by", "Top-1 %\npub. ours",
			"Top-5 %\npub. ours", "Counts", "Accuracy"},
		Right:  []bool{false, true, true, false, true, true, false, false},
		Drop:   SummaryDrop,
		Colour: verdictColour(6, 7),
	}
	for i, r := range rows {
		var cells [4]string
		for j, p := range columns {
			cells[j] = fmt.Sprintf("%*s %*s", columnWidth(p, 0), p[2*i], columnWidth(p, 1), p[2*i+1])
		}
		t.Rows = append(t.Rows, []string{r.Name, cells[0], cells[1], countedBy(r), cells[2], cells[3], short(r.Counts()), short(r.Accuracy())})
	}
	t.addReasons(rows)
	return t
}

// columnWidth returns the longest of the published (0) or own (1) figures of pairs.
func columnWidth(pairs []string, which int) int {
	width := 0
	for i := which; i < len(pairs); i += 2 {
		width = max(width, len(pairs[i]))
	}
	return width
}

// pairs returns the published and the own text of each quantity.
func pairs(r metrics.Row) [4][2]string {
	p := [4][2]string{
		{r.Params.Published, r.Params.String()},
		{r.FLOPs.Published, r.FLOPs.String()},
		{r.Top1.Published, r.Top1.String()},
		{r.Top5.Published, r.Top5.String()},
	}
	for i := range p {
		for j := range p[i] {
			if p[i][j] == "" {
				p[i][j] = absent
			}
		}
	}
	return p
}

// countedBy returns the convention, the input size and the form of FLOPs.
func countedBy(r metrics.Row) string {
	by := fmt.Sprintf("%s@%s", r.Convention, size(r.Input[2], r.Input[3]))
	if r.Form != "" {
		by += " " + string(r.Form)
	}
	return by
}

// size returns 224 for a square, 256x320 (height first) otherwise.
func size(h, w int) string {
	if h == w {
		return strconv.Itoa(h)
	}
	return fmt.Sprintf("%dx%d", h, w)
}

// short is a verdict for a narrow column, where what is missing shows beside it.
func short(v metrics.Verdict) string {
	if v == metrics.NotMeasured || v == metrics.NotPublished {
		return absent
	}
	return string(v)
}

// published is the table with one figure a column.
func published(rows []metrics.Row) Table {
	t := Table{
		Header: []string{"Model", "Params M, published", "ours", "FLOPs G, published", "ours", "counted by",
			"Top-1 %, published", "ours", "Top-5 %, published", "ours", "images", "Counts", "Accuracy"},
		Right: []bool{false, true, true, true, true, false, true, true, true, true, true, false, false},
	}
	for _, r := range rows {
		p := pairs(r)
		images := absent
		if r.Evaluation != nil {
			images = strconv.Itoa(r.Top1.N)
		}
		t.Rows = append(t.Rows, []string{r.Name, p[0][0], p[0][1], p[1][0], p[1][1], countedBy(r), p[2][0], p[2][1], p[3][0],
			p[3][1], images, string(r.Counts()), string(r.Accuracy())})
	}
	t.addReasons(rows)
	return t
}

// integers is the table of exact counts.
func integers(rows []metrics.Row) Table {
	t := Table{Header: []string{"Exact counts", "Params"}, Right: []bool{false, true}, Drop: CountsDrop}
	var shown []int // conventions; those of few networks where one of them is there
	for i, c := range metrics.Conventions() {
		of := func(r metrics.Row) bool { return r.Convention == c }
		if (c == metrics.MMEngineTrain || c == metrics.Timm || c == metrics.Torchvision) && !slices.ContainsFunc(rows, of) {
			continue
		}
		shown = append(shown, i)
		t.Header = append(t.Header, fmt.Sprintf("FLOPs %s", c))
		t.Right = append(t.Right, true)
	}
	t.Header = append(t.Header, "classifier", "input")
	t.Right = append(t.Right, true)
	for _, r := range rows {
		cells := []string{r.Name, strconv.FormatInt(r.Params.Exact, 10)}
		for _, i := range shown {
			cells = append(cells, strconv.FormatInt(r.Totals[i].FLOPs, 10))
		}
		t.Rows = append(t.Rows, append(cells, strconv.FormatInt(r.HeadFLOPs, 10), dimensions(r.Input)))
	}
	return t
}

// dimensions returns a shape as 1x3x224x224.
func dimensions(s tensor.Shape) string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "x")
}

// measurements says, a sentence each, how accuracies were measured.
func measurements(rows []metrics.Row) []string {
	var lines []string
	for _, r := range rows {
		e := r.Evaluation
		if e == nil {
			continue
		}
		line := fmt.Sprintf("%s: Top-1 %s, Top-5 %s; input %s, %s, %s, precision %s", r.Name, counts(r.Top1), counts(r.Top5),
			size(e.Height, e.Width), e.Interpolation, e.Decoder, e.Precision)
		for _, d := range []struct {
			what   string
			digest digest.Digest
		}{
			{"source", r.Digests.Source}, {"converted", r.Digests.Converted}, {"golden", r.Digests.Golden}, {"images", e.Images},
		} {
			if d.digest != (digest.Digest{}) {
				line += fmt.Sprintf(", %s %s", d.what, d.digest.Short())
			}
		}
		if apart := e.Apart(); apart != "" {
			line += "; " + apart
		}
		lines = append(lines, line)
	}
	return lines
}

// otherNotes are the notes that stand in no row's reason.
func otherNotes(rows []metrics.Row) []string {
	return notes(slices.DeleteFunc(slices.Clone(rows), func(r metrics.Row) bool { return r.Reason() != "" }))
}

// notes says why published figures cannot be reproduced.
func notes(rows []metrics.Row) []string {
	var lines []string
	for _, r := range rows {
		if r.Note != "" {
			lines = append(lines, fmt.Sprintf("%s: %s", r.Name, r.Note))
		}
	}
	return lines
}

// counts returns a measured rate as "353 of 360 (95 % interval 96.0 to 99.1, Δ -0.27)".
func counts(r metrics.Rate) string {
	low, high := metrics.Wilson(r.Correct, r.N)
	text := fmt.Sprintf("%d of %d (95 %% interval %.1f to %.1f", r.Correct, r.N, low, high)
	if delta, ok := r.Delta(); ok {
		text += fmt.Sprintf(", Δ %+.2f", math.Round(100*delta)/100+0) // no minus before zero
	}
	return text + ")"
}
