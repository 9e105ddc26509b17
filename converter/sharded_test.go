package converter_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter"
	"github.com/gozoo/zoo/converter/safetensors"
	"github.com/gozoo/zoo/tensor"
)

// writeShard writes a safetensors file of one byte for each tensor.
func writeShard(t *testing.T, path string, names ...string) {
	t.Helper()
	sd := new(tensor.StateDict)
	for i, name := range names {
		v, err := tensor.New(tensor.U8, tensor.Shape{1}, []byte{byte(i)})
		if err != nil {
			t.Fatal(err)
		}
		if err := sd.Add(name, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := safetensors.WriteFile(path, sd, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
}

// TestSharded wants the whole model from the index, a shard or the folder, and each way in which
// the parts do not belong together refused by name.
func TestSharded(t *testing.T) {
	const one, two, index = "m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors", "m.safetensors.index.json"
	whole := fmt.Sprintf(`{"metadata": {"total_size": 3}, "weight_map": {"a": %q, "b": %q, "c": %q}}`, one, one, two)
	tests := []struct {
		name   string
		shards map[string][]string
		index  string // empty: none
		open   string // empty: the folder
		want   string // in the error; empty for a, b and c
	}{
		{name: "the folder", shards: map[string][]string{one: {"a", "b"}, two: {"c"}}, index: whole},
		{name: "the index", shards: map[string][]string{one: {"a", "b"}, two: {"c"}}, index: whole, open: index},
		{name: "a shard", shards: map[string][]string{one: {"a", "b"}, two: {"c"}}, index: whole, open: two},
		{name: "a shard without an index", shards: map[string][]string{one: {"a", "b"}, two: {"c"}}, open: two},
		{name: "the folder without an index", shards: map[string][]string{one: {"a", "b"}, two: {"c"}}},
		{name: "missing", shards: map[string][]string{one: {"a", "b"}}, index: whole, want: two},
		{name: "missing, without an index", shards: map[string][]string{two: {"c"}}, open: two, want: one},
		{name: "twice", shards: map[string][]string{one: {"a", "b"}, two: {"a", "c"}}, want: `tensor "a" is in shard "` + one},
		{name: "twice, and once in the index", shards: map[string][]string{one: {"a", "b"}, two: {"b", "c"}}, index: whole, want: `tensor "b"`},
		{name: "in another shard", shards: map[string][]string{one: {"a"}, two: {"b", "c"}}, index: whole, want: `tensor "b" is in shard "` + two},
		{name: "not in the index", shards: map[string][]string{one: {"a", "b", "d"}, two: {"c"}}, index: whole, want: `tensor "d"`},
		{name: "not in its shard", shards: map[string][]string{one: {"a"}, two: {"c"}}, index: whole, want: `tensor "b" is by the index`},
		{name: "a name twice in the index", shards: map[string][]string{one: {"a"}}, index: `{"weight_map": {"a": "` + one + `", "a": "` + two + `"}}`, want: `tensor "a" stands`},
		{name: "two weight maps", index: `{"weight_map": {"a": "x"}, "weight_map": {"a": "x"}}`, want: "twice"},
		{name: "no weight map", index: `{"metadata": {}}`, want: "weight_map"},
		{name: "no JSON", index: `{"weight_map": `, want: "index"},
		{name: "rest", index: whole + "x", want: "index"},
		{name: "out of the folder", index: `{"weight_map": {"a": "../x.safetensors"}}`, want: "same folder"},
		{name: "out of the folder on Windows", index: `{"weight_map": {"a": "..\\x.safetensors"}}`, want: "same folder"},
		{name: "absolute", index: `{"weight_map": {"a": "/etc/passwd"}}`, want: "same folder"},
		{name: "the index itself", index: `{"weight_map": {"a": "` + index + `"}}`, want: "same folder"},
		{name: "a shard that is no text", index: `{"weight_map": {"a": 1}}`, want: "weight_map"},
		{name: "a shard of another set", shards: map[string][]string{one: {"a"}, two: {"b"}, "m-00003-of-00003.safetensors": {"c"}}, index: whole, open: "m-00003-of-00003.safetensors", want: "does not name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, tensors := range tt.shards {
				writeShard(t, filepath.Join(dir, name), tensors...)
			}
			if tt.index != "" {
				if err := os.WriteFile(filepath.Join(dir, index), []byte(tt.index), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, tt.open)
			c, err := converter.Open(path)
			if tt.want != "" {
				if !errors.Is(err, converter.ErrCheckpoint) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want a refusal with %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			sd, err := c.StateDict()
			if err != nil {
				t.Fatal(err)
			}
			got := sd.Names()
			if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" || c.Container != "safetensors in 2 shards" || c.Metadata["format"] != "pt" {
				t.Errorf("%q, %v (-want +got):\n%s", c.Container, c.Metadata, diff)
			}
			if !c.Digest().Full() {
				t.Error("no digest")
			}
		})
	}
}

// FuzzIndex wants no index to open a file that lies elsewhere.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"weight_map": {"a": "x.safetensors"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		where, err := converter.WeightMap(text)
		if err == nil && len(where) == 0 {
			t.Errorf("%q names no shard", text)
		}
	})
}
