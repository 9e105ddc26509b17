package main

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/vision"
)

type predictionJSON struct {
	Image string             `json:"image"`
	Top   []model.Prediction `json:"top"`
}

// predictionPrinter prints predictions as they come; as one JSON document at the end.
type predictionPrinter struct {
	app    *app
	model  *model.Model
	format string
	many   bool // several images: each is named
	csv    *csv.Writer
	all    []any // predictionJSON and badImage
	count  int
}

func (a *app) newPredictionPrinter(m *model.Model, format string, many bool) *predictionPrinter {
	p := &predictionPrinter{app: a, model: m, format: format, many: many, csv: csv.NewWriter(a.stdout), all: []any{}}
	if format == formatCSV {
		score := "score"
		if m.Sigmoid() {
			score = "sigmoid"
		}
		p.csv.Write([]string{"image", "rank", "class", score, "name"})
	}
	return p
}

func (p *predictionPrinter) add(path string, top []model.Prediction) error {
	row := predictionJSON{path, top}
	switch p.format {
	case formatJSON:
		p.all = append(p.all, row)
	case formatNDJSON:
		return encode(p.app.stdout, row)
	case formatCSV:
		for i, t := range top {
			score := strconv.FormatFloat(float64(t.Score), 'f', 4, 32)
			p.csv.Write([]string{printable.Cell(path), strconv.Itoa(i + 1), strconv.Itoa(t.Class), score, printable.Cell(t.Name)})
		}
		p.csv.Flush()
		return p.csv.Error()
	default:
		if p.count++; p.count > 1 {
			p.app.line("")
		}
		if p.many {
			p.app.line("%s", path)
		}
		for _, t := range top {
			line := fmt.Sprintf("%5d  %.4f  %s", t.Class, t.Score, t.Name)
			if t.Sigmoid {
				line = fmt.Sprintf("%5d  %.4f  sigmoid  %s", t.Class, t.Score, t.Name)
			}
			p.app.line("%s", strings.TrimRight(line, " "))
		}
	}
	return nil
}

// bad prints what is wrong with an image, in the place of its prediction.
func (p *predictionPrinter) bad(b badImage) error {
	if p.format == formatJSON {
		p.all = append(p.all, b)
		return nil
	}
	return encode(p.app.stdout, b)
}

// end prints what is printed once.
func (p *predictionPrinter) end() error {
	m := p.model
	if p.format == formatJSON {
		return p.app.printResults(m, p.all)
	}
	p.app.hint("%s, %s, precision %s on %s", m.Name(), m.Weights(), m.Compute().Precision, model.Variant())
	p.csv.Flush()
	return p.csv.Error()
}

// printResults prints what was computed of each image, and how, as one JSON document. Results are
// objects.
func (a *app) printResults(m *model.Model, results []any) error {
	return a.printJSON(struct {
		Model     string          `json:"model"`
		Weights   string          `json:"weights"`
		Precision string          `json:"precision"`
		Kernels   string          `json:"kernels"`
		Pixels    string          `json:"preprocessing"`
		Pipeline  vision.Pipeline `json:"pipeline"` // the same, in numbers
		Results   []any           `json:"results"`
	}{m.Name(), m.Weights().String(), string(m.Compute().Precision), model.Variant(), m.Pipeline().String(), m.Pipeline(), results})
}
