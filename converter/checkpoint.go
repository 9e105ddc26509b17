// Package converter turns published checkpoints into the formats that others read:
// it opens a file whatever its container, renames its tensors by a recipe, checks
// that they are what a network wants, and writes them with their provenance.
//
// It knows no registry and no network by name: graphs and recipes are passed in.
//
//	c, err := converter.Open("cspresnet50.pth")
//	defer c.Close()
//	sd, err := c.StateDict()
//	fitted, err := target.Fit(sd)
//	err = converter.Write(ctx, "out.safetensors", fitted.Bound.StateDict(), converter.Output{})
package converter

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gozoo/zoo/converter/foreign"
	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/mmap"
	"github.com/gozoo/zoo/tensor"
)

// A Checkpoint is an opened file of tensors. Tensors are views of the mapped
// file: they are valid until Close.
type Checkpoint struct {
	// Name is the base name of the file, without ".zst".
	Name string
	// Container is "legacy", "zip" (both PyTorch) or "safetensors"; of a sharded checkpoint it
	// says in how many files.
	Container string
	// Checksums reports whether the container protects its content and was found
	// whole. Where it is false, only the file's own digest tells.
	Checksums bool
	// Classes are the class names that the file carries, in label order, if any.
	Classes []string
	// NonTensors lists what the file holds beside tensors. None of it was executed.
	NonTensors []pth.NonTensor
	// Metadata holds the texts of a safetensors file's header, or of a .pth file that zoo
	// wrote; nil for other files.
	Metadata map[string]string

	text     func(path ...string) (string, bool) // of a .pth file: see pth.File.Text
	folder   string                              // that the file lies in; empty where it has none
	config   []byte                              // the text of a config.json that Beside told; nil: none
	choose   func(key string, s *Selection) (sd *tensor.StateDict, rest string, err error)
	mappings func() []pth.Mapping
	tensors  func() (*tensor.StateDict, error)
	digest   func() digest.Digest
	close    []func() error
}

// StateDict returns the network's tensors, as Select does of no key. The error is a
// *CheckpointError.
func (c *Checkpoint) StateDict() (*tensor.StateDict, error) {
	d, err := c.draft("")
	if err != nil {
		return nil, err
	}
	return d.sd, nil
}

// Tensors returns every tensor of the file under its full path, whose elements
// are joined by "/". The error is a *CheckpointError.
func (c *Checkpoint) Tensors() (*tensor.StateDict, error) {
	sd, err := c.tensors()
	return sd, refused(c.Name, err)
}

// Digest returns the digest of the file's bytes as they are on disk. They
// are read on the first call only.
func (c *Checkpoint) Digest() digest.Digest { return c.digest() }

