package foreign

import (
	"fmt"
	"path"
	"strings"
)

var (
	torchScript = &Kind{
		Name: "torchscript",
		What: `a TorchScript archive, a program and not a state dict: in Python, torch.save(torch.jit.load("FILE").state_dict(), "OUT.pth")`,
	}
	exported = &Kind{
		Name: "export", Suffixes: []string{".pt2", ".pt"}, Inert: true,
		What: `an exported program: save its state_dict: in Python, torch.save(torch.export.load("FILE").state_dict, "OUT.pth")`,
	}
	kerasZip = &Kind{
		Name: "keras", Suffixes: []string{".keras", ".zip"},
		What: "a Keras model, which is not supported: take the PyTorch or safetensors file where there is one, else load it in Keras and save its weights with safetensors.numpy.save_file",
	}
	coreMLPackage = &Kind{
		Name: "coreml", Suffixes: []string{".mlpackage", ".zip"}, Inert: true,
		What: "a CoreML package, which is not supported: take the checkpoint that it was converted from",
	}
)

// Zip returns the kind of a zip archive by the names of its members: nil where it may be a
// checkpoint of PyTorch's.
func Zip(names []string) *Kind {
	var arrays, checkpoints int
	var checkpoint string
	torch := false
	for _, name := range names {
		_, inside, _ := strings.Cut(name, "/")
		base := path.Base(name)
		switch {
		case inside == "constants.pkl" || inside == "bytecode.pkl" || strings.HasPrefix(inside, "code/"):
			return torchScript
		case inside == "archive_format" || base == "serialized_exported_program.json":
			return exported
		case base == "model.weights.h5":
			return kerasZip
		case strings.HasSuffix(name, ".mlmodel"):
			return coreMLPackage
		case inside == "data.pkl":
			torch = true
		case strings.HasSuffix(name, ".npy"):
			arrays++
		}
		if isCheckpointName(base) && !strings.HasPrefix(base, "._") {
			checkpoints++
			checkpoint = name
		}
	}
	switch {
	case torch:
		return nil
	case arrays > 0:
		return &Kind{Name: "npz", Suffixes: []string{".npz"}, What: fmt.Sprintf("a numpy archive (.npz, arrays: %d), which is not supported as input: "+
			`in Python, safetensors.numpy.save_file(dict(numpy.load("FILE")), "OUT.safetensors")`, arrays)}
	case checkpoints == 1:
		return plainZip("a zip archive that holds the checkpoint %q: unpack it, and give that file", checkpoint)
	case checkpoints > 1:
		return plainZip("a zip archive that holds %d checkpoints: unpack it, and give one of them", checkpoints)
	}
	return plainZip("a zip archive of %d records without data.pkl in a folder: no checkpoint lies in it", len(names))
}

func plainZip(format string, args ...any) *Kind {
	return &Kind{Name: "zip", What: fmt.Sprintf(format, args...), Suffixes: []string{".zip", ".npz", ".whl", ".jar", ".docx", ".xlsx"}, Archive: true}
}

// isCheckpointName reports whether a file is called as checkpoints are.
func isCheckpointName(base string) bool {
	for _, suffix := range []string{".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".pth.tar"} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	return false
}

// pickled are kinds of pickles that torch.save did not write, by how a global begins that they
// name.
var pickled = []struct{ global, what string }{
	{"sklearn.", "a pickled estimator of scikit-learn, which is no network that is known here"},
	{"xgboost.", "a pickled model of XGBoost, which is no network"},
	{"lightgbm.", "a pickled model of LightGBM, which is no network"},
	{"torch.distributed.checkpoint.", "the .metadata of a checkpoint of torch.distributed.checkpoint: " + Join},
	{"torch.storage._load_from_bytes", `tensors that pickle.dump wrote: load them in Python, where you trust the file, and torch.save(x.state_dict(), "OUT.pth")`},
	{"joblib.", "a file of joblib, whose arrays have no names: load it in Python, where you trust the file, and save a state dict with torch.save"},
	{"numpy.", `pickled numpy arrays: load them in Python, where you trust the file, and save them with safetensors.numpy.save_file`},
}

// Join is what to do with a checkpoint of torch.distributed.checkpoint.
const Join = "join it first: python -m torch.distributed.checkpoint.format_utils dcp_to_torch SRC DST"

// Pickle returns what a pickle is that torch.save did not write, by the globals that it names;
// empty where nothing is known of it.
func Pickle(globals []string) string {
	for _, p := range pickled {
		for _, g := range globals {
			if strings.HasPrefix(g, p.global) {
				return p.what
			}
		}
	}
	return ""
}

var dcp = &Kind{Name: "dcp", Suffixes: []string{".distcp"}, What: "a checkpoint of torch.distributed.checkpoint: " + Join}

// Named returns the kind of a file that only its name tells, since it is built as others are; nil
// for all others.
func Named(name string) *Kind {
	if strings.HasSuffix(name, ".distcp") {
		return dcp
	}
	return nil
}

// Folder returns the kind of a folder by the names of what lies in it, or nil. A folder of
// safetensors is none of these.
func Folder(names []string) *Kind {
	has := map[string]bool{}
	var shards, zero, tables, hdf bool
	for _, name := range names {
		has[name] = true
		shards = shards || strings.HasSuffix(name, ".distcp")
		zero = zero || strings.HasPrefix(name, "zero_pp_rank_") || strings.HasPrefix(name, "bf16_zero_pp_rank_")
		tables = tables || strings.HasSuffix(name, ".index") && !strings.Contains(name, ".json")
		hdf = hdf || strings.HasSuffix(name, ".h5")
	}
	switch {
	case shards || has[".metadata"]:
		return dcp
	case zero || has["zero_to_fp32.py"]:
		return &Kind{Name: "zero", What: "a checkpoint of DeepSpeed ZeRO, whose weights lie in parts: " + JoinZeRO}
	case has["saved_model.pb"]:
		return savedModel
	case has["Manifest.json"] && has["Data"]:
		return coreMLPackage
	case has["data.pkl"]:
		return &Kind{Name: "unpacked", What: "a PyTorch checkpoint that was unpacked: pack it again (zip -0 -r model.pth FOLDER), or take the file as it was"}
	case tables:
		return tensorflow
	case has["_CHECKPOINT_METADATA"] || has["manifest.ocdbt"] || has["_METADATA"]:
		return &Kind{Name: "orbax", What: "a checkpoint of Orbax (JAX), which is not supported: take the PyTorch or safetensors file where there is one"}
	case hdf:
		return &hdf5
	}
	return nil
}

// JoinZeRO is what to do with the parts of a checkpoint of DeepSpeed's.
const JoinZeRO = "join them first: python zero_to_fp32.py CHECKPOINT_DIR OUT_DIR (the script lies beside the checkpoint)"
