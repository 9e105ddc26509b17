package table_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gozoo/zoo/internal/race"
	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
)

// program returns where a program is, or skips the test.
func program(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() || race.Enabled {
		t.Skipf("%s: left out in short runs and under the race detector", name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s on this machine: pages and plots are not looked at", name)
	}
	return path
}

// chromium runs the browser on a file and returns what it prints.
func chromium(t *testing.T, file string, args ...string) []byte {
	t.Helper()
	path := program(t, "chromium")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args = append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
		"--allow-file-access-from-files", "--no-first-run", "--disable-extensions", "--disable-background-networking",
		"--disable-component-update", "--user-data-dir=" + t.TempDir()}, args...)
	c := exec.CommandContext(ctx, path, append(args, "file://"+file)...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, &stderr)
	}
	return out
}

// written returns the path of a file with rows in a form.
func written(t *testing.T, name string, rows []metrics.Row, write func(io.Writer, []metrics.Row) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, rows); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPlotPictures lets two programs that share no code draw every point of a plot: each
// paints what the circles' attributes say, where they say it, and nothing else of that
// colour.
func TestPlotPictures(t *testing.T) {
	rsvg := program(t, "rsvg-convert")
	program(t, "chromium")
	t.Parallel()
	svg := written(t, "plot.svg", everyRow(t), table.WritePlot)
	data, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	plot := parsePlot(t, data)
	shots := map[string]string{"rsvg-convert": svg + ".rsvg.png", "chromium": svg + ".chromium.png"}
	if out, err := exec.CommandContext(t.Context(), rsvg, svg, "-o", shots["rsvg-convert"]).CombinedOutput(); err != nil {
		t.Fatalf("rsvg-convert: %v\n%s", err, out)
	}
	chromium(t, svg, fmt.Sprintf("--window-size=%d,%d", int(plot.width), int(plot.height)), "--screenshot="+shots["chromium"])
	painted := make(map[string]*image.Gray)
	for name, shot := range shots {
		f, err := os.Open(shot)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(f)
		if f.Close(); err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size != image.Pt(int(plot.width), int(plot.height)) {
			t.Fatalf("%s: %v, want %g x %g", name, size, plot.width, plot.height)
		}
		painted[name] = colourful(picture)
		for _, c := range plot.circles {
			for i := range 12 { // around a ring, and within a disc
				sin, cos := math.Sincos(float64(i) * math.Pi / 6)
				if at := (spot{c.x + c.r*cos, c.y + c.r*sin}); !near(painted[name], at, 1.5) {
					t.Errorf("%s: nothing is drawn at %.1f of %q", name, at, c.title)
				}
			}
		}
	}
	drawn := 0
	for one, other := range map[string]string{"rsvg-convert": "chromium", "chromium": "rsvg-convert"} {
		b := painted[one].Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				if painted[one].GrayAt(x, y).Y == 0 {
					continue
				}
				drawn++
				if at := (spot{float64(x) + 0.5, float64(y) + 0.5}); !near(painted[other], at, 1.5) {
					t.Errorf("%s has colour at %d,%d, %s has none within 1.5 pixels", one, x, y, other)
				}
			}
		}
	}
	if drawn < 20*len(plot.circles) {
		t.Errorf("%d pixels with colour for %d circles", drawn, len(plot.circles))
	}
}

// spot is a place in a picture, in pixels.
type spot struct{ x, y float64 }

// colourful marks the pixels that are no grey: those of points and intervals.
func colourful(picture image.Image) *image.Gray {
	marks := image.NewGray(picture.Bounds())
	for y := marks.Rect.Min.Y; y < marks.Rect.Max.Y; y++ {
		for x := marks.Rect.Min.X; x < marks.Rect.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			if max(r, g, b)-min(r, g, b) > 0x3000 {
				marks.SetGray(x, y, color.Gray{255})
			}
		}
	}
	return marks
}

// near reports whether the middle of a marked pixel is within a distance.
func near(marks *image.Gray, at spot, distance float64) bool {
	for y := int(at.y - distance - 1); float64(y) <= at.y+distance; y++ {
		for x := int(at.x - distance - 1); float64(x) <= at.x+distance; x++ {
			if marks.GrayAt(x, y).Y > 0 && math.Hypot(float64(x)+0.5-at.x, float64(y)+0.5-at.y) <= distance {
				return true
			}
		}
	}
	return false
}

//go:embed testdata/measure.js
var measureScript string

// look is what measure.js finds in a page of one width and scheme.
type look struct {
	Page                    string
	Width, ScrollWidth      int
	Left, Right             float64 // of what the table's first row shows
	BoxWidth, BoxScroll     int
	FirstBefore, FirstAfter float64 // left of the first column, before and after its box was scrolled
	ModelAfter              float64 // right of the names, after it
	HeadBefore, HeadAfter   float64 // top of the header, as far as it was scrolled over
	Colours                 map[string][2]string
	Sorted, Aria            []string
	Buttons, Tabbable       int
	Filtered                int
	Overlaps, Outside       []string // names of points
	Milliseconds            float64  // to sort three times, and lay the page out
}

