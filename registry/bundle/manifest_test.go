package bundle

import (
	"bytes"
	"testing"
)

// FuzzManifest reads texts as manifests: what is read is what would be written, byte for byte,
// so that a signature covers one reading.
func FuzzManifest(f *testing.F) {
	const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000 "
	f.Add([]byte("zoo-bundle/2\nfile " + zeros + "6 goldens/a/x.safetensors\nfile " + zeros + "0 licences/a.txt\nfile " + zeros + "11 zoo.lock\nblob " + zeros + "5 a\nblob " + zeros + "5 b.c\n"))
	f.Add([]byte("zoo-bundle/1\nfile " + zeros + "6 goldens/a.x.safetensors\nfile " + zeros + "11 zoo.lock\nblob " + zeros + "5 a\n"))
	f.Add([]byte("zoo-bundle/2\nfile " + zeros + "6 rows/a.toml\nfile " + zeros + "11 zoo.lock\nblob " + zeros + "5 a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		if got := m.bytes(); !bytes.Equal(got, data) {
			t.Errorf("%q is read as %q", data, got)
		}
		for i := range m.files {
			if model, _, ok := m.files[i].golden(); ok && !m.old && !m.has(model) {
				t.Errorf("a golden of %q, which is not there", model)
			}
			if model, ok := m.files[i].row(); ok && (m.old || !m.has(model)) {
				t.Errorf("a row of %q, which is not there", model)
			}
		}
	})
}
