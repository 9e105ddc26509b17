package pth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/pth"
)

// TestChoose wants the mapping that a stated order takes, or a key names, of files as training
// code writes them.
func TestChoose(t *testing.T) {
	sd, other := dict(text("a.w"), w), dict(text("a.w"), view(0, nums(2), nums(1)))
	adam := dict(text("state"), dict(num(0), dict(text("exp_avg"), w)), text("param_groups"), list())
	tests := []struct {
		name, file, key string
		want, rest      string
		mappings        string // keys, joined
	}{
		{"bare", sd, "", "", "", ""},
		{"averages first", dict(text("state_dict"), other, text("model_ema"), sd), "", "model_ema", "", "state_dict model_ema"},
		{"an average that is None", dict(text("state_dict"), sd, text("model_ema"), none), "", "state_dict", "", "state_dict"},
		{"not into an optimiser", dict(text("optimizer"), adam, text("mine"), sd), "", "mine", "", "mine"},
		{"an optimiser of another name", dict(text("o1"), adam, text("mine"), sd), "", "mine", "", "mine"},
		{"nested", dict(text("model"), dict(text("state_dict"), sd)), "", "model/state_dict", "", "model/state_dict"},
		{"beside a number", dict(text("mine"), dict(text("a.w"), w, text("b.w"), w), text("best"), w), "", "mine", "", " mine"},
		{"several", dict(text("x"), sd, text("y"), other), "", "", "", "x y"},
		{"one of them", dict(text("x"), sd, text("y"), other), "y", "y", "", "x y"},
		{"a prefix behind it", dict(text("x"), sd, text("y"), other), "y/a.w", "y", "a.w", "x y"},
		{"the root", dict(text("b.w"), w, text("ema"), sd), "/", "", "", " ema"},
		{"a list", list(sd, num(1)), "", "0", "", "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := pth.Parse("x.pth", []byte(zipped(tt.file)))
			if err != nil {
				t.Fatal(err)
			}
			m, rest, err := f.Choose(tt.key)
			if err != nil || m.Key != tt.want || rest != tt.rest {
				t.Errorf("%q and %q, %v; want %q and %q", m.Key, rest, err, tt.want, tt.rest)
			}
			var keys []string
			for _, m := range f.Mappings() {
				keys = append(keys, m.Key)
			}
			if diff := cmp.Diff(tt.mappings, strings.Join(keys, " ")); diff != "" {
				t.Errorf("mappings (-want +got):\n%s", diff)
			}
			if _, err := m.StateDict(); err != nil {
				t.Error(err)
			}
		})
	}
	f, err := pth.Parse("x.pth", []byte(zipped(dict(text("optimizer"), adam))))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Choose("optimizer"); !errors.As(err, new(*pth.KeyError)) {
		t.Errorf("error %v, want that there are no weights under the key", err)
	}
}

// TestSharedMappings wants a file whose mappings share each other, so that it has more paths
// than can be followed, looked at in no time.
func TestSharedMappings(t *testing.T) {
	value := dict(text("w"), w) + "q\x00"
	for i := range 60 {
		again := "h" + string(rune(i))
		value = dict(text("n"), w, text("a"), value, text("b"), again, text("c"), again) + "q" + string(rune(i+1))
	}
	f, err := pth.Parse("x.pth", []byte(zipped(value)))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	f.Mappings()
	if m, _, err := f.Choose(""); err != nil || m.Tensors == 0 {
		t.Errorf("%d tensors, %v", m.Tensors, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
