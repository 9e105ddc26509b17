package converter_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/digest"
)

// TestTorch wants every tensor that torch.save wrote bit for bit, as it is and
// compressed.
func TestTorch(t *testing.T) {
	for file, rows := range linesOf(t, "testdata") {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join("testdata", file)
			got, err := allTensors(t, path)
			if rows[0][0] == "-" {
				if err == nil || !strings.Contains(err.Error(), rows[0][3]) {
					t.Errorf("error %v, want %q in it", err, rows[0][3])
				} else {
					checkRefusal(t, file, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for _, row := range rows {
				want[row[0]] = strings.Join(row[1:4], " ")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("tensors (-want +got):\n%s", diff)
			}
			packed := filepath.Join(t.TempDir(), file+".zst")
			compress(t, packed, path)
			again, err := allTensors(t, packed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, again); diff != "" {
				t.Errorf("tensors of the compressed file (-want +got):\n%s", diff)
			}
		})
	}
}

// compress writes the content of src with zstd.
func compress(t *testing.T, dst, src string) {
	t.Helper()
	data, err := os.ReadFile(src)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dst, z.EncodeAll(data, nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	tests := []struct {
		file       string
		container  string
		checksums  bool
		classes    []string
		metadata   map[string]string
		names      string // of the state dict, joined
		nonTensors int
	}{
		{"zip.pth", "zip", true, []string{"cat", "dog"}, nil, "0.weight 1.weight 1.bias 1.running_mean 1.running_var 1.num_batches_tracked 3.weight 3.bias", 9},
		{"legacy.pth", "legacy", false, []string{"cat", "dog"}, nil, "0.weight 1.weight 1.bias 1.running_mean 1.running_var 1.num_batches_tracked 3.weight 3.bias", 9},
		{"zip-module.pth", "zip", true, nil, nil, "0.weight 1.weight 1.bias 1.running_mean 1.running_var 1.num_batches_tracked 3.weight 3.bias", 0},
		{"zip-bare.pth", "zip", true, nil, nil, "0.weight 1.weight 1.bias 1.running_mean 1.running_var 1.num_batches_tracked 3.weight 3.bias", 0},
		{"zip-tuned.pth", "zip", true, []string{"cat", "dog"}, nil, "w n", 2},
		{"zip-optimizer.pth", "zip", true, nil, nil, "w n", 1},
		{"reference.safetensors", "safetensors", false, nil, map[string]string{"by": "the reference"}, "n w", 0},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			path := filepath.Join("testdata", tt.file)
			c, err := converter.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data)
			if c.Name != tt.file || c.Container != tt.container || c.Checksums != tt.checksums || c.Digest() != digest.Of(sum) {
				t.Errorf("%s, %s, checksums %v, sha256 %s", c.Name, c.Container, c.Checksums, c.Digest())
			}
			if diff := cmp.Diff(tt.classes, c.Classes); diff != "" {
				t.Errorf("classes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.metadata, c.Metadata); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if len(c.NonTensors) != tt.nonTensors {
				t.Errorf("%d non-tensors, want %d: %v", len(c.NonTensors), tt.nonTensors, c.NonTensors)
			}
			sd, err := c.StateDict()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.names, strings.Join(sd.Names(), " ")); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNonTensors(t *testing.T) {
	c, err := converter.Open(filepath.Join("testdata", "zip.pth"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := []pth.NonTensor{
		{Path: "meta/CLASSES", Type: "tuple"},
		{Path: "meta/args", Type: "argparse.Namespace"},
		{Path: "meta/epoch", Type: "int"},
		{Path: "meta/hook_msgs/best_score", Type: "numpy._core.multiarray.scalar"},
		{Path: "meta/hook_msgs/history", Type: "numpy._core.multiarray._reconstruct"},
		{Path: "meta/mmcls_version", Type: "str"},
		{Path: "meta/seed", Type: "None"},
		{Path: "meta/sizes", Type: "torch.Size"},
		{Path: "meta/time", Type: "datetime.datetime"},
	}
	if diff := cmp.Diff(want, c.NonTensors); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pack := func(data []byte) []byte {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return z.EncodeAll(data, nil)
	}
	classes := func(text string) []byte {
		head := `{"__metadata__":{"classes":` + text + `},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`
		return append([]byte{byte(len(head)), 0, 0, 0, 0, 0, 0, 0}, head+"x"...)
	}
	tests := []struct {
		name, path string
		want       string
	}{
		{"compressed twice", write("a.pth.zst", pack(pack(nil))), "compressed twice"},
		{"compressed noise", write("b.pth.zst", pack([]byte("hello"))), "not a PyTorch checkpoint"},
		{"compressed and cut", write("c.pth.zst", pack(bytes.Repeat([]byte("hello"), 999))[:20]), "zstd"},
		{"compressed bomb", write("d.pth.zst", pack(make([]byte, 70<<20))), "decompress to more than"},
		{"safetensors with a wrong list", write("e.safetensors", classes(`"cat"`)), "JSON list of class names"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := converter.Open(tt.path)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q in it", err, tt.want)
			}
			checkRefusal(t, filepath.Base(tt.path), err)
		})
	}
	_, err := converter.Open(filepath.Join(dir, "none.pth"))
	if !errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*converter.CheckpointError)) {
		t.Errorf("error %v, want that there is no file, and no checkpoint blamed", err)
	}
}
