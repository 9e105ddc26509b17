package converter_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/tensor"
)

var fives, _ = digest.Parse(strings.Repeat("5", 64))

var provenance = converter.Provenance{Source: "x.pth", Digest: fives, Container: "zip", Classes: []string{"cat", "dög"}, Version: "v1"}

// everything returns tensors of every dtype that zoo carries, a scalar, an empty
// tensor, a view and odd names.
func everything(t *testing.T) *tensor.StateDict {
	t.Helper()
	sd := new(tensor.StateDict)
	add := func(name string, x tensor.Tensor, err error) {
		t.Helper()
		if err == nil {
			err = sd.Add(name, x)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for d := tensor.Bool; d <= tensor.C64; d++ {
		data := make([]byte, 6*d.Size())
		for i := range data {
			data[i] = byte(i) & 1
		}
		x, err := tensor.New(d, tensor.Shape{2, 3}, data)
		add("of "+d.String(), x, err)
	}
	scalar, err := tensor.New(tensor.I64, nil, make([]byte, 8))
	add("层.scalar", scalar, err)
	empty, err := tensor.New(tensor.F32, tensor.Shape{3, 0, 2}, nil)
	add("empty/with slash", empty, err)
	view, err := tensor.NewStrided(tensor.F32, tensor.Shape{3, 2}, []int{1, 3}, tensor.FromFloat32s(tensor.Shape{6}, []float32{1, 2, 3, 4, 5, 6}).Bytes())
	add("view", view, err)
	return sd
}

// content is a state dict as text, for comparison.
func content(sd *tensor.StateDict) map[string]string {
	out := map[string]string{}
	for name, x := range sd.All() {
		out[name] = x.DType().String() + x.Shape().String() + string(x.Bytes())
	}
	return out
}

// TestRoundTrip wants what was written read back bit for bit, with its provenance,
// and equal input to give equal bytes.
func TestRoundTrip(t *testing.T) {
	sd := everything(t)
	for _, file := range []string{"out.safetensors", "out.safetensors.zst", "out.pth", "out.pth.zst"} {
		t.Run(file, func(t *testing.T) {
			format, ok := converter.FormatOf(file)
			if !ok {
				t.Fatal("no format")
			}
			path := filepath.Join(t.TempDir(), file)
			if err := converter.Write(t.Context(), path, sd, converter.Output{Format: format, Provenance: provenance}); err != nil {
				t.Fatal(err)
			}
			c, err := converter.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			got, err := c.StateDict()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(content(sd), content(got)); diff != "" {
				t.Errorf("tensors (-want +got):\n%s", diff)
			}
			want := map[string]string{"source": "x.pth", "source_sha256": provenance.Digest.String(),
				"source_container": "zip", "classes": `["cat","dög"]`, "zoo_version": "v1"}
			if format == converter.Safetensors {
				want["format"] = "pt" // without which some loaders refuse a file
			}
			if diff := cmp.Diff(want, c.Metadata); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(provenance.Classes, c.Classes); diff != "" {
				t.Errorf("classes (-want +got):\n%s", diff)
			}
			// A digest that comes late makes no difference.
			late := provenance
			late.Digest = digest.Digest{}
			again := filepath.Join(t.TempDir(), file)
			o := converter.Output{Format: format, Provenance: late, Digest: func() digest.Digest { return provenance.Digest }}
			if err := converter.Write(t.Context(), again, sd, o); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(read(t, path), read(t, again)) {
				t.Error("the digest's coming late changed the file")
			}
			if strings.HasSuffix(file, ".zst") {
				return
			}
			var stream bytes.Buffer
			if err := converter.WriteTo(t.Context(), &stream, sd, o); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(read(t, path), stream.Bytes()) {
				t.Error("a stream holds other bytes than the file")
			}
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNPZ(t *testing.T) {
	sd := new(tensor.StateDict)
	for name, x := range everything(t).All() {
		if !strings.HasPrefix(x.DType().String(), "F8") && x.DType() != tensor.BF16 {
			sd.Add(name, x)
		}
	}
	path := filepath.Join(t.TempDir(), "out.npz")
	if err := converter.Write(t.Context(), path, sd, converter.Output{Format: converter.NPZ, Provenance: provenance}); err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	got := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		n := 10 + int(data[8]) + int(data[9])<<8
		if at, err := f.DataOffset(); err != nil || at%64 != 0 || n%64 != 0 {
			t.Errorf("%s: array at byte %d+%d: %v", f.Name, at, n, err)
		}
		got[f.Name] = strings.TrimRight(string(data[10:n]), " \n") + string(data[n:])
	}
	want := map[string]string{}
	for name, descr := range map[string]string{
		"of BOOL": "|b1", "of U8": "|u1", "of I8": "|i1", "of U16": "<u2", "of I16": "<i2", "of U32": "<u4", "of I32": "<i4",
		"of U64": "<u8", "of I64": "<i8", "of F16": "<f2", "of F32": "<f4", "of F64": "<f8", "of C64": "<c8",
	} {
		x, _ := sd.Lookup(name)
		want[name+".npy"] = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (2, 3), }" + string(x.Bytes())
	}
	view, _ := sd.Lookup("view")
	want["层.scalar.npy"] = "{'descr': '<i8', 'fortran_order': False, 'shape': (), }" + strings.Repeat("\x00", 8)
	want["empty/with slash.npy"] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0, 2), }"
	want["view.npy"] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }" + string(view.Bytes())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arrays (-want +got):\n%s", diff)
	}
	if !strings.Contains(z.Comment, `"source":"x.pth"`) {
		t.Errorf("comment %q, want the provenance", z.Comment)
	}
}

