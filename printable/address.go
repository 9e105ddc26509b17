package printable

import (
	"net/url"
	"strings"
)

// hiddenValue stands where an address holds what nobody but its host should read.
const hiddenValue = "***"

// Shown returns an address as it may be printed, logged or written to a file: without user and
// password, and without the values of a query or a fragment, which may be a signature or a
// token. The rest is as in Text. An address that cannot be taken apart loses whatever could be
// a password.
func Shown(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		// No URL, or one without a host, such as file:path: only what stands before a host can
		// hold a password.
		if before, after, found := cutLast(address, "@"); found && strings.Contains(before, ":") &&
			!strings.HasPrefix(address, "file:") && !strings.HasPrefix(address, "embedded:") {
			return hiddenValue + "@" + hideValues(after)
		}
		return Text(address)
	}
	if strings.EqualFold(scheme, "file") {
		return Text(address)
	}
	authority := len(rest)
	if i := strings.IndexAny(rest, `/?#\`); i >= 0 {
		authority = i
	}
	u, err := url.Parse(address)
	web := strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")
	switch at := strings.LastIndexByte(rest, '@'); {
	case at < 0:
	case at < authority:
		rest = hiddenValue + rest[at:]
	case err != nil || web && u.Host == "":
		rest = hiddenValue + rest[at:] // a password with a slash in it, say
	default:
		if i := strings.LastIndexByte(rest[:authority], '@'); i >= 0 {
			rest = hiddenValue + rest[i:]
		}
	}
	if !web {
		return Text(scheme) + "://" + hideQuery(rest)
	}
	return Text(scheme) + "://" + hideValues(rest)
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// hideValues hides the values of what follows "?" and all that follows "#".
func hideValues(s string) string {
	s, fragment, ok := strings.Cut(s, "#")
	s = hideQuery(s)
	if ok && fragment != "" {
		s += "#" + hiddenValue
	}
	return s
}

// hideQuery hides the values of what follows "?", and leaves their names. What has no name is
// hidden whole.
func hideQuery(s string) string {
	s, query, ok := strings.Cut(s, "?")
	s = Text(s)
	if !ok {
		return s
	}
	parts := strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' })
	for i, part := range parts {
		name, _, named := strings.Cut(part, "=")
		parts[i] = hiddenValue
		if named {
			parts[i] = Text(name) + "=" + hiddenValue
		}
	}
	return s + "?" + strings.Join(parts, "&")
}
