package pth_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozoo/zoo/converter/pth"
)

// TestTensors wants tensors that reach beyond their storage, or are made of the
// wrong things, refused by name.
func TestTensors(t *testing.T) {
	rebuild := global("torch._utils", "_rebuild_tensor_v2")
	one := func(tensor string) string { return zipped(dict(text("w"), tensor)) }
	stored := func(class string, numel int64) string {
		return call(rebuild, storage(class, "0", numel), num(0), nums(numel), nums(1), no, ordered)
	}
	raw4 := storage(global("torch.storage", "UntypedStorage"), "0", 16)
	v3 := func(args ...string) string { return one(call(global("torch._utils", "_rebuild_tensor_v3"), args...)) }
	f32 := global("torch", "float32")
	ones := make([]int64, 65)
	for i := range ones {
		ones[i] = 1
	}
	big := "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00" // 2^63
	check(t, []row{
		{"good", one(w), ""},
		{"a column of a transposed view", one(view(0, nums(4, 1), nums(1, 4))), ""},
		{"a parameter", one(call(global("torch._utils", "_rebuild_parameter"), w, yes, ordered)), ""},
		{"a parameter with state", one(call(global("torch._utils", "_rebuild_parameter_with_state"), w, yes, ordered, dict())), ""},
		{"with attributes", one(call(global("torch._tensor", "_rebuild_from_type_v2"), rebuild, global("torch", "Tensor"), tuple(storage(float, "0", 4), num(0), nums(4), nums(1), no, ordered), dict())), ""},
		{"untyped storage", v3(raw4, num(0), nums(4), nums(1), no, ordered, f32), ""},
		{"cuda storage", one(stored(global("torch.cuda", "FloatStorage"), 4)), ""},
		{"view flags that are off", one(call(rebuild, storage(float, "0", 4), num(0), nums(4), nums(1), no, ordered, dict(text("conj"), no))), ""},
		{"under state_dict", zipped(dict(text("state_dict"), dict(text("w"), w), text("model"), dict(text("w"), view(0, nums(1), nums(1))))), ""},
		{"under model", zipped(dict(text("model"), dict(text("w"), w), text("epoch"), num(3))), ""},
		{"a tensor named model", zipped(dict(text("model"), view(0, nums(1), nums(1)), text("w"), w)), ""},
		{"an OrderedDict of Python 2", zipped(call(global("collections", "OrderedDict"), list(list("U\x01w", w), list("U\x01n", num(1))))), ""},
		{"a name set twice", zipped(dict(text("w"), view(0, nums(2), nums(1)), text("w"), w)), ""},
		{"beside other values", zipped(dict(text("w"), w, text("epoch"), num(3), text("lr"), list(num(1)))), ""},

		{"offset past the end", one(view(4, nums(1), nums(1))), `tensor "w"`},
		{"offset far past the end", one(view(1<<40, nums(1), nums(1))), "past the end"},
		{"negative offset", one(view(-1, nums(2), nums(1))), "found -1"},
		{"longer than the storage", one(view(0, nums(5), nums(1))), "element 4"},
		{"stride past the end", one(view(0, nums(2, 2), nums(3, 1))), "element 4"},
		{"negative size", one(view(0, nums(-4), nums(1))), "found -4"},
		{"two negative sizes", one(view(0, nums(-2, -2), nums(2, 1))), "found -2"},
		{"negative stride", one(view(3, nums(4), nums(-1))), "found -1"},
		{"size whose product wraps", one(view(0, nums(1<<32, 1<<32), nums(0, 0))), "more elements"},
		{"size whose bytes wrap", one(view(0, nums(1<<62), nums(0))), "more bytes"},
		{"stride that wraps", one(view(0, nums(3, 3), nums(1<<62, 1<<62))), "overflows"},
		{"offset that wraps", one(view(1<<62, nums(2), nums(1))), "past the end"},
		{"a broadcast bomb", one(view(0, nums(1<<40), nums(0))), "all storages hold only 16"},
		{"many broadcasts", zipped(dict(text("a"), view(0, nums(15<<20), nums(0)), text("w"), view(0, nums(15<<20), nums(0)))), "all storages hold only 16"},
		{"65 dimensions", one(view(0, nums(ones...), nums(ones...))), "at most 64 dimensions"},
		{"fewer strides than sizes", one(view(0, nums(2, 2), nums(1))), "dimensions"},
		{"a size of True", one(view(0, tuple(yes, num(4)), nums(4, 1))), "found bool"},
		{"a size of text", one(view(0, tuple(text("4")), nums(1))), "found str"},
		{"a size beyond int64", one(view(0, tuple(big), nums(1))), "found int"},
		{"a size that is a list", one(view(0, list(num(4)), nums(1))), "expected a tuple"},
		{"a size that holds itself", one(view(0, "]q\x09h\x09a\x85", nums(1))), "found list"},
		{"no offset", one(call(rebuild, storage(float, "0", 4), none, nums(4), nums(1), no, ordered)), "found None"},
		{"no storage", one(call(rebuild, none, num(0), nums(4), nums(1), no, ordered)), "expected a storage"},
		{"too few arguments", one(call(rebuild, storage(float, "0", 4), num(0))), "found 2"},
		{"too many arguments", one(call(rebuild, storage(float, "0", 4), num(0), nums(4), nums(1), no, ordered, none, none)), "found 8"},
		{"conjugated", one(call(rebuild, storage(float, "0", 4), num(0), nums(4), nums(1), no, ordered, dict(text("conj"), yes))), `"conj"`},
		{"view flags of another type", one(call(rebuild, storage(float, "0", 4), num(0), nums(4), nums(1), no, ordered, num(1))), "view metadata"},
		{"typed storage as untyped", v3(storage(float, "0", 4), num(0), nums(4), nums(1), no, ordered, f32), "untyped"},
		{"no dtype", v3(raw4, num(0), nums(4), nums(1), no, ordered, none), "expected a dtype"},
		{"dtype without counterpart", v3(raw4, num(0), nums(1), nums(1), no, ordered, global("torch", "complex128")), "torch.complex128"},
		{"longer than the untyped storage", v3(raw4, num(0), nums(5), nums(1), no, ordered, f32), "element 4"},
		{"complex128", one(stored(global("torch", "ComplexDoubleStorage"), 1)), "ComplexDoubleStorage"},
		{"BOOL of other bytes", one(stored(global("torch", "BoolStorage"), 16)), "bytes 0 and 1"},
		{"quantized", one(call(global("torch._utils", "_rebuild_qtensor"), none)), "quantized"},
		{"sparse", one(call(global("torch._utils", "_rebuild_sparse_tensor"), none)), "sparse"},
		{"meta", one(call(global("torch._utils", "_rebuild_meta_tensor_no_storage"), none)), "meta device"},
		{"parameter of nothing", one(call(global("torch._utils", "_rebuild_parameter"), none, yes, ordered)), "inside the parameter"},
		{"attributes of nothing", one(call(global("torch._tensor", "_rebuild_from_type_v2"), none, none, none)), "expected a tensor's function"},
		{"changed after it was made", one(w + dict() + "b"), "changes a tensor"},
		{"storage changed after it was made", one(storage(float, "0", 4) + dict() + "b"), "changes a storage"},

		{"storage class unknown", one(stored(global("torch", "EvilStorage"), 4)), "torch.EvilStorage"},
		{"storage class of another module", one(stored(global("numpy", "FloatStorage"), 4)), "numpy.FloatStorage"},
		{"storage of another kind", one(tuple(text("module"), float, text("0"), text("cpu"), num(4)) + "Q"), "persistent id"},
		{"storage of two members", one(tuple(text("storage"), float) + "Q"), "persistent id"},
		{"storage of a text", one(text("storage") + "Q"), "persistent id"},
		{"storage key of a number", one(tuple(text("storage"), float, num(0), text("cpu"), num(4)) + "Q"), "found int"},
		{"negative storage", one(stored(float, -4)), "found -4"},
		{"storage beyond int64", one(tuple(text("storage"), float, text("0"), text("cpu"), big) + "Q"), "found int"},
		{"storage whose bytes wrap", one(stored(float, 1<<62)), "do not fit"},
		{"storage of two types", zipped(dict(text("w"), w, text("v"), stored(global("torch", "LongStorage"), 2))), "is used as 4 elements"},
		{"storage of two sizes", zipped(dict(text("w"), w, text("v"), stored(float, 400))), "is used as 4 elements"},

		{"the root is a list", zipped(list(w)), "expected a state dict"},
		{"the root is bytes", zipped("C\x01x"), "found bytes"},
		{"the model is bytes", zipped(dict(text("model"), "C\x01x", text("w"), w)), ""},
		{"the state dict is bytes", zipped(dict(text("state_dict"), "C\x01x", text("w"), w)), ""},
		{"the root is None", zipped(none), "expected a state dict"},
		{"the root is a tensor", zipped(w), "found torch.Tensor"},
		{"the root is a module", zipped(global("torch.nn", "Linear") + ")\x81" + dict(text("weight"), w) + "b"), "state_dict()"},
		{"no tensors", zipped(dict(text("epoch"), num(1))), "no tensors"},
		{"an empty state dict", zipped(dict(text("state_dict"), dict(), text("model"), dict(text("w"), w))), "no tensors"},
		{"numbers for names", zipped(dict(num(0), w)), "key of type int"},
		{"a list of tensors", zipped(dict(text("w"), list(w))), "in a list"},
		{"a name that is not UTF-8", zipped(dict(text("w\xff"), w)), `"w\xff"`},
		{"a name with half a surrogate", zipped(dict(text("w\xed\xa0\x80"), w)), "text keys"},
		{"an empty name", zipped(dict(text(""), w)), "without"},
		{"the name of the metadata", zipped(dict(text("__metadata__"), w)), "reserved"},
		{"names that become one", zipped(dict(text("a.b"), w, text("a"), dict(text("b"), w))), `the name "a.b"`},
		{"a long name", zipped(dict(text(strings.Repeat("w", 9999)), call(rebuild, none))), "arguments"},
		{"control characters in a name", zipped(dict(text("\x1b[2J\n"), call(rebuild, none))), `\x1b[2J\n`},
	})
}

