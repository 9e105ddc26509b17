package table_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/internal/race"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/tensor"
)

// everyRow returns the rows of all published models of ImageNet, and those of rows.
func everyRow(t *testing.T) []metrics.Row {
	t.Helper()
	names := []string{"*_in1k*"}
	if testing.Short() || race.Enabled {
		names = []string{"csp*_in1k", "efficientnet-*_in1k"}
	}
	z, err := zoo.New(zoo.Config{CacheDir: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	published, err := z.Report(t.Context(), zoo.ReportOptions{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return append(published, rows(t)...)
}

func plotOf(t *testing.T, rows []metrics.Row) drawing {
	t.Helper()
	var b bytes.Buffer
	if err := table.WritePlot(&b, rows); err != nil {
		t.Fatal(err)
	}
	return parsePlot(t, b.Bytes())
}

func TestPlot(t *testing.T) {
	d := plotOf(t, rows(t))
	if len(d.panels) != 4 { // two sets of classes, over FLOPs and over parameters
		t.Fatalf("%d panels", len(d.panels))
	}
	for i, want := range [][]string{
		{"measured: 0.000349 M parameters, 0.000004 G FLOPs, published 98.33 %, measured 98.33 % (96.41 to 99.23) measured published"},
		{
			"not-measured: 0.000349 M parameters, 0.000004 G FLOPs, published 80.05 % published",
			"part|of_a_set: 0.000349 M parameters, 0.000004 G FLOPs, published 80.05 %, measured 78.00 % (68.93 to 85.00) measured published",
		},
	} {
		for _, p := range d.panels[2*i : 2*i+2] {
			got := slices.Clone(p.points)
			for j := range got {
				got[j] = strings.ReplaceAll(got[j], " also-ran", "")
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s over %s (-want +got)\n%s", p.title, p.axis, diff)
			}
			if len(p.names) != len(want) {
				t.Errorf("names %v, want one for each of so few points", p.names)
			}
		}
	}
	if err := table.WritePlot(io.Discard, rows(t)[2:3]); err == nil {
		t.Error("no error for nothing to plot")
	}
}

// TestPlotPlaces holds every point of the published models to its axes, and the names to the
// models that none is as accurate as at less cost.
func TestPlotPlaces(t *testing.T) {
	all := everyRow(t)
	d := plotOf(t, all)
	for _, c := range d.circles {
		if c.panel < 0 {
			continue
		}
		p := d.panels[c.panel]
		if c.x-c.r < p.x || c.x+c.r > p.x+p.w || c.y-c.r < p.y || c.y+c.r > p.y+p.h {
			t.Errorf("%q is at %g,%g, outside of its panel", c.title, c.x, c.y)
		}
	}
	for i, p := range d.panels[:2] {
		if p.title != "Top-1, % of imagenet-1k" {
			t.Fatalf("panel of %q", p.title)
		}
		atX := between(p.ticksX, math.Log)
		atY := between(p.ticks, func(v float64) float64 { return v })
		for _, c := range d.circles {
			if c.panel != i {
				continue
			}
			var params, flops, top1 float64
			_, figures, _ := strings.Cut(c.title, ": ")
			if _, err := fmt.Sscanf(figures, "%g M parameters, %g G FLOPs, published %g %%", &params, &flops, &top1); err != nil {
				t.Fatalf("%q: %v", c.title, err)
			}
			x, y := atX([]float64{flops, params}[i]), atY(top1)
			if math.Hypot(x-c.x, y-c.y) > 1.5 { // figures of titles have three digits
				t.Errorf("%s is at %.1f,%.1f, its axes say %.1f,%.1f", c.title, c.x, c.y, x, y)
			}
		}
		var got []string
		for _, n := range p.names {
			got = append(got, n.text)
		}
		cost := func(r metrics.Row) int64 {
			if i == 1 {
				return r.Params.Exact
			}
			at := slices.IndexFunc(r.Totals, func(total metrics.Total) bool { return total.Convention == metrics.FVCore })
			return r.Totals[at].FLOPs
		}
		best := bestOf(all, cost)
		if len(got) < len(best)/2 {
			t.Errorf("over %s %d of %d names have room: %v", p.axis, len(got), len(best), got)
		}
		roomless := func(name string) bool { return !slices.Contains(got, name) }
		if diff := cmp.Diff(slices.DeleteFunc(best, roomless), got); diff != "" {
			t.Errorf("names over %s (-want +got)\n%s", p.axis, diff)
		}
	}
}

// between returns what maps values to places, by the first and the last tick of an axis.
func between(ticks [][2]float64, scale func(float64) float64) func(float64) float64 {
	a, b := ticks[0], ticks[len(ticks)-1]
	return func(v float64) float64 {
		return a[0] + (b[0]-a[0])*(scale(v)-scale(a[1]))/(scale(b[1])-scale(a[1]))
	}
}

// bestOf returns the ImageNet models that are more accurate than all of no more cost, by
// cost.
func bestOf(all []metrics.Row, cost func(metrics.Row) int64) []string {
	var best []metrics.Row
	for i, r := range all {
		beaten := func(other metrics.Row) bool {
			return other.Labels == r.Labels && cost(other) <= cost(r) && other.Top1.Published > r.Top1.Published
		}
		same := func(other metrics.Row) bool {
			return other.Labels == r.Labels && cost(other) <= cost(r) && other.Top1.Published == r.Top1.Published
		}
		if r.Labels == "imagenet-1k" && r.Top1.Published != "" && !slices.ContainsFunc(all, beaten) && !slices.ContainsFunc(all[:i], same) {
			best = append(best, r)
		}
	}
	slices.SortFunc(best, func(a, b metrics.Row) int { return int(cost(a) - cost(b)) })
	var names []string
	for _, r := range best {
		names = append(names, r.Name)
	}
	return names
}

// Where there is no room, a name is left out; what is hostile or endless is no exception.
func TestPlotCrowded(t *testing.T) {
	var many []metrics.Row
	for i := range 400 {
		p := metrics.Published{Convention: metrics.FVCore, Input: tensor.Shape{1, 3, 8 + i, 8 + i%5}}
		p.Labels = strings.Repeat("classes ", 40)
		p.Top1 = fmt.Sprintf("%d.%02d", 60+i/11, i%100)
		r, err := metrics.NewRow(fmt.Sprintf("network%d_in1k%s", i, strings.Repeat("-long", (400-i)%40)), p, network(t))
		if err != nil {
			t.Fatal(err)
		}
		many = append(many, r)
	}
	for _, p := range plotOf(t, many).panels {
		if len(p.title) > 70 {
			t.Errorf("title %q", p.title)
		}
		if len(p.points) != 400 || len(p.names) == 0 || len(p.names) > 100 {
			t.Errorf("over %s: %d points, %d names", p.axis, len(p.points), len(p.names))
		}
		for i, n := range p.names {
			width := 5 * float64(len(n.text)) // of letters that are narrow in any font of 10.5
			left := map[string]float64{"start": n.x, "end": n.x - width}[n.anchor]
			if left < p.x || left+width > p.x+p.w || n.y > p.y+p.h || n.y-8 < p.y {
				t.Errorf("%q is at %g,%g, outside of its panel", n.text, n.x, n.y)
			}
			for _, other := range p.names[:i] {
				if math.Abs(n.y-other.y) < 8 && n.anchor == other.anchor && math.Abs(n.x-other.x) < width/2 {
					t.Errorf("%q covers %q", n.text, other.text)
				}
			}
		}
	}
}
