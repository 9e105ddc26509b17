package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/tensor"
)

// file assembles a file from a header and data.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, data)...)
}

func TestParse(t *testing.T) {
	const one = `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	const empty = `{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`
	many := func(n int, format string) string {
		var b strings.Builder
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	tests := []struct {
		name string
		file []byte
		err  string // part of the message; empty for a good file
	}{
		{"good", file(one, 8), ""},
		{"padded", file(one+"   ", 8), ""},
		{"no tensors", file(`{}`, 0), ""},
		{"scalar", file(`{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}`, 8), ""},
		{"no elements", file(`{"a":{"dtype":"I64","shape":[0,9],"data_offsets":[0,0]}}`, 0), ""},
		{"any order", file(`{"b":{"data_offsets":[4,8],"dtype":"F32","shape":[1]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8), ""},
		{"metadata", file(`{"__metadata__":{"k":"v"}}`, 0), ""},
		{"empty file", nil, "too few"},
		{"length past the end", binary.LittleEndian.AppendUint64(nil, 9), "only 0 bytes follow"},
		{"length above the limit", binary.LittleEndian.AppendUint64(nil, 1<<63), "above the format's"},
		{"not UTF-8", file("{\"\xff\":{}}", 0), "UTF-8"},
		{"unpaired surrogate", file(`{"\ud800":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, 1), "UTF-8"},
		{"not an object", file(`[]`, 0), "start with {"},
		{"leading space", file(" "+one, 8), "start with {"},
		{"text after", file(one+"{}", 8), "after the closing brace"},
		{"cut JSON", file(one[:20], 8), "EOF"},
		{"key twice", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, 1), `"a" is there twice`},
		{"field twice", file(`{"a":{"dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1]}}`, 1), `"dtype" is there twice`},
		{"unknown field", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}}`, 1), `unknown key "x"`},
		{"field missing", file(`{"a":{"dtype":"U8","shape":[]}}`, 0), "expected dtype"},
		{"unknown dtype", file(`{"a":{"dtype":"F99","shape":[],"data_offsets":[0,1]}}`, 1), `"F99"`},
		{"float dimension", file(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1), "expected an integer"},
		{"negative dimension", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1), "expected an integer"},
		{"dimension overflow", file(`{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}}`, 1), "expected an integer"},
		{"shape overflow", file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]}}`, 1), "fit an int"},
		{"one offset", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0]}}`, 1), "two integers"},
		{"offset reversed", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[],"data_offsets":[1,0]}}`, 1), `tensor "b"`},
		{"hole", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "begins at byte 1"},
		{"overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "begins at byte 1"},
		{"trailing bytes", file(one, 9), "the file holds 9"},
		{"data cut", file(one, 7), "the file holds 7"},
		{"size differs from shape", file(`{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}}`, 16), "needs 20 bytes"},
		{"a long name", file(`{"`+strings.Repeat("a", 5<<20)+`":{}}`, 0), "a text of 5242881 bytes"},
		{"a text without end", file(`{"`+strings.Repeat("a", 5<<20), 0), "without end"},
		{"much metadata", file(`{"__metadata__":{"a":"`+strings.Repeat("a", 3<<20)+`","b":"`+strings.Repeat("b", 3<<20)+`"}}`, 0), "bytes of text"},
		{"many facts", file(`{"__metadata__":{"0":""`+many(88_000, `,"%d":""`)+`}}`, 0), "bytes of metadata"},
		{"a long number", file(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1", 5000)+`],"data_offsets":[0,1]}}`, 1), "that are no text"},
		{"many spaces inside", file(`{"a":`+strings.Repeat(" ", 5000)+empty+`}`, 0), "that are no text"},
		{"many spaces at the end", file(one+strings.Repeat(" ", 1<<20), 8), ""},
		{"much text", file(`{"0":`+empty+many(3, `,"%d`+strings.Repeat("a", 3<<20)+`":`+empty)+`}`, 0), "bytes of text"},
		{"many tensors of nothing", file(`{"0":`+empty+many(40_000, `,"%d":`+empty)+`}`, 0), "more than 30000 tensors"},
		{"many dimensions of many", file(`{"0":`+empty+many(30_000, `,"%d":{"dtype":"U8","shape":[`+strings.Repeat("1,", 60)+`0],"data_offsets":[0,0]}`)+`}`, 0), "punctuation marks"},
		{"a control character in a dtype", file(`{"a":{"dtype":"\u001b[2J","shape":[],"data_offsets":[0,1]}}`, 1), `unknown dtype "\x1b[2J"`},
		{"a text for a shape", file(`{"a":{"dtype":"U8","shape":"\u001b[2J","data_offsets":[0,1]}}`, 1), "expected [, found a string"},
		{"null for a tensor", file(`{"a":null}`, 0), "expected {, found null"},
		{"metadata not text", file(`{"__metadata__":{"k":1}}`, 0), `metadata "k"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := safetensors.Parse("x", tt.file)
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error = %v, want one with %q", err, tt.err)
			}
		})
	}
}

// TestSharedCorpus replays files that the reference implementation was run on.
func TestSharedCorpus(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "hostile")
	manifest, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Skip("the shared corpus is not here: ", err)
	}
	for line := range strings.Lines(string(manifest)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if !strings.HasSuffix(fields[0], ".safetensors") {
			continue
		}
		t.Run(fields[0], func(t *testing.T) {
			f, err := safetensors.Open(filepath.Join(dir, fields[0]))
			if err == nil {
				defer f.Close()
			}
			if accepted := err == nil; accepted != (fields[1] == "accept") {
				t.Errorf("error = %v, manifest: %s (%s)", err, fields[1], fields[2])
			}
		})
	}
}

// content turns a state dict into something comparable.
func content(sd *tensor.StateDict) map[string][]any {
	m := map[string][]any{}
	for name, t := range sd.All() {
		m[name] = []any{t.DType().String(), t.Shape().String(), string(t.Bytes())}
	}
	return m
}

// random returns a state dict of a few tensors of any kind, some of them strided.
func random(r *rand.Rand) *tensor.StateDict {
	kinds := []tensor.DType{tensor.Bool, tensor.U8, tensor.BF16, tensor.F16, tensor.F32, tensor.I64, tensor.F64, tensor.C64}
	var sd tensor.StateDict
	for i := range r.IntN(8) {
		d := kinds[r.IntN(len(kinds))]
		h, w := r.IntN(4), r.IntN(4)
		data := make([]byte, max(h*w, 1)*d.Size())
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		t, err := tensor.NewStrided(d, tensor.Shape{h, w}, []int{1, h}, data) // a transposed view
		if err != nil {
			panic(err)
		}
		if err := sd.Add(strings.Repeat("n<ü\"", r.IntN(3))+string(rune('a'+i)), t); err != nil {
			panic(err)
		}
	}
	return &sd
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		sd := random(r)
		meta := map[string]string{"z": "1", "a": "<&>\u2028", "": ""}
		var first, second bytes.Buffer
		if err := safetensors.Write(&first, sd, meta); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Parse("written", first.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(content(sd), content(f.StateDict())); diff != "" {
			t.Fatalf("tensors (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(meta, f.Metadata()); diff != "" {
			t.Fatalf("metadata (-want +got):\n%s", diff)
		}
		if start := 8 + binary.LittleEndian.Uint64(first.Bytes()); start%64 != 0 {
			t.Fatalf("data start at %d, not at a multiple of 64", start)
		}
		if err := safetensors.Write(&second, f.StateDict(), f.Metadata()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatal("writing what was read gives other bytes")
		}
	}
}

// TestWriteReadable wants refused what would not be read again.
func TestWriteReadable(t *testing.T) {
	one := tensor.FromFloat32s(tensor.Shape{1}, []float32{1})
	named := func(n, length int) *tensor.StateDict {
		sd := new(tensor.StateDict)
		for i := range n {
			sd.Add(fmt.Sprint(i, strings.Repeat("x", length)), one)
		}
		return sd
	}
	long := strings.Repeat("x", 5<<20)
	tests := []struct {
		name string
		sd   *tensor.StateDict
		meta map[string]string
		want string
	}{
		{"a long name", named(1, 5<<20), nil, "at most 4194304"},
		{"many names", named(10, 3<<20), nil, "bytes of text"},
		{"many tensors", named(31_000, 0), nil, "31000 tensors"},
		{"long metadata", named(1, 0), map[string]string{"a": long}, `metadata "a": 5242880 bytes`},
		{"much metadata", named(1, 0), map[string]string{"a": long[:3<<20], "b": long[:3<<20], "c": long[:3<<20]}, "metadata of"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := safetensors.Write(io.Discard, tt.sd, tt.meta); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, name := range []string{"__metadata__", "\xff"} {
		var sd tensor.StateDict
		if err := sd.Add(name, tensor.FromFloat32s(tensor.Shape{1}, []float32{1})); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "out.safetensors")
		if err := safetensors.WriteFile(path, &sd, nil); err == nil {
			t.Errorf("a tensor named %q was written", name)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("a file was left after refusing %q", name)
		}
	}
}

// streamed is a second reader, which reads from the front with encoding/json and
// checks nothing: of what Parse accepts it must find the same.
func streamed(r io.Reader) (map[string]string, error) {
	var n uint64
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		return nil, err
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(head, &entries); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	delete(entries, "__metadata__")
	out := map[string]string{}
	for name, text := range entries {
		var e struct {
			DType   string       `json:"dtype"`
			Shape   tensor.Shape `json:"shape"`
			Offsets [2]int       `json:"data_offsets"`
		}
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, err
		}
		out[name] = e.DType + e.Shape.String() + string(data[e.Offsets[0]:e.Offsets[1]])
	}
	return out, nil
}

// FuzzParse wants no panic, a second reader to agree on what is accepted, and that it
// survives a round trip.
func FuzzParse(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Add(file(`{"__metadata__":{"k":"v"},"s":{"dtype":"I64","shape":[],"data_offsets":[0,8]}} `, 8))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := safetensors.Parse("fuzz", data)
		if err != nil {
			return
		}
		got := map[string]string{}
		for name, x := range in.StateDict().All() {
			got[name] = x.DType().String() + x.Shape().String() + string(x.Bytes())
		}
		other, err := streamed(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("accepted what another reader refuses: %v", err)
		}
		if diff := cmp.Diff(other, got); diff != "" {
			t.Fatalf("tensors (-another reader's +got):\n%s", diff)
		}
		var b bytes.Buffer
		if err := safetensors.Write(&b, in.StateDict(), in.Metadata()); err != nil {
			t.Fatal(err)
		}
		out, err := safetensors.Parse("again", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(content(in.StateDict()), content(out.StateDict())); diff != "" {
			t.Fatalf("tensors (-want +got):\n%s", diff)
		}
	})
}
