package pth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gozoo/zoo/converter/foreign"
)

// maxZipVersion is the highest version of the container's own format that torch
// knows: kMaxSupportedFileFormatVersion in caffe2/serialize/versions.h.
const maxZipVersion = 10

// isZip reports whether data starts with a record of a zip archive, or is an empty
// archive.
func isZip(data []byte) bool {
	return bytes.HasPrefix(data, []byte(sigLocal)) || bytes.HasPrefix(data, []byte(sigEnd))
}

// readZip reads a zip file: a folder of any name with the pickle "data.pkl", a
// record "data/KEY" for each storage, and a few small ones. See
// caffe2/serialize/inline_container.h.
func (f *File) readZip(data []byte) error {
	dir, err := readDirectory(data)
	if err != nil {
		if kind := foreign.Zip(memberNames(data)); kind != nil && kind.Name != "zip" {
			return unsupportedf("not a PyTorch checkpoint but %s", kind.What)
		}
		return fmt.Errorf("zip: %w", err)
	}
	folder, err := topFolder(dir)
	if err != nil {
		return err
	}
	record := make(map[string]*record, len(dir))
	for i := range dir {
		record[strings.TrimPrefix(dir[i].name, folder)] = &dir[i]
	}
	f.unprotected = withoutChecksums(dir)
	if err := checkSmallRecords(record, f.unprotected); err != nil {
		return err
	}
	if err := f.readMetadata(record[MetadataRecord]); err != nil {
		return err
	}

	pkl := record["data.pkl"]
	program, err := pkl.content(maxPickle, f.unprotected)
	if err != nil {
		return err
	}
	root, n, err := run(program, &f.storages, budget(data))
	if err != nil {
		return fmt.Errorf("record %q: %w", clip(pkl.name), err)
	}
	if n != len(program) {
		return fmt.Errorf("record %q: %d bytes follow the pickle", clip(pkl.name), len(program)-n)
	}
	f.root = root
	for _, s := range f.storages.order {
		r := record["data/"+s.key]
		if r == nil {
			return fmt.Errorf("storage %q: no record %q", clip(s.key), clip(folder+"data/"+s.key))
		}
		if r.size != s.nbytes() {
			return fmt.Errorf("storage %q: expected %d bytes (%d elements of %s), found %d", clip(s.key), s.nbytes(), s.numel, s.class.name, r.size)
		}
		r.storage = s
	}
	return readRecords(dir, f.unprotected)
}

// topFolder returns the folder with the pickle, "archive/" or another one, which
// every record must lie in.
func topFolder(dir []record) (string, error) {
	names := make([]string, len(dir))
	for i := range dir {
		names[i] = dir[i].name
	}
	if kind := foreign.Zip(names); kind != nil {
		return "", unsupportedf("not a PyTorch checkpoint but %s", kind.What)
	}
	var folder string
	for _, name := range names {
		top, rest, _ := strings.Cut(name, "/")
		if rest == "data.pkl" {
			if folder != "" {
				return "", fmt.Errorf("zip: two checkpoints in one archive, %q and %q", clip(folder), clip(top+"/"))
			}
			folder = top + "/"
		}
	}
	for i := range dir {
		if !strings.HasPrefix(dir[i].name, folder) {
			return "", fmt.Errorf("zip: record %q lies outside the checkpoint's folder %q", clip(dir[i].name), clip(folder))
		}
	}
	return folder, nil
}

// checkSmallRecords checks the records "byteorder" and "version", which may be
// absent as before torch 2.1.
func checkSmallRecords(record map[string]*record, unprotected bool) error {
	if r := record["byteorder"]; r != nil {
		order, err := r.content(16, unprotected)
		if err != nil {
			return err
		}
		switch string(order) {
		case "little":
		case "big":
			return unsupportedf("record %q: big-endian checkpoints are not supported: load and save it on a little-endian machine", clip(r.name))
		default:
			return fmt.Errorf(`record %q: expected "little" or "big", found %q`, clip(r.name), order)
		}
	}
	for _, name := range []string{"version", ".data/version"} {
		if r := record[name]; r != nil {
			text, err := r.content(16, unprotected)
			if err != nil {
				return err
			}
			v, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 31)
			if err != nil || v < 1 || v > maxZipVersion {
				return fmt.Errorf("record %q: expected a version from 1 to %d, found %q", clip(r.name), maxZipVersion, text)
			}
		}
	}
	return nil
}

// withoutChecksums reports whether the archive was written with checksums turned
// off (torch.serialization.set_crc32_options): then every one is 0.
func withoutChecksums(dir []record) bool {
	return !slices.ContainsFunc(dir, func(r record) bool { return r.crc != 0 })
}

// memberNames returns the names in the entries of a zip archive's directory, however that is
// put together: enough to say whose archive it is.
func memberNames(file []byte) []string {
	var names []string
	for at := 0; len(names) < maxSequence; {
		i := bytes.Index(file[at:], []byte(sigCentral))
		if i < 0 {
			break
		}
		at += i + sizeCentral
		if at > len(file) {
			break
		}
		n := int(binary.LittleEndian.Uint16(file[at-sizeCentral+28:]))
		if at+n > len(file) {
			break
		}
		names = append(names, string(file[at:at+n]))
	}
	return names
}
