package table

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/printable"
)

// plotStyle is the style sheet of a plot: its colours follow the reader's choice of a
// light or a dark page.
//
//go:embed plot.css
var plotStyle string

// WritePlot writes accuracy against cost as one self-contained SVG image: for each set of
// classes a panel over FLOPs and one over parameters, both on a logarithmic scale.
// Published accuracies are rings, measured ones discs with their 95 % intervals. Rows
// without any accuracy are left out; it is an error when none is left.
func WritePlot(w io.Writer, rows []metrics.Row) error {
	figures := figuresOf(rows)
	if len(figures) == 0 {
		return fmt.Errorf("table: plot: no row has an accuracy")
	}
	_, err := w.Write(plotSVG(figures))
	return err
}

// A figure is what one set of classes gives to plot.
type figure struct {
	labels string
	points []point
}

// A point is a network. Accuracies are in percent.
type point struct {
	name, short         string
	flops, params       float64
	published           float64 // NaN: not published
	measured, low, high float64 // NaN: not measured
}

// figuresOf groups the rows with an accuracy by their classes, in the order of rows.
func figuresOf(rows []metrics.Row) []figure {
	var figures []figure
	for _, r := range rows {
		p := point{name: r.Name, params: float64(r.Params.Exact), published: math.NaN(), measured: math.NaN()}
		p.short, _, _ = strings.Cut(r.Name, "_")
		for _, t := range r.Totals {
			if t.Convention == metrics.FVCore { // one convention for all, whatever was published
				p.flops = float64(t.FLOPs)
			}
		}
		if x, err := strconv.ParseFloat(r.Top1.Published, 64); err == nil { // else it was not published
			p.published = x
		}
		if r.Top1.N > 0 {
			p.measured = r.Top1.Percent()
			p.low, p.high = metrics.Wilson(r.Top1.Correct, r.Top1.N)
		}
		if math.IsNaN(p.published) && math.IsNaN(p.measured) || p.flops <= 0 || p.params <= 0 {
			continue
		}
		at := slices.IndexFunc(figures, func(f figure) bool { return f.labels == r.Labels })
		if at < 0 {
			at = len(figures)
			figures = append(figures, figure{labels: r.Labels})
		}
		figures[at].points = append(figures[at].points, p)
	}
	return figures
}

// Sizes of a plot in its own units, which are pixels at its natural size.
const (
	panelWidth, panelHeight = 400.0, 260.0
	marginLeft, marginTop   = 52.0, 30.0
	panelGap, marginBottom  = 40.0, 46.0
	figureHeight            = marginTop + panelHeight + marginBottom
	plotWidth               = marginLeft + 2*panelWidth + panelGap + 16
	legendHeight            = 26.0
)

