package pth_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/pth"
)

// A row is one way of being odd or wrong. Want is part of the error, or empty for
// a file that must give tensor w with elements 1, 2, 3 and 4.
type row struct {
	name, file, want string
}

func check(t *testing.T, rows []row) {
	t.Helper()
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			got, err := elements(tt.file)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want == "":
				if diff := cmp.Diff([]float32{1, 2, 3, 4}, got); diff != "" {
					t.Errorf("w (-want +got):\n%s", diff)
				}
			case err == nil:
				t.Errorf("accepted, want an error with %q", tt.want)
			case !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), `pth: "x.pth": `):
				t.Errorf("error %q\nwant one about x.pth with %q", err, tt.want)
			case len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\x00\n\x1b"):
				t.Errorf("error of %d bytes: %q", len(err.Error()), err)
			}
		})
	}
}

// elements returns those of tensor w.
func elements(file string) ([]float32, error) {
	f, err := pth.Parse("x.pth", []byte(file))
	if err != nil {
		return nil, err
	}
	sd, err := f.StateDict()
	if err != nil {
		return nil, err
	}
	if w, ok := sd.Lookup("w"); ok {
		return w.Float32s()
	}
	return nil, nil
}

func TestOtherFiles(t *testing.T) {
	check(t, []row{
		{"empty", "", "empty"},
		{"one byte", "P", "not a PyTorch checkpoint"},
		{"zeros", strings.Repeat("\x00", 100), "zeros"},
		{"web page", "\n<!DOCTYPE html><html>", "web page"},
		{"web page without doctype", "<HTML>", "web page"},
		{"git-lfs pointer", "version https://git-lfs.github.com/spec/v1\noid", "git-lfs"},
		{"gzip", "\x1f\x8b\x08", "gzip"},
		{"zstd", "\x28\xb5\x2f\xfd\x00", "zstd"},
		{"tar", strings.Repeat("a", 257) + "ustar\x00", "tar"},
		{"safetensors", "\x02\x00\x00\x00\x00\x00\x00\x00{}", "safetensors"},
		{"hdf5", "\x89HDF\r\n\x1a\n", "HDF5"},
		{"text", "hello world", "not a PyTorch checkpoint"},
		{"bare pickle", pickle(dict(text("w"), num(1))), "without the magic number"},
		{"numpy archive", archive([]entry{{name: "arr_0.npy", data: "x"}}, nil), ".npz"},
		{"other archive", archive([]entry{{name: "word/document.xml", data: "x"}}, nil), "without data.pkl"},
		{"empty archive", archive(nil, nil), "without data.pkl"},
		{"TorchScript", archive(checkpoint(dict(text("w"), w), entry{name: "archive/constants.pkl", data: "x"}), nil), "TorchScript"},
		{"TorchScript without constants", archive(checkpoint(dict(text("w"), w), entry{name: "archive/code/x.py", data: "x"}), nil), "TorchScript"},
	})
}

