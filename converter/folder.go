package converter

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gozoo/zoo/converter/foreign"
)

// maxListed bounds the entries of a folder that are looked at.
const maxListed = 100_000

// IsFolder reports whether a path is a folder that is called a checkpoint by what lies in it, of
// this package or of another tool.
func IsFolder(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.IsDir() {
		return false
	}
	names, err := namesIn(path)
	return err == nil && (foreign.Folder(names) != nil || len(checkpointsIn(names)) > 0)
}

// openFolder opens the checkpoint in a folder: one that is sharded, or else the only one.
func openFolder(path string) (*Checkpoint, error) {
	names, err := namesIn(path)
	if err != nil {
		return nil, err
	}
	base := filepath.Base(path)
	if kind := foreign.Folder(names); kind != nil {
		return nil, fmt.Errorf("converter: %q is %s", base, kind.What)
	}
	found := checkpointsIn(names)
	// Of one model in both formats, the one that holds no pickle.
	if safe := slices.DeleteFunc(slices.Clone(found), func(n string) bool { return !strings.Contains(n, ".safetensors") }); len(safe) == 1 {
		found = safe
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("converter: %q is a folder without a checkpoint: give the file", base)
	case 1:
		return OpenAs(filepath.Join(path, found[0]), found[0])
	}
	return nil, fmt.Errorf("converter: %q is a folder with %d checkpoints, %q and %q among them: give one of them", base, len(found), found[0], found[1])
}

func namesIn(path string) ([]string, error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(maxListed)
	if err == io.EOF {
		err = nil
	}
	slices.Sort(names)
	return names, err
}

// checkpointsIn returns the checkpoints among the names of a folder: an index stands for its
// shards, and the first of shards without an index for all.
func checkpointsIn(names []string) []string {
	var out []string
	indexed := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, ".safetensors"+indexSuffix) || strings.HasSuffix(name, ".bin"+indexSuffix) {
			out = append(out, name)
			indexed[strings.TrimSuffix(name, indexSuffix)] = true
		}
	}
	sets := map[string]bool{}
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			continue
		}
		if shard, ok := parseShardName(name); ok {
			if set := shard.whole(); !indexed[set] && !sets[set+shard.count] {
				sets[set+shard.count] = true
				out = append(out, name)
			}
			continue
		}
		plain := strings.TrimSuffix(name, ".zst")
		for _, suffix := range []string{".safetensors", ".pth", ".pt", ".ckpt", ".pth.tar", "pytorch_model.bin"} {
			if strings.HasSuffix(plain, suffix) {
				out = append(out, name)
				break
			}
		}
	}
	return out
}
