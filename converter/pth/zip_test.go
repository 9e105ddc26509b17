package pth_test

import (
	"hash/crc32"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter/pth"
)

// good is what most rows change one thing of.
func good(more ...entry) []entry { return checkpoint(dict(text("w"), w), more...) }

// changed returns a good archive with entry i edited: 0 is the pickle, 2 the
// storage.
func changed(i int, edit func(*entry)) string {
	entries := good()
	edit(&entries[i])
	return archive(entries, nil)
}

// descriptor turns on the flag that says one follows, and clears what it repeats.
func descriptor(e *entry, after string) {
	e.both = func(h *header) { h.flags |= 8 }
	e.local = func(h *header) { h.crc, h.size, h.csize = 0, 0, 0 }
	e.after = after
}

// zipRows returns one archive for each way of being odd or wrong.
func zipRows() []row {
	sum := le(crc32.ChecksumIEEE([]byte(f4)))
	zip64 := func(fields ...uint64) string {
		body := ""
		for _, f := range fields {
			body += le(f)
		}
		return "\x01\x00" + le(uint16(len(body))) + body
	}
	// The 64-bit end record of an archive whose directory ends at byte end.
	end64 := func(e *end, count uint64) string {
		at := uint64(e.offset + e.size)
		return "PK\x06\x06" + le(uint64(44)) + "\x2d\x00\x2d\x00" + le(uint32(0)) + le(uint32(0)) + le(count) + le(count) + le(uint64(e.size)) + le(uint64(e.offset)) +
			"PK\x06\x07" + le(uint32(0)) + le(at) + le(uint32(1))
	}
	zeroSums := good()
	for i := range zeroSums {
		zeroSums[i].both = func(h *header) { h.crc = 0 }
	}
	renamed := good()
	for i := range renamed {
		renamed[i].name = strings.Replace(renamed[i].name, "archive", "my net-1.0", 1)
	}
	return []row{
		{"good", archive(good(), nil), ""},
		{"another folder", archive(renamed, nil), ""},
		{"no version and byte order", archive([]entry{good()[0], good()[2]}, nil), ""},
		{"all deflated", archive([]entry{{name: "a/data.pkl", data: pickle(dict(text("w"), w)), deflate: true}, {name: "a/data/0", data: f4, deflate: true}}, nil), ""},
		{"deflated with a level in the flags", changed(2, func(e *entry) { e.deflate = true; e.both = func(h *header) { h.flags = 2 } }), ""},
		{"folders as records", archive(good(entry{name: "archive/data/"}, entry{name: "archive/"}), nil), ""},
		{"comment", archive(good(), func(e *end) { e.comment = "saved by hand" }), ""},
		{"descriptor of 16 bytes", changed(2, func(e *entry) { descriptor(e, "PK\x07\x08"+sum+le(uint32(16))+le(uint32(16))) }), ""},
		{"descriptor of 12 bytes", changed(2, func(e *entry) { descriptor(e, sum+le(uint32(16))+le(uint32(16))) }), ""},
		{"descriptor of 24 bytes", changed(2, func(e *entry) { descriptor(e, "PK\x07\x08"+sum+le(uint64(16))+le(uint64(16))) }), ""},
		{"descriptor of 20 bytes", changed(2, func(e *entry) { descriptor(e, sum+le(uint64(16))+le(uint64(16))) }), ""},
		{"padding in an extra field", changed(2, func(e *entry) { e.local = func(h *header) { h.extra = "FB\x05\x00ZZZZZ" } }), ""},
		{"zip64 sizes", changed(2, func(e *entry) {
			e.both = func(h *header) { h.size, h.csize, h.extra = 1<<32-1, 1<<32-1, zip64(16, 16) }
		}), ""},
		{"zip64 end record", archive(good(), func(e *end) { e.before, e.total, e.here = end64(e, 4), 0xffff, 0xffff }), ""},
		{"zip64 end record beside full fields", archive(good(), func(e *end) { e.before = end64(e, 4) }), ""},
		{"zip64 size of the directory alone", archive(good(), func(e *end) { e.before = end64(e, 4); e.size = 1<<32 - 1 }), ""},
		{"no checksums at all", archive(zeroSums, nil), ""},
		{"other records of the same base name", archive(good(entry{name: "archive/.data/0", data: "xx"}, entry{name: "archive/x/data.pkl", data: "x"}), nil), ""},

		{"cut in the middle", archive(good(), nil)[:200], "no end record"},
		{"end record cut", strings.TrimSuffix(archive(good(), nil), "\x00"), "no end record"},
		{"bytes after the end", archive(good(), nil) + "x", "no end record"},
		{"bytes before the start", "PK\x03\x04" + archive(good(), nil), "end record"},
		{"bytes before the start, counted", archive(append([]entry{{name: "archive/x", data: "x", noCentral: true}}, good()...), nil), "first 40 bytes belong to no record"},
		{"a record that the directory lacks", archive(good(entry{name: "archive/x", data: "x", noCentral: true}), nil), "bytes that no record owns"},
		{"a directory entry without record", archive(good(entry{name: "archive/x", data: "x", noLocal: true}), nil), "expected a header"},
		{"a directory entry for the directory", archive(good(entry{name: "archive/x", data: "x", noLocal: true, central: func(h *header) { h.at += 9 }}), nil), "in or after the directory"},
		{"records that share bytes", archive(good(entry{name: "archive/data/1", data: f4, noLocal: true, central: func(h *header) { h.at = 10 }}), nil), "expected a header"},
		{"two entries for one record", archive(good(entry{name: "archive/data/1", data: f4, noLocal: true, central: func(h *header) { h.at = 0 }}), nil), "its own header calls it"},
		{"end record in the comment", archive(good(), func(e *end) { e.comment = "PK\x05\x06" + strings.Repeat("\x00", 18) }), "two end records"},
		{"end record in the comment, cut", archive(good(), func(e *end) { e.comment = "PK\x05\x06" + strings.Repeat("\x00", 19) }), "two end records"},
		{"too many entries promised", archive(good(), func(e *end) { e.total, e.here = 60000, 60000 }), "entry 5 of 60000"},
		{"too few entries promised", archive(good(), func(e *end) { e.total, e.here = 3, 3 }), "followed by"},
		{"several disks", archive(good(), func(e *end) { e.here = 1 }), "split"},
		{"an entry on another disk", changed(2, func(e *entry) { e.central = func(h *header) { h.disk = 1 } }), "disk 1"},
		{"directory too far", archive(good(), func(e *end) { e.offset = 1 << 31 }), "does not end"},
		{"directory too long", archive(good(), func(e *end) { e.size = 1 << 31 }), "does not end"},
		{"zip64 end record disagrees", archive(good(), func(e *end) { e.before = end64(e, 5) }), "disagree"},
		{"zip64 locator points elsewhere", archive(good(), func(e *end) { e.offset--; e.before = end64(e, 4) }), "locator"},
		{"zip64 locator alone", archive(good(), func(e *end) { e.before = end64(e, 4)[56:] }), "locator"},
		{"zip64 end record of another length", archive(good(), func(e *end) { e.before = strings.Replace(end64(e, 4), "\x2c", "\x2d", 1) }), "malformed"},

		{"name differs", changed(0, func(e *entry) { e.local = func(h *header) { h.name = "archive/data.pkx" } }), `calls it "archive/data.pkx"`},
		{"checksum differs", changed(2, func(e *entry) { e.local = func(h *header) { h.crc = 1 } }), "in its own header"},
		{"size differs", changed(2, func(e *entry) { e.local = func(h *header) { h.size = 8 } }), "in its own header"},
		{"compressed size differs", changed(2, func(e *entry) { e.local = func(h *header) { h.csize = 8 } }), "in its own header"},
		{"method differs", changed(2, func(e *entry) { e.local = func(h *header) { h.method = 8 } }), "method 8"},
		{"flags differ", changed(2, func(e *entry) { e.local = func(h *header) { h.flags = 1 } }), "flags 0x1"},
		{"descriptor without its flag", changed(2, func(e *entry) { e.after = sum + le(uint32(16)) + le(uint32(16)) }), "no record owns"},
		{"descriptor missing", changed(2, func(e *entry) { descriptor(e, "") }), "expected a data descriptor"},
		{"descriptor of 8 bytes", changed(2, func(e *entry) { descriptor(e, "PK\x07\x08"+sum) }), "expected a data descriptor"},
		{"descriptor of 16 other bytes", changed(2, func(e *entry) { descriptor(e, strings.Repeat("x", 16)) }), "expected a data descriptor"},
		{"descriptor with another checksum", changed(2, func(e *entry) { descriptor(e, "PK\x07\x08"+"sum!"+le(uint32(16))+le(uint32(16))) }), "data descriptor"},
		{"descriptor with another size", changed(2, func(e *entry) { descriptor(e, "PK\x07\x08"+sum+le(uint32(16))+le(uint32(15))) }), "data descriptor"},
		{"encrypted", changed(2, func(e *entry) { e.both = func(h *header) { h.flags = 1 } }), "encrypted"},
		{"patched", changed(2, func(e *entry) { e.both = func(h *header) { h.flags = 0x20 } }), "flags 0x20"},
		{"level flags without compression", changed(2, func(e *entry) { e.both = func(h *header) { h.flags = 2 } }), "flags 0x2"},
		{"unknown method", changed(2, func(e *entry) { e.both = func(h *header) { h.method = 12 } }), "method 12"},
		{"stored with two sizes", changed(2, func(e *entry) { e.both = func(h *header) { h.size = 17 } }), "of 17 bytes in 16"},
		{"huge stored size", changed(2, func(e *entry) { e.both = func(h *header) { h.size, h.csize = 1<<32-2, 1<<32-2 } }), "4294967294 bytes"},
		{"zip64 sizes without the field", changed(2, func(e *entry) { e.both = func(h *header) { h.size, h.csize = 1<<32-1, 1<<32-1 } }), "4294967295 bytes"},
		{"zip64 field too short", changed(2, func(e *entry) { e.both = func(h *header) { h.size, h.csize, h.extra = 1<<32-1, 1<<32-1, zip64(16) } }), "malformed extra field"},
		{"zip64 field twice", changed(2, func(e *entry) { e.both = func(h *header) { h.extra = zip64() + zip64() } }), "malformed extra field"},
		{"zip64 size above memory", changed(2, func(e *entry) {
			e.both = func(h *header) { h.size, h.csize, h.extra = 1<<32-1, 1<<32-1, zip64(1<<63, 1<<63) }
		}), "more than fit"},
		{"zip64 size huge", changed(2, func(e *entry) {
			e.both = func(h *header) { h.size, h.csize, h.extra = 1<<32-1, 1<<32-1, zip64(1<<62, 1<<62) }
		}), "4611686018427387904 bytes"},
		{"extra field cut", changed(2, func(e *entry) { e.both = func(h *header) { h.extra = "FB\x05\x00Z" } }), "malformed extra field"},
		{"a second name", changed(2, func(e *entry) { e.both = func(h *header) { h.extra = "up\x06\x00\x01abcdx" } }), "second name"},

		{"checksum wrong", changed(2, func(e *entry) { e.both = func(h *header) { h.crc = 1 } }), "CRC-32"},
		{"checksum of the pickle wrong", changed(0, func(e *entry) { e.both = func(h *header) { h.crc = 1 } }), "CRC-32"},
		{"checksum of an unused record wrong", archive(good(entry{name: "archive/notes", data: "x", both: func(h *header) { h.crc = 1 }}), nil), "CRC-32"},
		{"one checksum of zero", changed(2, func(e *entry) { e.both = func(h *header) { h.crc = 0 } }), "CRC-32"},
		{"compressed data cut", changed(2, func(e *entry) { e.deflate, e.body = true, deflated(f4)[:5] }), "compressed data gave"},
		{"compressed data too long", changed(2, func(e *entry) { e.deflate, e.body = true, deflated(f4+"x") }), "more than 16 bytes"},
		{"compressed data too short", changed(2, func(e *entry) { e.deflate, e.body = true, deflated(f4[:15]) }), "gave 15 bytes of 16"},
		{"bytes after compressed data", changed(2, func(e *entry) { e.deflate, e.body = true, deflated(f4)+"x" }), "1 bytes follow the compressed data"},
		{"noise for compressed data", changed(2, func(e *entry) { e.deflate, e.body = true, "\xff\xff\xff" }), "compressed data"},
		{"more than deflate can give", changed(0, func(e *entry) { e.deflate = true; e.both = func(h *header) { h.size = 60 << 20 } }), "cannot give"},
		{"a pickle that is a bomb", changed(0, func(e *entry) { e.deflate, e.data = true, start+strings.Repeat("]0", 40<<20) }), "expected at most 67108864"},
		{"an unused bomb", archive(good(entry{name: "archive/x", data: strings.Repeat("\x00", 65<<20), deflate: true}), nil), "nothing uses it"},

		{"no pickle", archive(good()[1:], nil), "without data.pkl"},
		{"pickle in upper case", changed(0, func(e *entry) { e.name = "archive/DATA.PKL" }), "without data.pkl"},
		{"pickle without folder", changed(0, func(e *entry) { e.name = "data.pkl" }), "without data.pkl"},
		{"pickle two folders deep", changed(0, func(e *entry) { e.name = "a/archive/data.pkl" }), "without data.pkl"},
		{"two pickles", archive(good(entry{name: "archive/data.pkl", data: "x"}), nil), "two records have the name"},
		{"two storages", archive(good(entry{name: "archive/data/0", data: f4}), nil), "two records have the name"},
		{"two checkpoints", archive(good(entry{name: "b/data.pkl", data: "x"}), nil), "two checkpoints"},
		{"a record elsewhere", archive(good(entry{name: "b/x", data: "x"}), nil), "outside"},
		{"a name that climbs", archive(good(entry{name: "archive/../x", data: "x"}), nil), "folders"},
		{"an absolute name", archive(good(entry{name: "/x", data: "x"}), nil), "folders"},
		{"a name with a backslash", archive(good(entry{name: `archive\x`, data: "x"}), nil), "without"},
		{"a name with a NUL", archive(good(entry{name: "archive/x\x00", data: "x"}), nil), "without"},
		{"a name that is not UTF-8", archive(good(entry{name: "archive/\xff", data: "x"}), nil), "UTF-8"},
		{"a folder with content", archive(good(entry{name: "archive/x/", data: "x"}), nil), "named as a folder"},
		{"no name", archive(good(entry{data: "x"}), nil), "UTF-8"},
		{"byte order unknown", changed(1, func(e *entry) { e.data = "middle" }), `found "middle"`},
		{"byte order too long", changed(1, func(e *entry) { e.data = strings.Repeat("little", 9) }), "expected at most 16"},
		{"big-endian", changed(1, func(e *entry) { e.data = "big" }), "big-endian"},
		{"version of the future", changed(3, func(e *entry) { e.data = "11\n" }), "version"},
		{"version is no number", changed(3, func(e *entry) { e.data = "three" }), "version"},
		{"storage missing", archive(append(good()[:2:2], good()[3]), nil), `no record "archive/data/0"`},
		{"storage of other bytes", changed(2, func(e *entry) { e.data = f4[:12] }), "expected 16 bytes"},
		{"a key that climbs", zipped(dict(text("w"), call(global("torch._utils", "_rebuild_tensor_v2"), storage(float, "../data.pkl", 4), num(0), nums(4), nums(1), no, ordered))), "no record"},
		{"bytes after the pickle", changed(0, func(e *entry) { e.data += "x" }), "1 bytes follow the pickle"},
	}
}

