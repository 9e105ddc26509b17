package pth_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/klauspost/compress/flate"
)

// Pieces of pickles, as strings of opcodes.

func le[T uint16 | uint32 | uint64 | int64](v T) string {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, v)
	return b.String()
}

func text(s string) string { return "X" + le(uint32(len(s))) + s }

// num is a LONG1 of 8 bytes, which holds every int64.
func num(n int64) string { return "\x8a\x08" + le(n) }

func global(module, name string) string { return "c" + module + "\n" + name + "\n" }

func tuple(items ...string) string { return "(" + strings.Join(items, "") + "t" }

func nums(v ...int64) string {
	items := make([]string, len(v))
	for i := range v {
		items[i] = num(v[i])
	}
	return tuple(items...)
}

func list(items ...string) string { return "](" + strings.Join(items, "") + "e" }

func dict(pairs ...string) string { return "}(" + strings.Join(pairs, "") + "u" }

func call(f string, args ...string) string { return f + tuple(args...) + "R" }

func pickle(value string) string { return "\x80\x02" + value + "." }

const (
	none  = "N"
	yes   = "\x88"
	no    = "\x89"
	pop   = "0"
	f4    = "\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@" // 1 2 3 4
	start = "\x80\x02"
)

var (
	ordered = call(global("collections", "OrderedDict"))
	float   = global("torch", "FloatStorage")
)

// storage is the persistent id of a zip file's storage.
func storage(class, key string, numel int64) string {
	return tuple(text("storage"), class, text(key), text("cpu"), num(numel)) + "Q"
}

// view is a float32 tensor of storage 0, which has four elements.
func view(offset int64, size, stride string) string {
	return call(global("torch._utils", "_rebuild_tensor_v2"), storage(float, "0", 4), num(offset), size, stride, no, ordered)
}

var w = view(0, nums(4), nums(1))

// A header holds what zip archives say about a record, twice.
type header struct {
	name, extra          string
	flags, method, disk  uint16
	crc, csize, size, at uint32
}

// An entry is a record of an archive; the edits make its headers lie.
type entry struct {
	name, data string
	deflate    bool
	body       string // overrides the stored bytes
	after      string // a data descriptor
	local      func(*header)
	central    func(*header)
	both       func(*header)
	noLocal    bool
	noCentral  bool
}

// end holds the fields of the end record.
type end struct {
	here, total  uint16
	size, offset uint32
	comment      string
	before       string // a zip64 end record and its locator
}

// archive returns a zip archive of the entries, whose end record edit may change.
func archive(entries []entry, edit func(*end)) string {
	var out, dir strings.Builder
	e := end{}
	for _, r := range entries {
		body := r.data
		h := header{name: r.name, crc: crc32.ChecksumIEEE([]byte(r.data)), size: uint32(len(r.data)), at: uint32(out.Len())}
		if r.deflate {
			h.method = 8
			body = deflated(r.data)
		}
		if r.body != "" {
			body = r.body
		}
		h.csize = uint32(len(body))
		l, c := h, h
		for _, f := range []func(*header){r.both, r.local} {
			if f != nil {
				f(&l)
			}
		}
		for _, f := range []func(*header){r.both, r.central} {
			if f != nil {
				f(&c)
			}
		}
		if !r.noLocal {
			out.WriteString("PK\x03\x04\x14\x00" + le(l.flags) + le(l.method) + "\x00\x00\x21\x00" + le(l.crc) + le(l.csize) + le(l.size))
			out.WriteString(le(uint16(len(l.name))) + le(uint16(len(l.extra))) + l.name + l.extra + body + r.after)
		}
		if !r.noCentral {
			dir.WriteString("PK\x01\x02\x14\x03\x14\x00" + le(c.flags) + le(c.method) + "\x00\x00\x21\x00" + le(c.crc) + le(c.csize) + le(c.size))
			dir.WriteString(le(uint16(len(c.name))) + le(uint16(len(c.extra))) + "\x00\x00" + le(c.disk) + "\x00\x00\x00\x00\x00\x00" + le(c.at) + c.name + c.extra)
			e.total++
		}
	}
	e.here, e.size, e.offset = e.total, uint32(dir.Len()), uint32(out.Len())
	if edit != nil {
		edit(&e)
	}
	return out.String() + dir.String() + e.before + "PK\x05\x06\x00\x00\x00\x00" + le(e.here) + le(e.total) + le(e.size) + le(e.offset) + le(uint16(len(e.comment))) + e.comment
}

func deflated(s string) string {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, 1)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

// checkpoint returns the records of a checkpoint that holds value and storage 0.
func checkpoint(value string, more ...entry) []entry {
	return append([]entry{
		{name: "archive/data.pkl", data: pickle(value)},
		{name: "archive/byteorder", data: "little"},
		{name: "archive/data/0", data: f4},
		{name: "archive/version", data: "3\n"},
	}, more...)
}

// zipped returns a zip file that holds value and storage 0.
func zipped(value string) string { return archive(checkpoint(value), nil) }

// A legacy file in parts.
type legacy struct {
	magic, version, system, object, keys, data string
}

// newLegacy returns the parts of a good legacy file of one tensor.
func newLegacy() legacy {
	id := tuple(text("storage"), float, text("0"), text("cpu"), num(4), none) + "Q"
	return legacy{
		magic:   start + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
		version: start + "M\xe9\x03.",
		system:  pickle(dict(text("little_endian"), yes)),
		object:  pickle(dict(text("w"), call(global("torch._utils", "_rebuild_tensor_v2"), id, num(0), nums(4), nums(1), no, ordered))),
		keys:    pickle(list(text("0"))),
		data:    le(int64(4)) + f4,
	}
}

func (l legacy) file() string { return l.magic + l.version + l.system + l.object + l.keys + l.data }
