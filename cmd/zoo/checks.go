package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/printable"
)

// checkDrop is the order in which a narrow terminal goes without columns.
var checkDrop = []string{"BESIDE PROBES", "LOGITS", "PROBES", "KERNELS", "WEIGHTS", "ALLOWED", "PRECISION", "INPUT", "ERROR"}

// A checkPrinter prints checks for people as they come: a sentence each, and on a terminal a row of a
// table each, with what else is to be said under it.
type checkPrinter struct {
	*app
	rows                   *table.Stream // nil: sentences
	passed, skipped, total int
}

// newCheckPrinter lays a table out for checks of the given models, which are still to come. Of several
// precisions each row says its own.
func (a *app) newCheckPrinter(names []string, precisions int) (*checkPrinter, error) {
	p := &checkPrinter{app: a}
	if !a.onTerminal {
		return p, nil
	}
	t := table.Table{
		Header: []string{"", "MODEL", "INPUT", "WEIGHTS", "PRECISION", "KERNELS", "PROBES", "ERROR", "ALLOWED", "HEADROOM", "LOGITS",
			"BESIDE PROBES", ""},
		Right:   []bool{6: true, 7: true, 8: true, 9: true, 10: true, 11: true},
		Style:   table.Plain,
		Drop:    checkDrop,
		Name:    1,
		Remarks: true,
		Colour: func(column int, cell string) printable.Colour {
			if column > 0 {
				return printable.Plain
			}
			return colourOf(cell)
		},
	}
	if precisions > 1 {
		t.Drop = slices.DeleteFunc(slices.Clone(checkDrop), func(name string) bool { return name == "PRECISION" })
	}
	digest := a.hex("sha256:" + strings.Repeat("0", 64))
	for _, name := range names { // as wide as any that may come
		t.Rows = append(t.Rows, []string{pass, name, "1x3x224x224", digest, string(zoo.Highest), model.Variant(), "100", "1.2e-06",
			"0.0001", "1000x", "1.2e-06", "1.2e-06", ""})
	}
	var err error
	p.rows, err = t.Begin(a.stdout, a.screen)
	return p, err
}

// print prints one check.
func (p *checkPrinter) print(c *zoo.Check) error {
	v := c.Verdict
	p.total++
	switch {
	case !c.Pass():
	case v.Judged:
		p.passed++
	default:
		p.skipped++
	}
	if p.rows == nil {
		p.sentences(c)
		return nil
	}
	word := verdictWord(v.Judged, c.Pass())
	var remarks []string
	if word != pass {
		remarks = append(remarks, c.Reason())
	}
	if c.StandIn != nil {
		remarks = append(remarks, fmt.Sprintf("%s of %s", c.StandIn.Kind, p.hex(c.StandIn.Of.Text())))
	}
	if c.AsComputedBy != "" {
		remarks = append(remarks, asComputedBy(c))
	}
	if c.Bundle != nil {
		remarks = append(remarks, fmt.Sprintf("golden %s is of %s", v.Golden, c.Bundle))
	}
	if c.Pixels != nil {
		remarks = append(remarks, pixelText(c.Pixels))
	}
	probed := "-"
	if v.Probed != nil {
		probed = figure("%.2g", v.Probed.Error)
	}
	return p.rows.Row([]string{
		word, c.Model, c.Input, p.hex(c.Weights.String()), string(v.Precision), model.Variant(), fmt.Sprint(len(v.Probes)),
		figure("%.2g", v.Error()), figure("%.2g", v.Tolerance), figure("%.0fx", v.Headroom()), figure("%.2g", v.Logits.Error), probed,
		strings.Join(remarks, "; "),
	})
}

// figure prints a number, or a dash for one that is not finite.
func figure(format string, x float64) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf(format, x)
}

// verdictWord returns the word for a check.
func verdictWord(judged, passed bool) string {
	switch {
	case !passed:
		return fail
	case !judged:
		return skip
	}
	return pass
}

// sentences prints a line for the network and one for the pixels.
func (p *checkPrinter) sentences(c *zoo.Check) {
	v := c.Verdict
	p.judge(verdictWord(v.Judged, v.Pass || !v.Judged), "%s %s %s, %s on %s, %d probes: %s", c.Model, c.Input, c.Weights, v.Precision,
		model.Variant(), len(v.Probes), v)
	if c.AsComputedBy != "" {
		p.line("     %s", asComputedBy(c))
	}
	if t := c.StandIn; t != nil {
		p.line("     these weights are %s of the published file %s, and part of this program", t.Kind, t.Of.Text())
	}
	if c.Bundle != nil {
		p.line("     golden %s is of %s", v.Golden, c.Bundle)
	}
	if c.Pixels != nil {
		p.judge(verdictWord(true, c.Pixels.Differ == 0), "%s %s %s", c.Model, c.Input, pixelText(c.Pixels))
	}
}

// asComputedBy says whose network was judged, where it is not the published one.
func asComputedBy(c *zoo.Check) string {
	return fmt.Sprintf("as %s computes it, which wrote the golden, and not as it was published: zoo info %s says why", c.AsComputedBy, c.Model)
}

// pixelText says how preprocessed images compare with the reference's.
func pixelText(p *zoo.PixelDelta) string {
	if p.Differ > 0 {
		return fmt.Sprintf("pixels: %d values, %d differ, by up to %.3g levels", p.Values, p.Differ, p.Max)
	}
	return fmt.Sprintf("pixels: %d values, equal to the reference's", p.Values)
}

// end ends the table, and counts.
func (p *checkPrinter) end() error {
	if p.rows == nil {
		return nil
	}
	if err := p.rows.End(); err != nil {
		return err
	}
	text := fmt.Sprintf("%d of %d passed", p.passed, p.total)
	if p.skipped > 0 {
		text += fmt.Sprintf(", %d not judged at that precision", p.skipped)
	}
	p.tally("%s", text)
	return nil
}
