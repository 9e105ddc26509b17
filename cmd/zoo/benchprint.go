package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/tensor"
)

// percentiles of the times of calls that are printed.
var percentiles = []int{50, 90, 95, 99}

// The orders in which a narrow terminal goes without columns: of models, and of steps.
var (
	benchDrop = []string{"Runs", "Size", "p90 ms", "p95 ms", "GFLOP/s", "p50 ms", "Min ms"}
	stepsDrop = []string{"Why", "Output", "Idle %", "Operator", "GFLOP/s", "Kernel"}
)

// benchPrinter prints how long models take: as they come, or in a table at the end.
type benchPrinter struct {
	app          *app
	format       string
	layers, many bool
	timed        []*zoo.Bench
	results      []any // as JSON, of those that failed too
}

// add takes the times of a model.
func (p *benchPrinter) add(b *zoo.Bench) error {
	p.timed = append(p.timed, b)
	switch {
	case p.format == formatJSON:
		p.results = append(p.results, benchJSONOf(b, p.layers))
	case p.format == formatNDJSON:
		return encode(p.app.stdout, struct {
			CPU string `json:"cpu"`
			benchJSON
		}{zoo.CPU(), benchJSONOf(b, p.layers)})
	case p.format == formatHuman && !p.many:
		return p.one(b)
	}
	return nil
}

// fail takes the error of one model of several.
func (p *benchPrinter) fail(name string, err error) error {
	failure := struct {
		Model      string `json:"model"`
		Error      string `json:"error"`
		ExitStatus int    `json:"exit_status"`
	}{name, flagged(err), exitStatus(err)}
	switch p.format {
	case formatJSON:
		p.results = append(p.results, failure)
	case formatNDJSON:
		return encode(p.app.stdout, failure)
	default:
		p.app.endProgress()
		p.app.printProblem(fmt.Sprintf("%s: %s", name, flagged(err)), name)
	}
	return nil
}

// end prints what is printed once.
func (p *benchPrinter) end() error {
	switch {
	case p.format == formatJSON:
		return p.app.printJSON(struct {
			CPU     string `json:"cpu"`
			Results []any  `json:"results"`
		}{zoo.CPU(), append([]any{}, p.results...)})
	case p.format == formatCSV:
		return benchCSV(p.timed).CSV(p.app.stdout)
	case len(p.timed) == 0:
	case p.format == formatMarkdown:
		p.app.line("%s", printable.Markdown(benchSetting(p.timed[0])))
		p.app.line("")
		return benchTable(p.timed).Markdown(p.app.stdout)
	case p.format == formatHuman && p.many:
		p.app.prose("%s", benchSetting(p.timed[0]))
		return p.app.printTable(benchTable(p.timed))
	}
	return nil
}

// perImage returns milliseconds of each image of a batch.
func perImage(d time.Duration, b *zoo.Bench) float64 { return millis(d) / float64(b.Input[0]) }

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// decimals returns a number with so many of them.
func decimals(x float64, n int) string { return strconv.FormatFloat(x, 'f', n, 64) }

// timedAs returns a time, or another text where nothing was timed.
func timedAs(ms float64, ok bool, none string) string {
	if !ok {
		return none
	}
	return decimals(ms, 3)
}

// benchSetting says what all models of a table have in common.
func benchSetting(b *zoo.Bench) string {
	text := fmt.Sprintf("batch %d, %d threads, %s on %s, %s", b.Input[0], b.Threads, b.Precision, b.Kernels, orDash(zoo.CPU()))
	if b.Elapsed > 0 {
		text = plural(b.Sessions, "session", "sessions") + ", " + text
	}
	return text + "; min and median are of an image, percentiles of a call"
}

