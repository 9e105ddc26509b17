package registry

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/gozoo/zoo/printable"
)

// Schemes of addresses that are not http:// or https://.
const (
	EmbeddedScheme = "embedded:" // a file that is part of the program
	FileScheme     = "file:"     // a file on this machine
	HubScheme      = "hf://"     // a file of a repository on a Hugging Face hub
	OCIScheme      = "oci://"    // a layer of an artifact in an OCI registry
)

// An AddressKind says what an address names; see the constants.
type AddressKind int

// The kinds.
const (
	AddressNone     AddressKind = iota // the file has to be imported
	AddressHTTP                        // Text is the URL
	AddressEmbedded                    // File is the name
	AddressFile                        // File is the path
	AddressHub                         // Repository, File, Revision
	AddressOCI                         // Host, Repository, Revision, File
)

// An Address is where a checkpoint comes from, taken apart.
type Address struct {
	Kind       AddressKind
	Text       string // as written: printable.Shown shows it
	Host       string // of an OCI registry, with its port
	Repository string // "org/name" on a hub; the repository in an OCI registry
	File       string // a path; in an OCI registry the title of a layer, or empty
	Revision   string // branch, tag or commit; in an OCI registry a tag or "sha256:" and 64 hex digits
}

// Remote reports whether the address takes a network connection.
func (a *Address) Remote() bool {
	return a.Kind == AddressHTTP || a.Kind == AddressHub || a.Kind == AddressOCI
}

// FileName returns what the file is called there, without what may be secret; empty where the
// address does not say.
func (a *Address) FileName() string {
	name := a.File
	if a.Kind == AddressHTTP {
		u, err := url.Parse(a.Text)
		if err != nil {
			return ""
		}
		name = u.Path
	}
	return strings.Trim(path.Base(name), "./")
}

// What addresses may hold.
var (
	hubName       = pattern(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$`)
	hubRevision   = pattern(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,254}$`)
	ociRepository = pattern(`^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$`)
	ociReference  = pattern(`^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha256:[0-9a-f]{64})$`)
)

// pattern compiles an expression when it is first used: most runs of the program use none.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// ParseAddress takes an address apart. The forms are
//
//	https://host/path                      (or http)
//	embedded:name
//	file:path                              (below the current folder, absolute, or ~/path)
//	hf://org/repository/path@revision      (revision: main without)
//	oci://host/repository:tag#title        (title: which layer, where there are several)
//	oci://host/repository@sha256:hex#title
//
// and empty for none. Errors say what was expected.
func ParseAddress(text string) (Address, error) {
	a := Address{Text: text}
	switch scheme, rest, _ := strings.Cut(text, ":"); {
	case text == "":
		return a, nil
	case scheme == "embedded":
		a.Kind, a.File = AddressEmbedded, rest
		if rest == "." || !fs.ValidPath(rest) {
			return a, fmt.Errorf("expected a file name after %s, found %q", EmbeddedScheme, rest)
		}
		return a, nil
	case scheme == "file":
		return a.file(rest)
	case scheme == "hf":
		return a.hub(rest)
	case scheme == "oci":
		return a.oci(rest)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path == "" {
		return a, fmt.Errorf("expected http://, https://, %s, %s, %s or %s and a file, found %q",
			HubScheme, OCIScheme, FileScheme, EmbeddedScheme, printable.Shown(text))
	}
	a.Kind = AddressHTTP
	return a, nil
}

func (a Address) file(rest string) (Address, error) {
	a.Kind = AddressFile
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		p, err := url.PathUnescape(after)
		if err != nil || !strings.HasPrefix(p, "/") {
			return a, fmt.Errorf("expected a path after %s, or file:/// and an absolute one, found %q", FileScheme, a.Text)
		}
		rest = p
		if len(p) > 3 && p[2] == ':' { // file:///C:/…
			rest = p[1:]
		}
	}
	if rest == "" || strings.HasSuffix(rest, "/") || strings.ContainsRune(rest, 0) {
		return a, fmt.Errorf("expected a file after %s, found %q", FileScheme, a.Text)
	}
	a.File = rest
	return a, nil
}

// ParseRepository takes the address of a repository of a hub apart, hf://org/name@revision (main without), which names
// no file. It is not ok for any other text.
func ParseRepository(text string) (a Address, ok bool) {
	rest, ok := strings.CutPrefix(text, HubScheme)
	rest, revision, pinned := strings.Cut(rest, "@")
	a = Address{Kind: AddressHub, Text: text, Repository: rest, Revision: "main"}
	if pinned {
		a.Revision = revision
	}
	org, name, _ := strings.Cut(rest, "/")
	ok = ok && hubName().MatchString(org) && hubName().MatchString(name) &&
		path.Clean(a.Revision) == a.Revision && hubRevision().MatchString(a.Revision)
	return a, ok
}

// IsCommit reports whether a revision of a hub's repository is the full hash of a commit.
func IsCommit(revision string) bool {
	return len(revision) == 40 && strings.Trim(revision, "0123456789abcdef") == ""
}

func (a Address) hub(rest string) (Address, error) {
	a.Kind, a.Revision = AddressHub, "main"
	rest, ok := strings.CutPrefix(rest, "//")
	// A revision may hold slashes, a path may hold an @: the last @ counts.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest, a.Revision = rest[:i], rest[i+1:]
	}
	parts := strings.SplitN(rest, "/", 3)
	if !ok || len(parts) < 3 || !hubName().MatchString(parts[0]) || !hubName().MatchString(parts[1]) ||
		!fs.ValidPath(parts[2]) || parts[2] == "." || strings.ContainsAny(parts[2], "?#\\") || path.Clean(a.Revision) != a.Revision || !hubRevision().MatchString(a.Revision) {
		return a, fmt.Errorf("expected %sorg/repository/file@revision, found %q", HubScheme, printable.Shown(a.Text))
	}
	a.Repository, a.File = parts[0]+"/"+parts[1], parts[2]
	return a, nil
}

func (a Address) oci(rest string) (Address, error) {
	a.Kind = AddressOCI
	rest, ok := strings.CutPrefix(rest, "//")
	rest, a.File, _ = strings.Cut(rest, "#")
	host, rest, _ := strings.Cut(rest, "/")
	if repository, digest, found := strings.Cut(rest, "@"); found {
		a.Repository, a.Revision = repository, digest
		ok = ok && strings.HasPrefix(digest, "sha256:")
	} else {
		a.Repository, a.Revision, _ = strings.Cut(rest, ":")
	}
	u, err := url.Parse("https://" + host)
	if !ok || err != nil || u.Host != host || host == "" || !ociRepository().MatchString(a.Repository) || !ociReference().MatchString(a.Revision) {
		return a, fmt.Errorf("expected %shost/repository:tag or %shost/repository@sha256:digest, found %q", OCIScheme, OCIScheme, printable.Shown(a.Text))
	}
	a.Host = host
	return a, nil
}
