package table_test

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

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/nn"
	"github.com/gozoo/zoo/tensor"
)

// network is the one whose cost the tests of package metrics work out by hand.
func network(t *testing.T) *nn.Graph {
	t.Helper()
	b := nn.NewBuilder(3, 1e-5, nn.LeakyReLU(0.01))
	x := b.At("stem").ConvNormAct(b.Input(), 8, nn.K(3), nn.Stride(2)) // (1,8,4,4)
	x = b.At("pool").MaxPool(x, 3, 2, 1)                               // (1,8,2,2)
	keep, work := b.Halves(x)                                          // (1,4,2,2)
	work = b.Add(work, b.At("conv").Conv(work, 4, nn.K(3), nn.Groups(2)))
	x = b.Concat(keep, work)
	x = b.At("neck").Features(b.Flatten(b.At("gap").GlobalAvgPool(x))) // (1,8)
	g, err := b.Graph(b.At("fc").Linear(x, 5))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func sum(t *testing.T, hex string) digest.Digest {
	t.Helper()
	d, err := digest.Parse(hex)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rows has a row for each way in which figures can be there or lacking.
func rows(t *testing.T) []metrics.Row {
	t.Helper()
	g := network(t)
	input := tensor.Shape{1, 3, 8, 8}
	published := map[string]metrics.Published{
		"measured": {Labels: "digits <0-9>", Params: "0.000349", FLOPs: "0.000004288", Convention: metrics.MMCVLegacy,
			Input: input, Top1: "98.33", Top5: "100.00", Images: 360},
		"not-measured": {Params: "0.0003", FLOPs: "0.0000040", Convention: metrics.MMEngine, Input: input, Top1: "80.05",
			Top5: "95.07", Images: 50000},
		"not-published": {Convention: metrics.FVCore, Input: tensor.Shape{1, 3, 8, 16}},
		"part|of_a_set": {Params: "0.1", FLOPs: "1", Convention: metrics.MMEngineTrain, Input: input, Form: "deploy",
			Note: "counted on another network", Top1: "80.05", Top5: "95.07", Images: 50000},
	}
	evaluation := metrics.Evaluation{Height: 8, Width: 8, Interpolation: "bicubic (pillow)", Decoder: "zoo",
		Precision: "high", Images: sum(t, strings.Repeat("ab", 32))}
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
			r.Digests = metrics.Digests{Source: sum(t, strings.Repeat("01", 32)),
				Converted: sum(t, strings.Repeat("23", 32)), Golden: sum(t, strings.Repeat("45", 32))}
		case "part|of_a_set":
			e.Accuracy, e.Width, e.Images = metrics.Accuracy{N: 100, Top1: 78, Top5: 96}, 16, digest.Digest{}
			r.Digests.Source = sum(t, "01234567")
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

// inFile writes a report for people as a file has it.
func inFile(w io.Writer, rows []metrics.Row) error { return table.WriteHuman(w, rows, table.Screen{}) }

// TestReport compares every format with a file that was read by eye.
func TestReport(t *testing.T) {
	for file, write := range map[string]func(io.Writer, []metrics.Row) error{
		"report.txt": inFile, "report.md": table.WriteMarkdown, "report.csv": table.WriteCSV,
		"report.json": table.WriteJSON, "report.html": table.WriteHTML, "plot.svg": table.WritePlot,
	} {
		t.Run(file, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got, rows(t)); err != nil {
				t.Fatal(err)
			}
			text := got.String()
			if file == "report.html" {
				text = withoutOwn(t, text)
			}
			want, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Errorf("%v; found\n%s", err, text)
			}
			if d := cmp.Diff(string(want), text); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestReportMachine checks that what programs read is well formed and says the same.
func TestReportMachine(t *testing.T) {
	in := rows(t)
	var text bytes.Buffer
	if err := table.WriteCSV(&text, in); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&text).ReadAll() // as many cells in each line as in the header
	if err != nil || len(lines) != len(in)+1 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	text.Reset()
	if err := table.WriteJSON(&text, in); err != nil {
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
	if report.SchemaVersion != table.SchemaVersion || len(report.Rows) != len(in) {
		t.Fatalf("version %d, %d rows", report.SchemaVersion, len(report.Rows))
	}
	for i, r := range report.Rows {
		if r.Name != in[i].Name || r.FLOPs.Computed != in[i].FLOPs.Exact || r.FLOPs.Convention != string(in[i].Convention) ||
			len(r.FLOPs.Input) != 4 {
			t.Errorf("%+v of %+v", r, in[i])
		}
		if (r.Top1.Correct != nil) != (in[i].Evaluation != nil) {
			t.Errorf("%s: top1 %v", r.Name, r.Top1.Correct)
		}
	}
	text.Reset()
	if err := table.WriteJSON(&text, nil); err != nil || !strings.Contains(text.String(), `"rows": []`) {
		t.Errorf("no rows: %v %s", err, &text)
	}
}