// one prints the times of a single model for people.
func (p *benchPrinter) one(b *zoo.Bench) error {
	a := p.app
	what := fmt.Sprintf("%s %dx%d, batch %d, %d threads, %s on %s",
		b.Model, b.Input[2], b.Input[3], b.Input[0], b.Threads, b.Precision, b.Kernels)
	if b.Runs == 0 {
		a.prose("%s: computed once, not timed", what)
		return nil
	}
	speed := fmt.Sprintf("%.1f GFLOP/s", b.GFLOPS())
	if b.Elapsed > 0 {
		sessions := plural(b.Sessions, "session", "sessions")
		a.prose("%s: %.1f images/s of %s in %.1f s, %s", what, b.ImagesPerSecond(), sessions, b.Elapsed.Seconds(), speed)
		a.prose("  %.3f ms an image, median %.3f of %d runs", perImage(b.Min, b), perImage(b.Median, b), b.Runs)
	} else {
		a.prose("%s: %.3f ms an image, median %.3f of %d runs, %s", what, perImage(b.Min, b), perImage(b.Median, b), b.Runs, speed)
	}
	text, few := "", ""
	for _, percent := range percentiles {
		d, ok := b.Percentile(percent)
		text += fmt.Sprintf("p%d %s, ", percent, timedAs(millis(d), ok, "-"))
		if !ok && few == "" {
			few = fmt.Sprintf(" (of %s: too few)", plural(b.Runs, "run", "runs"))
		}
	}
	a.prose("  ms a call: %s%s", text[:len(text)-len(", ")], few)
	if p.layers {
		return a.printTable(layerTable(b))
	}
	return nil
}

// layerTable is what each step of a model takes.
func layerTable(b *zoo.Bench) table.Table {
	t := table.Table{
		Header: []string{"Step", "Operator", "Kernel", "Output", "ms", "%", "GFLOP/s", "Idle %", "Why"},
		Right:  []bool{false, false, false, false, true, true, true, true, false},
		Drop:   stepsDrop,
	}
	var total time.Duration
	for _, l := range b.Layers {
		total += l.Min
	}
	for _, l := range b.Layers {
		speed := ""
		if l.MACs > 0 {
			speed = decimals(l.GFLOPS(), 1)
		}
		idle := "-"
		if b.Threads > 1 {
			idle = decimals(100*l.Idle, 1)
		}
		t.Rows = append(t.Rows, []string{
			l.Path, l.Kind, l.Kernel, l.Out.String(), decimals(perImage(l.Min, b), 3),
			decimals(100*float64(l.Min)/float64(max(total, 1)), 1), speed, idle, l.Why,
		})
	}
	return t
}

