// Package homepath expands a leading "~/" in settings that a shell has not expanded: those of
// the environment, of files, and of flags written as --flag=~/path.
package homepath

import (
	"fmt"
	"os"
	"strings"
)

// Expand returns a path with a leading "~", alone or before a separator, replaced by the home
// folder that getenv knows: HOME, or USERPROFILE where that is empty. The home folders of
// others, "~name/", are an error: to a program they are names like any other, and a folder
// called so would be made. A name in the working folder that only begins so, "~name", stays.
func Expand(path string, getenv func(string) string) (string, error) {
	if !strings.HasPrefix(path, "~") {
		return path, nil
	}
	at := 1
	for at < len(path) && !os.IsPathSeparator(path[at]) {
		at++
	}
	switch {
	case at == len(path) && at > 1:
		return path, nil
	case at > 1:
		return "", fmt.Errorf("%q: only ~/ stands for a home folder here: write the whole path, or ./%s for a folder of that name", path, path)
	}
	home := getenv("HOME")
	if home == "" {
		home = getenv("USERPROFILE")
	}
	if home == "" {
		return "", fmt.Errorf("%q: HOME is not set: write the whole path", path)
	}
	return home + path[1:], nil
}
