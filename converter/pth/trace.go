package pth

import (
	"encoding/binary"
	"fmt"
)

// A Use is a place where a pickle names a global, or does what no checkpoint does.
type Use struct {
	Severity Severity
	Offset   int    // of the instruction, in bytes from the start of the pickle
	Opcode   string // such as "REDUCE", as pickletools spells it
	Global   string // its full name; empty where the use is of none
	Why      string // completes "the pickle …"; empty for what is harmless
}

// A Trace is what a pickle would do to whoever loads it.
type Trace struct {
	// Uses are in the order of the stream. A global that is named, or called, again in the
	// same way stands here once.
	Uses []Use
	// Instructions is how many of them were followed.
	Instructions int
	// Size is how many bytes were followed: up to and with STOP where Err is nil.
	Size int
	// Err says why the pickle cannot be followed to its STOP. What it did before counts.
	Err error
	// Nested are byte strings that are pickles or archives themselves, or are given to a
	// function that loads such.
	Nested []Nested
}

// A Nested is a byte string inside a pickle.
type Nested struct {
	Offset int    // of its instruction
	Data   []byte // a part of the pickle
	Loader string // the function that is to load it; empty where none is seen
}

// Worst returns the highest severity of the uses.
func (t *Trace) Worst() Severity {
	worst := Harmless
	for _, u := range t.Uses {
		worst = max(worst, u.Severity)
	}
	return worst
}

// What a trace follows at most.
const (
	maxTraced   = 16_000_000 // instructions
	maxKept     = 4_000_000  // texts, tuples, entries of the memo and values on the stack
	maxUses     = 10_000
	maxNested   = 10_000
	maxTracked  = 4 // items of a tuple whose values are known
	leastNested = 4 // bytes
)

// loaders are functions that unpickle a byte string.
var loaders = set(`torch.storage._load_from_bytes pickle.loads _pickle.loads cPickle.loads marshal.loads dill.loads dill._dill.loads
	cloudpickle.loads joblib.load torch.load torch.serialization.load io.BytesIO _io.BytesIO`)

// TracePickle follows the pickle that starts at src[0] without running it. It knows texts,
// tuples and globals, through the memo as well, so that a name that is put together by the
// stack machine is known too; one that a call would compute is suspicious. It goes on where
// Python's machine would stop with an error of its stack, since machines differ there.
func TracePickle(src []byte) *Trace {
	t := &tracer{in: lexer{src: src}, sparse: map[uint32]traced{}, known: map[[2]string]int32{}, said: map[Use]bool{}}
	for t.out.Err == nil && !t.stopped {
		t.step()
	}
	t.out.Size = t.in.pos
	if t.out.Err == nil {
		t.out.Err = t.broken
	}
	return &t.out
}

// A traced value is what is known of a value on the stack.
type traced struct {
	kind tracedKind
	at   int32 // in the table of its kind
}

type tracedKind uint8

const (
	opaque     tracedKind = iota // a number, a container or None
	aText                        // at texts
	aBlob                        // at nested candidates
	aGlobal                      // at globals
	aTuple                       // at tuples
	computed                     // what a call gives
	persistent                   // what a persistent id gives: a storage, or the class of a module
)

type tracer struct {
	in      lexer
	out     Trace
	stack   []traced
	marks   []int
	memo    []traced          // the entries from 0 without a gap
	sparse  map[uint32]traced // those behind one
	texts   []span
	globals []global
	known   map[[2]string]int32 // place among globals, by module and name
	tuples  [][]traced
	stopped bool
	broken  error // the first error of the stack
	said    map[Use]bool
}

// A span is a text, or a byte string, in the stream.
type span struct {
	from, to int
	opcode   byte
	data     []byte // instead of a part of the stream
	pickled  int    // one more than its place among Nested; 0: not there
	encoded  int    // one more than the place of the bytes that it was encoded to; 0: it was not
}

// A global is one that was named.
type global struct {
	module, name string
	full         string
	severity     Severity
	why          string
}

// step follows one instruction.
func (t *tracer) step() {
	start := t.in.pos
	fatal := func(err error) { t.out.Err = fmt.Errorf("pickle byte %d: %w", start, err) }
	code, err := t.in.take(1)
	if err != nil {
		fatal(fmt.Errorf("no STOP: %w", err))
		return
	}
	op := &opcodes[code[0]]
	if op.name == "" {
		fatal(fmt.Errorf("unknown opcode %#02x", code[0]))
		return
	}
	switch t.out.Instructions++; {
	case t.out.Instructions > maxTraced:
		fatal(fmt.Errorf("more than %d instructions", maxTraced))
		return
	case len(t.stack)+len(t.marks)+len(t.memo)+len(t.sparse)+len(t.texts)+len(t.tuples)+len(t.globals) > maxKept:
		fatal(fmt.Errorf("more than %d values are kept", maxKept))
		return
	}
	arg, module, err := t.argument(code[0], op)
	if err != nil {
		fatal(fmt.Errorf("%s: %w", op.name, err))
		return
	}
	t.apply(code[0], op, arg, module, start)
}

