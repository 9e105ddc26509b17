package scan_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/converter/scan"
)

// Pickles that would run something, by the way that they name it.
const (
	evil0      = "cos\nsystem\n(S'true'\ntR."
	evil2      = "\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."
	evil4      = "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."
	harmless   = "\x80\x02}X\x01\x00\x00\x00aK\x01s."
	magic      = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
	legacyHead = magic + "\x80\x02M\xe9\x03." + "\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."
)

func binbytes(data string) string {
	return "B" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(data)))) + data
}

func binunicode(text string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(text)))) + text
}

type file struct {
	name, data string
	method     uint16
}

func zipped(files ...file) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		part, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: f.method})
		if err != nil {
			panic(err)
		}
		part.Write([]byte(f.data))
	}
	w.Close()
	return b.String()
}

func tarred(files ...file) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.data)), Mode: 0o600, Format: tar.FormatUSTAR})
		w.Write([]byte(f.data))
	}
	w.Close()
	return b.String()
}

func gzipped(data string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(data))
	w.Close()
	return b.String()
}

func zstded(data string) string {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(z.EncodeAll([]byte(data), nil))
}

// npy is an array of numpy with some dtype.
func npy(descr, content string) string {
	head := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (1,), }"
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(head)))) + head + content
}

// TestWays wants each way of naming something to be found, and what is named.
func TestWays(t *testing.T) {
	latin := func(data string) string { // as protocol 2 writes bytes
		var runes []rune
		for _, b := range []byte(data) {
			runes = append(runes, rune(b))
		}
		return "c_codecs\nencode\n" + binunicode(string(runes)) + binunicode("latin1") + "\x86R"
	}
	tests := []struct {
		name, file, data string
		worst            scan.Severity
		global           string // of the worst finding; empty for any
	}{
		{"GLOBAL, protocol 0", "a.pkl", evil0, scan.Dangerous, "os.system"},
		{"GLOBAL under a checkpoint's name", "a.pth", evil2, scan.Dangerous, "posix.system"},
		{"STACK_GLOBAL", "a.pkl", evil4, scan.Dangerous, "os.system"},
		{"named and not called", "a.pkl", "\x80\x02cos\nsystem\n.", scan.Dangerous, "os.system"},
		{"popped", "a.pkl", "\x80\x02cos\nsystem\n0N.", scan.Dangerous, "os.system"},
		{"names from the memo", "a.pkl", "\x80\x04\x8c\x02os\x94\x8c\x06system\x940" + "0h\x00h\x01\x93.", scan.Dangerous, "os.system"},
		{"a memo entry written twice", "a.pkl", "\x80\x04\x8c\x03sysq\x010\x8c\x02osq\x010h\x01\x8c\x06system\x93.", scan.Dangerous, "os.system"},
		{"names with DUP", "a.pkl", "\x80\x04\x8c\x02os2\x8c\x06system\x93.", scan.Dangerous, "os.system"},
		{"names with escapes", "a.pkl", "V\\u006fs\nVsys\\u0074em\n\x93.", scan.Dangerous, "os.system"},
		{"names in STRING", "a.pkl", "S'\\x6fs'\nS\"system\"\n\x93.", scan.Dangerous, "os.system"},
		{"names by a call", "a.pkl", "\x80\x04cbuiltins\nstr\n\x8c\x02os\x85R\x8c\x06system\x93.", scan.Suspicious, "?.system"},
		{"INST", "a.pkl", "(S'true'\nios\nsystem\n.", scan.Dangerous, "os.system"},
		{"OBJ", "a.pkl", "(cos\nsystem\nS'true'\no.", scan.Dangerous, "os.system"},
		{"NEWOBJ", "a.pkl", "\x80\x02csubprocess\nPopen\n)\x81.", scan.Dangerous, "subprocess.Popen"},
		{"NEWOBJ_EX", "a.pkl", "\x80\x04csubprocess\nPopen\n)}\x92.", scan.Dangerous, "subprocess.Popen"},
		{"EXT1", "a.pkl", "\x80\x02\x82\x01.", scan.Suspicious, ""},
		{"EXT4", "a.pkl", "\x80\x02\x84\x01\x00\x00\x00.", scan.Suspicious, ""},
		{"BUILD of a class", "a.pkl", "\x80\x02cmine\nNet\n}X\x01\x00\x00\x00aNsb.", scan.Suspicious, "mine.Net"},
		{"items into a module", "a.pkl", "\x80\x02cmine\nregistry\nNNs.", scan.Suspicious, "mine.registry"},
		{"a call of a call", "a.pkl", "\x80\x02cmine\nf\n)R)R.", scan.Suspicious, ""},
		{"a dotted name", "a.pkl", "\x80\x04\x8c\x13torch.serialization\x8c\x09os.system\x93.", scan.Dangerous, "torch.serialization.os.system"},
		{"a dotted name to globals", "a.pkl", "\x80\x04\x8c\x04mine\x8c\x10f.__globals__.os\x93.", scan.Dangerous, "mine.f.__globals__.os"},
		{"a dotted name of a method", "a.pkl", "\x80\x04\x8c\x07pathlib\x8c\x0fPath.write_text\x93.", scan.Dangerous, "pathlib.Path.write_text"},
		{"getattr of a module", "a.pkl", "\x80\x04cbuiltins\ngetattr\n\x8c\x05torch\x8c\x0dserialization\x93\x8c\x02os\x86R0" +
			"cbuiltins\ngetattr\ncbuiltins\ngetattr\n\x8c\x05torch\x8c\x0dserialization\x93\x8c\x02os\x86R\x8c\x06system\x86R.", scan.Dangerous, "torch.serialization.os.system"},
		{"a module of Python 2", "a.pkl", "c__builtin__\neval\n.", scan.Dangerous, "builtins.eval"},
		{"open by an older name", "a.pkl", "ccStringIO\nopen\n.", scan.Dangerous, "io.open"},
		{"the second of two pickles", "a.pkl", harmless + evil2, scan.Dangerous, "posix.system"},
		{"the second, of protocol 0", "a.pkl", harmless + evil0, scan.Dangerous, "os.system"},
		{"before it breaks", "a.pkl", strings.TrimSuffix(evil2, "."), scan.Dangerous, "posix.system"},
		{"before an unknown opcode", "a.pkl", strings.TrimSuffix(evil2, ".") + "\xff", scan.Dangerous, "posix.system"},
		{"after an empty stack", "a.pkl", "\x80\x020000" + evil2[2:], scan.Dangerous, "posix.system"},
		{"a pickle in bytes that are loaded", "a.pkl", "\x80\x02ctorch.storage\n_load_from_bytes\n" + binbytes(evil2) + "\x85R.", scan.Dangerous, "posix.system"},
		{"in bytes as protocol 2 has them", "a.pkl", "\x80\x02ctorch.storage\n_load_from_bytes\n" + latin(evil2) + "\x85R.", scan.Dangerous, "posix.system"},
		{"of protocol 0 in bytes that are loaded", "a.pkl", "\x80\x02ctorch.storage\n_load_from_bytes\n" + binbytes(evil0) + "\x85R.", scan.Dangerous, "os.system"},
		{"in bytes that nobody loads", "a.pkl", "\x80\x02" + binbytes(evil2) + ".", scan.Dangerous, "posix.system"},
		{"an archive in bytes", "a.pkl", "\x80\x02ctorch.storage\n_load_from_bytes\n" + binbytes(zipped(file{"a/data.pkl", evil2, zip.Store})) + "\x85R.", scan.Dangerous, "posix.system"},
		{"harmless bytes that are loaded", "a.pkl", "\x80\x02ctorch.storage\n_load_from_bytes\n" + binbytes(legacyHead+"\x80\x02}."+"\x80\x02].") + "\x85R.", scan.Harmless, ""},
		{"bytes as protocol 0 has them", "a.pkl", "ctorch.storage\n_load_from_bytes\n(c_codecs\nencode\n(V" + strings.ReplaceAll(evil2, "\n", "\\u000a") + "\nVlatin1\ntRtR.", scan.Dangerous, "posix.system"},
		{"a class by a persistent id", "a.pkl", "\x80\x02NQ)\x81.", scan.Harmless, ""},
		{"bytes that are computed", "a.pkl", "\x80\x02ctorch.storage\n_load_from_bytes\ncmine\nf\n)R\x85R.", scan.Suspicious, ""},
		{"broken, and nothing before", "a.pkl", harmless[:len(harmless)-1], scan.Suspicious, ""},
		{"rest", "a.pkl", harmless + "\x00\x01rest", scan.Suspicious, ""},
		{"a legacy file", "a.pth", legacyHead + "\x80\x02}.\x80\x02].", scan.Suspicious, ""}, // it holds nothing
		{"a legacy file, evil in the keys", "a.pth", legacyHead + harmless + evil2, scan.Dangerous, "posix.system"},
		{"a member of an archive", "a.pth", zipped(file{"a/data.pkl", harmless, zip.Store}, file{"a/extra.pkl", evil2, zip.Deflate}), scan.Dangerous, "posix.system"},
		{"a member by another name", "a.pth", zipped(file{"a/data.pkl", harmless, zip.Store}, file{"a/notes.txt", evil4, zip.Deflate}), scan.Dangerous, "os.system"},
		{"an archive in an archive", "a.zip", zipped(file{"b.pth", zipped(file{"a/data.pkl", evil2, zip.Deflate}), zip.Deflate}), scan.Dangerous, "posix.system"},
		{"an archive stored in an archive", "a.zip", zipped(file{"b.pth", zipped(file{"a/data.pkl", evil2, zip.Store}), zip.Store}), scan.Dangerous, "posix.system"},
		{"a member that the directory does not have", "a.zip", strings.Replace(zipped(file{"x/data.pkl", evil2, zip.Store}), "PK\x01\x02", "PK\x01\x03", 1), scan.Dangerous, "posix.system"},
		{"behind something else", "a.png", "\x89PNG\r\n\x1a\n" + zipped(file{"a/data.pkl", evil2, zip.Store}), scan.Dangerous, "posix.system"},
		{"a pickle that begins as GGUF", "a.gguf", "GGUFabcde0" + evil0, scan.Dangerous, "os.system"},
		{"compressed", "a.pkl.zst", zstded(evil2), scan.Dangerous, "posix.system"},
		{"compressed as joblib does", "a.joblib", gzipped(evil2), scan.Dangerous, "posix.system"},
		{"compressed twice", "a.pkl.gz.zst", zstded(gzipped(evil2)), scan.Dangerous, "posix.system"},
		{"an array of objects", "a.npy", npy("|O", evil2), scan.Dangerous, "posix.system"},
		{"an array of objects in an archive", "a.npz", zipped(file{"x.npy", npy("|O", evil2), zip.Deflate}), scan.Dangerous, "posix.system"},
		{"an array of numbers", "a.npz", zipped(file{"x.npy", npy("<f4", "\x80\x02\x00\x00"), zip.Deflate}), scan.Harmless, ""},
		{"torch 0.1", "a.pth", tarred(file{"sys_info", harmless, 0}, file{"pickle", evil2, 0}, file{"tensors", "", 0}, file{"storages", "", 0}), scan.Dangerous, "posix.system"},
		{"TorchScript", "a.pt", zipped(file{"a/data.pkl", harmless, 0}, file{"a/code/__torch__.py", "x", 0}, file{"a/constants.pkl", harmless, 0}), scan.Suspicious, ""},
		{"an exported program", "a.pt2", zipped(file{"a/archive_format", "pt2", 0}, file{"a/models/model.json", "{}", 0}), scan.Harmless, ""},
		{"unknown classes", "a.pkl", "\x80\x02cmine\nNet\n)\x81}b.", scan.Unknown, "mine.Net"},
		{"a harmless pickle", "a.pkl", harmless, scan.Harmless, ""},
		{"an encrypted pickle", "a.zip", encrypted(), scan.Suspicious, ""},
		{"nothing", "a.pth", "", scan.Suspicious, ""},
		{"a web page", "a.pth", "<html>", scan.Suspicious, ""},
		{"gzip under another name", "a.pth", gzipped(harmless), scan.Suspicious, ""},
		{"a broken header", "a.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}", scan.Suspicious, ""},
		{"GGUF", "a.gguf", "GGUF\x03\x00\x00\x00", scan.Harmless, ""},
		{"GGUF as a checkpoint", "a.pth", "GGUF\x03\x00\x00\x00", scan.Suspicious, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := scan.Bytes(tt.file, []byte(tt.data))
			if r.Worst() != tt.worst {
				t.Errorf("%v, want %v: %+v", r.Worst(), tt.worst, r.Findings)
			}
			if tt.global != "" && (len(r.Findings) == 0 || !named(r, tt.worst, tt.global)) {
				t.Errorf("%q is not named: %+v", tt.global, r.Findings)
			}
		})
	}
}

