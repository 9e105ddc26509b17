package dataset

import (
	"path"
	"slices"
	"strings"
)

// Suffixes of the files that count as images: those of the formats that are read, and those of
// others, which are taken too, so that they are named rather than passed over.
var (
	Suffixes = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff"}
	foreign  = []string{".gif", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm"}
)

// IsImage reports whether a file of that name counts as an image where nobody lists the
// images: by its suffix, in either case, unless it is hidden.
func IsImage(name string) bool {
	suffix := strings.ToLower(path.Ext(name))
	return !hidden(path.Base(name)) && (slices.Contains(Suffixes, suffix) || slices.Contains(foreign, suffix))
}

// leftovers are what other systems leave in folders, in lower case.
var leftovers = []string{
	"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", // files of Windows and macOS
	"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", // folders
}

// hidden reports whether a file or folder is none of the set's: its name begins with a point, as
// macOS' "._00000.png" does, or it is what another system leaves.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains(leftovers, strings.ToLower(name))
}
