package pth_test

import (
	"strings"
	"testing"

	"github.com/gozoo/zoo/converter/pth"
)

// beside returns a state dict with tensor w and one more value.
func beside(value string) string { return zipped(dict(text("w"), w, text("x"), value)) }

// raw returns a zip file with the given pickle.
func raw(program string) string {
	entries := good()
	entries[0].data = program
	return archive(entries, nil)
}

// TestGlobals wants what reaches the system refused by name, and everything else
// read past.
func TestGlobals(t *testing.T) {
	system := global("os", "system")
	cmd := text("true")
	check(t, []row{
		{"os.system", beside(call(system, cmd)), `"os.system"`},
		{"posix.system", beside(call(global("posix", "system"), cmd)), `"posix.system"`},
		{"never called", beside(system), `"os.system"`},
		{"made and popped", zipped(call(system, cmd) + pop + dict(text("w"), w)), `"os.system"`},
		{"subprocess", beside(call(global("subprocess", "Popen"), list(cmd))), "subprocess.Popen"},
		{"submodule", beside(call(global("multiprocessing.util", "spawnv_passfds"), cmd)), "multiprocessing.util"},
		{"eval", beside(call(global("builtins", "eval"), cmd)), "builtins.eval"},
		{"eval of Python 2", beside(call(global("__builtin__", "eval"), cmd)), "builtins.eval"},
		{"import", beside(call(global("builtins", "__import__"), cmd)), "__import__"},
		{"a part of a package", beside(global("torch.utils.bottleneck.__main__", "run_prof")), "run_prof"},
		{"a nested class of protocol 4", beside("\x8c\x0amy.project\x8c\x0bOuter.Inner\x93)R"), ""},
		{"eval by a dotted name", beside("\x8c\x05torch\x8c\x0dbuiltins.eval\x93)R"), "builtins.eval"},
		{"dotted name", beside("\x8c\x13torch.serialization\x8c\x09os.system\x93" + tuple(cmd) + "R"), "reaches through"},
		{"STACK_GLOBAL", beside("\x8c\x02os\x8c\x06system\x93" + tuple(cmd) + "R"), "os.system"},
		{"STACK_GLOBAL from the memo", beside("\x8c\x02os\x94" + pop + "\x8c\x06system\x94" + pop + "h\x00h\x01\x93"), "os.system"},
		{"STACK_GLOBAL of numbers", beside("K\x01K\x02\x93"), "STACK_GLOBAL"},
		{"INST", beside("(S'true'\nios\nsystem\n"), "os.system"},
		{"OBJ", beside("(" + system + cmd + "o"), "os.system"},
		{"NEWOBJ", beside(system + tuple(cmd) + "\x81"), "os.system"},
		{"NEWOBJ_EX", beside(system + tuple(cmd) + "}\x92"), "os.system"},
		{"BUILD", beside("}" + dict(text("__setstate__"), system) + "b" + cmd + "b"), "os.system"},
		{"EXT1", beside("\x82\x01)R"), "registry"},
		{"as the name of a tensor", zipped(dict(call(system, cmd), w)), "os.system"},
		{"as the hooks of a tensor", zipped(dict(text("w"), call(global("torch._utils", "_rebuild_tensor_v2"), storage(float, "0", 4), num(0), nums(4), nums(1), no, call(system, cmd)))), "os.system"},
		{"attribute of a string", beside(call(call(global("builtins", "getattr"), text("x"), text("y")), cmd)), "expected a global to call"},

		{"unknown function", beside(call(global("my.project", "make"), num(1))), ""},
		{"unknown class with state", beside(global("my.project", "Config") + ")\x81" + dict(text("lr"), num(1)) + "b"), ""},
		{"unknown class with items", beside(global("my.project", "List") + ")\x81(K\x01K\x02e"), ""},
		{"unknown class with keys", beside(global("my.project", "Dict") + ")\x81(" + text("a") + "K\x01u"), ""},
		{"old instance", beside("(imy.project\nThing\n}b"), ""},
		{"set", beside("\x8f(K\x01K\x02\x90"), ""},
		{"frozenset", beside("(K\x01K\x02\x91"), ""},
		{"bytes", beside("C\x02\x00\xff"), ""},
		{"long bytes", beside("B" + le(uint32(30<<20)) + strings.Repeat("x", 30<<20)), ""},
		{"a long bytearray", beside("\x96" + le(uint64(2000)) + strings.Repeat("x", 2000)), ""},
		{"a long text", beside(text(strings.Repeat("x", 20<<20))), ""},
		{"a whole module beside the state dict", beside(global("torch.nn.modules.linear", "Linear") + ")\x81" + dict(text("weight"), w) + "b"), ""},
	})
}

