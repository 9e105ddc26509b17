package lock_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/registry/lock"
)

// TestFrom: an origin holds no secret, and nothing that does not fit on a line.
func TestFrom(t *testing.T) {
	for _, tt := range []struct {
		way           lock.Way
		address, want string
	}{
		{lock.BuiltIn, "https://host.example/v0/net.pth", "https://host.example/v0/net.pth"},
		{lock.Mirror, "https://user:secret@host.example:8443/v0/net.pth?X-Signature=secret#secret", "https://host.example:8443/v0/net.pth"},
		{lock.Mirror, "https://secret@host.example/a b", "https://host.example/a%20b"},
		{lock.Catalogue, "https://host.example/%2e%2e/é", "https://host.example/../%C3%A9"},
		{lock.Catalogue, "hf://org/net/net.pth@refs/pr/1", "hf://org/net/net.pth@refs/pr/1"},
		{lock.Catalogue, "oci://host.example:5000/net@sha256:" + hexA + "#net.pth", "oci://host.example:5000/net@sha256:" + hexA},
		{lock.BuiltIn, "embedded:net.pth", "embedded:net.pth"},
		{lock.Catalogue, "https:user:secret@host.example", ""},
		{lock.Catalogue, "https://host.example/\x1b[31m", ""},
		{lock.Catalogue, "no address", ""},
		{lock.Catalogue, "https://host.example/" + strings.Repeat("x", 2000), ""},
		{lock.Import, "/home/me/net.pth?x", "/home/me/net.pth?x"},
	} {
		got := lock.From(tt.way, tt.address)
		if got != (lock.Origin{Way: tt.way, Address: tt.want}) {
			t.Errorf("%q: %+v, want %q", tt.address, got, tt.want)
		}
	}
}

// TestOrigins: the comment before a pin says how its file came, to those who know of it, and a
// lock file with it reads as one without.
func TestOrigins(t *testing.T) {
	pin := lock.Pin{Digest: mustParse(t, hexA), Size: 10}
	var f lock.File
	for name, o := range map[string]lock.Origin{
		"a": {Way: lock.BuiltIn, Address: "https://host.example/a", Checked: "prefix"}, "b": {Way: lock.Import, Address: "/home/me/b", Checked: "sha256"},
		"c": {Way: lock.Bundle}, "d": {}, "e": {Way: lock.Mirror, Address: "https://m.example"},
	} {
		f.Set(name, pin)
		f.SetOrigin(name, o)
	}
	line := " sha256:" + hexA + " 10\n"
	want := "zoo-lock/1\n# The files that registry names stand for. Written by zoo; commit it.\n" +
		"# from built-in https://host.example/a checked by prefix\na" + line + "# from import checked by sha256\nb" + line +
		"# from bundle\nc" + line + "d" + line + "# from mirror https://m.example\ne" + line
	if d := cmp.Diff(want, string(f.Bytes())); d != "" {
		t.Errorf("text (-want +got)\n%s", d)
	}
	again, err := lock.Parse("again", f.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range f.Names() {
		if again.Origin(name) != f.Origin(name) {
			t.Errorf("%s: %+v, want %+v", name, again.Origin(name), f.Origin(name))
		}
	}
	// A pin that changes has another origin, or none.
	again.Set("a", pin)
	if again.Origin("a").Way != lock.BuiltIn {
		t.Error("the same pin again lost its origin")
	}
	again.Set("a", lock.Pin{Digest: mustParse(t, hexB), Size: 10})
	again.Delete("e")
	if o := again.Origin("a"); o != (lock.Origin{}) {
		t.Errorf("another pin has the origin %+v of the one before", o)
	}
	again.SetOrigin("e", lock.Origin{Way: lock.Import})
	if strings.Contains(string(again.Bytes()), "from mirror") || again.Origin("e").Way != lock.Unknown {
		t.Errorf("a name that is not pinned has an origin:\n%s", again.Bytes())
	}
}

// TestOriginsOfOthers: what does not say how a file came, in the one form, says nothing.
func TestOriginsOfOthers(t *testing.T) {
	line := "net sha256:" + hexA + " 10\n"
	for _, comment := range []string{
		"# from", "# from ", "# from nowhere", "#from mirror", "# from mirror https://u:p@host.example/x", "# from mirror https://host.example/x?y=z",
		"# from mirror two words", "# from import /home/me", "# from mirror checked by lock", "# from mirror x checked by prefix",
		"# from mirror https://host.example\n", "# from mirror https://host.example\n# another", "# from mirror https://host.example\nother sha256:" + hexA + " 1",
	} {
		f, err := lock.Parse("lock", []byte("zoo-lock/1\n"+comment+"\n"+line))
		if err != nil {
			t.Errorf("%q: %v", comment, err)
		} else if o := f.Origin("net"); o != (lock.Origin{}) {
			t.Errorf("%q: %+v", comment, o)
		}
	}
	f, err := lock.Parse("lock", []byte("# from mirror https://host.example\nzoo-lock/1\n"+line))
	if err != nil || f.Origin("net") != (lock.Origin{}) {
		t.Errorf("before the first line: %v, %v", f.Origin("net"), err)
	}
}
