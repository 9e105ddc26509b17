package converter

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gozoo/zoo/digest"
	"github.com/gozoo/zoo/internal/bounded"
	"github.com/gozoo/zoo/tensor"
)

// A sharded checkpoint lies in several files. Its index, MODEL.safetensors.index.json, says
// under "weight_map" which tensor lies in which of them; files that are numbered as
// MODEL-00001-of-00002.safetensors are whole without an index as well. Files of PyTorch's are
// sharded in the same way.

const (
	indexSuffix = ".index.json"
	maxShards   = 10_000
)

// A shardName is a shard's name, as MODEL-00001-of-00002.safetensors, taken apart.
type shardName struct {
	stem, count, suffix string // MODEL, 00002, .safetensors
}

func parseShardName(name string) (s shardName, ok bool) {
	for _, s.suffix = range []string{".safetensors", ".bin"} {
		rest, ok := strings.CutSuffix(name, s.suffix)
		const numbers = len("-00001-of-00002")
		if at := len(rest) - numbers; ok && at > 0 {
			number, count, ok := strings.Cut(strings.TrimPrefix(rest[at:], "-"), "-of-")
			if s.stem, s.count = rest[:at], count; ok && len(number) == 5 && strings.Trim(number+count, "0123456789") == "" {
				return s, true
			}
		}
	}
	return s, false
}

// whole names what all shards of a set are shards of.
func (s shardName) whole() string { return s.stem + s.suffix }

// A shardSet is what a sharded checkpoint consists of.
type shardSet struct {
	dir   string
	index string            // its name; empty for none
	where map[string]string // the shard of each tensor, as the index says; nil without
	files []string          // the shards, sorted
}

// shardsAt returns the sharded checkpoint that a file is the index, or a shard, of; nil where it
// is neither.
func shardsAt(path string) (*shardSet, error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if strings.HasSuffix(base, indexSuffix) {
		return readIndex(dir, base)
	}
	shard, ok := parseShardName(base)
	if !ok {
		return nil, nil
	}
	index := shard.whole() + indexSuffix
	if _, err := os.Stat(filepath.Join(dir, index)); err == nil {
		set, err := readIndex(dir, index)
		if err == nil && !slices.Contains(set.files, base) {
			err = fmt.Errorf("converter: %q: the index %q beside it does not name this shard", base, index)
		}
		return set, err
	}
	return numbered(dir, base, shard)
}

// numbered returns the shards that a shard's name says there are.
func numbered(dir, base string, shard shardName) (*shardSet, error) {
	count, err := strconv.Atoi(shard.count)
	if err != nil || count < 1 || count > maxShards {
		return nil, fmt.Errorf("converter: %q: expected 1 to %d shards, its name says %s", base, maxShards, shard.count)
	}
	set := &shardSet{dir: dir}
	for i := range count {
		name := fmt.Sprintf("%s-%05d-of-%s%s", shard.stem, i+1, shard.count, shard.suffix)
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("converter: %q is one shard of %d, and %q is not beside it: bring all of them", base, count, name)
		}
		set.files = append(set.files, name)
	}
	return set, nil
}

// readIndex reads an index. Its shards lie in its own folder: a name that leads out of it is
// refused.
func readIndex(dir, base string) (*shardSet, error) {
	text, err := bounded.ReadFile(filepath.Join(dir, base), bounded.Index)
	if err != nil {
		return nil, err
	}
	set := &shardSet{dir: dir, index: base}
	if set.where, err = weightMap(text); err != nil {
		return nil, fmt.Errorf("converter: index %q: %w", base, err)
	}
	for name, file := range set.where {
		if !plainName(file) {
			return nil, fmt.Errorf("converter: index %q: tensor %q: expected a shard in the same folder, found %.100q", base, short(name), file)
		}
	}
	set.files = slices.Compact(slices.Sorted(maps.Values(set.where)))
	if len(set.files) > maxShards {
		return nil, fmt.Errorf("converter: index %q: %d shards, expected at most %d", base, len(set.files), maxShards)
	}
	for _, file := range set.files {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			return nil, fmt.Errorf("converter: index %q: shard %q is not beside it: bring all %d of them", base, file, len(set.files))
		}
	}
	return set, nil
}