// Close releases the file. Tensors must not be used afterwards.
func (c *Checkpoint) Close() error {
	var first error
	for i := len(c.close) - 1; i >= 0; i-- {
		if err := c.close[i](); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Open opens a checkpoint, told apart by its first bytes and not by its name. A
// file compressed with zstd is decompressed first: a small one into memory, others into a
// temporary file, which is removed by Close at the latest. The error is a *CheckpointError when the file is
// to blame.
func Open(path string) (*Checkpoint, error) { return OpenAs(path, filepath.Base(path)) }

// Parse is Open for the bytes of a file, which must not change until Close. Messages call
// the file by name.
func Parse(name string, data []byte) (*Checkpoint, error) {
	c, err := read(name, data)
	if err != nil {
		return nil, refused(name, err)
	}
	return c, nil
}

// OpenAs is Open for a file that is known by another name than it has on disk. The index of a
// sharded checkpoint, one of its shards, or the folder of a checkpoint, stand for all of it.
func OpenAs(path, base string) (*Checkpoint, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		c, err := openFolder(path)
		return c, refused(base, err)
	}
	shards, err := shardsAt(path)
	if err != nil {
		return nil, refused(base, err)
	}
	if shards != nil {
		c, err := shards.open(base)
		return c, refused(base, err)
	}
	return openFile(path, base)
}

// openFile opens one file.
func openFile(path, base string) (*Checkpoint, error) {
	file, err := mmap.Open(path)
	if err != nil {
		return nil, fmt.Errorf("converter: %w", err)
	}
	c, err := read(base, file.Bytes())
	if err != nil {
		file.Close()
		return nil, refused(base, err)
	}
	c.folder = filepath.Dir(path)
	c.close = append([]func() error{file.Close}, c.close...)
	return c, nil
}

// holds says that the state dict is all that the checkpoint holds.
func (c *Checkpoint) holds(sd *tensor.StateDict) {
	c.tensors = func() (*tensor.StateDict, error) { return sd, nil }
	c.choose = func(key string, _ *Selection) (*tensor.StateDict, string, error) { return sd, key, nil }
	c.mappings = func() []pth.Mapping { return []pth.Mapping{{Tensors: sd.Len()}} }
}

// read reads a checkpoint, compressed or not.
func read(name string, data []byte) (c *Checkpoint, err error) {
	if bytes.HasPrefix(data, zstdMagic) {
		c, err = openCompressed(name, data)
	} else {
		c, err = parse(name, data)
	}
	if err != nil {
		return nil, err
	}
	c.digest = sync.OnceValue(func() digest.Digest { return digest.Of(sha256.Sum256(data)) })
	return c, nil
}

// parse reads a checkpoint that is not compressed.
func parse(name string, data []byte) (*Checkpoint, error) {
	c := &Checkpoint{Name: name, text: func(...string) (string, bool) { return "", false }}
	if looksLikeSafetensors(data) {
		f, err := safetensors.Parse(name, data)
		if err != nil {
			return nil, err
		}
		c.Container, c.Metadata = "safetensors", f.Metadata()
		c.holds(f.StateDict())
	} else if kind := foreign.Named(name); kind != nil {
		return nil, fmt.Errorf("converter: %q is a part of %s", name, kind.What)
	} else {
		f, err := pth.Parse(name, data)
		if err == nil && f.Partitioned() {
			err = fmt.Errorf("converter: %q is a part of a checkpoint of DeepSpeed ZeRO, without whole weights: %s", name, foreign.JoinZeRO)
		}
		if err != nil {
			return nil, err
		}
		c.Container, c.Metadata, c.Checksums = f.Container(), f.Metadata(), f.Checksums()
		c.Classes, c.NonTensors = f.Classes(), f.NonTensors()
		c.tensors, c.mappings, c.text = f.Tensors, f.Mappings, f.Text
		c.choose = func(key string, s *Selection) (*tensor.StateDict, string, error) { return choose(f, key, s) }
	}
	if classes, err := classesIn(c.Metadata); err != nil {
		return nil, fmt.Errorf("converter: %q: %w", name, err)
	} else if classes != nil {
		c.Classes = classes
	}
	return c, nil
}

// ErrCheckpoint is, by errors.Is, every *CheckpointError.
var ErrCheckpoint = errors.New("the checkpoint is refused")

// A CheckpointError is the refusal of a file: it is corrupt, unsafe, of no known
// format, or does not hold what was asked for.
type CheckpointError struct {
	File string // base name
	Err  error
}

// Error returns the cause's message, which names the file.
func (e *CheckpointError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *CheckpointError) Unwrap() error { return e.Err }

// Is reports whether target is ErrCheckpoint.
func (e *CheckpointError) Is(target error) bool { return target == ErrCheckpoint }

// refused wraps err as a CheckpointError unless it comes from the operating
// system, whose errors say nothing about the file's content.
func refused(file string, err error) error {
	if err == nil || errors.As(err, new(*fs.PathError)) || errors.As(err, new(*CheckpointError)) {
		return err
	}
	return &CheckpointError{File: file, Err: err}
}

// looksLikeSafetensors reports whether data start with an 8-byte length and the
// opening brace of a JSON header. No PyTorch container has a brace there.
func looksLikeSafetensors(data []byte) bool { return len(data) > 8 && data[8] == '{' }
