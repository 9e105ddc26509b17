package pth

import (
	"bytes"
	"fmt"
)

// A signature tells files of another kind by bytes at a fixed place.
type signature struct {
	at    int
	bytes string
	what  string // what the file is, and what to do
}

// signatures are those of files that get the name of a checkpoint by mistake.
var signatures = []signature{
	{0, "version https://git-lfs", "a git-lfs pointer, which stands for the file: fetch the file itself with git lfs pull"},
	{0, "\x1f\x8b", "compressed with gzip: decompress it first"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"},
	{0, "\xfd7zXZ\x00", "compressed with xz: decompress it first"},
	{0, "BZh", "compressed with bzip2: decompress it first"},
	{0, "\x28\xb5\x2f\xfd", "compressed with zstd: decompress it first"},
	{0, "Rar!", "a RAR archive: unpack it first"},
	{0, "GGUF", "a GGUF file of llama.cpp, which is not supported"},
	{0, "\x89HDF", "an HDF5 file, such as Keras writes, which is not supported"},
	{0, "\x93NUMPY", "a single numpy array, which is not supported"},
	{0, "\x08\x01\x12", "an ONNX model, which is not supported as input"},
	{4, "TFL3", "a TensorFlow Lite model, which is not supported"},
	{0, "%PDF", "a PDF document"},
	{0, "\x89PNG", "a PNG image"},
	{0, "\xff\xd8\xff", "a JPEG image"},
	{257, "ustar", "a tar archive: torch 0.1 wrote checkpoints so, which is not supported: load and save it with torch 1.x"},
	{8, "{", "a safetensors file"},
}

// foreign returns an error that says what data is when it is clearly no
// checkpoint. What is left may be a legacy one.
func foreign(data []byte) error {
	if len(data) == 0 {
		return fmt.Errorf("the file is empty")
	}
	for _, s := range signatures {
		if len(data) > s.at && bytes.HasPrefix(data[s.at:], []byte(s.bytes)) {
			return fmt.Errorf("not a PyTorch checkpoint but %s", s.what)
		}
	}
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 512)], " \t\r\n\ufeff"))
	switch {
	case bytes.HasPrefix(head, []byte("<!doctype")) || bytes.HasPrefix(head, []byte("<html")) || bytes.HasPrefix(head, []byte("<?xml")):
		return fmt.Errorf("not a PyTorch checkpoint but a web page, as a failed download leaves it: download it again")
	case len(bytes.Trim(data[:min(len(data), 4096)], "\x00")) == 0:
		return fmt.Errorf("not a PyTorch checkpoint: it starts with zeros, as an interrupted copy leaves it: download it again")
	}
	return nil
}