func TestWriteCasts(t *testing.T) {
	sd := new(tensor.StateDict)
	sd.Add("w", tensor.FromFloat32s(tensor.Shape{3}, []float32{1, 1.0005, 70000}))
	count, err := tensor.New(tensor.I64, nil, make([]byte, 8))
	if err != nil {
		t.Fatal(err)
	}
	sd.Add("n", count)
	path := filepath.Join(t.TempDir(), "out.safetensors")
	if err := converter.Write(t.Context(), path, sd, converter.Output{DType: tensor.F16}); err != nil {
		t.Fatal(err)
	}
	got, err := stateDict(t, path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"w": "F16(3)\x00\x3c\x01\x3c\x00\x7c", "n": "I64()" + strings.Repeat("\x00", 8)}
	if diff := cmp.Diff(want, content(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWriteErrors wants each refusal to say what is wrong, and to leave the old file
// as it was and nothing beside it.
func TestWriteErrors(t *testing.T) {
	one := func(name string, x tensor.Tensor) *tensor.StateDict {
		sd := new(tensor.StateDict)
		if err := sd.Add(name, x); err != nil {
			t.Fatal(err)
		}
		return sd
	}
	w := tensor.FromFloat32s(tensor.Shape{1}, []float32{1})
	half, err := tensor.New(tensor.BF16, tensor.Shape{1}, make([]byte, 2))
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	many := converter.Provenance{Classes: []string{strings.Repeat("x", 1<<16)}}
	tests := []struct {
		name string
		ctx  context.Context
		sd   *tensor.StateDict
		o    converter.Output
		want string
	}{
		{"unknown format", t.Context(), one("w", w), converter.Output{Format: "gguf"}, `unknown format "gguf"`},
		{"reserved name", t.Context(), one("__metadata__", w), converter.Output{}, "__metadata__"},
		{"cast to integers", t.Context(), one("w", w), converter.Output{DType: tensor.I8}, `tensor "w": tensor: F32 cannot be cast to I8`},
		{"numpy has no BF16", t.Context(), one("w", half), converter.Output{Format: converter.NPZ}, `tensor "w": numpy has no BF16`},
		{"numpy name with NUL", t.Context(), one("w\x00", w), converter.Output{Format: converter.NPZ}, "U+0000"},
		{"torch name of no UTF-8", t.Context(), one("w\xff", w), converter.Output{Format: converter.PTH}, `tensor "w\xff": torch reads names in UTF-8`},
		{"numpy metadata too long", t.Context(), one("w", w), converter.Output{Format: converter.NPZ, Provenance: many}, "holds 65535"},
		{"record name too long", t.Context(), one(strings.Repeat("w", 1<<16), w), converter.Output{Format: converter.NPZ}, "name of 65540 bytes"},
		{"a network without graph", t.Context(), one("w", w), converter.Output{Format: converter.ONNX}, "ONNX holds a network"},
		{"digest of another length", t.Context(), one("w", w),
			converter.Output{Digest: func() digest.Digest { d, _ := digest.Parse("abababab"); return d }}, "not all of a sha256"},
		{"cancelled", cancelled, one("w", w), converter.Output{}, "context canceled"},
		{"cancelled, compressed", cancelled, one("w", w), converter.Output{Format: converter.PTH}, "context canceled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			err := converter.Write(tt.ctx, path, tt.sd, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			if got := string(read(t, path)); got != "old" {
				t.Errorf("the old file became %q", got)
			}
			files, err := os.ReadDir(dir)
			if err != nil || len(files) != 1 {
				t.Errorf("files left: %v, %v", files, err)
			}
		})
	}
	t.Run("no folder", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "none", "out")
		err := converter.Write(t.Context(), path, one("w", w), converter.Output{})
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error %v, want that there is no folder", err)
		}
	})
}

func TestFormats(t *testing.T) {
	for path, want := range map[string]converter.Format{
		"a.safetensors": converter.Safetensors, "a.PTH": converter.PTH, "a.pt": converter.PTH, "b/a.npz.zst": converter.NPZ, "a.onnx": converter.ONNX, "a.bin": "", "a": "", "a.zst": "",
	} {
		if got, ok := converter.FormatOf(path); got != want || ok != (want != "") {
			t.Errorf("FormatOf(%q) = %q, %v, want %q", path, got, ok, want)
		}
	}
	for _, f := range converter.Formats() {
		if got, err := converter.ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("ParseFormat(%q) = %q, %v", f, got, err)
		}
	}
	if _, err := converter.ParseFormat("gguf"); err == nil {
		t.Error("gguf is a format")
	}
}

// TestCompressedEqually wants the same bytes from one processor as from several.
func TestCompressedEqually(t *testing.T) {
	values := make([]float32, 3<<20)
	for i := range values {
		values[i] = float32(i*i%1000) / 7
	}
	sd := new(tensor.StateDict)
	if err := sd.Add("w", tensor.FromFloat32s(tensor.Shape{len(values)}, values)); err != nil {
		t.Fatal(err)
	}
	var first []byte
	for _, n := range []int{1, 2, 7} {
		old := runtime.GOMAXPROCS(n)
		path := filepath.Join(t.TempDir(), "out.safetensors.zst")
		err := converter.Write(t.Context(), path, sd, converter.Output{})
		runtime.GOMAXPROCS(old)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); first == nil {
			first = got
		} else if !bytes.Equal(first, got) {
			t.Errorf("%d processors: %d bytes, one: %d", n, len(got), len(first))
		}
	}
}
