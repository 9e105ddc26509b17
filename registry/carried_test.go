package registry_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
)

// whole returns an entry whose file is known by all digits, as that of a row that travels is.
func whole(t testing.TB, e *registry.Entry) *registry.Entry {
	t.Helper()
	out := *e
	var err error
	if out.Weights.Digest, err = digest.Parse(strings.Repeat("5a", 32)); err != nil {
		t.Fatal(err)
	}
	out.Weights.Size = 12345
	return &out
}

// TestCarried: every row that there is says the same once it has travelled, but where it was.
func TestCarried(t *testing.T) {
	text, err := os.ReadFile("../zoo.toml")
	if err != nil {
		t.Fatal(err)
	}
	own := "[\"mine.v1\"]\nbase = \"cspresnet-nano_digits\"\nclass_names = [\"a\", \"\\\"d\\\\\", \"Käfer\", \"3\", \"4\", \"5\", " +
		"\"6\"]\nweights.url = \"file:/home/me/nano.pth\"\nweights.converted_from = \"file:old.pth\"\n"
	r, err := registry.Parse("zoo.toml", append(text, own...))
	if err != nil {
		t.Fatal(err)
	}
	secret := *r.All()[0]
	secret.Weights.ConvertedFrom = "https://me:hidden@example.org/x.pth?token=hidden"
	for _, e := range append(r.All(), &secret) {
		e := whole(t, e)
		carried, err := e.Carried()
		if err != nil {
			t.Errorf("%s: %v", e.Name, err)
			continue
		}
		if strings.Contains(string(carried), "/home/me") || strings.Contains(string(carried), "hidden") ||
			strings.Contains(string(carried), "\nbase") || strings.Contains(string(carried), "\nurl") {
			t.Errorf("%s: what stays at home travels:\n%s", e.Name, carried)
		}
		got, err := registry.ParseCarried("row", carried)
		if err != nil {
			t.Errorf("%s: %v", e.Name, err)
			continue
		}
		want := *e
		want.Base, want.Weights.URL, want.Outside = "", "", true
		if strings.HasPrefix(want.Weights.ConvertedFrom, "file:") {
			want.Weights.ConvertedFrom = ""
		}
		want.Weights.ConvertedFrom = printable.Shown(want.Weights.ConvertedFrom)
		if diff := cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", *got)); diff != "" {
			t.Errorf("%s: %s", e.Name, diff)
		}
	}
}

// A row that a stranger wrote is refused where it could act, or leaves open what it is.
func TestParseCarried(t *testing.T) {
	good := string(carriedRow(t))
	if _, err := registry.ParseCarried("row", []byte(good)); err != nil {
		t.Fatal(err)
	}
	weights := func(line string) string { return strings.Replace(good, ".weights]\n", ".weights]\n"+line+"\n", 1) }
	for name, tt := range map[string]struct{ text, says string }{
		"a file":         {weights(`url = "file:/etc/passwd"`), "weights.url"},
		"embedded":       {weights(`url = "embedded:x"`), "weights.url"},
		"a host":         {weights(`url = "https://example.org/x.pth"`), "weights.url"},
		"made of a file": {weights(`converted_from = "file:/etc/passwd"`), "converted_from"},
		"a base":         {strings.Replace(good, "family", "base = \"cspresnet-nano_digits\"\nfamily", 1), "base"},
		"two rows":       {good + strings.ReplaceAll(good, "[mine", "[other"), "expected one row"},
		"none":           {"", "expected one row"},
		"eight digits":   {strings.Replace(good, strings.Repeat("5a", 32), "5a5a5a5a", 1), "all 64 digits"},
		"no size":        {strings.Replace(good, "size = 12345\n", "", 1), "weights.size"},
		"a size below 0": {strings.Replace(good, "size = 12345\n", "size = -1\n", 1), "weights.size"},
		"an unknown key": {weights(`run = "rm"`), "unknown key"},
		"no crop":        {strings.Replace(good, "crop = ", "# ", 1), "input.crop"},
		"a control":      {weights(`licence = "\u001b[2J"`), "licence"},
		"a long text":    {good + strings.Repeat("#", registry.MaxCarried), "at most"},
		"a bad name":     {strings.ReplaceAll(good, "[mine", `["../mine"`), "mine"},
		"no TOML":        {"<html>", "line 1"},
	} {
		e, err := registry.ParseCarried("row", []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %+v, %v, want an error with %q", name, e, err, tt.says)
		}
	}
}

func carriedRow(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../zoo.toml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := new(registry.Registry).Merge("zoo.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Lookup("cspresnet-nano_digits")
	if err != nil {
		t.Fatal(err)
	}
	e = whole(t, e)
	e.Name, e.Weights.Licence = "mine", ""
	carried, err := e.Carried()
	if err != nil {
		t.Fatal(err)
	}
	return carried
}

// FuzzParseCarried: what is read has no address, all digits, and reads the same once it is written.
func FuzzParseCarried(f *testing.F) {
	f.Add(carriedRow(f))
	f.Add([]byte("[a]\nclass_names = [\"\\u2028\"]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := registry.ParseCarried("row", data)
		if err != nil {
			return
		}
		if !e.Outside || e.Weights.URL != "" || !e.Weights.Digest.Full() || e.Weights.Size <= 0 || registry.CheckName(e.Name) != nil {
			t.Fatalf("%+v", e)
		}
		text, err := e.Carried()
		if err != nil && len(data) < registry.MaxCarried/4 { // what is written may be longer
			t.Fatalf("%+v: %v", e, err)
		}
		if err == nil {
			if back, err := registry.ParseCarried("row", text); err != nil || len(registry.Differences(e, back)) > 0 {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

// TestOverUnder: a row that is put over another stands for it alone, and one that is put under stands for
// no other, in capital letters or not.
func TestOverUnder(t *testing.T) {
	r, err := registry.Parse("zoo.toml", carriedRow(t))
	if err != nil {
		t.Fatal(err)
	}
	other := whole(t, &registry.Entry{Name: "mine", Arch: "other"})
	read := func() (*registry.Entry, error) { return other, nil }
	over, under := r.Over(other), r.Under(map[string]func() (*registry.Entry, error){"mine": read, "MINE": read, "theirs": read})
	for _, tt := range []struct {
		r     *registry.Registry
		names string
		arch  string
	}{{r, "mine", "cspresnet-nano"}, {over, "mine", "other"}, {under, "mine theirs", "cspresnet-nano"}} {
		e, err := tt.r.Lookup("mine")
		if got := strings.Join(tt.r.Names(), " "); err != nil || got != tt.names || e.Arch != tt.arch {
			t.Errorf("%q, %s, %v: want %q, %s", got, e.Arch, err, tt.names, tt.arch)
		}
	}
	if r.Twin("Mine") != "mine" || r.Twin("mine") != "" || under.Twin("x") != "" {
		t.Error("a name that differs in case only is not told")
	}
}