func TestContent(t *testing.T) {
	meta := dict(
		text("epoch"), num(300),
		text("CLASSES"), tuple(text("old")),
		text("dataset_meta"), dict(text("classes"), tuple(text("cat"), text("dog"))),
		text("config"), global("my.project", "Config")+")\x81",
	)
	file := zipped(dict(
		text("state_dict"), ordered+"("+text("module.w")+w+text("extra")+num(1)+"u",
		text("meta"), meta,
		text("optimizer"), dict(text("state"), dict(num(0), dict(text("exp_avg"), w)), text("lrs"), list(num(1), w)),
	))
	f, err := pth.Parse("x.pth", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cat", "dog"}, f.Classes()); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	want := []pth.NonTensor{
		{Path: "meta/CLASSES", Type: "tuple"},
		{Path: "meta/config", Type: "my.project.Config"},
		{Path: "meta/dataset_meta/classes", Type: "tuple"},
		{Path: "meta/epoch", Type: "int"},
		{Path: "optimizer/lrs/0", Type: "int"},
		{Path: "state_dict/extra", Type: "int"},
	}
	if diff := cmp.Diff(want, f.NonTensors()); diff != "" {
		t.Errorf("non-tensors (-want +got):\n%s", diff)
	}
	all, err := f.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"state_dict/module.w", "optimizer/state/0/exp_avg", "optimizer/lrs/1"}, all.Names()); diff != "" {
		t.Errorf("tensors (-want +got):\n%s", diff)
	}
	sd, err := f.StateDict()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"module.w"}, sd.Names()); diff != "" {
		t.Errorf("state dict (-want +got):\n%s", diff)
	}
}

