package zoo

import "runtime/debug"

// Version is what this source calls itself. It stands in the metadata of converted
// files, and does not depend on how the program was built: the same checkpoint is
// converted to the same bytes everywhere.
const Version = "0.1.0"

// Revision returns the version control revision that the running program was built
// from, twelve hex digits, with "+dirty" for a changed work tree; empty when the build
// does not say.
func Revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + dirty
}
