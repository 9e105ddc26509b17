package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/golden"
	"github.com/gozoo/zoo/internal/race"
)

// pseudoTerminal returns a terminal of the given width, and a function that closes it and returns what was
// written to it.
func pseudoTerminal(t *testing.T, columns int) (*os.File, func() string) {
	t.Helper()
	for name, value := range map[string]string{"COLUMNS": "", "TERM": "xterm", "NO_COLOR": ""} {
		t.Setenv(name, value)
	}
	host, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("left out: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(host.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(host.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(host.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	text := make(chan string, 1)
	go func() {
		var b bytes.Buffer
		io.Copy(&b, host) // ends with an error once nobody has the terminal open
		text <- strings.ReplaceAll(b.String(), "\r\n", "\n")
	}()
	return terminal, func() string {
		terminal.Close()
		defer host.Close()
		return <-text
	}
}

// onTerminal runs a command line whose standard output is a terminal.
func onTerminal(t *testing.T, columns int, args ...string) string {
	t.Helper()
	terminal, read := pseudoTerminal(t, columns)
	var stderr bytes.Buffer
	status := run(context.Background(), args, strings.NewReader(""), terminal, &stderr)
	text := read()
	if status != exitOK {
		t.Fatalf("zoo %s: exit status %d: %s%s", strings.Join(args, " "), status, text, &stderr)
	}
	return text
}

// uncoloured returns a text without the sequences of colours.
func uncoloured(text string) string {
	return strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[39m", "").Replace(text)
}

// tooWide returns the lines of which a terminal would make several.
func tooWide(text string, columns int) (wide []string) {
	for line := range strings.SplitSeq(uncoloured(text), "\n") {
		if utf8.RuneCountInString(line) > columns { // every character of these is one column wide
			wide = append(wide, line)
		}
	}
	return wide
}

// TestTerminal prints tables to terminals: no line is wider, what is left out is said, names are whole,
// and the last line counts.
func TestTerminal(t *testing.T) {
	cache := t.TempDir()
	widths := []int{80, 100, 120, 200}
	if race.Enabled || testing.Short() {
		widths = []int{80}
	}
	for _, tt := range []struct {
		args  []string
		whole []string // texts that are printed at every width
		last  string
		all   int // width of the whole table
	}{
		{[]string{"list"}, []string{"efficientnet-l2_3rdparty-ra-noisystudent_in1k-800px "}, " models", 269},
		{[]string{"report"}, []string{"efficientnet-lite0_3rdparty_in1k ", "reproduced"},
			"9 models; counts: 9 rounded; accuracy: 3 reproduced, 6 not measured", 130},
		{[]string{"verify", nanoModel, "cspdarknet-nano_digits"}, []string{"PASS", nanoModel + " "}, "2 of 2 passed", 130},
		{[]string{"cache", "ls"}, []string{nanoModel + " ", " MB "}, "", 130},
		{[]string{"info", nanoModel, "--layers"}, []string{"backbone.stages.0.blocks.0.conv1 "}, "", 110},
	} {
		for _, width := range widths {
			t.Run(fmt.Sprintf("%s at %d", strings.Join(tt.args, " "), width), func(t *testing.T) {
				text := onTerminal(t, width, append(tt.args, "--cache-dir", cache)...)
				if wide := tooWide(text, width); len(wide) > 0 {
					t.Errorf("wider than %d columns:\n%s", width, strings.Join(wide, "\n"))
				}
				plain := uncoloured(text)
				for _, want := range tt.whole {
					if !strings.Contains(plain, want) {
						t.Errorf("%q is not there:\n%s", want, plain)
					}
				}
				if said := strings.Contains(plain, "left out: "); said != (width < tt.all) {
					t.Errorf("that columns are left out is said: %v\n%s", said, plain)
				}
				lines := strings.Split(strings.TrimSuffix(plain, "\n"), "\n")
				if last := lines[len(lines)-1]; !strings.HasSuffix(last, tt.last) {
					t.Errorf("last line %q, want %q", last, tt.last)
				}
			})
		}
	}
}

// TestTerminalEverything holds the report on all models, and the layout of a verification of all, against
// the width of a terminal.
func TestTerminalEverything(t *testing.T) {
	if race.Enabled || testing.Short() {
		t.Skip("left out: counts every network")
	}
	cache := t.TempDir()
	for _, width := range []int{80, 100, 120} {
		text := onTerminal(t, width, "report", "*", "--cache-dir", cache)
		if wide := tooWide(text, width); len(wide) > 0 {
			t.Errorf("wider than %d columns:\n%s", width, strings.Join(wide, "\n"))
		}
		for _, want := range []string{"efficientnet-l2_3rdparty-ra-noisystudent_in1k-475px ", "\x1b[31mdiffers\x1b[39m",
			"8.7 % above published; FLOPs 213.7 % above", " differ; accuracy"} {
			if !strings.Contains(text, want) {
				t.Errorf("at %d columns %q is not there", width, want)
			}
		}
		terminal, read := pseudoTerminal(t, width)
		a := &app{data: &dataWriter{w: terminal, before: func() {}}, colour: colourAuto}
		a.stdout = a.data
		if err := a.findScreen(); err != nil {
			t.Fatal(err)
		}
		p, err := a.newCheckPrinter(golden.Models(), 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range golden.Models() {
			v := &golden.Verdict{Precision: zoo.Highest, Judged: true, Pass: i != 3, Tolerance: 1e-4, Logits: golden.Comparison{Error: 1.2e-6}}
			if i == 3 {
				v.FirstBad = &golden.Comparison{Path: "backbone.stages.2.blocks.11.conv2.conv", Index: 1234, Want: 0.125, Got: -12.5, Error: 0.5}
			}
			if err := p.print(&zoo.Check{Model: name, Input: "1x3x224x224", Verdict: v}); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		text = read()
		if wide := tooWide(text, width); len(wide) > 0 {
			t.Errorf("wider than %d columns:\n%s", width, strings.Join(wide, "\n"))
		}
		all := len(golden.Models())
		for _, want := range append(golden.Models(), "\x1b[31mFAIL\x1b[39m", "\x1b[32mPASS\x1b[39m", "first bad layer",
			fmt.Sprintf("%d of %d passed", all-1, all)) {
			if !strings.Contains(text, want) {
				t.Errorf("at %d columns %q is not there:\n%s", width, want, text)
			}
		}
	}
}

// TestTerminalSettings tries what changes how a terminal is written to.
func TestTerminalSettings(t *testing.T) {
	const (
		green = "\x1b[32m"
		whole = "sha256:30dbf1705974520c8e814e930dbe71c51b6680230b125554fd4cc9ba99ff73c3"
	)
	cache := t.TempDir()
	verify := []string{"verify", nanoModel, "--cache-dir", cache}
	for _, tt := range []struct {
		name  string
		env   map[string]string
		args  []string
		says  []string
		never []string
	}{
		{"a terminal", nil, verify, []string{green + "PASS", "left out: ", "1 of 1 passed"}, []string{"SIGNATURE", "sha256:"}},
		{"no colour", map[string]string{"NO_COLOR": "1"}, verify, []string{"PASS", "left out: "}, []string{"\x1b"}},
		{"a dumb terminal", map[string]string{"TERM": "dumb"}, verify, []string{"PASS", "left out: "}, []string{"\x1b"}},
		{"colour never", nil, append(verify, "--color", "never"), []string{"PASS"}, []string{"\x1b"}},
		{"colour always", map[string]string{"NO_COLOR": "1"}, append(verify, "--color=always"), []string{green + "PASS"}, nil},
		{"wide", nil, append(verify, "--wide"), []string{whole, "1 of 1 passed"}, []string{"left out: "}},
		{"columns", map[string]string{"COLUMNS": "150"}, verify, []string{"sha256:30dbf1705974 ", "1 of 1 passed"}, []string{"left out"}},
		{"columns that are none", map[string]string{"COLUMNS": "many"}, verify, []string{"left out: "}, nil},
		{"too few columns", map[string]string{"COLUMNS": "3"}, verify, []string{"PASS\x1b[39m  " + nanoModel + "  ",
			"INPUT, ERROR; --wide"}, nil},
		{"quiet", nil, append(verify, "--quiet"), []string{"PASS", "left out: "}, []string{"passed"}},
		{"json", nil, append(verify, "--format", "json"), []string{`"weights": "` + whole + `"`}, []string{"\x1b", "passed"}},
		{"info", nil, []string{"info", nanoModel, "--cache-dir", cache}, []string{"sha256:30dbf1705974\n"}, []string{"30dbf17059745"}},
		{"information that is wide", nil, []string{"info", nanoModel, "--wide", "--cache-dir", cache}, []string{whole + "\n"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			terminal, read := pseudoTerminal(t, 80)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			if status := run(context.Background(), tt.args, strings.NewReader(""), terminal, io.Discard); status != exitOK {
				t.Errorf("exit status %d", status)
			}
			text := read()
			for _, want := range tt.says {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not said", want)
				}
			}
			for _, never := range tt.never {
				if strings.Contains(text, never) {
					t.Errorf("%q is said", never)
				}
			}
			if t.Failed() {
				t.Logf("%q", text)
			}
		})
	}
}
