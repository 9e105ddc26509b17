package table

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
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

var htmlReport = sync.OnceValue(func() *template.Template {
	parts := func(name string) []string { return strings.SplitAfter(name, "_") } // where a line may be broken
	return template.Must(template.New("report").Funcs(template.FuncMap{"parts": parts}).Parse(htmlText))
})

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
	page := htmlPage{
		Style: template.CSS(htmlStyle), Script: template.JS(htmlScript), Policy: htmlPolicy(), Absent: htmlAbsent,
		Pairs: []string{"parameters, 10⁶", "FLOPs, 10⁹", "Top-1, %", "Top-5, %"}, Caption: "1 model; " + Tally(rows), Verdicts: verdictsOf(rows),
		Integers: integers(rows).each(printable.Text), Measured: measurements(rows),
	}
	if len(rows) != 1 {
		page.Caption = fmt.Sprintf("%d models; %s", len(rows), Tally(rows))
	}
	for i := range page.Measured {
		page.Measured[i] = printable.Text(page.Measured[i])
	}
	if figures := figuresOf(rows); len(figures) > 0 {
		page.Plot = template.HTML(plotSVG(figures)) // text in it is escaped
	}
	for _, r := range rows {
		h := newHTMLRow(r)
		for _, f := range h.Figures {
			page.Box = page.Box || max(len(f.Published), len(f.Ours)) > widest
		}
		page.Rows = append(page.Rows, h)
	}
	var b bytes.Buffer
	if err := htmlReport().Execute(&b, page); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// widest is the most letters of figures with which all columns fit a page of 1280 pixels:
// those of published counts that are integers have up to 14.
const widest = 14

// htmlPage is what the page shows.
type htmlPage struct {
	Style    template.CSS
	Script   template.JS
	Policy   string
	Absent   string
	Caption  string
	Verdicts []htmlVerdict
	Pairs    []string // what each pair of columns holds
	Rows     []htmlRow
	Box      bool          // the table scrolls in its own box however wide the page is
	Plot     template.HTML // empty: nothing to plot
	Integers Table
	Measured []string
}

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