// TestPickle wants programs that no pickler writes refused before they run.
func TestPickle(t *testing.T) {
	u32 := func(n uint32) string { return le(n) }
	check(t, []row{
		{"empty number", beside("\x8a\x00"), ""},
		{"a reference used twice", zipped(dict(text("w"), w+"q\x05", text("v"), "h\x05")), ""},
		{"a memo entry written again", zipped(dict(text("a"), "K\x01q\x05"+pop+"K\x02q\x05", text("w"), w)), ""},
		{"protocol 1, without PROTO", raw(dict(text("w"), w) + "."), ""},
		{"frames of protocol 4", raw("\x80\x04\x95" + le(uint64(8)) + dict(text("w"), w) + "."), ""},

		{"nothing", raw(""), "no STOP"},
		{"no STOP", raw(start + dict(text("w"), w)), "no STOP"},
		{"STOP at once", raw(start + "."), "STOP"},
		{"two values", raw(start + "NN."), "found 2"},
		{"an open mark", raw(start + "N(."), "marks"},
		{"protocol 6", raw("\x80\x06N."), "found 6"},
		{"PROTO inside", beside("\x80\x02N"), "at the start only"},
		{"unknown opcode", beside("\xff"), "unknown opcode 0xff"},
		{"opcode 0", beside("\x00"), "unknown opcode 0x00"},
		{"text persistent id", beside("Pstorage\n"), "PERSID"},
		{"out-of-band buffer", beside("\x97"), "out-of-band"},
		{"REDUCE on nothing", raw(start + "R."), "REDUCE: expected 2"},
		{"REDUCE of a list", beside("](K\x01e" + ")R"), "expected a global to call"},
		{"REDUCE past a mark", raw(start + global("a", "b") + "()R."), "REDUCE: expected 2"},
		{"OBJ of nothing", beside("(o"), "expected a global"},
		{"BUILD with one value", raw(start + "Nb."), "BUILD: expected 2"},
		{"TUPLE without mark", raw(start + "t."), "no mark"},
		{"POP_MARK without mark", raw(start + "1."), "no mark"},
		{"POP of nothing", raw(start + "0N."), "POP: expected 1"},
		{"DUP of nothing", raw(start + "2."), "DUP: expected 1"},
		{"SETITEM of two", raw(start + "}Ns."), "SETITEM: expected 3"},
		{"SETITEMS of three", beside("}(K\x01K\x02K\x03u"), "keys with values"},
		{"SETITEMS on nothing", raw(start + "(K\x01K\x02u."), "SETITEMS"},
		{"DICT of one", beside("(K\x01d"), "keys with values"},
		{"OrderedDict of two arguments", beside(call(global("collections", "OrderedDict"), list(), list())), "list of pairs"},
		{"OrderedDict of a number", beside(call(global("collections", "OrderedDict"), num(1))), "list of pairs"},
		{"OrderedDict of no pairs", beside(call(global("collections", "OrderedDict"), list(list(num(1))))), "expected pairs"},
		{"OrderedDict of a list for a key", beside(call(global("collections", "OrderedDict"), list(list(list(), num(1))))), "key"},
		{"APPEND on a tuple", beside(")K\x01a"), "APPEND"},
		{"APPENDS on a dict", beside("}(K\x01e"), "APPEND requires"},
		{"SETITEM on a list", beside("]K\x01K\x02s"), "SETITEM"},
		{"ADDITEMS on a list", beside("](K\x01\x90"), "ADDITEMS"},
		{"memo read first", beside("h\x07"), "memo entry 7 is read"},
		{"memo read first, by line", beside("g7\n"), "memo entry 7 is read"},
		{"memo index of four bytes", beside("j" + u32(1<<31)), "memo entry"},
		{"memo written from nothing", raw(start + "q\x00N."), "BINPUT: expected 1"},
		{"memo index that is no number", beside("Np-1\n"), "memo index"},
		{"text of 4 GiB", beside("X" + u32(1<<32-1)), "expected 4294967295 more bytes"},
		{"text of 2^63", beside("\x8d" + le(uint64(1)<<63)), "more bytes"},
		{"bytes of 2^62", beside("\x8e" + le(uint64(1)<<62)), "more bytes"},
		{"bytearray of 2^62", beside("\x96" + le(uint64(1)<<62)), "more bytes"},
		{"number of 2 GiB", beside("\x8b" + u32(1<<31-1)), "more bytes"},
		{"number of 2000 bytes", beside("\x8b" + u32(2000) + strings.Repeat("x", 2000)), "a number of 2000 bytes"},
		{"number without end of line", beside("L" + strings.Repeat("1", 2000) + "L\n"), "found no end"},
		{"global without end", beside("cos"), "found no end"},
		{"frame of 2^50", raw("\x80\x04\x95" + le(uint64(1)<<50) + dict(text("w"), w) + "."), "FRAME"},
		{"frame that ends inside an opcode", raw("\x80\x04\x95" + le(uint64(4)) + dict(text("w"), w) + "."), "beyond the end of its frame"},
		{"frame inside a frame", raw("\x80\x04\x95" + le(uint64(12)) + "\x95" + le(uint64(1)) + dict(text("w"), w) + "."), "inside the frame"},
		{"text with escapes", beside("Vx\\u0041\n"), "escapes"},
		{"marks without end", raw(start + strings.Repeat("(", 20_000) + "."), "nested marks"},
		{"objects without end", raw(start + strings.Repeat("]0", 600_000) + "N."), "more memory"},
		{"pairs without end", beside(ordered + "(" + strings.Repeat("K\x01N", 150_000) + "u"), "more memory"},
		{"a list without end", beside("](" + strings.Repeat("N", 600_000) + "e"), "more memory"},
		{"a memo without end", beside("(" + strings.Repeat("N\x940", 600_000) + "l"), "more memory"},
		{"texts without end", beside("(" + strings.Repeat(text(strings.Repeat("x", 1000)), 20_000) + "l"), "more memory"},
		{"numbers without end", beside("(" + strings.Repeat("\x8a\xff"+strings.Repeat("x", 255), 90_000) + "l"), "more memory"},
		{"opcodes without end", raw(start + strings.Repeat("N0", 2_100_000) + "N."), "opcodes"},
		{"a list for a key", beside("}]Ns"), "key"},
		{"a dict in a set", beside("\x8f(}\x90"), "set"},
		{"bytes for a key", beside(ordered + "C\x01xNs"), "pickle"},
		{"a list that calls itself", beside("]q\x09h\x09a" + ")R"), "expected a global"},
	})
}

