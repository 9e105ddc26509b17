package foreign_test

import (
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter/foreign"
)

// TestFile wants each kind of file told by its content, and some by their name.
func TestFile(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"a.pth", "", "empty"},
		{"a.pth", "\x00\x00\x00\x00\x00", "zeros"},
		{"a.pth", "version https://git-lfs.github.com/spec/v1\n", "lfs"},
		{"a.pth", "\x1f\x8b\x08", "gzip"},
		{"a.pth", "7z\xbc\xaf\x27\x1c", "7z"},
		{"a.pth", "Rar!\x1a\x07", "rar"},
		{"a.pth", "\xfd7zXZ\x00", "xz"},
		{"a.pth", "GGUF\x03", "gguf"},
		{"a.pth", "\x89HDF\r\n\x1a\n", "hdf5"},
		{"a.pth", "\x93NUMPY\x01", "npy"},
		{"a.pth", "\x1c\x00\x00\x00TFL3", "tflite"},
		{"a.onnx", "\x08\x08\x12\x07pytorch\x1a", "onnx"},
		{"a.onnx", "\x08\x0a\x3a\x80\x01\x0a", "onnx"},
		{"a.mlmodel", "\x08\x04\x12\x05\x0a\x03abc", "coreml"},
		{"saved_model.pb", "\x08\x01\x12\x05\x0a\x03abc", "savedmodel"},
		{"model.ckpt-1.index", "abc\x57\xfb\x80\x8b\x24\x75\x47\xdb", "tensorflow"},
		{"model.ckpt-1.data-00000-of-00001", "abcdefg", "tensorflow"},
		{"flax_model.msgpack", "\x84abcdefgh", "flax"},
		{"a.xml", "<?xml version=\"1.0\"?>\n<net name=\"x\" version=\"11\">", "openvino"},
		{"a.pth", "\n<!DOCTYPE html>", "html"},
		{"config.json", "{\"a\": 1}", "json"},
		{"a.pth", "\x89PNG\r\n", "picture"},
		{"a.pth", "RIFF\x00\x00\x00\x00WEBPVP8 ", "picture"},
		{"a.pth", strings.Repeat("a", 257) + "ustar\x0000", "tar"},
		{"a.pth", "pickle" + strings.Repeat("\x00", 251) + "ustar\x0000", "torch-tar"},
		{"a.weights", "\x80\x02}.", ""},
		{"a.pth", "\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", ""},
		{"a.pth", "PK\x03\x04", ""},
		{"a.pth", "hello", ""},
	}
	for _, tt := range tests {
		got := ""
		if kind := foreign.File(tt.name, []byte(tt.data)); kind != nil {
			got = kind.Name
			if kind.What == "" {
				t.Errorf("%s, %q: says nothing", tt.name, tt.data)
			}
		}
		if got != tt.want {
			t.Errorf("%s, %q: %q, want %q", tt.name, tt.data, got, tt.want)
		}
	}
}

// TestZip and TestFolder want archives and folders told by what lies in them.
func TestZip(t *testing.T) {
	for names, want := range map[string]string{
		"a/data.pkl a/data/0":                        "",
		"a/data.pkl a/code/x.py":                     "torchscript",
		"a/data.pkl a/constants.pkl":                 "torchscript",
		"a/archive_format a/models/model.json":       "export",
		"serialized_exported_program.json":           "export",
		"config.json metadata.json model.weights.h5": "keras",
		"x.npy y.npy":                                "npz",
		"Data/com.apple.CoreML/model.mlmodel":        "coreml",
		"model/resnet.pth readme.txt":                "zip",
		"word/document.xml":                          "zip",
		"":                                           "zip",
	} {
		got := ""
		if kind := foreign.Zip(strings.Fields(names)); kind != nil {
			got = kind.Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", names, got, want)
		}
	}
}

func TestFolder(t *testing.T) {
	for names, want := range map[string]string{
		".metadata __0_0.distcp":                                         "dcp",
		"zero_pp_rank_0_mp_rank_00_optim_states.pt":                      "zero",
		"latest zero_to_fp32.py global_step1":                            "zero",
		"saved_model.pb variables":                                       "savedmodel",
		"checkpoint model.ckpt-1.index model.ckpt-1.data-00000-of-00001": "tensorflow",
		"Manifest.json Data":                                             "coreml",
		"data.pkl data version":                                          "unpacked",
		"model.safetensors config.json":                                  "",
		"model.safetensors.index.json model-00001-of-00001.safetensors":  "",
	} {
		got := ""
		if kind := foreign.Folder(strings.Fields(names)); kind != nil {
			got = kind.Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", names, got, want)
		}
	}
}

// FuzzFile wants an answer to anything.
func FuzzFile(f *testing.F) {
	f.Add("a.pth", []byte("\x08\x08\x12\xff\xff"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if kind := foreign.File(name, data); kind != nil && kind.Name == "" {
			t.Errorf("%q, %q: a kind without a name", name, data)
		}
	})
}