// argument returns what follows the opcode; of two lines, the second one is arg.
func (t *tracer) argument(code byte, op *opcode) (arg, module []byte, err error) {
	switch code {
	case 'S', 'V':
		arg, err = t.in.line(maxPickle)
	case 'c', 'i':
		if module, err = t.in.line(maxNumber); err == nil {
			arg, err = t.in.line(maxNumber)
		}
	case 'P':
		arg, err = t.in.line(maxNumber)
	case 0x82:
		arg, err = t.in.take(1)
	case 0x83:
		arg, err = t.in.take(2)
	case 0x84:
		arg, err = t.in.take(4)
	default:
		arg, err = t.in.argument(op)
	}
	return arg, module, err
}

func (t *tracer) apply(code byte, op *opcode, arg, module []byte, start int) {
	switch code {
	case '.':
		t.stopped = true
		t.pop(start, 1)
	case '(':
		t.marks = append(t.marks, len(t.stack))
	case '0':
		if n := len(t.marks); n > 0 && t.marks[n-1] == len(t.stack) {
			t.marks = t.marks[:n-1]
		} else {
			t.pop(start, 1)
		}
	case '1':
		t.popMark(start)
	case '2':
		v := t.pop(start, 1)[0]
		t.push(v)
		t.push(v)
	case 'S', 'T', 'U', 'V', 'X', 0x8c, 0x8d:
		t.pushSpan(aText, code, arg)
	case 'B', 'C', 0x8e, 0x96:
		t.pushBytes(code, arg, start)
	case 'c':
		t.name(op, start, string(module), string(arg))
	case 0x93:
		t.stackGlobal(op, start)
	case 'i':
		g := t.named(op, start, string(module), string(arg))
		t.call(op, start, g, traced{}, t.popMark(start))
	case 'o':
		items := t.popMark(start)
		if len(items) == 0 {
			t.wrong(start, op, "expected a class, found none")
			items = []traced{{}}
		}
		t.call(op, start, items[0], traced{}, items[1:])
	case 'R', 0x81:
		v := t.pop(start, 2)
		t.call(op, start, v[0], v[1], t.items(v[1]))
	case 0x92:
		v := t.pop(start, 3)
		t.call(op, start, v[0], v[1], t.items(v[1]))
	case 0x82, 0x83, 0x84:
		var n [8]byte
		copy(n[:], arg)
		t.use(Use{Suspicious, start, op.name, "", fmt.Sprintf("takes class %d of the extension registry, which no checkpoint has",
			binary.LittleEndian.Uint64(n[:]))})
		t.push(traced{kind: computed})
	case 0x97, 0x98:
		t.wrong(start, op, outOfBand)
	case 'Q':
		t.pop(start, 1)
		t.push(traced{kind: persistent})
	case 'P':
		t.push(traced{kind: persistent})
	case ')':
		t.pushTuple(nil)
	case 't':
		t.pushTuple(t.popMark(start))
	case 0x85, 0x86, 0x87:
		t.pushTuple(t.pop(start, int(code)-0x84))
	case 'a', 's', 'b':
		v := t.pop(start, op.pops)
		t.fill(op, start, v[0])
		t.push(v[0])
	case 'e', 'u', 0x90:
		t.popMark(start)
		v := t.pop(start, 1)[0]
		t.fill(op, start, v)
		t.push(v)
	case 'g', 'h', 'j':
		i, err := index(op, arg)
		v, ok := t.recall(i)
		if err != nil || !ok {
			t.wrong(start, op, fmt.Sprintf("memo entry %d is read before it is written", i))
		}
		t.push(v)
	case 'p', 'q', 'r', 0x94:
		i := len(t.memo) + len(t.sparse)
		if code != 0x94 {
			var err error
			if i, err = index(op, arg); err != nil {
				t.wrong(start, op, err.Error())
				return
			}
		}
		v := t.pop(start, 1)[0]
		t.remember(i, v)
		t.push(v)
	case 0x80, 0x95:
	default:
		switch op.effect {
		case gather:
			t.popMark(start)
		default:
			t.pop(start, op.pops)
		}
		t.push(traced{})
	}
}
