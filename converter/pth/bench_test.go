package pth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/pth"
	"github.com/gozoo/zoo/tensor"
)

// BenchmarkOpen opens a zip file of 102 MB, as large as ResNet-50's, and checks every
// record's checksum: what torch.load needs 65 ms and 99 MB for. The file is in the page
// cache, and mapped anew each time.
func BenchmarkOpen(b *testing.B) {
	sd := new(tensor.StateDict)
	for i := range 160 { // as many large tensors as that network has, and small ones
		n := 160 << 10
		if i%2 == 1 {
			n = 256
		}
		if err := sd.Add(fmt.Sprint(i), tensor.FromFloat32s(tensor.Shape{2, n}, make([]float32, 2*n))); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(b.TempDir(), "net.pth")
	if err := converter.Write(b.Context(), path, sd, converter.Output{Format: converter.PTH}); err != nil {
		b.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(st.Size())
	b.ReportAllocs()
	for b.Loop() {
		f, err := pth.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.StateDict(); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
