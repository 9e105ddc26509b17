package pth

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// A central is an entry of the central directory.
type central struct {
	record
	at    int // of the local header
	csize int // bytes in the archive
}

// readCentral reads the entry that starts at b, and returns the bytes it takes.
func readCentral(b []byte) (c central, n int, err error) {
	f := fields{b: b}
	sig := f.take(4)
	f.take(4) // versions made by and needed
	c.flags, c.method = f.u16(), f.u16()
	f.take(4) // time and date
	c.crc = f.u32()
	csize, size := uint64(f.u32()), uint64(f.u32())
	nameLen, extraLen, commentLen := int(f.u16()), int(f.u16()), int(f.u16())
	disk := f.u16()
	f.take(6) // attributes: a storage that calls itself a link is still its bytes
	at := uint64(f.u32())
	c.name = string(f.take(nameLen))
	extra := f.take(extraLen)
	f.take(commentLen)
	if f.short || string(sig) != sigCentral {
		return c, 0, fmt.Errorf("expected an entry, found %d other bytes", len(b))
	}
	if err := checkRecordName(c.name); err != nil {
		return c, 0, err
	}
	if err := zip64(extra, &size, &csize, &at); err != nil {
		return c, 0, fmt.Errorf("record %q: %w", clip(c.name), err)
	}
	allowed := uint16(flagDescriptor | flagUTF8)
	if c.method == methodDeflate {
		allowed |= flagsDeflate
	}
	switch {
	case c.flags&^allowed != 0:
		return c, 0, fmt.Errorf("record %q: flags %#x are not supported: encrypted, or made to confuse readers", clip(c.name), c.flags&^allowed)
	case c.method != methodStored && c.method != methodDeflate:
		return c, 0, fmt.Errorf("record %q: compression method %d, expected 0 (stored) or 8 (deflated)", clip(c.name), c.method)
	case c.method == methodStored && size != csize:
		return c, 0, fmt.Errorf("record %q: is stored as it is, but of %d bytes in %d", clip(c.name), size, csize)
	case size > math.MaxInt || csize > math.MaxInt || at > math.MaxInt:
		return c, 0, fmt.Errorf("record %q: %d bytes in %d at byte %d are more than fit in memory", clip(c.name), size, csize, at)
	case strings.HasSuffix(c.name, "/") && size > 0:
		return c, 0, fmt.Errorf("record %q: is named as a folder, but holds %d bytes", clip(c.name), size)
	case disk != 0:
		return c, 0, fmt.Errorf("record %q: lies in another file (disk %d)", clip(c.name), disk)
	}
	c.size, c.csize, c.at = int(size), int(csize), int(at)
	return c, len(b) - len(f.b), nil
}

// checkRecordName refuses names that systems read in different ways.
func checkRecordName(name string) error {
	switch {
	case name == "" || !utf8.ValidString(name):
		return fmt.Errorf("record %q: expected a name in UTF-8", clip(name))
	case strings.ContainsAny(name, "\\\x00"):
		return fmt.Errorf(`record %q: expected a name without \ and NUL`, clip(name))
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("record %q: expected a name without empty, . and .. folders", clip(name))
		}
	}
	return nil
}

// locate finds the record's content in b, which is all between the place that the
// directory gives and the next record: a header that agrees with the directory,
// the content and, when there is one, a data descriptor.
func (c *central) locate(b []byte) error {
	f := fields{b: b}
	sig := f.take(4)
	f.take(2) // version needed
	flags, method := f.u16(), f.u16()
	f.take(4) // time and date
	crc := f.u32()
	csize, size := uint64(f.u32()), uint64(f.u32())
	nameLen, extraLen := int(f.u16()), int(f.u16())
	name := f.take(nameLen)
	extra := f.take(extraLen)
	c.stored = f.take(c.csize)
	if f.short || string(sig) != sigLocal {
		return fmt.Errorf("expected a header and %d bytes, found %d bytes up to what follows", c.csize, len(b))
	}
	if err := zip64(extra, &size, &csize); err != nil {
		return err
	}
	descriptor := c.flags&flagDescriptor != 0
	agree := func(here, directory uint64) bool { return here == directory || descriptor && here == 0 }
	switch {
	case string(name) != c.name:
		return fmt.Errorf("its own header calls it %q", clip(string(name)))
	case flags != c.flags || method != c.method:
		return fmt.Errorf("flags %#x and method %d in its own header, %#x and %d in the directory", flags, method, c.flags, c.method)
	case !agree(uint64(crc), uint64(c.crc)) || !agree(size, uint64(c.size)) || !agree(csize, uint64(c.csize)):
		return fmt.Errorf("%d bytes in %d with CRC-32 %08x in its own header, %d in %d with %08x in the directory", size, csize, crc, c.size, c.csize, c.crc)
	case descriptor:
		return c.checkDescriptor(f.b)
	case len(f.b) > 0:
		return fmt.Errorf("is followed by %d bytes that no record owns", len(f.b))
	}
	return nil
}

// checkDescriptor checks what follows the data: CRC-32 and sizes of 4 or 8 bytes,
// with or without a signature. Its length tells which.
func (c *central) checkDescriptor(b []byte) error {
	f := fields{b: b}
	n := len(b)
	if n == 16 || n == 24 {
		if string(f.take(4)) != sigDescriptor {
			return fmt.Errorf("expected a data descriptor after it, found %d other bytes", n)
		}
		n -= 4
	}
	crc := f.u32()
	var csize, size uint64
	switch n {
	case 12:
		csize, size = uint64(f.u32()), uint64(f.u32())
	case 20:
		csize, size = f.u64(), f.u64()
	default:
		return fmt.Errorf("expected a data descriptor after it, found %d bytes", len(b))
	}
	if crc != c.crc || csize != uint64(c.csize) || size != uint64(c.size) {
		return fmt.Errorf("%d bytes in %d with CRC-32 %08x in its data descriptor, %d in %d with %08x in the directory", size, csize, crc, c.size, c.csize, c.crc)
	}
	return nil
}

var errExtra = errors.New("malformed extra field")

// zip64 replaces each value that says it is too small by the one in the zip64
// extra field, in order.
func zip64(extra []byte, values ...*uint64) error {
	found := false
	for f := (fields{b: extra}); len(f.b) > 0; {
		id, n := f.u16(), int(f.u16())
		body := fields{b: f.take(n)}
		switch {
		case f.short || id == extraZip64 && found:
			return errExtra
		case id == extraName:
			return fmt.Errorf("has a second name in an extra field")
		case id != extraZip64:
			continue
		}
		found = true
		for _, v := range values {
			if *v == math.MaxUint32 {
				*v = body.u64()
			}
		}
		if body.short {
			return errExtra
		}
	}
	return nil
}

// fields reads little-endian numbers off the front of b.
type fields struct {
	b     []byte
	short bool // whether b ran out; what was read then is zero
}

func (f *fields) take(n int) []byte {
	if f.short || n > len(f.b) {
		f.short = true
		return nil
	}
	b := f.b[:n:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) uint(n int) (v uint64) {
	for i, b := range f.take(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

func (f *fields) u16() uint16 { return uint16(f.uint(2)) }
func (f *fields) u32() uint32 { return uint32(f.uint(4)) }
func (f *fields) u64() uint64 { return f.uint(8) }