func named(r *scan.Report, severity scan.Severity, global string) bool {
	for _, f := range r.Findings {
		if f.Severity == severity && f.Global == global {
			return true
		}
	}
	return false
}

// encrypted is an archive whose pickle says that it is encrypted.
func encrypted() string {
	data := []byte(zipped(file{"a/data.pkl", harmless, zip.Store}))
	data[6] |= 1
	return string(data)
}

// TestPlace wants a finding to say where it is.
func TestPlace(t *testing.T) {
	inner := zipped(file{"a/data.pkl", evil2, zip.Deflate})
	r := scan.Bytes("a.zip", []byte(zipped(file{"b.pth", inner, zip.Deflate})))
	f := r.Findings[0]
	if f.Member != "b.pth!a/data.pkl" || f.Offset != 2 || f.Opcode != "GLOBAL" || f.Rule != scan.RuleGlobal {
		t.Errorf("%+v, want GLOBAL at byte 2 of b.pth!a/data.pkl", f)
	}
	if want := `the pickle names "posix.system", which a checkpoint has no use for (in "b.pth!a/data.pkl" at byte 2 by GLOBAL)`; f.Sentence() != want {
		t.Errorf("%s\nwant %s", f.Sentence(), want)
	}
}

// TestBounds wants an answer within bounds of time and memory to files that unpack to far more than
// they are.
func TestBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	ones := strings.Repeat("N0", 30<<20)
	var many []file
	for i := range 40 {
		many = append(many, file{fmt.Sprintf("a/%d.pkl", i), "\x80\x02" + ones[:8<<20], zip.Deflate})
	}
	deep := "\x80\x02" + harmless
	for range 40 {
		deep = "\x80\x02" + binbytes(deep) + "."
	}
	for name, data := range map[string]string{
		"one large pickle":     zipped(file{"a/data.pkl", "\x80\x02" + ones, zip.Deflate}),
		"many large pickles":   zipped(many...),
		"memo":                 "\x80\x04N" + strings.Repeat("\x94", 5<<20),
		"texts":                "\x80\x02" + strings.Repeat("U\x00", 5<<19),
		"tuples":               "\x80\x02" + strings.Repeat("NN\x86", 5<<20/3),
		"marks":                strings.Repeat("(", 5<<20),
		"globals":              strings.Repeat("c\n\n", 5<<20/3),
		"pickles in a row":     strings.Repeat("\x80\x02N.", 5<<18),
		"pickles in pickles":   deep,
		"encodings of a text":  "\x80\x02" + binunicode(strings.Repeat("a", 1<<20)) + "q\x000" + strings.Repeat("c_codecs\nencode\nh\x00h\x00\x86R0", 5<<20/30),
		"headers":              strings.Repeat("PK\x03\x04"+strings.Repeat("\x00", 26), 5<<20/30),
		"zstd of zeros":        zstded(strings.Repeat("\x00", 300<<20)),
		"deflated ends in zip": zipped(file{"a/x.npz", strings.Repeat("\x00", 200<<20), zip.Deflate}, file{"a/y.npz", strings.Repeat("\x00", 200<<20), zip.Deflate}),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			r := scan.Bytes("a.pth", []byte(data))
			runtime.ReadMemStats(&after)
			if took := time.Since(start); took > 60*time.Second { // 15 s of a machine that does nothing else
				t.Errorf("took %v", took)
			}
			if grown := int64(after.Sys) - int64(before.Sys); grown > 1300<<20 {
				t.Errorf("took %d MiB", grown>>20)
			}
			t.Logf("%d bytes: %v, %v", len(data), time.Since(start), r.Worst())
		})
	}
}

