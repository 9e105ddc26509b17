package pth

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// A second reader of both containers, which reads streams from the front with
// other people's code and checks little. Of files that Parse accepts it must find
// the same storages.

func streamedZip(data []byte, keys []string) (map[string][]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err == zip.ErrFormat && bytes.Contains(data, []byte(sigLocator64)) {
		return nil, errOther // it overlooks a zip64 end record that only the directory's size calls for
	}
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, record := range z.File {
		for _, key := range keys {
			_, name, _ := bytes.Cut([]byte(record.Name), []byte("/"))
			if string(name) != "data/"+key {
				continue
			}
			r, err := record.Open()
			if err != nil {
				return nil, err
			}
			if out[key], err = io.ReadAll(r); err != nil && err != zip.ErrChecksum {
				return nil, err
			}
		}
	}
	return out, nil
}

func streamedLegacy(data []byte) (out map[string][]byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, errOther // it panics on a number of no bytes, which is legal
		}
	}()
	stream := bufio.NewReader(bytes.NewReader(data))
	sizes := map[string]int{}
	var last any
	for range 5 {
		u := pickle.NewUnpickler(stream)
		u.FindClass = findGlobal
		u.PersistentLoad = func(pid any) (any, error) {
			t := *pid.(*types.Tuple)
			if t[0] == "module" {
				return t[1], nil
			}
			sizes[t[2].(string)] = t[1].(storageClass).width
			return &storage{}, nil
		}
		if last, err = u.Load(); err != nil {
			if strings.Contains(err.Error(), "not supported") {
				return nil, errOther
			}
			return nil, err
		}
	}
	out = map[string][]byte{}
	for _, key := range *last.(*types.List) {
		var count int64
		if err := binary.Read(stream, binary.LittleEndian, &count); err != nil {
			return nil, err
		}
		b := make([]byte, int(count)*sizes[key.(string)])
		if _, err := io.ReadFull(stream, b); err != nil {
			return nil, err
		}
		out[key.(string)] = b
	}
	return out, nil
}

// errOther says that the other reader knows less than this package.
var errOther = errors.New("not supported by the other reader")

// Agree parses data and, where that accepts it, compares with the second reader.
// It reports whether there was something to compare.
func Agree(t *testing.T, data []byte) bool {
	t.Helper()
	f, err := Parse("x.pth", data)
	if err != nil {
		return false
	}
	var keys []string
	for _, s := range f.storages.order {
		keys = append(keys, s.key)
	}
	var other map[string][]byte
	if f.container == "zip" {
		other, err = streamedZip(data, keys)
	} else {
		other, err = streamedLegacy(data)
	}
	if err == errOther {
		return false
	}
	if err != nil {
		t.Fatalf("accepted a %s file that another reader refuses: %v", f.container, err)
	}
	if len(other) != len(keys) {
		t.Errorf("%d storages, another reader finds %d", len(keys), len(other))
	}
	for _, s := range f.storages.order {
		if !bytes.Equal(s.data, other[s.key]) {
			t.Errorf("storage %q: %x, another reader finds %x", s.key, s.data, other[s.key])
		}
	}
	return true
}
