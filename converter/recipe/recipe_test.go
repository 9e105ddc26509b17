package recipe_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/recipe"
	"github.com/gozoo/zoo/tensor"
)

// stateDict has a tensor of the given shape under each name.
func stateDict(t *testing.T, shape tensor.Shape, names ...string) *tensor.StateDict {
	t.Helper()
	n, err := shape.Numel()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i)
	}
	var sd tensor.StateDict
	for _, name := range names {
		if err := sd.Add(name, tensor.FromFloat32s(shape, values)); err != nil {
			t.Fatal(err)
		}
	}
	return &sd
}

func TestApply(t *testing.T) {
	tests := []struct {
		name     string
		recipe   recipe.Recipe
		in, want string // names; a dropped one is -
	}{
		{"kept", nil, "a.b c", "a.b c"},
		{"renamed", recipe.Recipe{recipe.Rename("fc.**", "head.fc.**")}, "fc.weight xfc.weight fc", "head.fc.weight xfc.weight fc"},
		{"star stops at dots", recipe.Recipe{recipe.Rename("a.*.w", "b.*.w")}, "a.1.w a.1.2.w", "b.1.w a.1.2.w"},
		{"two stars do not", recipe.Recipe{recipe.Rename("a.**.w", "b.**.w")}, "a.1.w a.1.2.w", "b.1.w b.1.2.w"},
		{"star within a word", recipe.Recipe{recipe.Rename("conv*.weight", "c.conv*.weight")}, "conv1.weight conv.weight", "c.conv1.weight conv.weight"},
		{"first rule decides", recipe.Recipe{recipe.Rename("a.**", "b.**"), recipe.Rename("**", "c.**")}, "a.1 d.1", "b.1 c.d.1"},
		{"dropped", recipe.Recipe{recipe.Drop("aux.**")}, "aux.w w", "- w"},
		{"stars in order", recipe.Recipe{recipe.Rename("s.*.b.*.**", "stages.*.blocks.*.**")}, "s.1.b.2.conv.w", "stages.1.blocks.2.conv.w"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, want := strings.Fields(tt.in), strings.Fields(tt.want)
			out, changes, err := tt.recipe.Apply(stateDict(t, tensor.Shape{1}, in...))
			if err != nil {
				t.Fatal(err)
			}
			var got, kept []string
			for _, c := range changes {
				if c.To == "" {
					got = append(got, "-")
					continue
				}
				got, kept = append(got, c.To), append(kept, c.To)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("changes (-want +got)\n%s", d)
			}
			if d := cmp.Diff(kept, out.Names()); d != "" {
				t.Errorf("names (-want +got)\n%s", d)
			}
		})
	}
}

func TestApplyRefusesCollisions(t *testing.T) {
	r := recipe.Recipe{recipe.Rename("module.**", "net.**")}
	_, _, err := r.Apply(stateDict(t, tensor.Shape{1}, "net.w", "module.w"))
	if err == nil || !strings.Contains(err.Error(), `"net.w" and "module.w" both become "net.w"`) {
		t.Errorf("error = %v", err)
	}
}

func TestFlatten(t *testing.T) {
	r := recipe.Recipe{recipe.Flatten("fc.**", "head.**")}
	in := stateDict(t, tensor.Shape{2, 3, 2, 2}, "fc.weight", "conv.weight")
	out, _, err := r.Apply(in)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]tensor.Shape{"head.weight": {2, 12}, "conv.weight": {2, 3, 2, 2}} {
		x, ok := out.Lookup(name)
		if !ok || !x.Shape().Equal(want) {
			t.Fatalf("%s: %v, want %v", name, x.Shape(), want)
		}
		values, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if v != float32(i) {
				t.Fatalf("%s: value %d is %v", name, i, v)
			}
		}
	}
	for _, shape := range []tensor.Shape{{5}, {5, 1, 1}} { // a bias, and a factor for each channel of an image
		out, _, err = r.Apply(stateDict(t, shape, "fc.bias"))
		if err != nil {
			t.Fatal(err)
		}
		if x, _ := out.Lookup("head.bias"); !x.Shape().Equal(tensor.Shape{5}) {
			t.Errorf("%v becomes %v", shape, x.Shape())
		}
	}
}

