package table

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/printable"
)

// text writes a line of text; anchor says which of its ends is at x.
func text(b *bytes.Buffer, class string, x, y float64, anchor, colour, what string) {
	size := ""
	switch class {
	case "tick":
		size = ` font-size="11"`
	case "name":
		size = fmt.Sprintf(` font-size="%s"`, num(nameSize))
	}
	if class != "" {
		class = fmt.Sprintf(` class="%s"`, class)
	}
	fmt.Fprintf(b, `<text%s x="%s" y="%s" text-anchor="%s" fill="%s"%s>%s</text>`+"\n",
		class, num(x), num(y), anchor, colour, size, printable.HTML(what))
}

// line draws a straight line.
func line(b *bytes.Buffer, class string, x1, y1, x2, y2 float64, colour string, width float64) {
	fmt.Fprintf(b, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s" stroke-width="%s"/>`+"\n",
		class, num(x1), num(y1), num(x2), num(y2), colour, num(width))
}

// ring draws a published accuracy.
func ring(b *bytes.Buffer, x, y float64, colour string) {
	class := "published"
	if colour == alsoRan {
		class = "published also-ran"
	}
	fmt.Fprintf(b, `<circle class="%s" cx="%s" cy="%s" r="4" fill="none" stroke="%s" stroke-width="1.6"/>`, class, num(x), num(y), colour)
}

// disc draws a measured accuracy.
func disc(b *bytes.Buffer, x, y float64) {
	fmt.Fprintf(b, `<circle class="measured" cx="%s" cy="%s" r="3" fill="%s"/>`, num(x), num(y), own)
}

// num returns a coordinate with at most one decimal.
func num(x float64) string { return strconv.FormatFloat(math.Round(10*x)/10, 'f', -1, 64) }

// tick returns a number without needless zeros, nor the dirt of arithmetic.
func tick(x float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64), ".0")
}

// round keeps three digits.
func round(x float64) float64 {
	if x == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-2)
	return math.Round(x/unit) * unit
}