// plainName reports whether a name is that of a file in a folder, on every system.
func plainName(name string) bool {
	return filepath.IsLocal(name) && name != "." && !strings.ContainsAny(name, `/\:`) && !strings.HasSuffix(name, indexSuffix)
}

// weightMap returns what an index has under "weight_map". A tensor that stands there twice is an
// error.
func weightMap(text []byte) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	expect := func(want json.Delim) error {
		if t, err := d.Token(); err != nil || t != want {
			return fmt.Errorf("expected a JSON object with a weight_map")
		}
		return nil
	}
	if err := expect('{'); err != nil {
		return nil, err
	}
	var out map[string]string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		if key != "weight_map" {
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return nil, err
			}
			continue
		}
		if out != nil {
			return nil, fmt.Errorf("weight_map stands there twice")
		}
		if err := expect('{'); err != nil {
			return nil, err
		}
		out = map[string]string{}
		for d.More() {
			var file string
			name, err := d.Token()
			if err == nil {
				err = d.Decode(&file)
			}
			if err != nil {
				return nil, fmt.Errorf("weight_map: %w", err)
			}
			text, _ := name.(string)
			if _, twice := out[text]; twice {
				return nil, fmt.Errorf("tensor %q stands in weight_map twice", short(text))
			}
			out[text] = file
		}
		if err := expect('}'); err != nil {
			return nil, err
		}
	}
	if err := expect('}'); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the JSON object")
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no weight_map: it names no shard")
	}
	return out, nil
}

// open opens all shards as one checkpoint.
func (set *shardSet) open(base string) (*Checkpoint, error) {
	c := &Checkpoint{Name: base, folder: set.dir, text: func(...string) (string, bool) { return "", false }}
	if err := set.read(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// read reads all shards into a checkpoint, which owns them.
func (set *shardSet) read(c *Checkpoint) error {
	all := new(tensor.StateDict)
	found := map[string]string{}
	var digests []func() digest.Digest
	for _, file := range set.files {
		shard, err := openFile(filepath.Join(set.dir, file), file)
		if err != nil {
			return err
		}
		c.close = append(c.close, shard.Close)
		digests = append(digests, shard.digest)
		sd, err := shard.StateDict()
		if err != nil {
			return err
		}
		for name, t := range sd.All() {
			switch want, known := set.where[name]; {
			case found[name] != "":
				return fmt.Errorf("converter: tensor %q is in shard %q, and in %q as well", short(name), found[name], file)
			case set.where != nil && !known:
				return fmt.Errorf("converter: tensor %q is in shard %q, and not in the index %q", short(name), file, set.index)
			case set.where != nil && want != file:
				return fmt.Errorf("converter: tensor %q is in shard %q, and by the index %q in %q", short(name), file, set.index, want)
			}
			found[name] = file
			if err := all.Add(name, t); err != nil {
				return fmt.Errorf("converter: shard %q: %w", file, err)
			}
		}
		c.Container = fmt.Sprintf("%s in %d shards", shard.Container, len(set.files))
		c.take(shard)
	}
	for _, name := range slices.Sorted(maps.Keys(set.where)) {
		if found[name] == "" {
			return fmt.Errorf("converter: tensor %q is by the index %q in shard %q, which does not have it", short(name), set.index, set.where[name])
		}
	}
	c.holds(all)
	c.digest = sync.OnceValue(func() digest.Digest { return set.digest(digests) })
	return nil
}

// take takes over what a shard says beside its tensors: the first one that says something counts.
func (c *Checkpoint) take(shard *Checkpoint) {
	for key, text := range shard.Metadata {
		if c.Metadata == nil {
			c.Metadata = map[string]string{}
		}
		if _, known := c.Metadata[key]; !known {
			c.Metadata[key] = text
		}
	}
	if c.Classes == nil {
		c.Classes = shard.Classes
	}
	c.NonTensors = append(c.NonTensors, shard.NonTensors...)
}

// digest returns the sha256 of a list of the shards, one a line, as sha256sum prints them.
func (set *shardSet) digest(shards []func() digest.Digest) digest.Digest {
	h := sha256.New()
	for i, file := range set.files {
		fmt.Fprintf(h, "%s  %s\n", shards[i]().String(), file)
	}
	return digest.Of([32]byte(h.Sum(nil)))
}
