package registry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/registry"
)

// TestShelf lists another zoo beside a catalogue: its text is read once, when a name that begins with the zoo's is
// asked for, and it is in no pattern without a slash.
func TestShelf(t *testing.T) {
	row := string(builtin(t))
	row = row[strings.Index(row, "[cspresnet50_3rdparty_8xb32_in1k]"):]
	row = row[:strings.Index(row[1:], "\n[resnet")+1] // some rows, whole
	other := strings.ReplaceAll(row, "[cspresnet50_3rdparty_8xb32_in1k", `["timm/cspresnet50.ra_in1k"`)
	other = other[:strings.Index(other, "\n[csp")]
	read := 0
	r := parse(t, row).WithShelf("timm", "timm.toml", func() string {
		read++
		return other + "\n[aliases]\n\"timm/cspresnet50\" = \"timm/cspresnet50.ra_in1k\"\n"
	})
	if d := cmp.Diff(parse(t, row).Names(), r.Names()); d != "" {
		t.Errorf("names (-without +with):\n%s", d)
	}
	r.Match("csp*")
	r.Lookup("cspresnet50_3rdparty_8xb32_in1k")
	r.Lookup("hub/cspresnet50")
	if read != 1 { // for what comes near to the last
		t.Errorf("the text was read %d times", read)
	}
	for _, name := range []string{"timm/cspresnet50.ra_in1k", "timm/cspresnet50"} {
		e, err := r.Lookup(name)
		if err != nil || e.Name != "timm/cspresnet50.ra_in1k" || e.Arch != "cspresnet50" || !e.AtBuiltin() {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	for glob, want := range map[string]int{"*": len(r.Names()), "timm/*": 1, "*/*": 1, "tim*/csp*": 1, "timm": 0, "torchvision/*": 0, "timm/[": 0} {
		if got := r.Match(glob); len(got) != want {
			t.Errorf("%q matches %d rows, want %d", glob, len(got), want)
		}
	}
	if _, err := r.Lookup("timm/cspresnet50.ra"); !errors.Is(err, registry.ErrUnknown) || !strings.Contains(err.Error(), "did you mean timm/cspresnet50.ra_in1k") {
		t.Errorf("a name that comes near: %v", err)
	}
	if d := cmp.Diff([]string{"timm/cspresnet50.ra_in1k"}, r.Search("timm cspresnet50")); d != "" {
		t.Errorf("search (-want +got):\n%s", d)
	}
	// A file of rows may change one of them, and have others like it.
	over, err := r.Merge("own.toml", []byte("[\"timm/cspresnet50.ra_in1k\".weights]\nlicence = \"mine\"\n[flowers]\nbase = \"timm/cspresnet50.ra_in1k\"\nclasses = 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	if e, err := over.Lookup("timm/cspresnet50"); err != nil || e.Weights.Licence != "mine" {
		t.Errorf("changed: %+v, %v", e, err)
	}
	if e, err := over.Lookup("flowers"); err != nil || e.Arch != "cspresnet50" || e.Classes != 7 {
		t.Errorf("based: %+v, %v", e, err)
	}
	if got := over.Match("timm/*"); len(got) != 1 || got[0].Weights.Licence != "mine" || len(over.Overrides("timm/cspresnet50.ra_in1k")) != 1 {
		t.Errorf("%d rows, %+v", len(got), over.Overrides("timm/cspresnet50.ra_in1k"))
	}
}

// TestFileName wants a name's element of a path to stand for no other name.
func TestFileName(t *testing.T) {
	for name, want := range map[string]string{"resnet50_in1k": "resnet50_in1k", "timm/resnet50.a1_in1k": "timm@resnet50.a1_in1k"} {
		if got := registry.FileName(name); got != want || registry.NameOfFile(got) != name {
			t.Errorf("%s: %s, back %s", name, got, registry.NameOfFile(got))
		}
	}
	for _, name := range []string{"/a", "a/", "a//b", "a/b/c", "a/-b", "a/.b", "a@b", "a/b@c", "."} {
		if registry.CheckName(name) == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}
