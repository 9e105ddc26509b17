package pth

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// name pushes a global that the pickle names.
func (t *tracer) name(op *opcode, start int, module, name string) {
	t.push(t.named(op, start, module, name))
}

// named grades a global and returns it.
func (t *tracer) named(op *opcode, start int, module, name string) traced {
	key := [2]string{module, name}
	at, ok := t.known[key]
	if !ok {
		at = int32(len(t.globals))
		t.known[key] = at
		severity, why := Judge(module, name)
		t.globals = append(t.globals, global{module, name, clip(canonicalModule(module) + "." + name), severity, why})
	}
	g := &t.globals[at]
	t.use(Use{g.severity, start, op.name, g.full, g.why})
	return traced{aGlobal, at}
}

// stackGlobal takes module and name from the stack.
func (t *tracer) stackGlobal(op *opcode, start int) {
	v := t.pop(start, 2)
	module, known := t.text(v[0])
	name, both := t.text(v[1])
	switch {
	case known && both:
		t.name(op, start, module, name)
		return
	case known:
		t.use(Use{Suspicious, start, op.name, clip(module) + ".?", fmt.Sprintf("computes the name of what it takes from module %q", clip(module))})
	case both:
		t.use(Use{Suspicious, start, op.name, "?." + clip(name), fmt.Sprintf("computes the name of the module of %q", clip(name))})
	default:
		t.use(Use{Suspicious, start, op.name, "?.?", "computes the name of a global"})
	}
	t.push(traced{kind: computed})
}

// text returns a text, or bytes, as Python's machine reads it.
func (t *tracer) text(v traced) (string, bool) {
	if v.kind != aText && v.kind != aBlob {
		return "", false
	}
	s := t.texts[v.at]
	if s.data != nil || s.to-s.from > maxNumber {
		return "", false
	}
	raw := string(t.in.src[s.from:s.to])
	switch s.opcode {
	case 'S':
		return unquoted(raw), true
	case 'V':
		return rawUnicode(raw), true
	}
	return raw, true
}

// rawUnicode undoes what UNICODE makes of a text: bytes stand for the first 256 characters, escapes
// for all others.
func rawUnicode(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return unescaped(string(runes), "uU")
}

// unquoted undoes the quotes and escapes of STRING.
func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		s = s[1 : len(s)-1]
	}
	return unescaped(s, "x01234567'\"\\nrtabfv")
}

// unescaped undoes those of Python's escapes whose letter is listed.
func unescaped(s, letters string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if s[0] != '\\' || len(s) < 2 || !strings.ContainsRune(letters, rune(s[1])) {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		// The digits of each: \xHH, \uHHHH, \UHHHHHHHH, and up to three octal ones.
		from, digits, base := 2, map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]], 16
		if s[1] >= '0' && s[1] <= '7' {
			from, digits, base = 1, 1, 8
			for digits < 3 && len(s) > from+digits && s[from+digits] >= '0' && s[from+digits] <= '7' {
				digits++
			}
		}
		if digits > 0 {
			if len(s) >= from+digits {
				if n, err := strconv.ParseUint(s[from:from+digits], base, 32); err == nil {
					b.WriteRune(rune(min(n, utf8.MaxRune)))
					s = s[from+digits:]
					continue
				}
			}
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		if i := strings.IndexByte("nrtabfv", s[1]); i >= 0 {
			b.WriteByte("\n\r\t\a\b\f\v"[i])
		} else {
			b.WriteByte(s[1])
		}
		s = s[2:]
	}
	return b.String()
}

// call follows a call of f with the items of args, as far as they are known, and pushes what
// it gives.
func (t *tracer) call(op *opcode, start int, f, args traced, items []traced) {
	result := traced{kind: computed}
	switch f.kind {
	case aGlobal:
		g := &t.globals[f.at]
		if g.severity > Unknown {
			t.use(Use{g.severity, start, op.name, g.full, "calls " + strings.TrimPrefix(g.why, "names ")})
		}
		switch {
		case loaders[g.full]:
			t.loads(start, g.full, items)
		case g.full == "builtins.getattr":
			result = t.getattr(op, start, items)
		case g.full == "_codecs.encode":
			result = t.encode(start, items)
		}
	case persistent:
	case computed:
		t.use(Use{Suspicious, start, op.name, "?", "calls what another call gives"})
	default:
		t.wrong(start, op, "expected a global to call, found another value")
	}
	t.push(result)
}

// loads notes the byte strings that a function is given to unpickle.
func (t *tracer) loads(start int, loader string, items []traced) {
	for _, v := range items {
		switch v.kind {
		case aBlob, aText:
			t.nest(&t.texts[v.at], start, loader)
		case opaque, computed, persistent:
			if loader != "io.BytesIO" && loader != "_io.BytesIO" {
				t.use(Use{Suspicious, start, "REDUCE", clip(loader), fmt.Sprintf("unpickles by %q what it computes", clip(loader))})
			}
		}
	}
}

// getattr follows an attribute of a global to another one.
func (t *tracer) getattr(op *opcode, start int, items []traced) traced {
	if len(items) < 2 || items[0].kind != aGlobal {
		return traced{kind: computed}
	}
	name, known := t.text(items[1])
	if !known {
		return traced{kind: computed}
	}
	of := t.globals[items[0].at]
	return t.named(op, start, of.module, of.name+"."+name)
}

// encode follows how old protocols write bytes: as a text whose characters stand for them.
func (t *tracer) encode(start int, items []traced) traced {
	if len(items) == 0 || items[0].kind != aText {
		return traced{kind: computed}
	}
	from := &t.texts[items[0].at]
	if from.encoded == 0 {
		text := t.bytes(from)
		if from.opcode == 'V' {
			text = []byte(rawUnicode(string(text)))
		}
		data := make([]byte, 0, len(text))
		for _, r := range string(text) {
			data = append(data, byte(r))
		}
		t.texts = append(t.texts, span{opcode: from.opcode, data: data})
		from = &t.texts[items[0].at]
		from.encoded = len(t.texts)
		if looksPickled(data) || bytes.HasPrefix(data, []byte(sigLocal)) {
			t.nest(&t.texts[from.encoded-1], start, "")
		}
	}
	return traced{aBlob, int32(from.encoded - 1)}
}

// fill follows an instruction that changes a value, which must not be a global.
func (t *tracer) fill(op *opcode, start int, v traced) {
	if v.kind == aGlobal {
		full := t.globals[v.at].full
		t.use(Use{Suspicious, start, op.name, full, fmt.Sprintf("changes %q itself, rather than what it makes of it", full)})
	}
}