// TestPages opens pages in a browser, 1280 and 390 pixels wide, light and dark.
func TestPages(t *testing.T) {
	program(t, "chromium")
	t.Parallel()
	dir := t.TempDir()
	var frames strings.Builder
	all, differ := everyRow(t), 0
	if os.Getenv("ZOO_LONG") == "" { // a browser takes its time
		all = slices.DeleteFunc(all, func(r metrics.Row) bool { return r.Counts() == metrics.Rounded || strings.Contains(r.Name, "32x") })
	} else {
		all = slices.Concat(all, all, all) // more than are known
	}
	for _, r := range all {
		if r.Counts() == metrics.Differs || r.Accuracy() == metrics.Differs {
			differ++
		}
	}
	for name, rows := range map[string][]metrics.Row{"all": all, "hostile": {hostileRow()}} {
		page := written(t, name+".html", rows, table.WriteHTML)
		for _, width := range []int{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				fmt.Fprintf(&frames, `<iframe name="%s %s" src="file://%s" width="%d" height="800" style="border:0;color-scheme:%[2]s"></iframe>`+"\n",
					name, scheme, page, width)
			}
		}
	}
	harness := filepath.Join(dir, "harness.html")
	text := "<!doctype html><meta charset=utf-8><body>" + frames.String() + "<pre></pre><script>" + measureScript + "</script>"
	if err := os.WriteFile(harness, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dom := chromium(t, harness, "--dump-dom")
	found := regexp.MustCompile(`(?s)<pre>(.*)</pre>`).FindSubmatch(dom)
	if found == nil {
		t.Fatalf("no measurements in\n%s", dom)
	}
	var looks []look
	if err := json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &looks); err != nil {
		t.Fatalf("%v in\n%s", err, found[1])
	}
	if len(looks) != 8 {
		t.Errorf("%d pages measured, want 8", len(looks))
	}
	for _, l := range looks {
		if strings.HasPrefix(l.Page, "all") && l.Filtered != differ {
			t.Errorf("%s: %d rows shown that differ, want %d", l.Page, l.Filtered, differ)
		}
		t.Run(fmt.Sprintf("%s %d", l.Page, l.Width), l.check)
	}
}

func (l look) check(t *testing.T) {
	if l.ScrollWidth > l.Width {
		t.Errorf("the page is %d wide", l.ScrollWidth)
	}
	all := strings.HasPrefix(l.Page, "all") // what is hostile scrolls
	switch l.Width {
	case 1280:
		if all && (l.Left < 0 || l.Right > 1280) {
			t.Errorf("columns from %g to %g", l.Left, l.Right)
		}
	case 390:
		if l.BoxScroll <= l.BoxWidth || l.BoxWidth > 390 {
			t.Errorf("the table's box is %d wide and scrolls %d", l.BoxWidth, l.BoxScroll)
		}
		if l.ModelAfter > 390*0.6 {
			t.Errorf("the columns that stay take %g of 390", l.ModelAfter)
		}
	default:
		t.Errorf("no width that was asked for")
	}
	if l.FirstAfter != l.FirstBefore {
		t.Errorf("scrolled, the first column moves from %g to %g", l.FirstBefore, l.FirstAfter)
	}
	if l.HeadAfter > l.HeadBefore || l.HeadAfter < 0 {
		t.Errorf("scrolled, the header is at %g (before: %g)", l.HeadAfter, l.HeadBefore)
	}
	dark := luminance(t, l.Colours["body"][1]) < 0.1
	if dark != strings.HasSuffix(l.Page, "dark") {
		t.Errorf("background %s", l.Colours["body"][1])
	}
	for what, c := range l.Colours {
		a, b := luminance(t, c[0]), luminance(t, c[1])
		if contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05); contrast < 4.5 {
			t.Errorf("%s: %s on %s has a contrast of %.2f", what, c[0], c[1], contrast)
		}
	}
	if want := "ascending descending none"; strings.Join(l.Aria, " ") != want {
		t.Errorf("aria-sort after each press: %q", l.Aria)
	}
	if l.Milliseconds > 2000 {
		t.Errorf("sorting takes %g ms", l.Milliseconds)
	}
	if l.Buttons < 13 || l.Tabbable != l.Buttons {
		t.Errorf("%d of %d headings can be reached by the keyboard", l.Tabbable, l.Buttons)
	}
	last := math.Inf(-1)
	for _, text := range l.Sorted {
		x, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil:
			last = math.Inf(1) // what is absent comes last
		case x < last:
			t.Errorf("%g is sorted after %g", x, last)
		default:
			last = x
		}
	}
	if len(l.Overlaps)+len(l.Outside) > 0 {
		t.Errorf("names of points: %q cover others, %q are outside", l.Overlaps, l.Outside)
	}
}

// luminance is that of the sRGB colour "rgb(r, g, b)" by WCAG's formula, 0 to 1.
func luminance(t *testing.T, text string) float64 {
	t.Helper()
	var c [3]float64
	if _, err := fmt.Sscanf(text, "rgb(%g, %g, %g)", &c[0], &c[1], &c[2]); err != nil {
		t.Fatalf("colour %q: %v", text, err)
	}
	for i := range c {
		if c[i] /= 255; c[i] <= 0.04045 {
			c[i] /= 12.92
		} else {
			c[i] = math.Pow((c[i]+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
}
