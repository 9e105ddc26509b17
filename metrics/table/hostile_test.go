package table_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/tensor"
)

// hostile is a text with everything that a terminal, a table, a spreadsheet or a page obeys.
const hostile = "=1+1 \x1b]0;title\a\x7f\u009b31m\u202e\u200b <script>alert(1)</script> | x | [a](javascript:b) `c` *d* \"e\" 'f'\r\n# g\n| h | i |"

// hostileRow is a row whose every text is from outside.
func hostileRow() metrics.Row {
	rate := metrics.Rate{Published: hostile, Correct: 1, N: 2}
	return metrics.Row{
		Name: hostile, Params: metrics.Figure{Published: hostile, Unit: 1, Exact: 5}, FLOPs: metrics.Figure{Published: hostile, Unit: 1, Exact: 5},
		Convention: metrics.FVCore, Input: tensor.Shape{1, 3, 8, 8}, Form: "\x1b<b>|", Labels: hostile, Top1: rate, Top5: rate, Note: hostile,
		Totals: []metrics.Total{{Convention: metrics.MMCVLegacy, FLOPs: 5}, {Convention: metrics.FVCore, FLOPs: 5}, {Convention: metrics.MMEngine, FLOPs: 5}, {Convention: metrics.MMEngineTrain, FLOPs: 5},
			{Convention: metrics.Timm, FLOPs: 5}, {Convention: metrics.Torchvision, FLOPs: 5}},
		Evaluation: &metrics.Evaluation{Height: 8, Width: 8, Interpolation: hostile, Decoder: hostile, Precision: "\x1b"},
	}
}

// No format of a report lets a text from outside be more than text.
func TestHostileReport(t *testing.T) {
	rows := []metrics.Row{hostileRow(), hostileRow()}
	written := make(map[string]string)
	for name, write := range map[string]func(io.Writer, []metrics.Row) error{
		"human": inFile, "md": table.WriteMarkdown, "csv": table.WriteCSV, "json": table.WriteJSON, "html": table.WriteHTML,
		"svg": table.WritePlot,
	} {
		var b bytes.Buffer
		if err := write(&b, rows); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		written[name] = b.String()
		if at := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }); at >= 0 {
			t.Errorf("%s: %q", name, b.String()[max(0, at-40):at+10])
		}
	}
	if n := strings.Count(written["html"]+written["svg"], "<script"); n != 1 {
		t.Errorf("%d scripts, want the page's own", n)
	}
	d := xml.NewDecoder(strings.NewReader(written["svg"]))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("svg: %v", err)
		}
	}
	cells, err := csv.NewReader(strings.NewReader(written["csv"])).ReadAll() // of one length, or an error
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range cells {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("csv: %q", cell)
			}
		}
	}
	checkMarkdown(t, written["md"])
	var report struct{ Rows []struct{ Name, Note string } }
	if err := json.Unmarshal([]byte(written["json"]), &report); err != nil || report.Rows[1].Name != hostile || report.Rows[1].Note != hostile {
		t.Errorf("json: %+v, %v", report, err)
	}
}

// headings are those of the document in Markdown.
var headings = []string{"# Reproduction report", "## Verdicts", "## Figures", "## Exact counts", "## How accuracies were measured", "## Notes"}

// checkMarkdown holds the rows of tables to their header's number of columns, and everything
// else to be no HTML, no link and no heading but the document's own.
func checkMarkdown(t *testing.T, text string) {
	t.Helper()
	columns := 0
	for line := range strings.Lines(text) {
		bare := strings.NewReplacer(`\\`, "", `\|`, "", `\[`, "", `\]`, "", "\\`", "", `\*`, "").Replace(line)
		if strings.ContainsAny(bare, "<[`*") || strings.HasPrefix(line, "#") && !slices.Contains(headings, strings.TrimSpace(line)) {
			t.Errorf("md: %q", line)
		}
		n := strings.Count(bare, "|")
		switch {
		case n == 0:
			columns = 0
		case columns == 0:
			columns = n
		case n != columns:
			t.Errorf("md: %d columns, want %d: %q", n-1, columns-1, line)
		}
	}
}
