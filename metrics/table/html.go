package table

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/printable"
)

// What the page is made of.
var (
	//go:embed report.html
	htmlText string
	//go:embed report.css
	htmlStyle string
	//go:embed report.js
	htmlScript string
)

// htmlPolicy lets nothing but the page's own style and script work, whatever stands in it.
var htmlPolicy = sync.OnceValue(func() string {
	sum := func(text string) string {
		s := sha256.Sum256([]byte(text))
		return base64.StdEncoding.EncodeToString(s[:])
	}
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
		sum(htmlStyle), sum(htmlScript))
})

// WriteHTML writes a reproduction report as one self-contained page: nothing is loaded
// from elsewhere, and it follows the reader's choice of light or dark. A script of its own
// sorts and filters the table, which is complete without it; no other can run.
func WriteHTML(w io.Writer, rows []metrics.Row) error {
	caption := models(rows) + "; " + Tally(rows)
	var table, chips, pairs markup
	box := ""
	for _, r := range rows {
		h := newHTMLRow(r)
		table.row(h)
		for _, f := range h.Figures {
			if max(len(f.Published), len(f.Ours)) > widest {
				box = " box"
			}
		}
	}
	for _, v := range verdictsOf(rows) {
		chips.add("\n<button type=\"button\" aria-pressed=\"false\" data-verdict=\"%s\" class=\"%s\">\n"+
			"<span aria-hidden=\"true\">%s</span> %s %s</button>", v.Text, v.Class, v.Mark, v.Text, strconv.Itoa(v.Count))
	}
	for _, what := range []string{"parameters, 10⁶", "FLOPs, 10⁹", "Top-1, %", "Top-5, %"} {
		pairs.add("\n<th class=\"right pub\" scope=\"col\" title=\"%s, published\">pub."+
			"<th class=\"right\" scope=\"col\" title=\"%s, ours\">ours", what, what)
	}
	counts := integers(rows).each(printable.Text)
	plot, measured := htmlPlot(rows), htmlMeasured(rows)
	_, err := io.WriteString(w, strings.NewReplacer(
		"{{Policy}}", printable.HTML(htmlPolicy()), "{{Style}}", htmlStyle, "{{Script}}", htmlScript, "{{Absent}}", htmlAbsent,
		"{{Chips}}", chips.String(), "{{Box}}", box, "{{Caption}}", printable.HTML(caption), "{{Pairs}}", pairs.String(),
		"{{Rows}}", table.String(), "{{Plot}}", plot, "{{Measured}}", measured,
		"{{PlotLink}}", linkTo("plot", "Accuracy against cost", plot),
		"{{MeasuredLink}}", linkTo("measured", "How accuracies were measured", measured),
		"{{CountsHead}}", countsHead(counts), "{{CountsRows}}", countsRows(counts),
	).Replace(htmlText))
	return err
}

// linkTo returns a link to a section of the page; empty where that is empty.
func linkTo(id, text, section string) string {
	if section == "" {
		return ""
	}
	return "<a href=\"#" + id + "\">" + text + "</a>"
}

// markup is a piece of a page. It is written by hand and not by package html/template, whose use makes
// the linker keep every exported method of the program, more than two megabytes.
type markup struct{ strings.Builder }

// add writes values in a format of HTML in which %s stands for each: in a text, or in an attribute
// in double quotes. What acts there is escaped.
func (b *markup) add(format string, values ...any) {
	for i, v := range values {
		values[i] = printable.HTML(fmt.Sprint(v))
	}
	fmt.Fprintf(b, format, values...)
}

// name writes a name, and where a line may be broken in it.
func (b *markup) name(name string) {
	for i, part := range strings.SplitAfter(name, "_") {
		if i > 0 {
			b.WriteString("<wbr>")
		}
		b.add("%s", part)
	}
}

// row writes a row of the table of figures.
func (b *markup) row(h htmlRow) {
	b.add("\n<tr data-verdicts=\"%s,%s\">", h.Counts.Text, h.Accuracy.Text)
	for _, v := range []htmlVerdict{h.Counts, h.Accuracy} {
		b.add("<td class=\"verdict %s\" data-sort=\"%s\" title=\"%s\"><span aria-hidden=\"true\">%s</span><span class=\"word\"> %s</span>",
			v.Class, strconv.Itoa(v.Rank), v.Text, v.Mark, v.Text)
	}
	b.WriteString("<th scope=\"row\" class=\"model\">")
	b.name(h.Name)
	if h.Reason != "" {
		b.add(" <small>%s</small>", h.Reason)
	}
	for i, f := range h.Figures {
		bad := ""
		if f.Differs {
			bad = " bad"
		}
		b.add("<td class=\"right pub\">%s<td class=\"right%s\"", f.Published, bad)
		if f.Title != "" {
			b.add(" title=\"%s\"", f.Title)
		}
		b.add(">%s", f.Ours)
		if i == 1 {
			b.add("<td class=\"by\" title=\"%s\">%s", h.Scope, h.CountedBy)
		}
	}
	b.add("<td class=\"right\">%s", h.Images)
}

// htmlPlot returns the section of the plot; empty where there is nothing to plot.
func htmlPlot(rows []metrics.Row) string {
	figures := figuresOf(rows)
	if len(figures) == 0 {
		return ""
	}
	return "\n\n<h2 id=\"plot\">Accuracy against cost</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Plot\">\n" +
		string(plotSVG(figures)) + "</div>" // text in it is escaped
}

