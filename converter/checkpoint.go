// Package converter turns published checkpoints into safetensors: it opens a file
// whatever its container, renames its tensors by a recipe, checks that they are
// what a network wants, and writes them with their provenance.
//
// It knows no registry and no network by name: graphs and recipes are passed in.
//
//	c, err := converter.Open("cspresnet50.pth")
//	defer c.Close()
//	fit, err := converter.Fit(c, build, recipes)
//	err = converter.WriteSafetensors("out.safetensors", fit.StateDict, meta)
package converter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/tensor"
)

// A Checkpoint is an opened file of tensors. Tensors are views of the mapped
// file: they are valid until Close.
type Checkpoint struct {
	// Name is the base name of the file.
	Name string
	// Container is "legacy", "zip" (both PyTorch) or "safetensors".
	Container string
	// Classes are the class names that the file carries, in label order, if any.
	Classes []string
	// NonTensors lists what the file holds beside tensors. None of it was executed.
	NonTensors []pth.NonTensor
	// Metadata is that of a safetensors file.
	Metadata map[string]string

	stateDict func() (*tensor.StateDict, error)
	tensors   func() (*tensor.StateDict, error)
	close     []func() error
}

// StateDict returns the network's tensors: the value under "state_dict", else
// under "model", else the root, with a leading "module." stripped from names. The
// error is a *CheckpointError.
func (c *Checkpoint) StateDict() (*tensor.StateDict, error) {
	sd, err := c.stateDict()
	return sd, refused(c.Name, err)
}

// Tensors returns every tensor of the file under its full path, whose elements
// are joined by "/". The error is a *CheckpointError.
func (c *Checkpoint) Tensors() (*tensor.StateDict, error) {
	sd, err := c.tensors()
	return sd, refused(c.Name, err)
}

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
// file compressed with zstd is decompressed into a temporary file first, which is
// removed by Close at the latest.
func Open(path string) (*Checkpoint, error) {
	head, err := firstBytes(path)
	if err != nil {
		return nil, fmt.Errorf("converter: %w", err)
	}
	if bytes.HasPrefix(head, zstdMagic) {
		return openCompressed(path)
	}
	c := &Checkpoint{Name: filepath.Base(path)}
	if looksLikeSafetensors(head) {
		err = c.openSafetensors(path)
	} else {
		err = c.openPth(path)
	}
	if err != nil {
		return nil, refused(c.Name, err)
	}
	return c, nil
}

func (c *Checkpoint) openPth(path string) error {
	f, err := pth.Open(path)
	if err != nil {
		return err
	}
	c.Container = f.Container()
	c.Classes = f.Classes()
	c.NonTensors = f.NonTensors()
	c.stateDict, c.tensors = f.StateDict, f.Tensors
	c.close = append(c.close, f.Close)
	return nil
}

func (c *Checkpoint) openSafetensors(path string) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	c.Container = "safetensors"
	c.Metadata = f.Metadata()
	if text, ok := c.Metadata[MetaClasses]; ok {
		if err := json.Unmarshal([]byte(text), &c.Classes); err != nil {
			f.Close()
			return fmt.Errorf("converter: %q: metadata %q: expected a JSON list of class names: %w", c.Name, MetaClasses, err)
		}
	}
	all := func() (*tensor.StateDict, error) { return f.StateDict(), nil }
	c.stateDict, c.tensors = all, all
	c.close = append(c.close, f.Close)
	return nil
}

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

// refused wraps err as a CheckpointError unless it comes from the operating
// system, whose errors say nothing about the file's content.
func refused(file string, err error) error {
	var path *fs.PathError
	if err == nil || errors.As(err, &path) {
		return err
	}
	return &CheckpointError{File: file, Err: err}
}

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// looksLikeSafetensors reports whether head starts with an 8-byte length and the
// opening brace of a JSON header. No PyTorch container has a brace there.
func looksLikeSafetensors(head []byte) bool { return len(head) > 8 && head[8] == '{' }

func firstBytes(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil // a file this short is refused by whichever reader gets it
	}
	return head[:n], err
}
