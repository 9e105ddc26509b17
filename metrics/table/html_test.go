package table_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/gozoo/zoo/metrics"
	"github.com/gozoo/zoo/metrics/table"
)

// pageOf returns a page and its elements in their order.
func pageOf(t *testing.T, rows []metrics.Row) (text string, elements []*html.Node) {
	t.Helper()
	var b bytes.Buffer
	if err := table.WriteHTML(&b, rows); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			elements = append(elements, n)
		}
	}
	return b.String(), elements
}

// within returns the elements of a name below a node.
func within(n *html.Node, name string) (found []*html.Node) {
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && c.Data == name {
			found = append(found, c)
		}
	}
	return found
}

// words returns the text of a node.
func words(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func value(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// A page needs nothing from elsewhere, and allows nothing but its own style and script,
// whatever its rows hold.
func TestHTMLSelfContained(t *testing.T) {
	for name, rows := range map[string][]metrics.Row{"rows": rows(t), "hostile": {hostileRow()}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			text, elements := pageOf(t, rows)
			sums := make(map[string]string)
			for _, n := range elements {
				for _, a := range n.Attr {
					link := slices.Contains([]string{"src", "srcset", "href", "action", "poster", "data"}, a.Key)
					outside := link && !strings.HasPrefix(a.Val, "#")
					if outside || strings.HasPrefix(a.Key, "on") || a.Key == "style" {
						t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
					}
				}
				switch n.Data {
				case "script", "style":
					sum := sha256.Sum256([]byte(n.FirstChild.Data))
					if sums[n.Data] != "" {
						t.Errorf("a second <%s>", n.Data)
					}
					sums[n.Data] = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
				case "link", "img", "iframe", "object", "embed", "base", "image", "use":
					t.Errorf("<%s>", n.Data)
				}
			}
			want := "default-src 'none'; style-src " + sums["style"] + "; script-src " + sums["script"] + "; base-uri 'none'; form-action 'none'"
			policy := slices.IndexFunc(elements, func(n *html.Node) bool { return value(n, "http-equiv") == "Content-Security-Policy" })
			if got := value(elements[policy], "content"); got != want {
				t.Errorf("policy %s, want %s", got, want)
			}
			if policy > slices.IndexFunc(elements, func(n *html.Node) bool { return n.Data == "style" }) {
				t.Error("the policy comes after what it allows")
			}
			text = strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, "")
			for _, part := range []string{"http:", "https:", "@import", "url(", "innerHTML", "fetch("} {
				if strings.Contains(text, part) {
					t.Errorf("the page has %q", part)
				}
			}
		})
	}
}

// The table is complete without a script: verdicts first, each as a word beside its mark.
func TestHTMLTable(t *testing.T) {
	_, elements := pageOf(t, rows(t))
	at := slices.IndexFunc(elements, func(n *html.Node) bool { return n.Data == "table" })
	report := elements[at]
	const caption = "4 models; counts: 1 exact, 1 rounded, 1 differs, 1 not published; " +
		"accuracy: 1 reproduced, 1 consistent, 1 not measured, 1 not published"
	if got, want := words(within(report, "caption")[0]), caption; got != want {
		t.Errorf("caption %q, want %q", got, want)
	}
	var got [][]string
	for _, row := range within(report, "tr")[2:] {
		var cells []string
		for c := range row.ChildNodes() {
			cells = append(cells, words(c))
		}
		got = append(got, cells)
	}
	want := [][]string{
		{
			"✓ exact", "✓ reproduced", "measured", "0.000349", "0.000349", "0.000004288", "0.000004288", "mmcv-legacy@8",
			"98.33", "98.33", "100.00", "100.00", "360\u00a0of\u00a0360",
		},
	}
	if diff := cmp.Diff(want, got[:1]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	const reason = "part|of_a_set parameters 99.7 % below published; FLOPs 100.0 % below published; counted on another network"
	if got[3][2] != reason {
		t.Errorf("name and reason %q, want %q", got[3][2], reason)
	}
	for _, row := range within(report, "tr")[2:] {
		for _, c := range within(row, "td")[:2] {
			if class := value(c, "class"); !strings.HasPrefix(class, "verdict ") || within(c, "span") == nil {
				t.Errorf("the first columns are no verdicts: %q", class)
			}
		}
		if th := within(row, "th"); len(th) != 1 || value(th[0], "scope") != "row" {
			t.Error("a row without a heading")
		}
	}
	for _, n := range elements {
		if n.Data == "form" && !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "hidden" }) {
			t.Error("a form that does nothing without the script is shown")
		}
	}
}

// withoutOwn returns a page without its style and script, which have files of their own, and
// without their digests.
func withoutOwn(t *testing.T, page string) string {
	t.Helper()
	for _, file := range []string{"report.css", "report.js"} {
		own, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(page, string(own)) {
			t.Errorf("the page lacks %s", file)
		}
		page = strings.Replace(page, string(own), file, 1)
	}
	before, policy, _ := strings.Cut(page, `-Policy" content="`)
	_, after, _ := strings.Cut(policy, `"`)
	return before + `-Policy" content="…"` + after
}