func TestZip(t *testing.T) { check(t, zipRows()) }

func TestChecksums(t *testing.T) {
	entries := good()
	for _, want := range []bool{true, false} {
		f, err := pth.Parse("x.pth", []byte(archive(entries, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Checksums(); got != want {
			t.Errorf("Checksums() = %v, want %v", got, want)
		}
		for i := range entries {
			entries[i].both = func(h *header) { h.crc = 0 }
		}
	}
}

// FuzzZip wants no panic, and both readers to agree on what is accepted.
func FuzzZip(f *testing.F) {
	for _, r := range zipRows() {
		if len(r.file) < 4096 {
			f.Add([]byte(r.file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { pth.Agree(t, data) })
}

// FuzzLegacy wants the same of legacy files.
func FuzzLegacy(f *testing.F) {
	for _, r := range legacyRows() {
		f.Add([]byte(r.file))
	}
	f.Fuzz(func(t *testing.T, data []byte) { pth.Agree(t, data) })
}

// TestReadersAgree wants both readers to agree on every row.
func TestReadersAgree(t *testing.T) {
	compared := 0
	for _, r := range append(zipRows(), legacyRows()...) {
		if pth.Agree(t, []byte(r.file)) {
			compared++
		}
	}
	if compared < 15 {
		t.Errorf("compared %d files, want 15 at least", compared)
	}
}