func TestTurn(t *testing.T) {
	r := recipe.Recipe{recipe.Turn("down.**", "unfold.**")}
	for _, shape := range []tensor.Shape{{2, 12}, {12}} { // of three channels: column, row, channel
		out, _, err := r.Apply(stateDict(t, shape, "down.w", "w"))
		if err != nil {
			t.Fatal(err)
		}
		x, _ := out.Lookup("unfold.w")
		got, err := x.Float32s()
		var want []float32
		for row := range x.Numel() / 12 {
			for c := range 3 {
				for ky := range 2 {
					for kx := range 2 {
						want = append(want, float32(12*row+6*kx+3*ky+c))
					}
				}
			}
		}
		if d := cmp.Diff(want, got); d != "" || err != nil || !x.Shape().Equal(shape) {
			t.Errorf("%v: %v (-want +got)\n%s", x.Shape(), err, d)
		}
		if kept, _ := out.Lookup("w"); kept.Numel() != x.Numel() {
			t.Errorf("%v", kept.Shape())
		}
	}
	for _, shape := range []tensor.Shape{{2, 6}, {}} {
		if _, _, err := r.Apply(stateDict(t, shape, "down.w")); err == nil || !strings.Contains(err.Error(), "four pixels") {
			t.Errorf("%v: error %v", shape, err)
		}
	}
	if _, _, err := r.Apply(stateDict(t, tensor.Shape{0}, "down.w")); err != nil {
		t.Error(err)
	}
}

func TestReshape(t *testing.T) {
	r := recipe.Recipe{recipe.Reshape("index", "table", 2, 3)}
	for from, want := range map[*tensor.Shape]tensor.Shape{{6}: {2, 3}, {3, 2}: {2, 3}, {5}: {5}, {}: {}} {
		out, _, err := r.Apply(stateDict(t, *from, "index"))
		if err != nil {
			t.Fatal(err)
		}
		if x, _ := out.Lookup("table"); !x.Shape().Equal(want) {
			t.Errorf("%v becomes %v, want %v", from, x.Shape(), want)
		}
	}
}

