// Package lock reads and writes zoo.lock: which exact file each registry name
// stands for, learnt when the file was first fetched. It is text to be committed
// beside the code that uses the names:
//
//	zoo-lock/1
//	# from WAY ADDRESS checked by CHECK
//	NAME sha256:HEX SIZE
//
// with one line a name, sorted, so that the same pins are the same bytes. Lines
// that begin with "#" and empty lines are skipped, but for the line before a pin that says
// how its file came: see Origin. The package knows neither the network nor the cache.
package lock

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/atomicfile"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/registry"
)

// FileName is what a lock file is called in a project.
const FileName = "zoo.lock"

const (
	format  = "zoo-lock/1"
	comment = "# The files that registry names stand for. Written by zoo; commit it."
)

// A Pin is the file that a name stands for.
type Pin struct {
	Digest digest.Digest // full
	Size   int64         // bytes
}

// An Error says that a lock file cannot be read: it is no regular file, is too long, or is not
// in the format.
type Error struct{ Err error }

func (e *Error) Error() string { return "lock: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A File is the content of a lock file. The zero File has no pins.
type File struct {
	pins    map[string]Pin
	origins map[string]Origin // of those whose origin is known
}

// Parse reads the text of a lock file. The error is an *Error, which calls the file by name, and
// gives the line.
func Parse(name string, data []byte) (*File, error) {
	f := &File{pins: make(map[string]Pin)}
	lines := bufio.NewScanner(bytes.NewReader(data))
	started, origin := false, Origin{} // that the line before states
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			origin = parseOrigin(line)
			continue
		}
		if !started {
			if line != format {
				return nil, &Error{fmt.Errorf("%s: line %d: expected %s, found %.80q", name, n, format, line)}
			}
			started, origin = true, Origin{}
			continue
		}
		model, pin, err := parsePin(line)
		if err == nil {
			if old, ok := f.pins[model]; ok && old != pin {
				err = fmt.Errorf("%s has two files, sha256 %s and %s: remove one of the lines", model, old.Digest, pin.Digest)
			}
		}
		if err != nil {
			return nil, &Error{fmt.Errorf("%s: line %d: %w", name, n, err)}
		}
		f.pins[model] = pin
		if origin.Way != Unknown {
			f.SetOrigin(model, origin)
		}
		origin = Origin{}
	}
	if err := lines.Err(); err != nil {
		return nil, &Error{fmt.Errorf("%s: %w", name, err)}
	}
	return f, nil
}

func parsePin(line string) (string, Pin, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return "", Pin{}, fmt.Errorf("expected a name, a digest and a size, found %d words", len(fields))
	}
	name, hex, size := fields[0], strings.TrimPrefix(fields[1], "sha256:"), fields[2]
	if err := registry.CheckName(name); err != nil {
		return "", Pin{}, fmt.Errorf("name %.80q: %w", name, err)
	}
	d, err := digest.Parse(hex)
	if err == nil && (!d.Full() || hex == fields[1]) {
		err = fmt.Errorf("digest %q: expected sha256: and 64 hex digits", fields[1])
	}
	if err != nil {
		return "", Pin{}, err
	}
	n, err := strconv.ParseUint(size, 10, 63)
	if err != nil || n > math.MaxInt64 {
		return "", Pin{}, fmt.Errorf("size %.40q: expected a number of bytes", size)
	}
	return name, Pin{d, int64(n)}, nil
}

// Read reads a lock file; a file that is not there has no pins. It must be a regular file of
// at most 16 MiB; else the error is an *Error.
func Read(path string) (*File, error) {
	data, err := bounded.ReadFile(path, bounded.Lock)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, &Error{err}
	}
	return Parse(path, data)
}

// Pin returns what a name stands for.
func (f *File) Pin(name string) (Pin, bool) {
	pin, ok := f.pins[name]
	return pin, ok
}

// Set makes a name stand for a file, whatever it stood for before. Where that was another
// one, its origin is forgotten.
func (f *File) Set(name string, pin Pin) {
	if f.pins[name] != pin {
		delete(f.origins, name)
	}
	if f.pins == nil {
		f.pins = make(map[string]Pin)
	}
	f.pins[name] = pin
}

// Delete forgets what a name stands for.
func (f *File) Delete(name string) {
	delete(f.pins, name)
	delete(f.origins, name)
}

// Names returns the names that are pinned, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.pins)) }

// Bytes returns the text of the lock file; the same pins give the same bytes.
func (f *File) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s\n", format, comment)
	for _, name := range f.Names() {
		pin := f.pins[name]
		if o := f.origins[name]; o.Way != Unknown {
			fmt.Fprintln(&b, o.line())
		}
		fmt.Fprintf(&b, "%s sha256:%s %d\n", name, pin.Digest, pin.Size)
	}
	return b.Bytes()
}

// Write writes the lock file; it appears whole or not at all.
func (f *File) Write(path string) error {
	err := atomicfile.Replace(path, func(tmp string) error { return os.WriteFile(tmp, f.Bytes(), 0o600) })
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
