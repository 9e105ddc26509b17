package pth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Zip archives say everything twice, and readers differ in which they believe.
// Here the two must agree, and every byte of the file must belong to one record
// or to the directory, so that there is one way to read it. Names and numbers as
// in PKWARE's APPNOTE.TXT 6.3.10.
const (
	sigLocal      = "PK\x03\x04"
	sigCentral    = "PK\x01\x02"
	sigDescriptor = "PK\x07\x08"
	sigEnd        = "PK\x05\x06"
	sigEnd64      = "PK\x06\x06"
	sigLocator64  = "PK\x06\x07"

	sizeLocal     = 30
	sizeCentral   = 46
	sizeEnd       = 22
	sizeEnd64     = 56
	sizeLocator64 = 20

	flagDescriptor = 1 << 3 // sizes and checksum follow the data
	flagUTF8       = 1 << 11
	flagsDeflate   = 3 << 1 // how hard the compressor tried

	extraZip64 = 0x0001
	extraName  = 0x7075 // another name, which some readers prefer

	maxRecords = 1_000_000
)

// readDirectory returns the records of a zip archive in the order of the file.
// Their content is not looked at.
func readDirectory(file []byte) ([]record, error) {
	start, end, count, err := findDirectory(file)
	if err != nil {
		return nil, err
	}
	// A wrong count cannot make this large: entries take bytes.
	entries := make([]central, 0, min(count, (end-start)/sizeCentral))
	seen := make(map[string]bool, cap(entries))
	rest := file[start:end]
	for range count {
		c, n, err := readCentral(rest)
		if err != nil {
			return nil, fmt.Errorf("directory entry %d of %d: %w", len(entries)+1, count, err)
		}
		if seen[c.name] {
			return nil, fmt.Errorf("two records have the name %q", clip(c.name))
		}
		seen[c.name] = true
		entries = append(entries, c)
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("directory of %d entries is followed by %d bytes that are none", count, len(rest))
	}
	slices.SortFunc(entries, func(a, b central) int { return a.at - b.at })
	next := start // of what follows the record
	for i, c := range slices.Backward(entries) {
		if c.at > next {
			return nil, fmt.Errorf("record %q: starts at byte %d, in or after the directory at %d", clip(c.name), c.at, next)
		}
		if err := entries[i].locate(file[c.at:next]); err != nil {
			return nil, fmt.Errorf("record %q at byte %d: %w", clip(c.name), c.at, err)
		}
		next = c.at
	}
	if next > 0 {
		return nil, fmt.Errorf("the first %d bytes belong to no record", next)
	}
	records := make([]record, len(entries))
	for i := range entries {
		records[i] = entries[i].record
	}
	return records, nil
}

// findDirectory returns where the central directory starts and ends, and its
// number of entries.
func findDirectory(file []byte) (start, end, count int, err error) {
	at := -1
	for i := max(0, len(file)-sizeEnd-math.MaxUint16); ; i++ {
		n := bytes.Index(file[i:], []byte(sigEnd))
		if n < 0 {
			break
		}
		i += n
		if at >= 0 {
			// Readers take the last one, some of them also when its comment is cut short.
			return 0, 0, 0, fmt.Errorf("two end records, at bytes %d and %d", at, i)
		}
		if len(file)-i >= sizeEnd && len(file)-i-sizeEnd == int(binary.LittleEndian.Uint16(file[i+20:])) {
			at = i // its comment ends with the file
		}
	}
	if at < 0 {
		return 0, 0, 0, fmt.Errorf("no end record at the end of the file: it was cut short, or something was added")
	}
	b := fields{b: file[at+4:]}
	disk, startDisk := b.u16(), b.u16()
	here, total, size, offset := uint64(b.u16()), uint64(b.u16()), uint64(b.u32()), uint64(b.u32())
	if disk != 0 || startDisk != 0 || here != total {
		return 0, 0, 0, fmt.Errorf("end record: the archive is split over several files, which is not supported")
	}
	end = at
	if from := at - sizeLocator64; from >= 0 && bytes.HasPrefix(file[from:], []byte(sigLocator64)) {
		end = from - sizeEnd64
		if total, size, offset, err = readEnd64(file, from, total, size, offset); err != nil {
			return 0, 0, 0, err
		}
	}
	if size > uint64(end) || offset != uint64(end)-size {
		return 0, 0, 0, fmt.Errorf("end record: a directory of %d bytes at byte %d does not end at byte %d, where the end record is", size, offset, end)
	}
	if total > maxRecords {
		return 0, 0, 0, fmt.Errorf("end record: %d records, expected at most %d", total, maxRecords)
	}
	return int(offset), end, int(total), nil
}

// readEnd64 returns the numbers of the zip64 end record, which lies before its
// locator. The 32-bit ones must be the same, or say that they are too small.
func readEnd64(file []byte, locator int, total, size, offset uint64) (uint64, uint64, uint64, error) {
	at := locator - sizeEnd64
	l := fields{b: file[locator+4:]}
	if disk, where, disks := l.u32(), l.u64(), l.u32(); disk != 0 || disks != 1 || at < 0 || where != uint64(at) {
		return 0, 0, 0, fmt.Errorf("zip64 locator: expected an end record of %d bytes just before it", sizeEnd64)
	}
	b := fields{b: file[at:]}
	sig, length := b.take(4), b.u64()
	b.take(4) // versions
	disk, startDisk := b.u32(), b.u32()
	here64, total64, size64, offset64 := b.u64(), b.u64(), b.u64(), b.u64()
	if string(sig) != sigEnd64 || length != sizeEnd64-12 || disk != 0 || startDisk != 0 || here64 != total64 {
		return 0, 0, 0, fmt.Errorf("zip64 end record: malformed")
	}
	agree := func(narrow, all, wide uint64) bool { return narrow == wide || narrow == all }
	if !agree(total, math.MaxUint16, total64) || !agree(size, math.MaxUint32, size64) || !agree(offset, math.MaxUint32, offset64) {
		return 0, 0, 0, fmt.Errorf("the two end records disagree: %d records, %d bytes at %d and %d records, %d bytes at %d", total, size, offset, total64, size64, offset64)
	}
	return total64, size64, offset64, nil
}