func TestJoin(t *testing.T) {
	r := recipe.Recipe{recipe.Join(2, 3, "*.v.**", "*.qkv.**"), recipe.Join(0, 3, "*.q.**", "*.qkv.**"), recipe.Join(1, 3, "*.k.**", "*.qkv.**")}
	in := new(tensor.StateDict)
	add := func(name string, shape tensor.Shape, values ...float32) {
		if err := in.Add(name, tensor.FromFloat32s(shape, values)); err != nil {
			t.Fatal(err)
		}
	}
	add("0.k.w", tensor.Shape{1, 2}, 2, 3)
	add("0.v.w", tensor.Shape{2, 2}, 4, 5, 6, 7)
	add("other", tensor.Shape{1}, 9)
	add("0.q.w", tensor.Shape{1, 2}, 0, 1)
	add("1.q.w", tensor.Shape{1, 2}, 0, 1)
	out, changes, err := r.Apply(in)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"other", "0.qkv.w"}, out.Names()); d != "" {
		t.Errorf("names (-want +got)\n%s", d)
	}
	if len(changes) != in.Len() || changes[4].To != "1.qkv.w" {
		t.Errorf("changes %v", changes)
	}
	x, _ := out.Lookup("0.qkv.w")
	values, err := x.Float32s()
	if d := cmp.Diff([]float32{0, 1, 2, 3, 4, 5, 6, 7}, values); d != "" || err != nil || !x.Shape().Equal(tensor.Shape{4, 2}) {
		t.Errorf("%v: %v (-want +got)\n%s", x.Shape(), err, d)
	}
	for want, shapes := range map[string][3]tensor.Shape{
		`"0.k.w" is F32 (2,3), which cannot be joined to "0.q.w", F32 (2,2)`: {{2, 2}, {2, 3}, {2, 2}},
		`"0.v.w" is F32 (4), which cannot be joined`:                         {{2, 2}, {2, 2}, {4}},
		`"0.q.w" has no dimension to be joined along`:                        {{}, {}, {}},
	} {
		in = new(tensor.StateDict)
		for i, shape := range shapes {
			n, _ := shape.Numel()
			add([]string{"0.q.w", "0.k.w", "0.v.w"}[i], shape, make([]float32, n)...)
		}
		if _, _, err := r.Apply(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	// Two names of one part, and a name that is the joined one's.
	both := append(r, recipe.Join(0, 3, "*.query.**", "*.qkv.**"))
	if _, _, err := both.Apply(stateDict(t, tensor.Shape{1}, "0.q.w", "0.query.w")); err == nil || !strings.Contains(err.Error(), `both become part 1 of "0.qkv.w"`) {
		t.Errorf("error %v", err)
	}
	if _, _, err := r.Apply(stateDict(t, tensor.Shape{1}, "0.qkv.w", "0.q.w", "0.k.w", "0.v.w")); err == nil || !strings.Contains(err.Error(), "both become") {
		t.Errorf("error %v", err)
	}
}

func TestCut(t *testing.T) {
	r := recipe.Recipe{recipe.Cut(0, 3, "*.qkv.bias", "*.q_bias"), recipe.Rename("*.qkv.*", "*.all.*"), recipe.Cut(2, 3, "*.qkv.bias", "*.v_bias")}
	in := stateDict(t, tensor.Shape{6, 2}, "first", "0.qkv.bias", "0.qkv.weight")
	out, changes, err := r.Apply(in)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"first", "0.q_bias", "0.v_bias", "0.all.weight"}, out.Names()); d != "" {
		t.Errorf("names (-want +got)\n%s", d)
	}
	if len(changes) != 4 || changes[1].From != "0.qkv.bias" || changes[2].From != "0.qkv.bias" || changes[2].To != "0.v_bias" {
		t.Errorf("changes %v", changes)
	}
	for name, want := range map[string][]float32{"0.q_bias": {0, 1, 2, 3}, "0.v_bias": {8, 9, 10, 11}} {
		x, _ := out.Lookup(name)
		values, err := x.Float32s()
		if d := cmp.Diff(want, values); d != "" || err != nil || !x.Shape().Equal(tensor.Shape{2, 2}) {
			t.Errorf("%s: %v: %v (-want +got)\n%s", name, x.Shape(), err, d)
		}
	}
	for _, shape := range []tensor.Shape{{4}, {}, {2, 3}} {
		_, _, err := r.Apply(stateDict(t, shape, "0.qkv.bias"))
		if err == nil || !strings.Contains(err.Error(), `"0.qkv.bias": expected a first dimension of 3 equal pieces`) {
			t.Errorf("%v: error %v", shape, err)
		}
	}
	if _, _, err := r.Apply(stateDict(t, tensor.Shape{3}, "0.qkv.bias", "0.v_bias")); err == nil || !strings.Contains(err.Error(), "both become") {
		t.Errorf("error %v", err)
	}
	if n := [...]int{r.Parts("0.q_bias"), r.Parts("0.all.weight"), r.Parts("first")}; n != [...]int{0, 1, 1} {
		t.Errorf("made of %v tensors", n)
	}
	if got, want := r[2].String(), "piece 3 of 3 of *.qkv.bias -> *.v_bias"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBack(t *testing.T) {
	for to, want := range map[string]string{"b.3.ln1.weight": "a.3.norm1.weight", "b.3.ln": "", "b.3.4.ln1.weight": ""} {
		from, ok := recipe.Rename("a.*.norm*.**", "b.*.ln*.**").Back(to)
		if from != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", to, from, ok, want)
		}
	}
	if from, ok := recipe.Drop("a.**").Back(""); ok {
		t.Errorf("what is dropped comes back as %q", from)
	}
}

func TestCheck(t *testing.T) {
	for want, r := range map[string]recipe.Recipe{
		"empty pattern":   {recipe.Rename("", "a")},
		"the same stars":  {recipe.Rename("a.*", "a.**")},
		"the same stars ": {recipe.Rename("a.*.*", "a.*")},
		"part 3 of 3":     {recipe.Join(3, 3, "a", "b")},
		"piece 3 of 3":    {recipe.Cut(3, 3, "a", "b")},
	} {
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("%v: error = %v, want %q in it", r, err, want)
		}
	}
	good := recipe.Recipe{recipe.Rename("a.*.**", "b.*.**"), recipe.Drop("aux.**"), recipe.Flatten("fc.*", "head.*"), recipe.Join(2, 3, "v.*", "qkv.*")}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}