func TestClasses(t *testing.T) {
	tests := []struct {
		name, meta string
		want       []string
	}{
		{"none", dict(), nil},
		{"of mmcls 0.x", dict(text("CLASSES"), list(text("cat"))), []string{"cat"}},
		{"not text", dict(text("CLASSES"), list(num(1))), nil},
		{"not UTF-8", dict(text("CLASSES"), list(text("\xff"))), nil},
		{"not a list", dict(text("CLASSES"), text("cat")), nil},
		{"empty dataset_meta", dict(text("dataset_meta"), dict(), text("CLASSES"), tuple(text("dog"))), []string{"dog"}},
		{"no dict", list(), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := pth.Parse("x.pth", []byte(zipped(dict(text("meta"), tt.meta, text("w"), w))))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, f.Classes()); diff != "" {
				t.Errorf("classes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoTensors wants a file without tensors refused in full too.
func TestNoTensors(t *testing.T) {
	for _, root := range []string{none, "C\x01x", dict(text("x"), "C\x01x"), list()} {
		f, err := pth.Parse("x.pth", []byte(zipped(root)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Tensors(); err == nil || !strings.Contains(err.Error(), "no tensors") {
			t.Errorf("error %v, want that there are no tensors", err)
		}
	}
}

// TestPathClash wants two tensors under one path refused, as keys 0 and "0" make.
func TestPathClash(t *testing.T) {
	f, err := pth.Parse("x.pth", []byte(zipped(dict(text("0"), w, num(0), w))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tensors(); err == nil || !strings.Contains(err.Error(), `two tensors have the name "0"`) {
		t.Errorf("error %v, want one about two tensors", err)
	}
}
