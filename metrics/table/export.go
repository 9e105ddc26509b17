package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/printable"
)

// SchemaVersion is the version of the JSON that WriteJSON writes. It grows when
// the meaning of a key changes; keys may be added without.
const SchemaVersion = 1

// The JSON form of a row: every integer exact, percentages with four decimals,
// null for what was not published or not measured.
type (
	jsonReport struct {
		SchemaVersion int       `json:"schema_version"`
		Rows          []jsonRow `json:"rows"`
	}
	jsonRow struct {
		Name       string          `json:"name"`
		Params     jsonFigure      `json:"params"`
		FLOPs      jsonFLOPs       `json:"flops"`
		Top1       jsonRate        `json:"top1"`
		Top5       jsonRate        `json:"top5"`
		Evaluation *jsonEvaluation `json:"evaluation"`
		Digests    jsonDigests     `json:"digests"`
		Note       string          `json:"note"`
		Reason     string          `json:"reason"` // why a figure differs; empty where none does
	}
	jsonFigure struct {
		Published *string         `json:"published"`
		Unit      int64           `json:"unit"`
		Computed  int64           `json:"computed"`
		Delta     *int64          `json:"delta"`
		Verdict   metrics.Verdict `json:"verdict"`
	}
	jsonFLOPs struct {
		jsonFigure
		Convention  metrics.Convention `json:"convention"`
		Scope       metrics.Scope      `json:"scope"`
		Input       []int              `json:"input"`
		Form        nn.Form            `json:"form"`
		Classifier  int64              `json:"classifier"`
		Conventions []metrics.Total    `json:"conventions"`
	}
	jsonRate struct {
		Published *string         `json:"published"`
		Correct   *int            `json:"correct"`
		Percent   *json.Number    `json:"percent"`
		Low       *json.Number    `json:"low"`
		High      *json.Number    `json:"high"`
		Delta     *json.Number    `json:"delta"`
		Verdict   metrics.Verdict `json:"verdict"`
	}
	jsonDigests struct {
		Source    string `json:"source"`
		Converted string `json:"converted"`
		Golden    string `json:"golden"`
	}
	jsonEvaluation struct {
		N             int    `json:"n"`
		Set           int    `json:"set"`
		Height        int    `json:"height"`
		Width         int    `json:"width"`
		Interpolation string `json:"interpolation"`
		Decoder       string `json:"decoder"`
		Precision     string `json:"precision"`
		Images        string `json:"images"`
		Unreadable    int    `json:"unreadable,omitempty"`
		LeftOut       int    `json:"left_out,omitempty"`
	}
)

