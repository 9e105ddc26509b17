package table_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/tensor"
)

// circles returns the titles of the points of a plot, each with the classes of the
// circles that it is drawn with, and the names written beside points.
func circles(t *testing.T, svg []byte) (points []string, names []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	var title, class, text string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return points, names
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			class = ""
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					class = a.Value
				}
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s %s=%q", e.Name.Local, a.Name.Local, a.Value)
				}
			}
			if e.Name.Local == "circle" && title != "" {
				title += " " + class
			}
			text = ""
		case xml.CharData:
			text += string(e)
		case xml.EndElement:
			switch {
			case e.Name.Local == "title":
				title = text
			case e.Name.Local == "g":
				points, title = append(points, title), ""
			case e.Name.Local == "text" && class == "name":
				names = append(names, text)
			}
		}
	}
}

func TestPlot(t *testing.T) {
	var b bytes.Buffer
	if err := table.WritePlot(&b, rows(t)); err != nil {
		t.Fatal(err)
	}
	points, names := circles(t, b.Bytes())
	for _, want := range []string{
		"measured: 0.000349 M parameters, 0.000004 G FLOPs, published 98.33 %, measured 98.33 % (96.41 to 99.23) measured published",
		"not-measured: 0.000349 M parameters, 0.000004 G FLOPs, published 80.05 % published",
		"part|of_a_set: 0.000349 M parameters, 0.000004 G FLOPs, published 80.05 %, measured 78.00 % (68.93 to 85.00) measured published",
	} {
		n := 0
		for _, p := range points {
			if p == want {
				n++
			}
		}
		if n != 2 { // over FLOPs and over parameters
			t.Errorf("%d points %q among %q", n, want, points)
		}
	}
	if len(points) != 6 {
		t.Errorf("%d points, expected those with an accuracy, twice", len(points))
	}
	if len(names) == 0 {
		t.Error("no point is named")
	}
	if err := table.WritePlot(&b, rows(t)[2:3]); err == nil {
		t.Error("no error for nothing to plot")
	}
}

// Names never cover each other: where there is no room, a name is left out.
func TestPlotCrowded(t *testing.T) {
	var many []metrics.Row
	for i := range 400 {
		p := metrics.Published{Convention: metrics.FVCore, Input: tensor.Shape{1, 3, 8 + i%7, 8 + i%5}, Top1: fmt.Sprintf("7%d.%02d", i%3, i%100)}
		r, err := metrics.NewRow(fmt.Sprintf("network%d_in1k", i), p, network(t))
		if err != nil {
			t.Fatal(err)
		}
		many = append(many, r)
	}
	var b bytes.Buffer
	if err := table.WritePlot(&b, many); err != nil {
		t.Fatal(err)
	}
	points, names := circles(t, b.Bytes())
	if len(points) != 800 || len(names) == 0 || len(names) > 200 {
		t.Errorf("%d points, %d names", len(points), len(names))
	}
}

// A page needs nothing from elsewhere.
func TestHTMLSelfContained(t *testing.T) {
	var b bytes.Buffer
	if err := table.WriteHTML(&b, rows(t)); err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(b.String(), `xmlns="http://www.w3.org/2000/svg"`, "")
	for _, part := range []string{"http:", "https:", "<script", "<link", "@import", "url(", "src="} {
		if strings.Contains(page, part) {
			t.Errorf("the page has %q", part)
		}
	}
	for _, part := range []string{"part|of_a_set", "digits &lt;0-9&gt;", "354 of 360", "prefers-color-scheme: dark", "consistent"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
}
