package lock

import (
	"net/url"
	"slices"
	"strings"
)

// An Origin says how the bytes of a file came, for those who judge a pin. It is a record, and
// no proof: a pin holds by its digest alone.
type Origin struct {
	Way Way `json:"way"`
	// Address is where the file was asked for: a URL without user, query and fragment, which
	// may hold secrets, or a path of this machine. Empty where there is none, or it is not known.
	Address string `json:"address,omitempty"`
	// Checked is the word that the bytes deserved when they came, by what the row of the model
	// states: "sha256", "host" or "prefix". Empty: not known.
	Checked string `json:"checked_by,omitempty"`
}

// A Way is how a file came; see the constants.
type Way string

// The ways.
const (
	Unknown    Way = ""                // noted by a version that did not say
	BuiltIn    Way = "built-in"        // from the address that is built into the program, or out of the program
	Catalogue  Way = "catalogue"       // from the address of a row in a file of rows
	Mirror     Way = "mirror"          // from a mirror of that address
	Endpoint   Way = "hub-endpoint"    // from a hub other than the usual one
	LocalFile  Way = "file"            // from the file: address of a row
	HubCache   Way = "hub-cache"       // out of the cache of the hub's own client
	TorchCache Way = "torch-hub-cache" // out of torch.hub's folder
	Import     Way = "import"          // a file that was imported by hand
	Bundle     Way = "bundle"          // out of a bundle
	OtherName  Way = "cache"           // it was in the cache under another name
)

var ways = []Way{BuiltIn, Catalogue, Mirror, Endpoint, LocalFile, HubCache, TorchCache, Import, Bundle, OtherName}

// local reports whether addresses of a way are paths of one machine, which nobody else has a
// use for.
func (w Way) local() bool { return w == LocalFile || w == Import || w == Bundle }

// MarshalText returns the way, or "unknown".
func (w Way) MarshalText() ([]byte, error) {
	if w == Unknown {
		return []byte("unknown"), nil
	}
	return []byte(w), nil
}

// UnmarshalText is the inverse of MarshalText.
func (w *Way) UnmarshalText(text []byte) error {
	if *w = Way(text); *w == "unknown" {
		*w = Unknown
	}
	return nil
}

// String returns the way and the address, such as "mirror https://host/file".
func (o Origin) String() string {
	way, _ := o.Way.MarshalText() // it never fails
	return strings.TrimSpace(string(way) + " " + o.Address)
}

// maxAddress bounds an address in bytes: it is printed and written to lock files.
const maxAddress = 1000

// From returns the origin of bytes that were asked for at an address, which is cleaned of what
// may be secret.
func From(way Way, address string) Origin {
	if !way.local() {
		address = clean(address)
	}
	if len(address) > maxAddress {
		address = ""
	}
	return Origin{Way: way, Address: address}
}

// clean returns a URL without user, query and fragment, as ASCII without spaces; empty for
// what is no URL.
func clean(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Opaque != "" && u.Scheme != "embedded" {
		return ""
	}
	out := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath, Opaque: u.Opaque}
	if text := out.String(); isWord(text) {
		return text
	}
	return ""
}

// isWord reports whether s is printable ASCII without a space.
func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// An origin stands in a lock file as a comment on the line before its pin, so that programs
// that know nothing of origins read the file all the same:
//
//	# from WAY [ADDRESS] [checked by CHECK]
const originMark = "# from "

func (o Origin) line() string {
	text := originMark + string(o.Way)
	if o.Address != "" && !o.Way.local() {
		text += " " + o.Address
	}
	if o.Checked != "" {
		text += " checked by " + o.Checked
	}
	return text
}

// parseOrigin reads what line writes. Anything else is a comment like others: the zero Origin.
func parseOrigin(line string) Origin {
	rest, ok := strings.CutPrefix(line, originMark)
	words := strings.Fields(rest)
	if !ok || len(words) == 0 || !slices.Contains(ways, Way(words[0])) {
		return Origin{}
	}
	o := Origin{Way: Way(words[0])}
	words = words[1:]
	if n := len(words); n >= 3 && words[n-3] == "checked" && words[n-2] == "by" && slices.Contains(checks, words[n-1]) {
		o.Checked = words[n-1]
		words = words[:n-3]
	}
	switch {
	case len(words) == 1 && !o.Way.local():
		o.Address = From(o.Way, words[0]).Address
		if o.Address != words[0] {
			return Origin{}
		}
	case len(words) != 0:
		return Origin{}
	}
	return o
}

// checks are the words of Origin.Checked.
var checks = []string{"sha256", "host", "prefix"}

// Origin returns how the file of a pin came; the zero Origin where that is not known.
func (f *File) Origin(name string) Origin { return f.origins[name] }

// SetOrigin notes how the file that a name stands for came. Paths of this machine are left
// out: a lock file goes to others.
func (f *File) SetOrigin(name string, o Origin) {
	if _, ok := f.pins[name]; !ok || o.Way == Unknown {
		delete(f.origins, name)
		return
	}
	if o.Way.local() {
		o.Address = ""
	}
	if f.origins == nil {
		f.origins = make(map[string]Origin)
	}
	f.origins[name] = o
}