// legacyRows returns one legacy file for each way of being odd or wrong.
func legacyRows() []row {
	with := func(edit func(*legacy)) string {
		l := newLegacy()
		edit(&l)
		return l.file()
	}
	payload := call(global("os", "system"), text("true"))
	return []row{
		{"good", newLegacy().file(), ""},
		{"a number of no bytes", with(func(l *legacy) { l.system = pickle(dict(text("little_endian"), yes, text("x"), "\x8a\x00")) }), ""},
		{"no storages at all", with(func(l *legacy) { l.object, l.keys, l.data = pickle(dict()), pickle(list()), "" }), "no tensors"},
		{"wrong magic", with(func(l *legacy) { l.magic = start + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x18." }), "without the magic number"},
		{"magic as text", with(func(l *legacy) { l.magic = pickle(text("magic")) }), "of type str"},
		{"only the magic", with(func(l *legacy) { *l = legacy{magic: l.magic} }), "version at byte 15"},
		{"wrong version", with(func(l *legacy) { l.version = pickle(num(1002)) }), "found 1002"},
		{"version of another type", with(func(l *legacy) { l.version = pickle(text("1001")) }), "found str"},
		{"big-endian", with(func(l *legacy) { l.system = pickle(dict(text("little_endian"), no)) }), "big-endian"},
		{"byte order unknown", with(func(l *legacy) { l.system = pickle(dict()) }), "little_endian"},
		{"byte order is 1", with(func(l *legacy) { l.system = pickle(dict(text("little_endian"), num(1))) }), "little_endian"},
		{"system is a list", with(func(l *legacy) { l.system = pickle(list()) }), "little_endian"},
		{"system runs code", with(func(l *legacy) { l.system = pickle(payload) }), "os.system"},
		{"system has a storage", with(func(l *legacy) { l.system = pickle(storage(float, "0", 4)) }), "system information"},
		{"keys run code", with(func(l *legacy) { l.keys = pickle(list(payload)) }), "os.system"},
		{"keys are a tuple", with(func(l *legacy) { l.keys = pickle(tuple(text("0"))) }), "found tuple"},
		{"a key is a number", with(func(l *legacy) { l.keys = pickle(list(num(0))) }), "found int"},
		{"a key nobody uses", with(func(l *legacy) { l.keys, l.data = pickle(list(text("0"), text("1"))), l.data+l.data }), "nothing uses it"},
		{"a key twice", with(func(l *legacy) { l.keys, l.data = pickle(list(text("0"), text("0"))), l.data+l.data }), "listed twice"},
		{"a key missing", with(func(l *legacy) { l.keys, l.data = pickle(list()), "" }), "not in the file"},
		{"no count", with(func(l *legacy) { l.data = "" }), "cut short"},
		{"half a count", with(func(l *legacy) { l.data = "\x04\x00\x00\x00" }), "cut short"},
		{"negative count", with(func(l *legacy) { l.data = le(int64(-1)) + f4 }), "count of -1"},
		{"count too small", with(func(l *legacy) { l.data = le(int64(3)) + f4 }), "count of 3"},
		{"huge count", with(func(l *legacy) { l.data = le(int64(1)<<62) + f4 }), "expected 4 elements"},
		{"data cut short", with(func(l *legacy) { l.data = l.data[:20] }), "expected 16 bytes, found 12"},
		{"bytes after the end", with(func(l *legacy) { l.data += "x" }), "1 bytes follow"},
		{"a zip file after the end", with(func(l *legacy) { l.data += zipped(dict(text("w"), w)) }), "follow the last storage"},
		{"object cut short", with(func(l *legacy) { *l = legacy{l.magic, l.version, l.system, l.object[:40], "", ""} }), "object at byte"},
		{"the class of a network", with(func(l *legacy) {
			class := tuple(text("module"), global("my.project", "Net"), text("net.py"), text("class Net")) + "Q"
			l.object = pickle(dict(text("net"), class+")\x81"+dict()+"b", text("w"), l.object[len(start+"}("+text("w")):len(l.object)-2]))
		}), ""},
		{"a function as the class of a network", with(func(l *legacy) {
			l.object = pickle(tuple(text("module"), global("os", "system"), text("net.py"), text("")) + "Q" + tuple(text("true")) + "R")
		}), "os.system"},
		{"a list as the class of a network", with(func(l *legacy) {
			l.object = pickle(tuple(text("module"), "]q\x09h\x09a", text("net.py"), text("")) + "Q" + ")R")
		}), "persistent id"},
		{"a view of torch 0.3", with(func(l *legacy) {
			id := tuple(text("storage"), float, text("0"), text("cpu"), num(4), tuple(text("1"), num(0), num(4))) + "Q"
			l.object = pickle(id)
		}), "view of another"},
	}
}

func TestLegacy(t *testing.T) { check(t, legacyRows()) }
