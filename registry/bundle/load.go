package bundle

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/internal/disk"
	"github.com/gozoo/zoo/internal/transfer"
	"github.com/gozoo/zoo/registry/lock"
	"github.com/gozoo/zoo/registry/store"
)

// LoadOptions says what a bundle may hold. The zero value takes every sound one.
type LoadOptions struct {
	// Key, when set, is the key that must have signed the manifest.
	Key ed25519.PublicKey
	// Check is called for each model before anything is written; an error refuses
	// the bundle.
	Check func(model Model) error
	// Limit returns how many bytes the file of a model may have; 0: any number.
	Limit func(model string) int64
	// Golden is called with each golden before anything is written; an error refuses the
	// bundle.
	Golden func(model, file string, data []byte) error
	// Row is called with each row before anything is written, and says whether it is kept; an
	// error refuses the bundle. Where it is nil, rows are left out.
	Row func(model Model, text []byte) (keep bool, err error)
	// Notice, when set, is told in one line what was left out.
	Notice func(text string)
}

// Loaded is what came out of a bundle.
type Loaded struct {
	Models []Model  // in the store now, sorted by name
	Files  []string // goldens, licence texts and rows, as paths in the store's folder
	Rows   []string // names of the models whose rows were kept
	Origin Origin   // of all of them
}

// Load puts what a bundle holds into a store: checkpoints as blobs with their
// names, goldens, licence texts and rows below goldens, licences and rows in the store's
// folder, goldens and rows with a record of the bundle that they came in. The signature is checked before
// anything else, where one is asked for, and every digest. Nothing is written before the whole
// manifest, the goldens and the lock file have been read, and where r can seek, before it is
// known that the archive holds what the manifest lists and no more. The error is an *Error when
// r is no bundle or breaks a bound, a *lock.SignatureError, a *store.MismatchError when a
// checkpoint is not the one that the manifest names, a *store.SpaceError, or what the functions
// of LoadOptions returned.
func Load(ctx context.Context, r io.Reader, s *store.Store, o LoadOptions) (*Loaded, error) {
	if seeker, ok := r.(io.ReadSeeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil { // a pipe fails
			if err := survey(seeker, s.Dir(), &o); err != nil {
				return nil, err
			}
			if _, err := seeker.Seek(start, io.SeekStart); err != nil {
				return nil, &Error{"", "cannot be read twice", err}
			}
		}
	}
	unpacked, done, err := unpack(transfer.ContextReader(ctx, r))
	if err != nil {
		return nil, err
	}
	defer done()
	a := openArchive(unpacked)
	m, origin, err := begin(a, &o)
	if err != nil {
		return nil, err
	}
	if err := room(s.Dir(), m); err != nil {
		return nil, err
	}
	files, rows, err := readFiles(a, m, &o)
	if err != nil {
		return nil, err
	}
	for _, model := range m.models {
		if o.Limit != nil {
			if limit := o.Limit(model.Name); limit > 0 && model.Pin.Size > limit {
				return nil, &Error{manifestPath, fmt.Sprintf("%s has a file of %d bytes: its network needs no more than %d", model.Name, model.Pin.Size, limit), nil}
			}
		}
		if o.Check != nil {
			if err := o.Check(model); err != nil {
				return nil, err
			}
		}
	}
	for _, blob := range m.blobs() {
		if err := putBlob(ctx, a, blob, m.models, s); err != nil {
			return nil, err
		}
	}
	if err := a.end(); err != nil {
		return nil, err
	}
	out := &Loaded{Models: m.models, Rows: rows, Origin: origin}
	err = writeFiles(s.Dir(), m, files, out, o.notice)
	return out, err
}

func (o *LoadOptions) notice(format string, args ...any) {
	if o.Notice != nil {
		o.Notice(fmt.Sprintf(format, args...))
	}
}

// survey reads the manifest of a bundle and the names and sizes of its members, which need room
// in a folder.
func survey(r io.ReadSeeker, dir string, o *LoadOptions) error {
	unpacked, done, err := unpack(r)
	if err != nil {
		return err
	}
	defer done()
	a := openArchive(unpacked)
	m, _, err := begin(a, o)
	if err != nil {
		return err
	}
	if err := room(dir, m); err != nil {
		return err
	}
	for _, f := range slices.Concat(m.files, m.blobs()) {
		if _, err := a.next(f); err != nil {
			return err
		}
	}
	return a.end()
}

