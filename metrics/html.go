package metrics

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"sync"
)

//go:embed report.html
var htmlText string

var htmlReport = sync.OnceValue(func() *template.Template { return template.Must(template.New("report").Parse(htmlText)) })

// WriteHTML writes a reproduction report as one self-contained page: nothing is loaded
// from elsewhere, no script runs, and it follows the reader's choice of light or dark.
func WriteHTML(w io.Writer, rows []Row) error {
	page := htmlPage{Integers: integers(rows), Measured: measurements(rows), Notes: notes(rows)}
	if figures := figuresOf(rows); len(figures) > 0 {
		page.Plot = template.HTML(plotSVG(figures)) // text in it is escaped
	}
	for _, r := range rows {
		p := r.pairs()
		h := htmlRow{
			Name: r.Name, CountedBy: r.countedBy(), Scope: string(r.Scope), Images: absent,
			Params: htmlPair{p[0][0], p[0][1], ""}, FLOPs: htmlPair{p[1][0], p[1][1], ""},
			Top1: htmlPair{p[2][0], p[2][1], ""}, Top5: htmlPair{p[3][0], p[3][1], ""},
			Verdicts: []htmlVerdict{newVerdict(r.Counts()), newVerdict(r.Accuracy())},
		}
		if r.Evaluation != nil {
			h.Top1.Title, h.Top5.Title = r.Top1.counts(), r.Top5.counts()
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

// htmlVerdict is a verdict with its class of colour.
type htmlVerdict struct {
	Text  Verdict
	Class string
}

func newVerdict(v Verdict) htmlVerdict {
	switch v {
	case Exact, Rounded, Reproduced:
		return htmlVerdict{v, "good"}
	case Consistent:
		return htmlVerdict{v, "fair"}
	case Differs:
		return htmlVerdict{v, "bad"}
	}
	return htmlVerdict{v, "none"}
}
