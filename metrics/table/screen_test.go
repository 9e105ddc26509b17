package table_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/metrics/table"
	"github.com/gozoo/zoo/printable"
)

// birds is a table of wide characters, of marks on others, and of remarks.
func birds() table.Table {
	return table.Table{
		Header: []string{"Name", "Mass\ng", "Kind", "Remark"},
		Right:  []bool{false, true},
		Drop:   []string{"Kind", "Mass"},
		Rows: [][]string{
			{"ハヤブサ", "980", "falcon", ""}, // eight columns
			{"pie\u0301 bavarde", "190", "crow", "steals what shines"},
			{"kea", "900", "parrot", ""},
		},
	}
}

// TestScreen compares tables on screens of each width with what was laid out by hand.
func TestScreen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*table.Table)
		screen table.Screen
		want   string
	}{
		{"a file", nil, table.Screen{}, `
Name         Mass  Kind    Remark
                g
-----------------------------------------------
ハヤブサ      980  falcon
pié bavarde   190  crow    steals what shines
kea           900  parrot
`},
		{"as wide as the table", nil, table.Screen{Width: 45}, `
Name         Mass  Kind    Remark
                g
---------------------------------------------
ハヤブサ      980  falcon
pié bavarde   190  crow    steals what shines
kea           900  parrot
`},
		{"a column less", nil, table.Screen{Width: 44, All: "--wide prints them"}, `
Name         Mass  Remark
                g
-------------------------------------
ハヤブサ      980
pié bavarde   190  steals what shines
kea           900
left out: Kind; --wide prints them
`},
		{"names that are whole, texts that are not", nil, table.Screen{Width: 28}, `
Name         Remark
----------------------------
ハヤブサ
pié bavarde  steals what sh…
kea
left out: Kind, Mass
`},
		{"names that are not", nil, table.Screen{Width: 14}, `
Name      Rem…
--------------
ハヤブサ
pié bav…  ste…
kea
left out:
  Kind, Mass
`},
		{"remarks under their rows", func(t *table.Table) { t.Remarks = true }, table.Screen{Width: 20}, `
Name         Mass
                g
-----------------
ハヤブサ      980
pié bavarde   190
    steals what
    shines
kea           900
left out: Kind
`},
		{"remarks in a file", func(t *table.Table) { t.Remarks = true }, table.Screen{}, `
Name         Mass  Kind    Remark
                g
-----------------------------------
ハヤブサ      980  falcon
pié bavarde   190  crow    steals what shines
kea           900  parrot
`},
		{"a header alone", func(t *table.Table) { t.Style, t.Drop = table.Plain, []string{"Remark", "Name"} }, table.Screen{Width: 26}, `
Name         Mass  Kind
                g
ハヤブサ      980  falcon
pié bavarde   190  crow
kea           900  parrot
left out: Remark
`},
		{"no header", func(t *table.Table) { t.Style = table.Bare }, table.Screen{Width: 32}, `
ハヤブサ
pié bavarde  steals what shines
kea
left out: Kind, Mass
`},
		{"wide characters that are cut", func(t *table.Table) {
			t.Rows, t.Drop = [][]string{{"ハヤブサハヤブサ", "1", "", ""}}, []string{"Remark", "Kind"}
		}, table.Screen{Width: 17}, `
Name         Mass
                g
-----------------
ハヤブサハ…     1
left out: Remark,
  Kind
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := birds()
			if tt.change != nil {
				tt.change(&in)
			}
			var got bytes.Buffer
			if err := in.Human(&got, tt.screen); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), strings.ReplaceAll(got.String(), "e\u0301", "é")); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestScreenColours sees that colours change no place, and that a cell cannot choose one.
func TestScreenColours(t *testing.T) {
	in := birds()
	in.Rows[2][0] = "\x1b[31mkea"
	in.Colour = func(column int, cell string) printable.Colour {
		if column == 2 && cell == "crow" {
			return printable.Red
		}
		return printable.Plain
	}
	for _, width := range []int{0, 20, 30, 60} {
		var plain, coloured bytes.Buffer
		if err := in.Human(&plain, table.Screen{Width: width}); err != nil {
			t.Fatal(err)
		}
		if err := in.Human(&coloured, table.Screen{Width: width, Colours: true}); err != nil {
			t.Fatal(err)
		}
		painted := strings.ReplaceAll(plain.String(), "crow", "\x1b[31mcrow\x1b[39m")
		if d := cmp.Diff(painted, coloured.String()); d != "" {
			t.Errorf("at %d columns (-want +got)\n%s", width, d)
		}
	}
}

// TestStream sees that rows that come one by one stand as those of a table that is whole, and that one
// that is longer than was expected is cut.
func TestStream(t *testing.T) {
	in, screen := birds(), table.Screen{Width: 40}
	var whole, parts bytes.Buffer
	if err := in.Human(&whole, screen); err != nil {
		t.Fatal(err)
	}
	s, err := in.Begin(&parts, screen)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range in.Rows {
		if err := s.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	before := parts.Len()
	if err := s.Row([]string{"a bird with a long name", "1", "", ""}); err != nil {
		t.Fatal(err)
	}
	if row := parts.String()[before:]; row != "a bird wit…     1\n" {
		t.Errorf("%q", row)
	}
	parts.Truncate(before)
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(whole.String(), parts.String()); d != "" {
		t.Errorf("(-whole +parts)\n%s", d)
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text   string
		width  int
		indent int
		want   string
	}{
		{"no screen is too narrow for a file", 0, 2, "no screen is too narrow for a file"},
		{"one two", 7, 2, "one two"},
		{"one two", 6, 2, "one\n  two"},
		{"name   a value of words", 14, 7, "name   a value\n       of\n       words"},
		{"    indented text", 12, 4, "    indented\n    text"},
		{"an https://address.example/that/is/long too", 20, 3, "an https://address.example/that/is/long\n   too"},
		{"ハヤブサ ハヤブサ", 12, 2, "ハヤブサ\n  ハヤブサ"},
		{"deeper than half", 10, 8, "deeper\n  than\n  half"},
	} {
		if got := (table.Screen{Width: tt.width}).Wrap(tt.text, tt.indent); got != tt.want {
			t.Errorf("%q at %d: %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

// TestReportOnScreen sees that a report on a screen says all that fits, the reason of what differs
// and what is left out.
func TestReportOnScreen(t *testing.T) {
	var b bytes.Buffer
	if err := table.WriteHuman(&b, rows(t), table.Screen{Width: 80, All: "ask"}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"part|of_a_set", "    parameters 99.7 % below published;", "left out: counted by, Top-5 %", "; ask"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not there:\n%s", want, &b)
		}
	}
	const want = "counts: 1 exact, 1 rounded, 1 differs, 1 not published; " +
		"accuracy: 1 reproduced, 1 consistent, 1 not measured, 1 not published"
	if got := table.Tally(rows(t)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
