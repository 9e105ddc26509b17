// Package foreign tells files apart that are not what their name says, or are of other tools:
// by their first bytes, by what an archive or a folder holds, and only then by their name. It
// knows how each is called and what to do instead, and reads none of them.
//
//	if kind := foreign.File("model.pth", data); kind != nil {
//		return fmt.Errorf("not a checkpoint but %s", kind.What)
//	}
package foreign

import (
	"bytes"
	"path"
	"strings"
)

// A Kind is one kind of file that is no checkpoint of PyTorch's or safetensors.
type Kind struct {
	Name string // short, such as "gguf"
	// What says what the file is, and after a colon what to do.
	What string
	// Suffixes are those that its files have of right. A file of the kind under another name
	// is not what it says.
	Suffixes []string
	// Inert says that whoever reads the file runs nothing of it.
	Inert bool
	// Archive says that the file is compressed, or holds other files.
	Archive bool
}

// A signature tells a kind by bytes at fixed places.
type signature struct {
	at    int
	bytes string
	kind  Kind
}

// signatures are looked at in their order.
var signatures = []signature{
	{0, "version https://git-lfs", Kind{Name: "lfs", What: "a git-lfs pointer, which stands for the file: fetch the file itself with git lfs pull", Inert: true}},
	{0, "\x1f\x8b", packed("gzip", "compressed with gzip: decompress it first (gunzip)", ".gz", ".tgz")},
	{0, "7z\xbc\xaf\x27\x1c", packed("7z", "a 7z archive: unpack it first", ".7z")},
	{0, "\xfd7zXZ\x00", packed("xz", "compressed with xz: decompress it first (unxz)", ".xz")},
	{0, "BZh", packed("bzip2", "compressed with bzip2: decompress it first (bunzip2)", ".bz2")},
	{0, "\x28\xb5\x2f\xfd", packed("zstd", "compressed with zstd: decompress it first (zstd -d)", ".zst")},
	{0, "\x04\x22\x4d\x18", packed("lz4", "compressed with lz4: decompress it first (lz4 -d)", ".lz4")},
	{0, "Rar!", packed("rar", "a RAR archive: unpack it first", ".rar")},
	{0, "GGUF", inert("gguf", "a GGUF file of llama.cpp, which is not supported: take the model's safetensors or PyTorch file", ".gguf", ".bin")},
	{0, "lmgg", inert("ggml", "a GGML file of llama.cpp, which is not supported: take the model's safetensors or PyTorch file", ".ggml", ".bin")},
	{0, "tjgg", inert("ggml", "a GGML file of llama.cpp, which is not supported: take the model's safetensors or PyTorch file", ".ggml", ".bin")},
	{0, "\x89HDF\r\n\x1a\n", hdf5}, {0, "\x89HDF", hdf5},
	{0, "\x93NUMPY", Kind{Name: "npy", What: "a single numpy array, which is not supported: a checkpoint has a name for each of its arrays", Suffixes: []string{".npy"}}},
	{4, "TFL3", inert("tflite", "a TensorFlow Lite model, which is not supported: take the checkpoint that it was converted from", ".tflite", ".lite")},
	{4, "ET12", inert("executorch", "a program of ExecuTorch, which is not supported: take the checkpoint that it was exported from", ".pte")},
	{0, "MATLAB 5.0", inert("mat", "a MATLAB file, which is not supported", ".mat")},
	{0, "ftrt", Kind{Name: "tensorrt", What: "an engine of TensorRT, which is not supported: take the checkpoint that it was built from", Suffixes: []string{".engine", ".plan", ".trt"}}},
	{0, "ptrt", Kind{Name: "tensorrt", What: "an engine of TensorRT, which is not supported: take the checkpoint that it was built from", Suffixes: []string{".engine", ".plan", ".trt"}}},
	{0, "7767517\n", inert("ncnn", "a network of ncnn, which is not supported: take the checkpoint that it was converted from", ".param")},
	{0, "%PDF", inert("pdf", "a PDF document", ".pdf")},
	{0, "\x89PNG", picture("a PNG image", ".png")}, {0, "\xff\xd8\xff", picture("a JPEG image", ".jpg", ".jpeg")},
	{0, "GIF8", picture("a GIF image", ".gif")}, {8, "WEBPVP8", picture("a WebP image", ".webp")},
	{0, "II*\x00", picture("a TIFF image", ".tif", ".tiff")}, {0, "MM\x00*", picture("a TIFF image", ".tif", ".tiff")},
	{4, "ftyp", picture("a picture or a film (MP4, HEIF or AVIF)", ".mp4", ".mov", ".heic", ".heif", ".avif")},
	{0, "\x7fELF", Kind{Name: "elf", What: "a program or a library of this machine"}}, {0, "MZ\x90", Kind{Name: "exe", What: "a program of Windows"}},
	{8, "{", Kind{Name: "safetensors", What: "a safetensors file", Suffixes: []string{".safetensors"}, Inert: true}},
}

var hdf5 = Kind{
	Name: "hdf5", Suffixes: []string{".h5", ".hdf5", ".keras"},
	What: "an HDF5 file, such as Keras writes, which is not supported: take the PyTorch or safetensors file where there is one, else load it in Keras and save its weights with safetensors.numpy.save_file",
}

func packed(name, what string, suffixes ...string) Kind {
	return Kind{Name: name, What: what, Suffixes: suffixes, Archive: true}
}

func inert(name, what string, suffixes ...string) Kind {
	return Kind{Name: name, What: what, Suffixes: suffixes, Inert: true}
}

