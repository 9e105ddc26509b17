package pth

import (
	"bytes"
	"fmt"
)

func (t *tracer) recall(i int) (traced, bool) {
	if i < len(t.memo) {
		return t.memo[i], true
	}
	v, ok := t.sparse[uint32(i)]
	return v, ok
}

func (t *tracer) remember(i int, v traced) {
	switch {
	case i < len(t.memo):
		t.memo[i] = v
	case i == len(t.memo):
		delete(t.sparse, uint32(i))
		t.memo = append(t.memo, v)
	default:
		t.sparse[uint32(i)] = v
	}
}

// wrong notes that Python's machine ends here with an error.
func (t *tracer) wrong(start int, op *opcode, what string) {
	if t.broken == nil {
		t.broken = fmt.Errorf("pickle byte %d: %s: %s", start, op.name, what)
	}
}

func (t *tracer) push(v traced) { t.stack = append(t.stack, v) }

// pop removes n values, lowest first. Those that are not there are opaque.
func (t *tracer) pop(start, n int) []traced {
	base := 0
	if len(t.marks) > 0 {
		base = t.marks[len(t.marks)-1]
	}
	if have := len(t.stack) - base; have < n {
		t.wrong(start, &opcodes[t.in.src[start]], fmt.Sprintf("expected %d values on the stack, found %d", n, have))
		// Other machines reach below the mark: so do we, as far as there is something.
		if lacks := n - len(t.stack); lacks > 0 {
			t.stack = append(make([]traced, lacks, n), t.stack...)
		}
		if k := len(t.marks); k > 0 {
			t.marks[k-1] = min(t.marks[k-1], len(t.stack)-n)
		}
	}
	v := t.stack[len(t.stack)-n:]
	t.stack = t.stack[:len(t.stack)-n]
	return v
}

func (t *tracer) popMark(start int) []traced {
	if len(t.marks) == 0 {
		t.wrong(start, &opcodes[t.in.src[start]], "no mark on the stack")
		v := t.stack
		t.stack = t.stack[:0]
		return v
	}
	base := min(t.marks[len(t.marks)-1], len(t.stack))
	t.marks = t.marks[:len(t.marks)-1]
	v := t.stack[base:]
	t.stack = t.stack[:base]
	return v
}

func (t *tracer) pushSpan(kind tracedKind, code byte, arg []byte) {
	end := t.in.pos
	if opcodes[code].arg == line {
		end-- // its newline
	}
	t.texts = append(t.texts, span{from: end - len(arg), to: end, opcode: code})
	t.push(traced{kind, int32(len(t.texts) - 1)})
}

func (t *tracer) pushTuple(items []traced) {
	if len(items) > maxTracked {
		t.push(traced{})
		return
	}
	t.tuples = append(t.tuples, append([]traced(nil), items...))
	t.push(traced{aTuple, int32(len(t.tuples) - 1)})
}

func (t *tracer) items(v traced) []traced {
	if v.kind != aTuple {
		return nil
	}
	return t.tuples[v.at]
}

// pushBytes pushes a byte string, and keeps it where it looks like a pickle or an archive.
func (t *tracer) pushBytes(code byte, arg []byte, start int) {
	t.pushSpan(aBlob, code, arg)
	if looksPickled(arg) || bytes.HasPrefix(arg, []byte(sigLocal)) {
		t.nest(&t.texts[len(t.texts)-1], start, "")
	}
}

// looksPickled reports whether data start as a pickle of protocol 2 or later does.
func looksPickled(data []byte) bool {
	return len(data) >= leastNested && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5
}

func (t *tracer) nest(s *span, start int, loader string) {
	if s.pickled == 0 {
		if len(t.out.Nested) == maxNested {
			t.use(Use{Suspicious, start, opcodes[s.opcode].name, "", "holds more pickles than can be followed"})
			return
		}
		t.out.Nested = append(t.out.Nested, Nested{start, t.bytes(s), loader})
		s.pickled = len(t.out.Nested)
	}
	if n := &t.out.Nested[s.pickled-1]; n.Loader == "" {
		n.Loader = loader
	}
}

// bytes returns the content of a span.
func (t *tracer) bytes(s *span) []byte {
	switch {
	case s.data != nil:
		return s.data
	case s.opcode == 'S':
		return []byte(unquoted(string(t.in.src[s.from:s.to])))
	}
	return t.in.src[s.from:s.to]
}

// use notes a use, each kind of it once.
func (t *tracer) use(u Use) {
	key := u
	key.Offset = 0
	if t.said[key] {
		return
	}
	if len(t.out.Uses) >= maxUses {
		if u.Severity <= Unknown {
			return
		}
		u.Why, u.Global = "names more than can be listed", ""
		if key = u; len(t.out.Uses) > maxUses {
			return
		}
	}
	t.said[key] = true
	t.out.Uses = append(t.out.Uses, u)
}
