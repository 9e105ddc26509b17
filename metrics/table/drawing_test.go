package table_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A drawing is what a plot's elements and attributes say.
type drawing struct {
	width, height float64
	panels        []panel
	circles       []circle // of all panels and of the legend
}

type panel struct {
	title, axis   string
	x, y, w, h    float64
	ticksX, ticks [][2]float64 // place and value
	points        []string     // their titles, with the classes of their circles
	names         []name
}

type circle struct {
	title, class string
	x, y, r      float64
	panel        int // -1: the legend's
}

type name struct {
	text, anchor string
	x, y         float64
}

// parsePlot reads a plot, and holds it to elements and attributes that every program knows
// and that say all there is to say.
func parsePlot(t *testing.T, svg []byte) drawing {
	t.Helper()
	allowed := map[string]string{ // attributes by element
		"svg": "xmlns class viewBox width height font-family font-size role aria-label", "g": "", "title": "",
		"rect": "class x y width height fill stroke", "line": "class x1 y1 x2 y2 stroke stroke-width",
		"circle": "class cx cy r fill stroke stroke-width", "text": "class x y text-anchor fill font-size font-weight",
	}
	var d drawing
	var path []xml.StartElement
	var title, text string
	var ticks, ticksX [][2]float64
	decoder, first := xml.NewDecoder(bytes.NewReader(svg)), true
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return d
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			attributes, known := allowed[e.Name.Local]
			if !known {
				t.Errorf("an element %q", e.Name.Local)
			}
			for _, a := range e.Attr {
				if !slices.Contains(strings.Fields(attributes), a.Name.Local) {
					t.Errorf("%s has an attribute %s", e.Name.Local, a.Name.Local)
				}
				for _, bad := range []string{"NaN", "Inf", "var(", "url(", ":"} {
					if a.Name.Local != "xmlns" && a.Name.Local != "aria-label" && strings.Contains(a.Value, bad) {
						t.Errorf("%s %s=%q", e.Name.Local, a.Name.Local, a.Value)
					}
				}
			}
			number := func(key string) float64 {
				x, err := strconv.ParseFloat(attribute(e, key), 64)
				if err != nil {
					t.Errorf("%s %s: %v", e.Name.Local, key, err)
				}
				return x
			}
			switch e.Name.Local {
			case "svg":
				d.width, d.height = number("width"), number("height")
			case "rect":
				if first && (number("width") != d.width || number("height") != d.height || attribute(e, "fill") != "#ffffff") {
					t.Errorf("the first rectangle is no ground: %v", e.Attr)
				}
				if !first {
					p := panel{x: number("x"), y: number("y"), w: number("width"), h: number("height"), ticks: ticks, ticksX: ticksX}
					d.panels = append(d.panels, p)
					ticks, ticksX = nil, nil
				}
				first = false
			case "circle":
				c := circle{title: title, class: attribute(e, "class"), x: number("cx"), y: number("cy"), r: number("r"), panel: len(d.panels) - 1}
				d.circles = append(d.circles, c)
				title += " " + c.class
				if attribute(e, "fill") == "" {
					t.Errorf("no colour: %v", e.Attr)
				}
			}
			path, text = append(path, e), ""
		case xml.CharData:
			text += string(e)
		case xml.EndElement:
			start := path[len(path)-1]
			path = path[:len(path)-1]
			x, _ := strconv.ParseFloat(attribute(start, "x"), 64)
			y, _ := strconv.ParseFloat(attribute(start, "y"), 64)
			now := max(0, len(d.panels)-1)
			switch class := attribute(start, "class"); {
			case e.Name.Local == "title":
				title = text
			case e.Name.Local == "g":
				d.panels[now].points = append(d.panels[now].points, title)
				title = ""
			case e.Name.Local != "text":
			case attribute(start, "fill") == "" || x <= 0 || x >= d.width || y <= 0 || y >= d.height:
				t.Errorf("text %q: %v", text, start.Attr)
			case class == "name":
				d.panels[now].names = append(d.panels[now].names, name{text, attribute(start, "text-anchor"), x, y})
			case class == "title":
				d.panels[now].title = text
			case class == "tick":
				value, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Error(err)
				}
				if attribute(start, "text-anchor") == "end" {
					ticks = append(ticks, [2]float64{y - 4, value})
				} else {
					ticksX = append(ticksX, [2]float64{x, value})
				}
			case len(d.panels) > 0:
				d.panels[now].axis = text
			}
		}
	}
}

func attribute(e xml.StartElement, key string) string {
	for _, a := range e.Attr {
		if a.Name.Local == key {
			return a.Value
		}
	}
	return ""
}
