package registry_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/vision"
)

// Every row has the preprocessing that the reference has for the model of that name. That zoo computes what the
// reference does, bit for bit, is a test of package vision.
func TestBuiltinReference(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "vision", "testdata", "reference.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]vision.Pipeline) // by the name of a model
	for _, line := range slices.Collect(strings.Lines(string(text)))[2:] {
		field := strings.Split(strings.TrimSpace(line), "\t")
		var p vision.Pipeline
		if err := json.Unmarshal([]byte(field[0]), &p); err != nil {
			t.Fatal(err)
		}
		p = spelled(t, p)
		for _, name := range strings.Fields(field[len(field)-1]) {
			if _, twice := want[name]; twice {
				t.Errorf("%s is on two lines", name)
			}
			want[name] = p
		}
	}
	for _, e := range parse(t, string(builtin(t))).All() {
		p, ok := want[e.Name]
		if !ok {
			t.Errorf("%s: no reference: run vision/testdata/reference.py", e.Name)
		} else if diff := cmp.Diff(p, spelled(t, e.Input)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", e.Name, diff)
		}
	}
}

// spelled returns a preprocessing in which nothing is left to zero values.
func spelled(t *testing.T, p vision.Pipeline) (out vision.Pipeline) {
	t.Helper()
	text, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}
