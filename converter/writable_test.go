package converter_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/tensor"
)

// A tensor's name is a file's in a numpy archive: one that leads out of it is refused by
// name, and the other formats, where it is only a text, hold it.
func TestArchiveNames(t *testing.T) {
	for name, good := range map[string]bool{
		"backbone.conv1.weight": true, "state_dict/head.weight": true, "w:0": false, "layer:0": true, "a..b": true, "浓缩.咖啡": true, "a b": true,
		"../../x": false, "..": false, "a/../../x": false, "/etc/x": false, "./x": false, "a//b": false, "a/": false, "": false,
		`..\x`: false, `C:\x`: false, "a\nb": false, "a\x1b[2J": false, "a\x00b": false, "a\u202eb": false, "a\x7fb": false,
	} {
		sd := new(tensor.StateDict)
		if err := sd.Add(name, tensor.FromFloat32s(tensor.Shape{1}, []float32{1})); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		err := converter.Write(t.Context(), filepath.Join(dir, "out.npz"), sd, converter.Output{Format: converter.NPZ})
		if (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
		if err != nil && (!errors.Is(err, converter.ErrCheckpoint) || !strings.Contains(err.Error(), "tensor \"") || strings.ContainsAny(err.Error(), "\n\x1b\x7f")) {
			t.Errorf("%q: error %q", name, err)
		}
		for _, f := range []converter.Format{converter.Safetensors, converter.PTH} {
			if name == "" { // no reader takes one without a name
				break
			}
			path := filepath.Join(dir, "out."+string(f))
			if err := converter.Write(t.Context(), path, sd, converter.Output{Format: f}); err != nil {
				t.Errorf("%q as %s: %v", name, f, err)
				continue
			}
			if back, err := stateDict(t, path); err != nil {
				t.Errorf("%q as %s: %v", name, f, err)
			} else if _, ok := back.Lookup(name); !ok {
				t.Errorf("%q as %s: is %q", name, f, back.Names())
			}
		}
	}
}

// A tensor without elements whose other dimensions no program can multiply is written in no
// format.
func TestExtents(t *testing.T) {
	for _, tt := range []struct {
		shape tensor.Shape
		good  bool
	}{
		{tensor.Shape{0, 1 << 30, 1 << 30}, true},
		{tensor.Shape{0, 1 << 62, 1 << 62}, false},
		{tensor.Shape{1 << 62, 1 << 62, 0}, false},
		{tensor.Shape{1 << 61, 0}, false}, // of four bytes each
		{tensor.Shape{0}, true},
	} {
		sd := new(tensor.StateDict)
		x, err := tensor.New(tensor.F32, tt.shape, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := sd.Add("w", x); err != nil {
			t.Fatal(err)
		}
		for _, f := range []converter.Format{converter.Safetensors, converter.PTH, converter.NPZ} {
			err := converter.Write(t.Context(), filepath.Join(t.TempDir(), "out"), sd, converter.Output{Format: f})
			if (err == nil) != tt.good || err != nil && !errors.Is(err, converter.ErrCheckpoint) {
				t.Errorf("%v as %s: %v", tt.shape, f, err)
			}
		}
	}
}
