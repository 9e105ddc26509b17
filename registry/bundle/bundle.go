// Package bundle carries models across an air gap: one tar file with checkpoints,
// the lock file that pins them, goldens and licence texts.
//
//	err := bundle.Create(ctx, w, contents)
//	loaded, err := bundle.Load(ctx, r, store, options)
//
// The first member, MANIFEST, is text that lists all others with their digests, in
// their order:
//
//	zoo-bundle/1
//	file sha256:HEX SIZE PATH      goldens/…, licences/…, zoo.lock, zoo.lock.sig
//	blob sha256:HEX SIZE NAME      a checkpoint and a model that it is
//
// The blobs follow the files as blobs/sha256/HEX. The same contents give the same
// bytes. Load takes nothing that the manifest does not list, in its order.
package bundle

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// Paths in a bundle.
const (
	manifestPath  = "MANIFEST"
	GoldensDir    = "goldens/"
	LicencesDir   = "licences/"
	signaturePath = lock.FileName + ".sig"
)

// Bounds of what is read into memory.
const (
	maxManifest = 16 << 20 // bytes
	maxFiles    = 1 << 30  // bytes of all files but blobs
	maxPath     = 255      // characters
	format      = "zoo-bundle/1"
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
		msg += e.Path + ": "
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

// Model is a name and the checkpoint that it stands for.
type Model struct {
	Name string
	Pin  lock.Pin
}

// manifest is the list of what a bundle holds.
type manifest struct {
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

func (m *manifest) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, format)
	for _, f := range m.files {
		fmt.Fprintf(&b, "file sha256:%s %d %s\n", f.digest, f.size, f.path)
	}
	for _, model := range m.models {
		fmt.Fprintf(&b, "blob sha256:%s %d %s\n", model.Pin.Digest, model.Pin.Size, model.Name)
	}
	return b.Bytes()
}

// parseManifest reads what bytes writes, and nothing else: sorted, each path and
// each name once.
func parseManifest(data []byte) (*manifest, error) {
	m := &manifest{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	if !lines.Scan() || lines.Text() != format {
		return nil, &Error{manifestPath, fmt.Sprintf("expected a first line %s, found %.40q", format, lines.Text()), nil}
	}
	var total int64
	for n := 2; lines.Scan(); n++ {
		kind, f, err := parseLine(lines.Text())
		switch {
		case err != nil:
		case kind == "file":
			if total += f.size; f.size > maxFiles || total > maxFiles {
				err = fmt.Errorf("more than %d bytes of files", int64(maxFiles))
			} else if k := len(m.files); len(m.models) > 0 || k > 0 && m.files[k-1].path >= f.path {
				err = fmt.Errorf("%s is out of order", f.path)
			}
			m.files = append(m.files, f)
		case kind == "blob":
			if k := len(m.models); k > 0 && m.models[k-1].Name >= f.path {
				err = fmt.Errorf("%s is out of order", f.path)
			}
			m.models = append(m.models, Model{f.path, lock.Pin{Digest: f.digest, Size: f.size}})
		}
		if err != nil {
			return nil, &Error{manifestPath, fmt.Sprintf("line %d", n), err}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, &Error{manifestPath, "cannot be read", err}
	}
	return m, m.checkBlobs()
}

// checkBlobs refuses one digest with two sizes.
func (m *manifest) checkBlobs() error {
	blobs := m.blobs()
	for i := 1; i < len(blobs); i++ {
		if blobs[i].path == blobs[i-1].path {
			return &Error{manifestPath, fmt.Sprintf("%s has %d bytes and %d", blobs[i].path, blobs[i-1].size, blobs[i].size), nil}
		}
	}
	return nil
}

func parseLine(line string) (kind string, f file, err error) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 {
		return "", f, fmt.Errorf("expected four words, found %.100q", line)
	}
	kind, f.path = fields[0], fields[3]
	hex, found := strings.CutPrefix(fields[1], "sha256:")
	if f.digest, err = digest.Parse(hex); err != nil || !found || !f.digest.Full() {
		return "", f, fmt.Errorf("expected sha256: and 64 hex digits, found %.80q", fields[1])
	}
	if f.size, err = strconv.ParseInt(fields[2], 10, 64); err != nil || f.size < 0 {
		return "", f, fmt.Errorf("expected a size, found %.40q", fields[2])
	}
	switch kind {
	case "file":
		return kind, f, checkPath(f.path)
	case "blob":
		return kind, f, registry.CheckName(f.path)
	}
	return "", f, fmt.Errorf("expected file or blob, found %.40q", kind)
}

// checkPath refuses paths that no bundle has: it has two folders of plain file
// names beside the lock file and its signature.
func checkPath(path string) error {
	if path == lock.FileName || path == signaturePath {
		return nil
	}
	for _, dir := range []string{GoldensDir, LicencesDir} {
		name, ok := strings.CutPrefix(path, dir)
		if ok && len(name) <= maxPath && fs.ValidPath(name) && !strings.ContainsAny(name, `/\:`) && name[0] != '.' && strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0 {
			return nil
		}
	}
	return fmt.Errorf("path %.100q: expected %s, %s, or a file in %s or %s", path, lock.FileName, signaturePath, GoldensDir, LicencesDir)
}