// htmlMeasured returns the section on how accuracies were measured; empty where none was.
func htmlMeasured(rows []metrics.Row) string {
	lines := measurements(rows)
	if len(lines) == 0 {
		return ""
	}
	var b markup
	b.WriteString("\n\n<h2 id=\"measured\">How accuracies were measured</h2>\n<ul>")
	for _, line := range lines {
		b.add("\n<li>%s", printable.Text(line))
	}
	b.WriteString("\n</ul>")
	return b.String()
}

// countsHead returns the heads of the columns of exact counts.
func countsHead(t Table) string {
	var b markup
	for i, text := range t.Header {
		class := ""
		switch {
		case i == 0:
			class, text = "model", "Model"
		case t.IsRight(i):
			class = "right"
		}
		b.add("\n<th scope=\"col\" class=\"%s\">%s", class, text)
	}
	return b.String()
}

// countsRows returns the rows of exact counts.
func countsRows(t Table) string {
	var b markup
	for _, row := range t.Rows {
		b.WriteString("\n<tr>")
		for i, text := range row {
			switch {
			case i == 0:
				b.WriteString("<th scope=\"row\" class=\"model\">")
				b.name(text)
			case t.IsRight(i):
				b.add("<td class=\"right\">%s", text)
			default:
				b.add("<td>%s", text)
			}
		}
	}
	return b.String()
}

// widest is the most letters of figures with which all columns fit a page of 1280 pixels:
// those of published counts that are integers have up to 14.
const widest = 14

// htmlRow is a row as the page shows it.
type htmlRow struct {
	Name             string
	Reason           string // why a figure differs, or what is said of one that does not; may be empty
	Counts, Accuracy htmlVerdict
	Figures          [4]htmlPair // params, FLOPs, Top-1 and Top-5
	CountedBy, Scope string
	Images           string
}

func newHTMLRow(r metrics.Row) htmlRow {
	h := htmlRow{
		Name: printable.Text(r.Name), Counts: newVerdict(r.Counts()), Accuracy: newVerdict(r.Accuracy()),
		CountedBy: printable.Text(countedBy(r)), Scope: string(r.Scope), Images: htmlAbsent, Reason: printable.Text(cmp.Or(r.Reason(), r.Note)),
	}
	for i, p := range pairs(r) {
		h.Figures[i] = htmlPair{Published: figureText(p[0]), Ours: figureText(p[1])}
	}
	for i, f := range []metrics.Figure{r.Params, r.FLOPs} {
		if f.Verdict == metrics.Differs {
			h.Figures[i].Differs, h.Figures[i].Title = true, fmt.Sprintf("%d, Δ %+d", f.Exact, f.Delta)
		}
	}
	if r.Evaluation != nil {
		for i, rate := range []metrics.Rate{r.Top1, r.Top5} {
			h.Figures[2+i].Differs, h.Figures[2+i].Title = rate.Verdict == metrics.Differs, counts(rate)
		}
		h.Images = strconv.Itoa(r.Top1.N)
		if r.Images > 0 {
			h.Images += "\u00a0of\u00a0" + strconv.Itoa(r.Images)
		}
	}
	return h
}

// htmlPair is a published figure and the own one, with what is to be said of it.
type htmlPair struct {
	Published, Ours, Title string
	Differs                bool
}

// htmlAbsent stands for a figure that is not there.
const htmlAbsent = "–"

func figureText(text string) string {
	if text == absent {
		return htmlAbsent
	}
	return printable.Text(text)
}

// htmlVerdict is a verdict with a mark that tells it without its word or its colour.
type htmlVerdict struct {
	Text  metrics.Verdict
	Mark  string
	Class string // of colour
	Rank  int    // what wants attention first
	Count int    // of rows, where they are counted
}

// htmlVerdicts are all verdicts by rank.
var htmlVerdicts = []htmlVerdict{
	{Text: metrics.Differs, Mark: "≠", Class: "bad"},
	{Text: metrics.Consistent, Mark: "~", Class: "fair"},
	{Text: metrics.Rounded, Mark: "≈", Class: "good"},
	{Text: metrics.Reproduced, Mark: "✓", Class: "good"},
	{Text: metrics.Exact, Mark: "✓", Class: "good"},
	{Text: metrics.NotMeasured, Mark: htmlAbsent, Class: "none"},
	{Text: metrics.NotPublished, Mark: htmlAbsent, Class: "none"},
}

func newVerdict(v metrics.Verdict) htmlVerdict {
	at := slices.IndexFunc(htmlVerdicts, func(h htmlVerdict) bool { return h.Text == v })
	h := htmlVerdicts[at]
	h.Rank = at
	return h
}

// verdictsOf returns the verdicts that rows have, each with the number of them.
func verdictsOf(rows []metrics.Row) []htmlVerdict {
	var there []htmlVerdict
	for _, h := range htmlVerdicts {
		for _, r := range rows {
			if r.Counts() == h.Text || r.Accuracy() == h.Text {
				h.Count++
			}
		}
		if h.Count > 0 {
			there = append(there, h)
		}
	}
	return there
}
