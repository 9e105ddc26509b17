package table

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/printable"
)

// WritePlot writes accuracy against cost as one self-contained SVG image: for each set of
// classes a panel over FLOPs and one over parameters, both on a logarithmic scale.
// Published accuracies are rings, measured ones discs with their 95 % intervals. The models
// that none of less cost equals are joined by a line and named; few are all named. How it
// looks is said by attributes alone, on a ground of its own, so that every program shows
// the same. Rows without any accuracy are left out; it is an error when none is left.
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
	name                string
	flops, params       float64
	published           float64 // NaN: not published
	measured, low, high float64 // NaN: not measured
}

// figuresOf groups the rows with an accuracy by their classes, in the order of rows.
func figuresOf(rows []metrics.Row) []figure {
	var figures []figure
	for _, r := range rows {
		p := point{name: r.Name, params: float64(r.Params.Exact), published: math.NaN(), measured: math.NaN()}
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

// top returns the accuracy by which a point is judged and named.
func (p point) top() float64 {
	if math.IsNaN(p.measured) {
		return p.published
	}
	return p.measured
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

// front returns the points that none of less or equal cost equals, by increasing cost.
func (f figure) front(cost func(point) float64) []point {
	sorted := slices.SortedStableFunc(slices.Values(f.points), func(a, b point) int {
		return cmp.Or(cmp.Compare(cost(a), cost(b)), cmp.Compare(b.top(), a.top()))
	})
	var front []point
	for _, p := range sorted {
		if len(front) == 0 || p.top() > front[len(front)-1].top() {
			front = append(front, p)
		}
	}
	return front
}

// Sizes of a plot in its own units, which are pixels at its natural size.
const (
	plotWidth               = 880.0
	panelLeft, panelWidth   = 44.0, 820.0
	marginTop, marginBottom = 34.0, 50.0
	fewHeight, manyHeight   = 160.0, 400.0
	legendHeight            = 30.0
	few                     = 8 // points: all are named, and need no height
	nameSize                = 10.5
)

// Colours of a plot, on white. The page's style sheet has others for a dark page.
const (
	ink, muted              = "#24292f", "#57606a"
	gridColour, frontColour = "#e4e8ec", "#8c959f"
	best, alsoRan, own      = "#b4540a", "#dd9e6c", "#1565c0"
)

// panelHeight returns the height of each panel of a figure.
func (f figure) panelHeight() float64 {
	if len(f.points) <= few {
		return fewHeight
	}
	return manyHeight
}

// headroom returns the share of a panel's height that is left free for names above its
// most accurate point.
func (f figure) headroom() float64 {
	if len(f.points) <= few {
		return 0.15
	}
	return 0.45
}

// plotSVG draws figures below each other. Classes are for the page's style sheet alone.
func plotSVG(figures []figure) []byte {
	var b bytes.Buffer
	height := legendHeight
	for _, f := range figures {
		height += 2 * (marginTop + f.panelHeight() + marginBottom)
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 %[1]s %[2]s" width="%[1]s" height="%[2]s" `+
		`font-family="Helvetica, Arial, sans-serif" font-size="12" role="img" aria-label="Top-1 accuracy against FLOPs and parameters">`+"\n",
		num(plotWidth), num(height))
	fmt.Fprintf(&b, `<rect class="paper" width="%s" height="%s" fill="#ffffff"/>`+"\n", num(plotWidth), num(height))
	ring(&b, panelLeft+6, 17, best)
	text(&b, "", panelLeft+16, 21, "start", ink, "published")
	disc(&b, panelLeft+106, 17)
	text(&b, "", panelLeft+116, 21, "start", ink, "measured here, with its 95 % interval")
	line(&b, "front", panelLeft+356, 17, panelLeft+380, 17, frontColour, 1)
	text(&b, "", panelLeft+386, 21, "start", ink, "none is as accurate at less cost")
	top := legendHeight
	for _, f := range figures {
		y := newScale(f.accuracies(), false, f.headroom())
		for _, axis := range []struct {
			title string
			cost  func(point) float64
		}{
			{"FLOPs (fvcore), 10⁹", func(p point) float64 { return p.flops / metrics.Billion }},
			{"parameters, 10⁶", func(p point) float64 { return p.params / metrics.Million }},
		} {
			f.panel(&b, top+marginTop, y, axis.title, axis.cost)
			top += marginTop + f.panelHeight() + marginBottom
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// panel draws one panel whose upper edge is at top.
func (f figure) panel(b *bytes.Buffer, top float64, y scale, title string, cost func(point) float64) {
	var costs []float64
	for _, p := range f.points {
		costs = append(costs, cost(p))
	}
	x, height := newScale(costs, true, f.headroom()/2), f.panelHeight()
	px := func(p point) float64 { return panelLeft + panelWidth*x.at(cost(p)) }
	py := func(v float64) float64 { return top + height*(1-y.at(v)) }
	for _, t := range y.ticks {
		line(b, "grid", panelLeft, py(t), panelLeft+panelWidth, py(t), gridColour, 1)
		text(b, "tick", panelLeft-7, py(t)+4, "end", muted, tick(t))
	}
	for _, t := range x.ticks {
		at := panelLeft + panelWidth*x.at(t)
		line(b, "grid", at, top, at, top+height, gridColour, 1)
		text(b, "tick", at, top+height+16, "middle", muted, tick(t))
	}
	fmt.Fprintf(b, `<rect class="frame" x="%s" y="%s" width="%s" height="%s" fill="none" stroke="%s"/>`+"\n",
		num(panelLeft), num(top), num(panelWidth), num(height), muted)
	text(b, "", panelLeft+panelWidth/2, top+height+35, "middle", ink, title)
	what := "Top-1, %"
	if f.labels != "" {
		what += " of " + f.labels
	}
	fmt.Fprintf(b, `<text class="title" x="%s" y="%s" fill="%s" font-size="13" font-weight="bold">%s</text>`+"\n",
		num(panelLeft), num(top-11), ink, printable.HTML(shorten(printable.Text(what), 60)))

	front := f.front(cost)
	named, room := slices.Clone(front), labels{frame: box{panelLeft + 3, top + 3, panelWidth - 6, height - 6}}
	for i, p := range front[1:] {
		before := front[i]
		line(b, "front", px(before), py(before.top()), px(p), py(p.top()), frontColour, 1)
		room.lines = append(room.lines, segment{px(before), py(before.top()), px(p), py(p.top())})
	}
	onFront := func(p point) bool { return slices.ContainsFunc(front, func(q point) bool { return q.name == p.name }) }
	for _, p := range f.points {
		room.avoid(box{px(p) - 5, py(p.top()) - 5, 10, 10})
		if !math.IsNaN(p.measured) {
			room.avoid(box{px(p) - 5, py(p.high), 10, py(p.low) - py(p.high)})
		}
		if !onFront(p) {
			p.draw(b, px(p), py, alsoRan)
			if len(f.points) <= few {
				named = append(named, p)
			}
		}
	}
	for _, p := range front {
		p.draw(b, px(p), py, best)
	}
	for _, p := range named {
		room.name(b, printable.Text(p.name), px(p), py(p.top()))
	}
}

// draw draws what is known of a network, with a title that tells it all.
func (p point) draw(b *bytes.Buffer, x float64, py func(float64) float64, colour string) {
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
		line(b, "interval", x, py(p.low), x, py(p.high), own, 1.8)
		disc(b, x, py(p.measured))
	}
	if !math.IsNaN(p.published) {
		ring(b, x, py(p.published), colour)
	}
	b.WriteString("</g>\n")
}