// WriteJSON writes rows as one indented JSON object with schema_version.
func WriteJSON(w io.Writer, rows []metrics.Row) error {
	report := jsonReport{SchemaVersion: SchemaVersion, Rows: []jsonRow{}}
	for _, r := range rows {
		j := jsonRow{
			Name:   r.Name,
			Params: figureJSON(r.Params),
			FLOPs: jsonFLOPs{
				jsonFigure: figureJSON(r.FLOPs), Convention: r.Convention, Scope: r.Scope,
				Input: r.Input, Form: r.Form, Classifier: r.HeadFLOPs, Conventions: r.Totals,
			},
			Top1:    rateJSON(r.Top1),
			Top5:    rateJSON(r.Top5),
			Digests: jsonDigests{r.Digests.Source.Text(), r.Digests.Converted.Text(), r.Digests.Golden.Text()},
			Note:    r.Note,
			Reason:  r.Reason(),
		}
		if e := r.Evaluation; e != nil {
			j.Evaluation = &jsonEvaluation{
				N: e.Accuracy.N, Set: r.Images, Height: e.Height, Width: e.Width, Interpolation: e.Interpolation,
				Decoder: e.Decoder, Precision: string(e.Precision), Images: e.Images.Text(),
				Unreadable: e.Unreadable, LeftOut: e.LeftOut,
			}
		}
		report.Rows = append(report.Rows, j)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(report); err != nil {
		return err
	}
	_, err := w.Write(printable.JSON(b.Bytes()))
	return err
}

func figureJSON(f metrics.Figure) jsonFigure {
	j := jsonFigure{Unit: f.Unit, Computed: f.Exact, Verdict: f.Verdict}
	if f.Published != "" {
		j.Published, j.Delta = &f.Published, &f.Delta
	}
	return j
}

func rateJSON(r metrics.Rate) jsonRate {
	j := jsonRate{Verdict: r.Verdict}
	if r.Published != "" {
		j.Published = &r.Published
	}
	if r.N == 0 {
		return j
	}
	low, high := metrics.Wilson(r.Correct, r.N)
	j.Correct, j.Percent, j.Low, j.High = &r.Correct, number(r.Percent()), number(low), number(high)
	if delta, ok := r.Delta(); ok {
		j.Delta = number(delta)
	}
	return j
}

// number renders a percentage with four decimals: enough for a millionth of the
// images, and the same on machines that round the last bit differently.
func number(x float64) *json.Number {
	n := json.Number(percentText(x))
	return &n
}

func percentText(x float64) string {
	s := strconv.FormatFloat(x, 'f', 4, 64)
	if s == "-0.0000" {
		return "0.0000"
	}
	return s
}

// WriteCSV writes one line a row under snake_case names; what was not published or
// not measured is empty.
func WriteCSV(w io.Writer, rows []metrics.Row) error {
	t := Table{Header: []string{
		"name", "params_published_m", "params", "params_delta", "params_verdict",
		"flops_published_g", "flops", "flops_delta", "flops_verdict", "flops_convention", "flops_scope", "flops_input",
		"flops_form", "flops_classifier",
	}}
	for _, c := range metrics.Conventions() {
		t.Header = append(t.Header, fmt.Sprintf("flops_%s", c))
	}
	for _, k := range []string{"top1", "top5"} {
		t.Header = append(t.Header, k+"_published", k+"_correct", k+"_percent", k+"_low", k+"_high", k+"_delta", k+"_verdict")
	}
	t.Header = append(t.Header, "n", "set", "height", "width", "interpolation", "decoder", "precision", "images", "source",
		"converted", "golden", "note", "unreadable", "left_out", "reason")
	for _, r := range rows {
		cells := []string{r.Name}
		cells = append(cells, figureCells(r.Params)...)
		cells = append(cells, figureCells(r.FLOPs)...)
		cells = append(cells, string(r.Convention), string(r.Scope), dimensions(r.Input), string(r.Form), strconv.FormatInt(r.HeadFLOPs, 10))
		for _, total := range r.Totals {
			cells = append(cells, strconv.FormatInt(total.FLOPs, 10))
		}
		cells = append(cells, rateCells(r.Top1)...)
		cells = append(cells, rateCells(r.Top5)...)
		if e := r.Evaluation; e != nil {
			cells = append(cells, strconv.Itoa(e.Accuracy.N), strconv.Itoa(r.Images), strconv.Itoa(e.Height), strconv.Itoa(e.Width),
				e.Interpolation, e.Decoder, string(e.Precision), e.Images.Text())
		} else {
			cells = append(cells, make([]string, 8)...)
		}
		cells = append(cells, r.Digests.Source.Text(), r.Digests.Converted.Text(), r.Digests.Golden.Text(), r.Note)
		if e := r.Evaluation; e != nil {
			cells = append(cells, strconv.Itoa(e.Unreadable), strconv.Itoa(e.LeftOut))
		} else {
			cells = append(cells, "", "")
		}
		t.Rows = append(t.Rows, append(cells, r.Reason()))
	}
	return t.CSV(w)
}

// figureCells are published, computed, delta and verdict.
func figureCells(f metrics.Figure) []string {
	delta := ""
	if f.Published != "" {
		delta = strconv.FormatInt(f.Delta, 10)
	}
	return []string{f.Published, strconv.FormatInt(f.Exact, 10), delta, string(f.Verdict)}
}

// rateCells are published, correct, percent, low, high, delta and verdict.
func rateCells(r metrics.Rate) []string {
	cells := []string{r.Published, "", "", "", "", "", string(r.Verdict)}
	if r.N > 0 {
		low, high := metrics.Wilson(r.Correct, r.N)
		copy(cells[1:], []string{strconv.Itoa(r.Correct), percentText(r.Percent()), percentText(low), percentText(high)})
		if delta, ok := r.Delta(); ok {
			cells[5] = percentText(delta)
		}
	}
	return cells
}
