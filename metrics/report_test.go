package metrics_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/tensor"
)

// rows has a row for each way in which figures can be there or lacking.
func rows(t *testing.T) []metrics.Row {
	t.Helper()
	g := network(t)
	input := tensor.Shape{1, 3, 8, 8}
	published := map[string]metrics.Published{
		"measured":      {Labels: "digits <0-9>", Params: "0.000349", FLOPs: "0.000004288", Convention: metrics.MMCVLegacy, Input: input, Top1: "98.33", Top5: "100.00", Images: 360},
		"not-measured":  {Params: "0.0003", FLOPs: "0.0000040", Convention: metrics.MMEngine, Input: input, Top1: "80.05", Top5: "95.07", Images: 50000},
		"not-published": {Convention: metrics.FVCore, Input: tensor.Shape{1, 3, 8, 16}},
		"part|of_a_set": {Params: "0.1", FLOPs: "1", Convention: metrics.MMEngineTrain, Input: input, Form: "deploy", Note: "counted on another network", Top1: "80.05", Top5: "95.07", Images: 50000},
	}
	evaluation := metrics.Evaluation{Height: 8, Width: 8, Interpolation: "bicubic (pillow)", Decoder: "zoo", Precision: "high", Images: "sha256:" + strings.Repeat("ab", 32)}
	var out []metrics.Row
	for _, name := range []string{"measured", "not-measured", "not-published", "part|of_a_set"} {
		r, err := metrics.NewRow(name, published[name], g)
		if err != nil {
			t.Fatal(err)
		}
		e := evaluation
		switch name {
		case "measured":
			e.Accuracy = metrics.Accuracy{N: 360, Top1: 354, Top5: 360}
			r.Digests = metrics.Digests{Source: "sha256:" + strings.Repeat("01", 32), Converted: "sha256:" + strings.Repeat("23", 32), Golden: "sha256:" + strings.Repeat("45", 32)}
		case "part|of_a_set":
			e.Accuracy, e.Width, e.Images = metrics.Accuracy{N: 100, Top1: 78, Top5: 96}, 16, ""
			r.Digests.Source = "sha256-prefix:01234567"
		}
		if e.Accuracy.N > 0 {
			if err := r.Measure(e); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, r)
	}
	return out
}

// TestReport compares every format with a file that was read by eye.
func TestReport(t *testing.T) {
	for file, write := range map[string]func(io.Writer, []metrics.Row) error{
		"report.txt": metrics.WriteHuman, "report.md": metrics.WriteMarkdown, "report.csv": metrics.WriteCSV, "report.json": metrics.WriteJSON, "report.html": metrics.WriteHTML, "plot.svg": metrics.WritePlot,
	} {
		t.Run(file, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got, rows(t)); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Errorf("%v; found\n%s", err, &got)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestReportMachine checks that what programs read is well formed and says the same.
func TestReportMachine(t *testing.T) {
	in := rows(t)
	var text bytes.Buffer
	if err := metrics.WriteCSV(&text, in); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&text).ReadAll() // as many cells in each line as in the header
	if err != nil || len(lines) != len(in)+1 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	text.Reset()
	if err := metrics.WriteJSON(&text, in); err != nil {
		t.Fatal(err)
	}
	var report struct {
		SchemaVersion int `json:"schema_version"`
		Rows          []struct {
			Name  string
			FLOPs struct {
				Computed   int64
				Convention string
				Input      []int
			}
			Top1 struct{ Correct *int }
		}
	}
	if err := json.Unmarshal(text.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.SchemaVersion != metrics.SchemaVersion || len(report.Rows) != len(in) {
		t.Fatalf("version %d, %d rows", report.SchemaVersion, len(report.Rows))
	}
	for i, r := range report.Rows {
		if r.Name != in[i].Name || r.FLOPs.Computed != in[i].FLOPs.Exact || r.FLOPs.Convention != string(in[i].Convention) || len(r.FLOPs.Input) != 4 {
			t.Errorf("%+v of %+v", r, in[i])
		}
		if (r.Top1.Correct != nil) != (in[i].Evaluation != nil) {
			t.Errorf("%s: top1 %v", r.Name, r.Top1.Correct)
		}
	}
	text.Reset()
	if err := metrics.WriteJSON(&text, nil); err != nil || !strings.Contains(text.String(), `"rows": []`) {
		t.Errorf("no rows: %v %s", err, &text)
	}
}

func TestMeasureRefuses(t *testing.T) {
	r := rows(t)[1]
	for _, n := range []int{0, -1, 50001} {
		if err := r.Measure(metrics.Evaluation{Accuracy: metrics.Accuracy{N: n}}); err == nil || r.Evaluation != nil {
			t.Errorf("%d images are accepted", n)
		}
	}
}

func TestNewRowRefuses(t *testing.T) {
	good := metrics.Published{Convention: metrics.MMEngine, Input: tensor.Shape{1, 3, 8, 8}}
	for want, edit := range map[string]func(p *metrics.Published){
		`params of "net"`:             func(p *metrics.Published) { p.Params = "x" },
		`FLOPs of "net"`:              func(p *metrics.Published) { p.FLOPs = "1e9" },
		`Top-1 of "net"`:              func(p *metrics.Published) { p.Top1 = "8O" },
		`Top-5 of "net"`:              func(p *metrics.Published) { p.Top5 = " 1" },
		`unknown FLOPs convention ""`: func(p *metrics.Published) { p.Convention = "" },
		`expected (N,3,H,W)`:          func(p *metrics.Published) { p.Input = nil },
	} {
		p := good
		edit(&p)
		if _, err := metrics.NewRow("net", p, network(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q in it", err, want)
		}
	}
}
