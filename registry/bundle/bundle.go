// Package bundle carries models across an air gap: one tar file with checkpoints, the lock file
// that pins them, goldens, licence texts, and the rows of those models that are in no program.
//
//	err := bundle.Create(ctx, w, contents)
//	loaded, err := bundle.Load(ctx, r, store, options)
//
// The first member, MANIFEST, is text that lists all others with their digests, in their order.
// Where the bundle is signed, MANIFEST.sig follows: the signature of that text, in the form that
// package lock has for lock files.
//
//	zoo-bundle/2
//	file sha256:HEX SIZE PATH      goldens/MODEL/FILE, licences/MODEL.txt, rows/MODEL.toml, zoo.lock, zoo.lock.sig
//	blob sha256:HEX SIZE MODEL     a checkpoint and a model that it is
//
// The blobs follow the files as blobs/sha256/HEX. The same contents give the same bytes. Load
// takes nothing that the manifest does not list, in its order, and believes nothing before the
// signature was checked where one is asked for: what it covers is every byte that is taken.
//
// The whole may be compressed with zstd: Compress writes it so, and Load tells by the first bytes.
//
// In the older format zoo-bundle/1 no signature covers more than the lock file, and nothing says
// which model a golden is of. Such a bundle serves where no signature is asked for, without its
// goldens.
package bundle

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/printable"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// Paths in a bundle.
const (
	manifestPath      = "MANIFEST"
	signaturePath     = manifestPath + ".sig"
	GoldensDir        = "goldens/"
	LicencesDir       = "licences/"
	licenceSuffix     = ".txt"
	RowsDir           = "rows/"
	rowSuffix         = ".toml"
	lockSignaturePath = lock.FileName + ".sig"
)

// Bounds of what is read into memory, in bytes.
const (
	maxManifest = 4 << 20
	maxLicence  = 4 << 20
	maxFiles    = 512 << 20 // all files but blobs
)

// An Error says that a file is not a bundle, or that a bundle is not as its
// manifest says.
type Error struct {
	Path   string // of the member; empty: the bundle as a whole
	Reason string
	Err    error // of the reading; may be nil
}

func (e *Error) Error() string {
	msg := "bundle: "
	if e.Path != "" {
		msg += fmt.Sprintf("%.300s: ", printable.Text(e.Path))
	}
	msg += e.Reason
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

func (e *Error) Unwrap() error { return e.Err }

// file is a line of the manifest.
type file struct {
	path   string
	digest digest.Digest
	size   int64
}

func sumOf(data []byte) digest.Digest { return digest.Of(sha256.Sum256(data)) }

// golden returns the model and the name of a golden; ok is false for other files. In the older
// format the model is not told apart, and empty.
func (f *file) golden() (model, name string, ok bool) {
	rest, ok := strings.CutPrefix(f.path, GoldensDir)
	if i := strings.IndexByte(rest, '/'); ok && i >= 0 {
		return registry.NameOfFile(rest[:i]), rest[i+1:], true
	}
	return "", rest, ok
}

// row returns the model whose row a file is; ok is false for other files.
func (f *file) row() (model string, ok bool) {
	rest, ok := strings.CutPrefix(f.path, RowsDir)
	return registry.NameOfFile(strings.TrimSuffix(rest, rowSuffix)), ok
}

// Model is a name and the checkpoint that it stands for.
type Model struct {
	Name string
	Pin  lock.Pin
}

// manifest is the list of what a bundle holds.
type manifest struct {
	old    bool    // in the format zoo-bundle/1
	files  []file  // sorted by path
	models []Model // sorted by name
}

// blobs returns the checkpoints in the order that they have in the bundle, each
// once.
func (m *manifest) blobs() []file {
	var out []file
	for _, model := range m.models {
		out = append(out, file{blobPath(model.Pin.Digest), model.Pin.Digest, model.Pin.Size})
	}
	slices.SortFunc(out, func(x, y file) int { return strings.Compare(x.path, y.path) })
	return slices.Compact(out)
}

func blobPath(d digest.Digest) string { return "blobs/sha256/" + d.String() }

// has reports whether a model is in the bundle.
func (m *manifest) has(model string) bool {
	_, ok := m.model(model)
	return ok
}

// model returns the model of a name.
func (m *manifest) model(name string) (model Model, ok bool) {
	i := slices.IndexFunc(m.models, func(x Model) bool { return x.Name == name })
	if i < 0 {
		return Model{}, false
	}
	return m.models[i], true
}
