package registry

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/gozoo/zoo/digest"
)

// A BenchmarkFigure is what others publish of the same checkpoint on a set of images that stands
// beside ImageNet's own.
type BenchmarkFigure struct {
	Top1, Top5 Figure // percent
	Source     string // whose results, and what their network is called
	Pixels     string // what these were measured on: how an image became the input, in words
}

// benchmarks.tsv has a line of names, then one line per row: its name, the beginning of its
// file's digest, the network and the pixels of those who measured, and Top-1 and Top-5 on each
// set. golden/gen/benchmarks.py writes it and says what ties a row to a network.
//
//go:embed benchmarks.tsv
var benchmarksTSV string

// benchmarkRow is one line of benchmarks.tsv.
type benchmarkRow struct {
	weights digest.Digest
	figures map[string]BenchmarkFigure // by benchmark
}

var benchmarkTable = sync.OnceValue(func() map[string]benchmarkRow {
	table := make(map[string]benchmarkRow)
	var head []string
	for line := range strings.Lines(benchmarksTSV) {
		cells := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case head == nil:
			head = cells
			continue
		}
		var d digest.Digest
		var err error
		if cells[1] != "-" { // else the row states none
			d, err = digest.Parse(cells[1])
		}
		row := benchmarkRow{d, make(map[string]BenchmarkFigure)}
		for i, cell := range cells[4:] {
			top1, top5, _ := strings.Cut(cell, " ")
			f := BenchmarkFigure{Source: "timm, " + cells[2], Pixels: cells[3]}
			var err1, err5 error
			f.Top1, err1 = ParseFigure(top1)
			f.Top5, err5 = ParseFigure(top5)
			row.figures[head[4+i]] = f
			if err1 != nil || err5 != nil {
				err = fmt.Errorf("%w, %w", err1, err5)
			}
		}
		if err != nil {
			panic(fmt.Sprintf("%s: %v", cells[0], err)) // the file is ours, and tested
		}
		table[cells[0]] = row
	}
	return table
})

// OnBenchmark returns what is published of the row's checkpoint on a set such as "ImageNet-A",
// and whether anything is: only where a source says that it is the same checkpoint, and never for
// a row whose weights are not those that are built in.
func (e *Entry) OnBenchmark(name string) (BenchmarkFigure, bool) {
	row, ok := benchmarkTable()[e.Name]
	if !ok || !e.AtBuiltin() || row.weights != e.Weights.Digest {
		return BenchmarkFigure{}, false
	}
	f, ok := row.figures[name]
	return f, ok
}
