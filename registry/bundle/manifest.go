package bundle

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/registry"
	"github.com/gozoo/zoo/registry/lock"
)

// First lines of manifests.
const (
	format    = "zoo-bundle/2"
	oldFormat = "zoo-bundle/1"
)

// isOld reports whether the text of a manifest says that it is of the older format.
func isOld(manifest []byte) bool { return bytes.HasPrefix(manifest, []byte(oldFormat+"\n")) }

func (m *manifest) bytes() []byte {
	var b bytes.Buffer
	first := format
	if m.old {
		first = oldFormat
	}
	fmt.Fprintln(&b, first)
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
	m := &manifest{old: isOld(data)}
	lines := bufio.NewScanner(bytes.NewReader(data))
	if !lines.Scan() || lines.Text() != format && !m.old {
		return nil, &Error{manifestPath, fmt.Sprintf("expected a first line %s, found %.40q", format, lines.Text()), nil}
	}
	var total int64
	for n := 2; lines.Scan(); n++ {
		kind, f, err := parseLine(lines.Text())
		switch {
		case err != nil:
		case kind == "file":
			bound, perr := m.bound(f.path)
			if err = perr; err != nil {
				break
			}
			if total += f.size; f.size > bound || total > maxFiles {
				err = fmt.Errorf("%s has %d bytes: expected at most %d, and %d in all files", f.path, f.size, bound, int64(maxFiles))
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
	if !bytes.Equal(m.bytes(), data) { // by line ends, say
		return nil, &Error{manifestPath, "expected the lines as they are written, ended by one newline each", nil}
	}
	return m, m.check()
}

// check refuses one digest with two sizes, and goldens, licences and rows of models that are not
// in the bundle.
func (m *manifest) check() error {
	blobs := m.blobs()
	for i := 1; i < len(blobs); i++ {
		if blobs[i].path == blobs[i-1].path {
			return &Error{manifestPath, fmt.Sprintf("%s has %d bytes and %d", blobs[i].path, blobs[i-1].size, blobs[i].size), nil}
		}
	}
	for i := range m.files {
		f := &m.files[i]
		model, of := strings.CutPrefix(f.path, LicencesDir)
		model = registry.NameOfFile(strings.TrimSuffix(model, licenceSuffix))
		if g, name, ok := f.golden(); ok {
			for model, of = g, true; m.old && !m.has(model) && name != ""; { // MODEL.FILE, where either may have points
				name = name[:max(strings.LastIndexByte(name, '.'), 0)]
				model = name
			}
		}
		if name, ok := f.row(); ok {
			model, of = name, true
		}
		if of && !m.has(model) {
			return &Error{f.path, "it is of a model that is not in the bundle", nil}
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
	if f.digest, err = digest.Parse(hex); err != nil || !found || !f.digest.Full() || f.digest.String() != hex {
		return "", f, fmt.Errorf("expected sha256: and 64 hex digits, found %.80q", fields[1])
	}
	if f.size, err = strconv.ParseInt(fields[2], 10, 64); err != nil || f.size < 0 || strconv.FormatInt(f.size, 10) != fields[2] {
		return "", f, fmt.Errorf("expected a size, found %.40q", fields[2])
	}
	switch kind {
	case "file":
		return kind, f, nil
	case "blob":
		return kind, f, registry.CheckName(f.path)
	}
	return "", f, fmt.Errorf("expected file or blob, found %.40q", kind)
}

// bound returns how many bytes a file at a path may have. Paths that no bundle has are
// errors: there are the lock file and its signature, and folders of plain file names.
func (m *manifest) bound(path string) (int64, error) {
	switch path {
	case lock.FileName:
		return bounded.Lock, nil
	case lockSignaturePath:
		return bounded.Key, nil
	}
	dir, rest, _ := strings.Cut(path, "/")
	switch dir += "/"; {
	case m.old && (dir == GoldensDir || dir == LicencesDir) && isPlain(rest):
		return bounded.Golden, nil
	case m.old:
	case dir == GoldensDir:
		if model, name, ok := strings.Cut(rest, "/"); ok && isModel(model) && isPlain(name) && !strings.HasSuffix(name, originSuffix) {
			return bounded.Golden, nil
		}
	case dir == LicencesDir:
		if model, ok := strings.CutSuffix(rest, licenceSuffix); ok && isModel(model) {
			return maxLicence, nil
		}
	case dir == RowsDir:
		if model, ok := strings.CutSuffix(rest, rowSuffix); ok && isModel(model) {
			return registry.MaxCarried, nil
		}
	}
	return 0, fmt.Errorf("path %.100q: expected %s, %s, %sMODEL/FILE, %sMODEL%s or %sMODEL%s", path, lock.FileName, lockSignaturePath,
		GoldensDir, LicencesDir, licenceSuffix, RowsDir, rowSuffix)
}

// isModel reports whether an element of a path is that of a model's name.
func isModel(element string) bool {
	name := registry.NameOfFile(element)
	return registry.CheckName(name) == nil && registry.FileName(name) == element
}

// maxName bounds the name of a file, in bytes, as file systems do.
const maxName = 200

// isPlain reports whether a file may be called so on every system.
func isPlain(name string) bool {
	return len(name) <= maxName && fs.ValidPath(name) && !strings.ContainsAny(name, `/\:`) && name[0] != '.' &&
		strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
