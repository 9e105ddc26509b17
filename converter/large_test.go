package converter_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/tensor"
)

// TestManyTensors writes ten thousand tensors in every format that zoo reads again: what that
// takes grows with their number, not with its square.
func TestManyTensors(t *testing.T) {
	sd := new(tensor.StateDict)
	const n = 10_000
	for i := range n {
		if err := sd.Add(fmt.Sprintf("layer%d.weight", i), tensor.FromFloat32s(tensor.Shape{4, 4}, make([]float32, 16))); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []converter.Format{converter.PTH, converter.Safetensors} {
		path := filepath.Join(t.TempDir(), "many")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := converter.Write(t.Context(), path, sd, converter.Output{Format: format}); err != nil {
			t.Fatal(err)
		}
		c, err := converter.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.StateDict()
		if err != nil || got.Len() != n {
			t.Errorf("%s: %v, %v: want %d tensors", format, got, err, n)
		}
		c.Close()
		runtime.ReadMemStats(&after)
		// 64 bytes each are numbers; names, headers and directories take some kB.
		if took := after.TotalAlloc - before.TotalAlloc; took > n*16<<10 {
			t.Errorf("%s: %d bytes a tensor were taken", format, took/n)
		}
	}
}

// TestSparseFile opens a file of eight gigabytes of which next to nothing is there: what is
// asked for is read, and no memory is taken for the rest.
func TestSparseFile(t *testing.T) {
	const tensors, size = 32, 256 << 20
	header := make(map[string]any)
	for i := range tensors {
		header[fmt.Sprintf("w%d", i)] = map[string]any{"dtype": "F32", "shape": []int{size / 4096, 1024}, "data_offsets": []int64{int64(i) * size, int64(i+1) * size}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, bytes.Repeat([]byte(" "), -len(text)&7)...)
	path := filepath.Join(t.TempDir(), "sparse.safetensors")
	if err := os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(8+len(text))+tensors*size); err != nil {
		t.Skipf("left out: no file of 8 GB here: %v", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := converter.Open(path)
	if err != nil {
		t.Skipf("left out: it cannot be mapped here: %v", err)
	}
	defer c.Close()
	sd, err := c.StateDict()
	if err != nil || sd.Len() != tensors {
		t.Fatalf("%v, %v: want %d tensors", sd, err, tensors)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("%d bytes were taken to open it", took)
	}
}