// TestWalk wants files that are no checkpoints left out, links to files followed, and loops not.
func TestWalk(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("README.md", "# (a) readme")
	write("sub/deep/a.pkl", harmless)
	write("sub/evil", evil2)
	write("sub/b.bin", "some other firmware")
	write("c.pth", "<html>")
	if err := os.Symlink(dir, filepath.Join(dir, "sub", "loop")); err != nil {
		t.Skip(err)
	}
	os.Symlink(filepath.Join(dir, "sub", "evil"), filepath.Join(dir, "link"))
	os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "dangling.pth"))
	got := map[string]scan.Severity{}
	others, err := scan.Walk(context.Background(), dir, func(r *scan.Report) error {
		name, err := filepath.Rel(dir, r.File)
		got[filepath.ToSlash(name)] = r.Worst()
		return err
	})
	want := map[string]scan.Severity{"c.pth": scan.Suspicious, "link": scan.Dangerous, "sub/deep/a.pkl": scan.Harmless, "sub/evil": scan.Dangerous}
	if err != nil || others != 2 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %d others, %v, want %v and 2", got, others, err, want)
	}
}

// TestSARIF wants the fields that services read.
func TestSARIF(t *testing.T) {
	var b bytes.Buffer
	if err := scan.WriteSARIF(&b, "1.0", []*scan.Report{scan.Bytes("a b/évil.pkl", []byte(evil2)), scan.Bytes("b.pkl", []byte(harmless))}); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Artifacts []struct{ Location struct{ URI string } }
			Results   []struct {
				RuleID, Level string
				Locations     []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ ByteOffset int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	at := run.Results[0].Locations[0].PhysicalLocation
	if log.Version != "2.1.0" || len(run.Artifacts) != 2 || len(run.Results) != 2 || run.Results[0].Level != "error" || run.Results[0].RuleID != "global" ||
		at.ArtifactLocation.URI != "a%20b/%C3%A9vil.pkl" || at.Region.ByteOffset != 2 {
		t.Errorf("%s", b.Bytes())
	}
}