func picture(what string, suffixes ...string) Kind {
	return Kind{Name: "picture", What: what, Suffixes: suffixes, Inert: true}
}

// leveldbEnd is how an index of a TensorFlow checkpoint ends.
const leveldbEnd = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"

// File returns the kind of a file that is clearly no checkpoint, or nil. What is left may be
// one of PyTorch's, or nothing that is known. Archives are told by Zip.
func File(name string, data []byte) *Kind {
	if len(data) == 0 {
		return &Kind{Name: "empty", What: "an empty file", Inert: true}
	}
	for i := range signatures {
		if s := &signatures[i]; len(data) > s.at && bytes.HasPrefix(data[s.at:], []byte(s.bytes)) {
			return &s.kind
		}
	}
	for _, structure := range []func(string, []byte) *Kind{tarArchive, markup, zeros, protobuf, byName} {
		if kind := structure(name, data); kind != nil {
			return kind
		}
	}
	return nil
}

// tarArchive tells a tar archive, and which it is, by its first header.
func tarArchive(_ string, data []byte) *Kind {
	if len(data) < 262 || string(data[257:262]) != "ustar" {
		return nil
	}
	first, _, _ := strings.Cut(string(data[:100]), "\x00")
	switch strings.TrimPrefix(first, "./") {
	case "pickle", "storages", "tensors", "sys_info":
		return &Kind{Name: "torch-tar", Archive: true,
			What: "a tar archive: torch 0.1 wrote checkpoints so, which is not supported: load and save it with torch 1.x"}
	}
	return &Kind{Name: "tar", Archive: true, Suffixes: []string{".tar"}, What: "a tar archive: unpack it first (tar -xf), and give the file inside"}
}

// markup tells what starts as text.
func markup(_ string, data []byte) *Kind {
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 4096)], " \t\r\n\ufeff"))
	starts := func(text string) bool { return bytes.HasPrefix(head, []byte(text)) }
	switch {
	case (starts("<?xml") || starts("<net")) && bytes.Contains(head, []byte("<net ")):
		k := inert("openvino", "a network of OpenVINO, which is not supported: take the checkpoint that it was converted from", ".xml")
		return &k
	case starts("<!doctype") || starts("<html") || starts("<?xml"):
		k := inert("html", "a web page, as a failed download leaves it: download it again", ".html", ".htm", ".xml")
		return &k
	case (starts("{") || starts("[")) && len(head) > 1 && bytes.IndexByte(head, 0) < 0 && bytes.ContainsAny(head, "\":"):
		k := inert("json", "a JSON text, such as lies beside a checkpoint: give the file with the tensors", ".json")
		return &k
	}
	return nil
}

func zeros(_ string, data []byte) *Kind {
	if len(bytes.Trim(data[:min(len(data), 4096)], "\x00")) == 0 {
		return &Kind{Name: "zeros", What: "nothing: it starts with zeros, as an interrupted copy leaves it: download it again", Inert: true}
	}
	return nil
}

// protobuf tells the messages that begin with a small version: ONNX, CoreML, and TensorFlow's
// saved models.
func protobuf(name string, data []byte) *Kind {
	if len(data) < 5 || data[0] != 0x08 || data[1] == 0 || data[1] > 40 {
		return nil
	}
	inner := data[4] // the first byte of the second field, where its length is short
	for i := 3; data[i] >= 0x80 && i+2 < len(data) && i < 8; i++ {
		inner = data[i+2]
	}
	switch data[2] {
	case 0x12:
		switch {
		case path.Base(name) == "saved_model.pb" || strings.HasSuffix(name, ".pb"):
			return savedModel
		case strings.HasSuffix(name, ".mlmodel") || inner == 0x0a || inner == 0xa2:
			k := inert("coreml", "a CoreML model, which is not supported: take the checkpoint that it was converted from", ".mlmodel")
			return &k
		}
	case 0x1a, 0x22, 0x2a, 0x32, 0x3a, 0x42:
	default:
		return nil
	}
	k := inert("onnx", "an ONNX model, which is not supported as input: take the checkpoint that it was exported from", ".onnx")
	return &k
}

var savedModel = &Kind{
	Name: "savedmodel", Suffixes: []string{".pb"},
	What: "a SavedModel of TensorFlow, which is not supported: take the PyTorch or safetensors file where there is one",
}

var tensorflow = &Kind{
	Name: "tensorflow", Suffixes: []string{".index", ".meta"}, Inert: true,
	What: "a checkpoint of TensorFlow, which is not supported: take the PyTorch or safetensors file where there is one",
}

// byName tells kinds without a signature.
func byName(name string, data []byte) *Kind {
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	switch {
	case data[0] == 0x80: // a pickle, whatever it is called
	case bytes.HasSuffix(data, []byte(leveldbEnd)) || strings.Contains(base, ".data-0") && strings.Contains(base, "-of-0"):
		return tensorflow
	case strings.HasSuffix(base, ".pb"):
		return savedModel
	case strings.HasSuffix(base, ".msgpack"):
		k := inert("flax", "a Flax checkpoint, which is not supported: take the PyTorch or safetensors file where there is one", ".msgpack")
		return &k
	case strings.HasSuffix(base, ".caffemodel"):
		k := inert("caffe", "a Caffe model, which is not supported", ".caffemodel")
		return &k
	case strings.HasSuffix(base, ".weights"):
		k := inert("darknet", "weights of Darknet, which are not supported", ".weights")
		return &k
	}
	return nil
}

// Right reports whether a file of the kind may be called so.
func (k *Kind) Right(name string) bool {
	name = strings.ToLower(name)
	for _, s := range k.Suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}