// TestShared wants graphs with more paths than atoms, and depths that a stack
// would not hold, read in passing.
func TestShared(t *testing.T) {
	laughs := "]q\x00"
	for range 100 { // each list holds the one before it ten times
		laughs += pop + "](" + strings.Repeat("h\x00", 10) + "eq\x00"
	}
	deepTensor := w
	for range 150 {
		deepTensor = dict(text("a"), deepTensor)
	}
	self := "}q\x09(" + text("w") + w + text("me") + "h\x09" + "u"
	check(t, []row{
		{"ten to the hundredth paths", beside(laughs), ""},
		{"a deep list", beside(strings.Repeat("]", 50_000) + strings.Repeat("a", 49_999)), ""},
		{"a deep tuple", beside("K\x01" + strings.Repeat("\x85", 100_000)), ""},
		{"a list in itself", beside("]q\x09h\x09a"), ""},
		{"a deep tensor", zipped(deepTensor), "containers deep"},
		{"a state dict in itself", zipped(self), "contains itself"},
	})
}

// FuzzParse wants no panic, whatever the container.
func FuzzParse(f *testing.F) {
	for _, r := range append(legacyRows(), zipRows()...) {
		if len(r.file) < 4096 {
			f.Add([]byte(r.file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := pth.Parse("fuzz.pth", data)
		if err != nil {
			return
		}
		file.NonTensors()
		file.Classes()
		file.StateDict()
		file.Tensors()
	})
}

// FuzzPickle is FuzzParse for the pickle alone: checksums would stop the rest.
func FuzzPickle(f *testing.F) {
	for _, value := range []string{
		dict(text("w"), w),
		dict(text("w"), w, text("x"), call(global("my.project", "make"), num(1))),
		dict(text("meta"), dict(text("CLASSES"), tuple(text("a"), text("b"))), text("state_dict"), ordered+"("+text("w")+w+"u}b"),
		"\x8f(K\x01K\x02\x90(K\x01\x91C\x01xU\x01xT\x01\x00\x00\x00xG12345678I1\nL1L\nF1\n",
	} {
		f.Add([]byte(pickle(value)))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		file, err := pth.Parse("fuzz.pth", []byte(raw(string(program))))
		if err != nil {
			return
		}
		file.NonTensors()
		file.Classes()
		file.StateDict()
		file.Tensors()
	})
}