// begin reads the manifest, once its signature holds.
func begin(a *archive, o *LoadOptions) (*manifest, Origin, error) {
	text, signature, err := a.begin()
	if err != nil {
		return nil, Origin{}, err
	}
	origin := Origin{Manifest: sumOf(text)}
	if o.Key != nil {
		const name = manifestPath + " of the bundle"
		switch {
		case signature == nil && isOld(text):
			return nil, origin, &lock.SignatureError{Path: name, Reason: "it is of the format " + oldFormat +
				", in which no signature covers it: make the bundle again with zoo bundle create --key"}
		case signature == nil:
			return nil, origin, &lock.SignatureError{Path: name, Reason: "it has no signature: make the bundle with zoo bundle create --key"}
		}
		if err := lock.Verify(o.Key, name, text, signature); err != nil {
			return nil, origin, err
		}
		origin.Key = o.Key
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, origin, err
	}
	if m.old && signature != nil {
		return nil, origin, &Error{signaturePath, "a bundle of the format " + oldFormat + " has none", nil}
	}
	return m, origin, nil
}

// room returns an error unless what the manifest lists has room on the disk of a folder.
func room(dir string, m *manifest) error {
	var need, largest int64
	for _, b := range m.blobs() {
		largest = max(largest, b.size)
		if st, err := os.Stat(filepath.Join(dir, filepath.FromSlash(b.path))); err != nil || st.Size() != b.size {
			need += b.size
		}
		if need < 0 || b.size < 0 {
			return &Error{manifestPath, "its files are too many bytes to be counted", nil}
		}
	}
	need = max(need, largest) // one that is there already is compared all the same
	for _, f := range m.files {
		need += f.size
	}
	for {
		free, err := disk.Free(dir)
		switch parent := filepath.Dir(dir); {
		case errors.Is(err, os.ErrNotExist) && parent != dir:
			dir = parent // the cache is not there yet
			continue
		case err == nil && need > free:
			return &store.SpaceError{Name: "bundle", Dir: dir, Need: need, Free: free}
		}
		return nil // without an answer, the writes will tell
	}
}

// readFiles reads all members before the blobs, and returns the models whose rows are kept.
func readFiles(a *archive, m *manifest, o *LoadOptions) (files map[string][]byte, rows []string, err error) {
	files = make(map[string][]byte)
	for i := range m.files {
		f := &m.files[i]
		data, err := a.read(*f, f.size)
		if err != nil {
			return nil, nil, err
		}
		files[f.path] = data
		if model, name, ok := f.golden(); ok && !m.old && o.Golden != nil {
			if err := o.Golden(model, name, data); err != nil {
				return nil, nil, &Error{f.path, "expected a golden of " + model, err}
			}
		}
		if name, ok := f.row(); ok && o.Row != nil {
			model, _ := m.model(name) // the manifest was checked for it
			keep, err := o.Row(model, data)
			if err != nil {
				return nil, nil, &Error{f.path, "expected the row of " + name, err}
			}
			if keep {
				rows = append(rows, name)
			}
		}
	}
	if files[lock.FileName] == nil {
		return nil, nil, &Error{manifestPath, "it lists no " + lock.FileName, nil}
	}
	return files, rows, covers(files[lock.FileName], m.models)
}

// putBlob puts a checkpoint into the store under each of its names.
func putBlob(ctx context.Context, a *archive, b file, models []Model, s *store.Store) error {
	if _, err := a.next(b); err != nil {
		return err
	}
	named := slices.DeleteFunc(slices.Clone(models), func(m Model) bool { return m.Pin.Digest != b.digest })
	var blob store.Blob
	for i, m := range named {
		var src io.Reader = a.t
		if i > 0 { // the bundle has it once
			f, err := os.Open(blob.Path)
			if err != nil {
				return fmt.Errorf("bundle: %w", err)
			}
			defer f.Close()
			src = f
		}
		var err error
		if blob, err = s.Put(ctx, m.Name, m.Pin, src); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return &Error{b.path, "cut short", err}
			}
			return err
		}
	}
	return nil
}

// writeFiles writes goldens, licences and the rows that are kept to their places in a store's folder.
func writeFiles(dir string, m *manifest, files map[string][]byte, out *Loaded, notice func(string, ...any)) error {
	left := 0
	for i := range m.files {
		f := &m.files[i]
		path, data := filepath.Join(dir, filepath.FromSlash(f.path)), files[f.path]
		_, _, isGolden := f.golden()
		model, isRow := f.row()
		kept, err := true, error(nil)
		switch {
		case isGolden && m.old:
			left++
			continue
		case isRow && !slices.Contains(out.Rows, model):
			continue
		case isGolden || isRow:
			kept, err = keep(path, data, out.Origin)
		case !strings.HasPrefix(f.path, LicencesDir):
			continue
		default:
			err = writeFile(path, data)
		}
		if err != nil {
			return fmt.Errorf("bundle: %s: %w", f.path, err)
		}
		if !kept {
			notice("%s: left out, since this bundle is not signed, and another one of that name came in a signed bundle", f.path)
			out.Rows = slices.DeleteFunc(out.Rows, func(name string) bool { return isRow && name == model })
			continue
		}
		out.Files = append(out.Files, path)
	}
	if left > 0 {
		notice("%d goldens were left out: in a bundle of the format %s nothing vouches for them: make it again with zoo bundle create", left, oldFormat)
	}
	return nil
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