// plotSVG draws figures below each other.
func plotSVG(figures []figure) []byte {
	var b bytes.Buffer
	height := legendHeight + figureHeight*float64(len(figures))
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 %s %s" width="%s" height="%s" role="img" aria-label="Top-1 accuracy against FLOPs and parameters">`+"\n",
		num(plotWidth), num(height), num(plotWidth), num(height))
	fmt.Fprintf(&b, "<style>\n%s</style>\n", plotStyle)
	fmt.Fprintf(&b, `<circle class="published" cx="%s" cy="13" r="4.5"/><text x="%s" y="17">published</text>`+"\n",
		num(marginLeft+6), num(marginLeft+16))
	fmt.Fprintf(&b, `<circle class="measured" cx="%s" cy="13" r="3.5"/><text x="%s" y="17">measured here, with its 95 %% interval</text>`+"\n",
		num(marginLeft+106), num(marginLeft+116))
	for i, f := range figures {
		top := legendHeight + figureHeight*float64(i) + marginTop
		y := newScale(f.accuracies(), false)
		f.panel(&b, marginLeft, top, y, true, "FLOPs (fvcore), 10⁹", func(p point) float64 { return p.flops / metrics.Billion })
		f.panel(&b, marginLeft+panelWidth+panelGap, top, y, false, "parameters, 10⁶",
			func(p point) float64 { return p.params / metrics.Million })
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// accuracies returns every accuracy of a figure, with the ends of intervals.
func (f figure) accuracies() []float64 {
	var all []float64
	for _, p := range f.points {
		if !math.IsNaN(p.published) {
			all = append(all, p.published)
		}
		if !math.IsNaN(p.measured) {
			all = append(all, p.low, p.high)
		}
	}
	return all
}

// panel draws one panel whose upper left corner is at (left, top).
func (f figure) panel(b *bytes.Buffer, left, top float64, y scale, first bool, title string, cost func(point) float64) {
	var costs []float64
	for _, p := range f.points {
		costs = append(costs, cost(p))
	}
	x := newScale(costs, true)
	px := func(v float64) float64 { return left + panelWidth*x.at(v) }
	py := func(v float64) float64 { return top + panelHeight*(1-y.at(v)) }
	for _, t := range y.ticks {
		fmt.Fprintf(b, `<line class="grid" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", num(left), num(py(t)), num(left+panelWidth), num(py(t)))
		if first {
			fmt.Fprintf(b, `<text class="tick" x="%s" y="%s" text-anchor="end">%s</text>`+"\n", num(left-6), num(py(t)+4), tick(t))
		}
	}
	for _, t := range x.ticks {
		fmt.Fprintf(b, `<line class="grid" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", num(px(t)), num(top), num(px(t)), num(top+panelHeight))
		fmt.Fprintf(b, `<text class="tick" x="%s" y="%s" text-anchor="middle">%s</text>`+"\n", num(px(t)), num(top+panelHeight+16), tick(t))
	}
	fmt.Fprintf(b, `<rect class="frame" x="%s" y="%s" width="%s" height="%s"/>`+"\n", num(left), num(top), num(panelWidth), num(panelHeight))
	fmt.Fprintf(b, `<text x="%s" y="%s" text-anchor="middle">%s</text>`+"\n", num(left+panelWidth/2), num(top+panelHeight+36), title)
	if first {
		what := "Top-1, %"
		if f.labels != "" {
			what += " of " + f.labels
		}
		fmt.Fprintf(b, `<text class="title" x="%s" y="%s">%s</text>`+"\n", num(left), num(top-10), printable.HTML(what))
	}
	var taken []box // by points, intervals and names
	for _, p := range f.points {
		taken = append(taken, box{px(cost(p)) - 6, py(p.top()) - 6, 12, 12})
		if !math.IsNaN(p.measured) {
			taken = append(taken, box{px(cost(p)) - 2, py(p.high), 4, py(p.low) - py(p.high)})
		}
	}
	for _, p := range f.points {
		f.point(b, p, px(cost(p)), py)
	}
	frame := box{left + 2, top + 2, panelWidth - 4, panelHeight - 4}
	for _, p := range f.points {
		if at, ok := place(p.short, px(cost(p)), py(p.top()), frame, &taken); ok {
			fmt.Fprintf(b, `<text class="name" x="%s" y="%s">%s</text>`+"\n", num(at.x), num(at.y+at.h-3), printable.HTML(p.short))
		}
	}
}

// top returns the accuracy at which a point is named.
func (p point) top() float64 {
	if math.IsNaN(p.measured) {
		return p.published
	}
	return p.measured
}

// point draws what is known of a network, with a title that tells it all.
func (f figure) point(b *bytes.Buffer, p point, x float64, py func(float64) float64) {
	title := fmt.Sprintf("%s: %s M parameters, %s G FLOPs", p.name, tick(round(p.params/metrics.Million)),
		tick(round(p.flops/metrics.Billion)))
	if !math.IsNaN(p.published) {
		title += fmt.Sprintf(", published %s %%", tick(p.published))
	}
	if !math.IsNaN(p.measured) {
		title += fmt.Sprintf(", measured %.2f %% (%.2f to %.2f)", p.measured, p.low, p.high)
	}
	fmt.Fprintf(b, "<g><title>%s</title>", printable.HTML(title))
	if !math.IsNaN(p.measured) {
		fmt.Fprintf(b, `<line class="interval" x1="%s" y1="%s" x2="%s" y2="%s"/>`, num(x), num(py(p.low)), num(x), num(py(p.high)))
		fmt.Fprintf(b, `<circle class="measured" cx="%s" cy="%s" r="3.5"/>`, num(x), num(py(p.measured)))
	}
	if !math.IsNaN(p.published) {
		fmt.Fprintf(b, `<circle class="published" cx="%s" cy="%s" r="4.5"/>`, num(x), num(py(p.published)))
	}
	b.WriteString("</g>\n")
}

// box is a rectangle that text or a point takes.
type box struct{ x, y, w, h float64 }

func (a box) overlaps(b box) bool {
	return a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h
}

func (a box) within(b box) bool {
	return a.x >= b.x && a.y >= b.y && a.x+a.w <= b.x+b.w && a.y+a.h <= b.y+b.h
}

// place finds room for a name beside a point. A name without room is left out: the
// point's title has it.
func place(name string, x, y float64, frame box, taken *[]box) (box, bool) {
	const height, letter, gap = 13, 6.2, 8
	w := letter * float64(len([]rune(name)))
	for _, at := range []box{
		{x + gap, y - height/2, w, height}, {x - gap - w, y - height/2, w, height},
		{x - w/2, y - gap - height, w, height}, {x - w/2, y + gap, w, height},
		{x + gap, y - gap - height, w, height}, {x + gap, y + gap, w, height},
		{x - gap - w, y - gap - height, w, height}, {x - gap - w, y + gap, w, height},
	} {
		if at.within(frame) && !slices.ContainsFunc(*taken, at.overlaps) {
			*taken = append(*taken, at)
			return at, true
		}
	}
	return box{}, false
}

// A scale maps values to 0 to 1.
type scale struct {
	low, high float64
	log       bool
	ticks     []float64
}

// newScale returns a scale that holds all values with some room, and has about five
// ticks at round numbers.
func newScale(values []float64, log bool) scale {
	low, high := slices.MinFunc(values, cmp.Compare), slices.MaxFunc(values, cmp.Compare)
	if log {
		s := scale{low: low / 1.35, high: high * 1.35, log: true}
		for _, steps := range [][]float64{{1, 1.5, 2, 3, 5, 7}, {1, 2, 5}, {1, 3}, {1}} {
			s.ticks = nil
			for e := math.Floor(math.Log10(s.low)); e <= math.Log10(s.high); e++ {
				for _, m := range steps {
					if t := m * math.Pow(10, e); t >= s.low && t <= s.high {
						s.ticks = append(s.ticks, t)
					}
				}
			}
			if len(s.ticks) <= 8 {
				break
			}
		}
		return s
	}
	room := max(high-low, 1) * 0.12
	s := scale{low: low - room, high: high + room}
	step := math.Pow(10, math.Floor(math.Log10((s.high-s.low)/4)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (s.high-s.low)/(m*step) <= 7 {
			step *= m
			break
		}
	}
	for i := math.Ceil(s.low / step); i*step <= s.high; i++ {
		s.ticks = append(s.ticks, i*step)
	}
	return s
}

func (s scale) at(v float64) float64 {
	if s.log {
		return math.Log(v/s.low) / math.Log(s.high/s.low)
	}
	return (v - s.low) / (s.high - s.low)
}

// num returns a coordinate with at most one decimal.
func num(x float64) string { return strconv.FormatFloat(math.Round(10*x)/10, 'f', -1, 64) }

// tick returns a number without needless zeros, nor the dirt of arithmetic.
func tick(x float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64), ".0")
}

// round keeps three digits.
func round(x float64) float64 {
	if x == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-2)
	return math.Round(x/unit) * unit
}
