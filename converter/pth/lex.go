package pth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
)

// What a pickle may ask for. A checkpoint of ten thousand tensors stays ten
// times below each.
const (
	maxPickle  = 64 << 20  // bytes
	maxOpcodes = 4_000_000 // instructions
	maxObjects = 500_000   // of them, those that make an object
	maxMarks   = 10_000    // nested
	maxMemo    = 1_000_000 // entries
	maxNumber  = 1024      // bytes of a number, index or global name
)

// A lexer reads one pickle without running it. It follows the stack far enough
// to know that nothing is popped from an empty one, that every memo entry is
// written before it is read, that keys come with values, and that only globals
// are called: all that the machine itself takes on trust.
type lexer struct {
	src     []byte
	pos     int
	out     []byte       // the program without frames
	global  []bool       // of each value on the stack, whether it is a global
	marks   []int        // stack height at each mark
	memo    map[int]bool // of each entry, whether it is a global
	frame   int          // where the last frame ends
	opcodes int
	objects int
}

// lex checks the pickle that starts at src[0]. It returns an equivalent program
// that is safe to run, and the bytes the pickle takes up to and with its STOP.
func lex(src []byte) (program []byte, n int, err error) {
	l := &lexer{src: src, memo: map[int]bool{}}
	for {
		start := l.pos
		done, err := l.step()
		if err != nil {
			return nil, 0, fmt.Errorf("pickle byte %d: %w", start, err)
		}
		if done {
			return l.out, l.pos, nil
		}
	}
}

// step checks one instruction and reports whether it was STOP.
func (l *lexer) step() (done bool, err error) {
	start := l.pos
	code, err := l.take(1)
	if err != nil {
		return false, fmt.Errorf("no STOP: %w", err)
	}
	op := &opcodes[code[0]]
	if op.name == "" {
		return false, fmt.Errorf("unknown opcode %#02x", code[0])
	}
	if op.effect == refuse {
		return false, fmt.Errorf("%s: %s", op.name, op.why)
	}
	arg, err := l.argument(op)
	if err != nil {
		return false, fmt.Errorf("%s: %w", op.name, err)
	}
	if start < l.frame && l.pos > l.frame {
		return false, fmt.Errorf("%s: goes beyond the end of its frame at byte %d", op.name, l.frame)
	}
	if err := l.apply(op, arg, start); err != nil {
		return false, fmt.Errorf("%s: %w", op.name, err)
	}
	l.opcodes++
	if op.makes {
		l.objects++
	}
	switch {
	case l.opcodes > maxOpcodes:
		return false, fmt.Errorf("more than %d opcodes", maxOpcodes)
	case l.objects > maxObjects:
		return false, fmt.Errorf("more than %d objects", maxObjects)
	case l.pos > maxPickle:
		return false, fmt.Errorf("pickle is longer than %d bytes", maxPickle)
	}
	l.emit(op, arg, start)
	return op.effect == stop, nil
}

// emit appends the instruction to the program. Frames only help readers of
// streams; a long of no bytes is a legal 0 on which the machine would panic.
func (l *lexer) emit(op *opcode, arg []byte, start int) {
	switch {
	case op.effect == frame:
	case (op.name == "LONG1" || op.name == "LONG4") && len(arg) == 0:
		l.out = append(l.out, 'K', 0)
	default:
		l.out = append(l.out, l.src[start:l.pos]...)
	}
}

// take returns the next n bytes.
func (l *lexer) take(n uint64) ([]byte, error) {
	if left := uint64(len(l.src) - l.pos); n > left {
		return nil, fmt.Errorf("expected %d more bytes, found %d", n, left)
	}
	b := l.src[l.pos : l.pos+int(n)]
	l.pos += int(n)
	return b, nil
}

// line returns the next bytes up to a newline, which is consumed.
func (l *lexer) line(limit int) ([]byte, error) {
	rest := l.src[l.pos:]
	if len(rest) > limit+1 {
		rest = rest[:limit+1]
	}
	i := bytes.IndexByte(rest, '\n')
	if i < 0 {
		return nil, fmt.Errorf("expected a line of at most %d bytes, found no end", min(limit, len(rest)))
	}
	l.pos += i + 1
	return rest[:i], nil
}

// argument reads what follows the opcode, without the length of counted bytes.
func (l *lexer) argument(op *opcode) ([]byte, error) {
	counted := func(width uint64) ([]byte, error) {
		b, err := l.take(width)
		if err != nil {
			return nil, err
		}
		var n [8]byte
		copy(n[:], b)
		return l.take(binary.LittleEndian.Uint64(n[:]))
	}
	switch op.arg {
	case oneByte:
		return l.take(1)
	case twoBytes:
		return l.take(2)
	case fourBytes:
		return l.take(4)
	case eightBytes:
		return l.take(8)
	case line:
		if op.name != "STRING" && op.name != "UNICODE" {
			return l.line(maxNumber)
		}
		// The machine does not undo escapes, and would change the text.
		b, err := l.line(maxPickle)
		if err == nil && bytes.IndexByte(b, '\\') >= 0 {
			err = fmt.Errorf("text with escapes (pickle protocol 0) is not supported")
		}
		return b, err
	case twoLines:
		if _, err := l.line(maxNumber); err != nil {
			return nil, err
		}
		return l.line(maxNumber)
	case bytes1:
		return counted(1)
	case bytes4:
		b, err := counted(4)
		if op.name == "LONG4" && len(b) > maxNumber {
			err = fmt.Errorf("a number of %d bytes", len(b))
		}
		return b, err
	case bytes8:
		return counted(8)
	}
	return nil, nil
}

// index returns the memo index that arg holds.
func index(op *opcode, arg []byte) (int, error) {
	switch op.arg {
	case oneByte:
		return int(arg[0]), nil
	case fourBytes:
		return int(binary.LittleEndian.Uint32(arg)), nil
	}
	i, err := strconv.ParseUint(string(arg), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("expected a memo index, found %q", clip(string(arg)))
	}
	return int(i), nil
}
