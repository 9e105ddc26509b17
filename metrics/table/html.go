package table

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"sync"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/printable"
)

//go:embed report.html
var htmlText string

var htmlReport = sync.OnceValue(func() *template.Template { return template.Must(template.New("report").Parse(htmlText)) })

// WriteHTML writes a reproduction report as one self-contained page: nothing is loaded
// from elsewhere, no script runs, and it follows the reader's choice of light or dark.
func WriteHTML(w io.Writer, rows []metrics.Row) error {
	page := htmlPage{Integers: integers(rows).each(printable.Text), Measured: texts(measurements(rows)), Notes: texts(notes(rows))}
	if figures := figuresOf(rows); len(figures) > 0 {
		page.Plot = template.HTML(plotSVG(figures)) // text in it is escaped
	}
	for _, r := range rows {
		p := pairs(r)
		h := htmlRow{
			Name: printable.Text(r.Name), CountedBy: printable.Text(countedBy(r)), Scope: string(r.Scope), Images: absent,
			Params: newPair(p[0]), FLOPs: newPair(p[1]), Top1: newPair(p[2]), Top5: newPair(p[3]),
			Verdicts: []htmlVerdict{newVerdict(r.Counts()), newVerdict(r.Accuracy())},
		}
		if r.Evaluation != nil {
			h.Top1.Title, h.Top5.Title = counts(r.Top1), counts(r.Top5)
			h.Images = strconv.Itoa(r.Top1.N)
			if r.Images > 0 {
				h.Images += " of " + strconv.Itoa(r.Images)
			}
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

// htmlPage is what the page shows.
type htmlPage struct {
	Rows     []htmlRow
	Plot     template.HTML // empty: nothing to plot
	Integers Table
	Measured []string
	Notes    []string
}

// htmlRow is a row as the page shows it.
type htmlRow struct {
	Name, CountedBy, Scope, Images string
	Params, FLOPs, Top1, Top5      htmlPair
	Verdicts                       []htmlVerdict // on counts, on accuracy
}

// htmlPair is a published figure and the own one, with what is to be said of it.
type htmlPair struct{ Published, Ours, Title string }

func newPair(p [2]string) htmlPair { return htmlPair{printable.Text(p[0]), printable.Text(p[1]), ""} }

// texts returns each line as it prints; the template does the rest.
func texts(lines []string) []string {
	for i := range lines {
		lines[i] = printable.Text(lines[i])
	}
	return lines
}

// htmlVerdict is a verdict with its class of colour.
type htmlVerdict struct {
	Text  metrics.Verdict
	Class string
}

func newVerdict(v metrics.Verdict) htmlVerdict {
	switch v {
	case metrics.Exact, metrics.Rounded, metrics.Reproduced:
		return htmlVerdict{v, "good"}
	case metrics.Consistent:
		return htmlVerdict{v, "fair"}
	case metrics.Differs:
		return htmlVerdict{v, "bad"}
	}
	return htmlVerdict{v, "none"}
}
