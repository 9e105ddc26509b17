package pth

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/nlpodyssey/gopickle/types"
)

// A legacy file (torch before 1.6) is five pickles and then the storages: a magic
// number, a version, facts about the system, the saved object, and the keys of the
// storages in the order in which they follow. See _legacy_save in
// torch/serialization.py.

var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

// isMagic reports whether a value is the magic number.
func isMagic(v any) bool {
	m, ok := v.(*big.Int)
	return ok && m.Cmp(legacyMagic) == 0
}

const (
	legacyVersion = 1001
	legacySmall   = 1 << 20 // bytes of memory that the pickles without tensors may take
)

// readLegacy reads a legacy file.
func (f *File) readLegacy(data []byte) error {
	rest := data
	next := func(what string, all *storages, memory int) (any, error) {
		v, n, err := run(rest, all, memory)
		if err != nil {
			return nil, fmt.Errorf("%s at byte %d: %w", what, len(data)-len(rest), err)
		}
		rest = rest[n:]
		return v, nil
	}
	magic, err := next("magic number", nil, legacySmall)
	if err != nil {
		return notSaved(data, fmt.Errorf("neither a zip archive nor pickles: %w", err))
	}
	if !isMagic(magic) {
		return notSaved(data, fmt.Errorf("a pickle of type %s, without the magic number of torch.save", typeName(magic)))
	}
	version, err := next("version", nil, legacySmall)
	if err != nil {
		return err
	}
	if version != legacyVersion {
		return fmt.Errorf("expected version %d of the legacy container, found %s", legacyVersion, describe(version))
	}
	system, err := next("system information", nil, legacySmall)
	if err != nil {
		return err
	}
	if lookup(system, "little_endian") != true {
		return unsupportedf("expected little_endian True in the system information: big-endian checkpoints are not supported")
	}
	f.storages.modules = true
	if f.root, err = next("object", &f.storages, budget(data)); err != nil {
		return err
	}
	keys, err := next("list of storage keys", nil, budget(data)/4)
	if err != nil {
		return err
	}
	return f.readLegacyStorages(rest, keys)
}

// readLegacyStorages gives every storage in use its bytes: each is an int64 count
// of elements and the elements.
func (f *File) readLegacyStorages(rest []byte, keys any) error {
	list, ok := keys.(*types.List)
	if !ok {
		return fmt.Errorf("expected a list of storage keys, found %s", typeName(keys))
	}
	filled := make(map[string]bool, len(*list))
	for i, item := range *list {
		key, ok := item.(string)
		if !ok {
			return fmt.Errorf("list of storage keys: expected str, found %s at %d", typeName(item), i)
		}
		s := f.storages.byKey[key]
		switch {
		case s == nil:
			return fmt.Errorf("storage %q: is in the file, but nothing uses it", clip(key))
		case filled[key]:
			return fmt.Errorf("storage %q: is listed twice", clip(key))
		case len(rest) < 8:
			return fmt.Errorf("storage %q: expected a count of 8 bytes, found %d: the file is cut short", clip(key), len(rest))
		}
		filled[key] = true
		count := int64(binary.LittleEndian.Uint64(rest))
		rest = rest[8:]
		switch n := s.nbytes(); {
		case count != int64(s.numel):
			return fmt.Errorf("storage %q: expected %d elements, found a count of %d", clip(key), s.numel, count)
		case n > len(rest):
			return fmt.Errorf("storage %q: expected %d bytes, found %d: the file is cut short", clip(key), n, len(rest))
		default:
			s.data, rest = rest[:n:n], rest[n:]
		}
	}
	for _, s := range f.storages.order {
		if !filled[s.key] {
			return fmt.Errorf("storage %q: is in use, but not in the file", clip(s.key))
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes follow the last storage", len(rest))
	}
	return nil
}
