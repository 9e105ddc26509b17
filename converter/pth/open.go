// Package pth reads PyTorch checkpoints: the zip container of torch 1.6 and later
// and the legacy one before it. It runs nothing that a file brings along: the
// pickle's globals come from a closed list, and every size, offset and checksum is
// verified before a tensor is handed out.
//
// It knows tensors and containers, and no network.
//
//	f, err := pth.Open("cspresnet50.pth")
//	defer f.Close()
//	sd, err := f.StateDict()
package pth

import (
	"fmt"
	"path/filepath"
	"unicode/utf8"

	"github.com/gozoo/zoo/internal/mmap"
	"github.com/gozoo/zoo/tensor"
)

// A File is an opened checkpoint. Its tensors are views of the mapped bytes,
// valid until Close; only the content of compressed records is held in memory.
type File struct {
	name        string // for messages
	container   string
	root        any // the value of the pickle
	holds       holders
	leads       map[any]bool // of containers looked at, whether a state dict lies in them
	storages    storages
	unprotected bool              // whether the archive carries no checksums
	metadata    map[string]string // that zoo wrote
	mapped      *mmap.File        // nil when the bytes were given
}

// Open maps and checks the file at path. The error names the file, the record or
// the tensor, and the cause.
func Open(path string) (*File, error) {
	m, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(filepath.Base(path), m.Bytes())
	if err != nil {
		m.Close()
		return nil, err
	}
	f.mapped = m
	return f, nil
}

// Parse checks a file in memory. Its tensors are views of data. The name is for
// messages.
func Parse(name string, data []byte) (*File, error) {
	f := &File{name: clip(name)}
	var err error
	if isZip(data) {
		f.container = "zip"
		err = f.readZip(data)
	} else if err = notTorch(name, data); err == nil {
		f.container = "legacy"
		err = f.readLegacy(data)
	}
	if err == nil {
		f.holds, err = survey(f.root)
	}
	if err != nil {
		return nil, fmt.Errorf("pth: %q: %w", f.name, err)
	}
	return f, nil
}

// Container returns "zip" or "legacy".
func (f *File) Container() string { return f.container }

// Checksums reports whether the container protects its content: zip files carry
// a CRC-32 of every record unless torch was told not to compute them, legacy files
// carry none.
func (f *File) Checksums() bool { return f.container == "zip" && !f.unprotected }

// NonTensors returns what the file holds beside tensors, by path. All of it was
// read and none of it was run.
func (f *File) NonTensors() []NonTensor { return listNonTensors(f.root, f.holds) }

// Classes returns the class names in label order, or nil: those under
// meta.dataset_meta.classes, as mmpretrain 1.x writes them, or under meta.CLASSES,
// as mmcls 0.x did.
func (f *File) Classes() []string {
	meta := lookup(f.root, "meta")
	if names := texts(lookup(lookup(meta, "dataset_meta"), "classes")); names != nil {
		return names
	}
	return texts(lookup(meta, "CLASSES"))
}

// Text returns the text under keys of mappings inside one another, from the root, and whether
// there is one. The attributes of an object, such as those of the argparse.Namespace that
// training scripts keep, are a mapping too.
func (f *File) Text(path ...string) (string, bool) {
	v := f.root
	for _, key := range path {
		if o, ok := v.(*object); ok && o.state != nil {
			v = o.state
		}
		v = lookup(v, key)
	}
	s, ok := v.(string)
	return s, ok && utf8.ValidString(s)
}

// StateDict returns the tensors of the mapping that Choose takes for the network's state
// dict.
func (f *File) StateDict() (*tensor.StateDict, error) {
	m, _, err := f.Choose("")
	if err != nil {
		return nil, err
	}
	return m.StateDict()
}

// Tensors returns every tensor of the file under its full path: dict keys and list
// indices joined by "/", as in "optimizer/state/0/exp_avg".
func (f *File) Tensors() (*tensor.StateDict, error) {
	w := walk{holds: f.holds, sep: "/"}
	return f.collect(&w, f.root, "the file")
}

// Views may repeat the bytes of a storage, as tied and broadcast weights do. A
// checkpoint stays far below this many times what it stores.
const (
	maxRepeats = 16
	slackBytes = 64 << 20
)

// collect returns the tensors that the walk finds below from.
func (f *File) collect(w *walk, from any, at string) (*tensor.StateDict, error) {
	sd := new(tensor.StateDict)
	limit := maxRepeats*f.storages.nbytes() + slackBytes
	left := limit
	w.visit = func(name string, ref *tensorRef) error {
		if err := checkName(name); err != nil {
			return err
		}
		t, err := ref.view()
		if err != nil {
			return fmt.Errorf("tensor %q: %w", clip(name), err)
		}
		if t.Nbytes() > left {
			return fmt.Errorf("tensor %q: %v of %v and those before it take more than %d bytes, though all storages hold only %d", clip(name), t.Shape(), t.DType(), limit, f.storages.nbytes())
		}
		left -= t.Nbytes()
		if err := sd.Add(name, t); err != nil {
			return fmt.Errorf("two tensors have the name %q", clip(name))
		}
		return nil
	}
	if err := w.value(from, nil); err != nil {
		return nil, fmt.Errorf("pth: %q: %w", f.name, err)
	}
	if sd.Len() == 0 && w.named && w.holds.has(from) {
		return nil, fmt.Errorf("pth: %q: no weights in %s: its tensors are state of training, such as an optimiser's", f.name, at)
	}
	if sd.Len() == 0 {
		return nil, fmt.Errorf("pth: %q: no tensors in %s, which is of type %s: expected a state dict, as model.state_dict() returns it", f.name, at, typeName(from))
	}
	return sd, nil
}

// Close unmaps the file. Tensors must not be used afterwards.
func (f *File) Close() error {
	if f.mapped == nil {
		return nil
	}
	return f.mapped.Close()
}
