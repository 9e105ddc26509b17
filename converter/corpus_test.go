package converter_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/tensor"
)

// manifest returns the rows of a corpus beside the repository, by file name, or
// skips the test where it is not there.
func manifest(t *testing.T, corpus string) (dir string, rows map[string][][]string) {
	t.Helper()
	dir = filepath.Join("..", "..", "shared", corpus)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the corpus %s is not beside the repository", corpus)
	}
	return dir, linesOf(t, dir)
}

// linesOf returns the lines of a folder's MANIFEST.tsv, by file.
func linesOf(t *testing.T, dir string) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][][]string{}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if row := strings.Split(line, "\t"); i > 0 {
			rows[row[0]] = append(rows[row[0]], row[1:])
		}
	}
	return rows
}

// TestHostile wants every hostile file to end as its manifest says.
func TestHostile(t *testing.T) {
	dir, rows := manifest(t, "hostile")
	for file, row := range rows {
		kind := row[0][0]
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			sd, err := stateDict(t, filepath.Join(dir, file))
			if err != nil {
				checkRefusal(t, file, err)
				if kind != "reject" && kind != "either" {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if kind == "reject" {
				t.Fatalf("accepted with tensors %q: %s", sd.Names(), row[0][1])
			}
			if kind == "accept-ignoring-nontensor" || kind == "either" {
				w, ok := sd.Lookup("w")
				if !ok {
					w, ok = sd.Lookup(sd.Names()[0])
				}
				got, err := w.Float32s()
				if diff := cmp.Diff([]float32{1, 2, 3, 4}, got); !ok || err != nil || diff != "" {
					t.Errorf("tensor w: %v (-want +got):\n%s", err, diff)
				}
			}
		})
	}
}

// TestOdd wants every tensor of the odd files bit for bit.
func TestOdd(t *testing.T) {
	dir, rows := manifest(t, "oddpth")
	for file, rows := range rows {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			kind := rows[0][0]
			got, err := allTensors(t, filepath.Join(dir, file))
			if err != nil {
				checkRefusal(t, file, err)
				if kind != "reject" && kind != "either" {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if kind == "reject" {
				t.Fatalf("accepted with tensors %v", got)
			}
			want := map[string]string{}
			for _, row := range rows {
				want[row[1]] = strings.Join(row[2:5], " ")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("tensors (-want +got):\n%s", diff)
			}
		})
	}
}

// checkRefusal wants an error that names the file and keeps to one line and to
// printable characters.
func checkRefusal(t *testing.T, file string, err error) {
	t.Helper()
	t.Log(err)
	var refused *converter.CheckpointError
	if !errors.As(err, &refused) || refused.File != file {
		t.Errorf("error is %T, want a CheckpointError about %s: %v", err, file, err)
	}
	if !strings.Contains(err.Error(), file) || len(err.Error()) > 1000 {
		t.Errorf("the message does not name the file, or is %d bytes long", len(err.Error()))
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("the message holds control characters: %q", err)
	}
}

func stateDict(t *testing.T, path string) (*tensor.StateDict, error) {
	t.Helper()
	c, err := converter.Open(path)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	return c.StateDict()
}

// allTensors returns dtype, shape and digest of every tensor, by path, spelled as
// in the manifest.
func allTensors(t *testing.T, path string) (map[string]string, error) {
	t.Helper()
	c, err := converter.Open(path)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	sd, err := c.Tensors()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, x := range sd.All() {
		shape := strings.ReplaceAll(strings.Trim(x.Shape().String(), "()"), ",", "x")
		if shape == "" {
			shape = "scalar"
		}
		sum := sha256.Sum256(x.Bytes())
		out[name] = torchNames[x.DType()] + " " + shape + " " + hex.EncodeToString(sum[:])
	}
	return out, nil
}

var torchNames = map[tensor.DType]string{
	tensor.Bool: "bool", tensor.U8: "uint8", tensor.I8: "int8", tensor.U16: "uint16", tensor.I16: "int16",
	tensor.U32: "uint32", tensor.I32: "int32", tensor.U64: "uint64", tensor.I64: "int64",
	tensor.F16: "float16", tensor.BF16: "bfloat16", tensor.F32: "float32", tensor.F64: "float64",
	tensor.F8E4M3: "float8_e4m3fn", tensor.F8E5M2: "float8_e5m2", tensor.F8E8M0: "float8_e8m0fnu",
	tensor.F8E4M3UZ: "float8_e4m3fnuz", tensor.F8E5M2UZ: "float8_e5m2fnuz", tensor.C64: "complex64",
}