// benchTable has a row for each model. What they have in common is left out: benchSetting says it.
func benchTable(timed []*zoo.Bench) table.Table {
	t := table.Table{
		Header: []string{"Model", "Size", "Min ms", "Median ms", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "GFLOP/s", "Runs"},
		Drop:   benchDrop,
	}
	sustained := timed[0].Elapsed > 0
	if sustained {
		t.Header = append(t.Header, "Images/s")
	}
	for i := range t.Header {
		t.Right = append(t.Right, i > 1)
	}
	for _, b := range timed {
		row := []string{b.Model, fmt.Sprintf("%dx%d", b.Input[2], b.Input[3])}
		for _, ms := range []time.Duration{b.Min, b.Median} {
			row = append(row, timedAs(perImage(ms, b), b.Runs > 0, "-"))
		}
		for _, percent := range percentiles {
			d, ok := b.Percentile(percent)
			row = append(row, timedAs(millis(d), ok, "-"))
		}
		row = append(row, decimals(b.GFLOPS(), 1), strconv.Itoa(b.Runs))
		if sustained {
			row = append(row, decimals(b.ImagesPerSecond(), 1))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// benchCSV has a row for each model, with everything in it, under the names that JSON has.
func benchCSV(timed []*zoo.Bench) table.Table {
	t := table.Table{Header: []string{"model", "size", "threads", "batch", "precision", "variant", "ms_min", "ms_median", "gflops", "runs"}}
	for _, percent := range percentiles {
		t.Header = append(t.Header, fmt.Sprintf("ms_call_p%d", percent))
	}
	t.Header = append(t.Header, "sessions", "duration_s", "images_per_s")
	for _, b := range timed {
		r := benchJSONOf(b, false)
		row := []string{r.Model, r.Size, strconv.Itoa(r.Threads), strconv.Itoa(r.Batch), r.Precision, r.Variant,
			r.Min.String(), r.Median.String(), r.GFLOPS.String(), strconv.Itoa(r.Runs)}
		for _, n := range []*json.Number{r.P50, r.P90, r.P95, r.P99} {
			row = append(row, orEmpty(n))
		}
		t.Rows = append(t.Rows, append(row, strconv.Itoa(r.Sessions), orEmpty(r.Duration), orEmpty(r.Throughput)))
	}
	return t
}

// orEmpty returns a number's digits, or nothing.
func orEmpty(n *json.Number) string {
	if n == nil {
		return ""
	}
	return n.String()
}

// benchJSON is a zoo.Bench as JSON.
type benchJSON struct {
	Model      string       `json:"model"`
	Size       string       `json:"size"`
	Threads    int          `json:"threads"`
	Batch      int          `json:"batch"`
	Precision  string       `json:"precision"`
	Variant    string       `json:"variant"`
	Min        json.Number  `json:"ms_min"`      // of an image
	Median     json.Number  `json:"ms_median"`   // of an image
	P50        *json.Number `json:"ms_call_p50"` // of a call; null where the runs are too few
	P90        *json.Number `json:"ms_call_p90"`
	P95        *json.Number `json:"ms_call_p95"`
	P99        *json.Number `json:"ms_call_p99"`
	GFLOPS     json.Number  `json:"gflops"`
	Runs       int          `json:"runs"`
	Sessions   int          `json:"sessions"`
	Duration   *json.Number `json:"duration_s,omitempty"`   // with --duration: until the last call's end
	Throughput *json.Number `json:"images_per_s,omitempty"` // with --duration
	Layers     []layerJSON  `json:"layers,omitempty"`
}

type layerJSON struct {
	Path   string       `json:"path"`
	Kind   string       `json:"kind"`
	Kernel string       `json:"kernel"`
	Why    string       `json:"why,omitempty"`
	Out    tensor.Shape `json:"output"`
	MACs   int64        `json:"macs"`
	MS     json.Number  `json:"ms_min"`
	GFLOPS json.Number  `json:"gflops"`
	Idle   json.Number  `json:"idle"` // share of the threads' time, 0 to 1
}

func benchJSONOf(b *zoo.Bench, layers bool) benchJSON {
	number := func(x float64, n int) json.Number { return json.Number(decimals(x, n)) }
	optional := func(x float64, n int, ok bool) *json.Number {
		if !ok {
			return nil
		}
		out := number(x, n)
		return &out
	}
	percentile := func(percent int) *json.Number {
		d, ok := b.Percentile(percent)
		return optional(millis(d), 4, ok)
	}
	r := benchJSON{
		Model: b.Model, Size: fmt.Sprintf("%dx%d", b.Input[2], b.Input[3]), Threads: b.Threads, Batch: b.Input[0],
		Precision: string(b.Precision), Variant: b.Kernels, Min: number(perImage(b.Min, b), 4), Median: number(perImage(b.Median, b), 4),
		P50: percentile(50), P90: percentile(90), P95: percentile(95), P99: percentile(99),
		GFLOPS: number(b.GFLOPS(), 1), Runs: b.Runs, Sessions: b.Sessions,
		Duration: optional(b.Elapsed.Seconds(), 3, b.Elapsed > 0), Throughput: optional(b.ImagesPerSecond(), 2, b.Elapsed > 0),
	}
	if layers {
		for _, l := range b.Layers {
			r.Layers = append(r.Layers, layerJSON{l.Path, l.Kind, l.Kernel, l.Why, l.Out, l.MACs, number(perImage(l.Min, b), 4),
				number(l.GFLOPS(), 1), number(l.Idle, 3)})
		}
	}
	return r
}
