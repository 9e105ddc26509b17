package pth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// What a pickle may ask for.
const (
	maxPickle  = 64 << 20  // bytes
	maxOpcodes = 4_000_000 // instructions
	maxMarks   = 10_000    // nested
	maxNumber  = 1024      // bytes of a number, index or global name
	maxText    = 1 << 20   // bytes of a text that may be a name
)

// budget returns the memory that the pickle of a file may take when run. Ten thousand
// tensors of next to nothing fit; who stores more also stores what they hold.
func budget(file []byte) int { return 52<<20 + len(file)/8 }

// A lexer reads one pickle without running it. It follows the stack far enough
// to know that nothing is popped from an empty one, that every memo entry is
// written before it is read, that keys come with values, and that only globals
// are called: all that the machine itself takes on trust.
type lexer struct {
	src     []byte
	pos     int
	out     program      // what the machine is to run instead
	kept    int          // where the part of src starts that is to run as it is
	global  []bool       // of each value on the stack, whether it is a global
	highest int          // the most values that were ever on it
	marks   []int        // stack height at each mark
	memo    map[int]bool // of each entry, whether it is a global
	frame   int          // where the last frame ends
	opcodes int
	left    int // of the budget, in bytes
}

// lex checks the pickle that starts at src[0]. It returns an equivalent program
// that is safe to run, and the bytes the pickle takes up to and with its STOP.
func lex(src []byte, budget int) (run program, n int, err error) {
	l := &lexer{src: src, memo: map[int]bool{}, left: budget}
	for {
		start := l.pos
		done, err := l.step()
		if err != nil {
			return nil, 0, fmt.Errorf("pickle byte %d: %w", start, err)
		}
		if done {
			return append(l.out, src[l.kept:l.pos]), l.pos, nil
		}
	}
}

// A program is a pickle in pieces, which it reads one after the other.
type program [][]byte

// Read reads from the first piece that has bytes left.
func (p *program) Read(b []byte) (int, error) {
	for len(*p) > 0 && len((*p)[0]) == 0 {
		*p = (*p)[1:]
	}
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	(*p)[0] = (*p)[0][n:]
	return n, nil
}

// ReadByte reads one byte.
func (p *program) ReadByte() (byte, error) {
	var b [1]byte
	_, err := p.Read(b[:])
	return b[0], err
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
	if op.name == "PERSID" {
		return false, unsupportedf("%s: %s", op.name, op.why)
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
	l.charge(op)
	l.emit(op, arg, start)
	switch {
	case l.opcodes > maxOpcodes:
		return false, fmt.Errorf("more than %d opcodes", maxOpcodes)
	case l.left < 0:
		return false, fmt.Errorf("the pickle takes more memory than a checkpoint of this size has use for")
	case l.pos > maxPickle:
		return false, fmt.Errorf("pickle is longer than %d bytes", maxPickle)
	}
	return op.effect == stop, nil
}

// charge takes what the instruction costs from the budget; what it costs to fill
// containers is charged where the stack is followed.
func (l *lexer) charge(op *opcode) {
	l.left -= op.cost
	if n := len(l.global) - l.highest; n > 0 {
		l.left -= n * costHeight
		l.highest = len(l.global)
	}
}

// emit appends the instruction to the program. Frames only help readers of
// streams; a long of no bytes is a legal 0 on which the machine would panic; one
// class is replaced by our own; and the content of bytes and of texts too long for a
// name, which nobody looks at, is left out.
func (l *lexer) emit(op *opcode, arg []byte, start int) {
	var instead string
	switch {
	case op.effect == frame:
	case (op.name == "LONG1" || op.name == "LONG4") && len(arg) == 0:
		instead = "K\x00"
	case op.name == "GLOBAL" && string(l.src[start:l.pos]) == globalOrderedDict:
		instead = ownOrderedDict
	case (op.name == "BINBYTES" || op.name == "BINBYTES8") && len(arg) > maxNumber:
		instead = "C\x00"
	case op.name == "BYTEARRAY8" && len(arg) > maxNumber:
		instead = "\x96\x00\x00\x00\x00\x00\x00\x00\x00"
	case op.cost == costText && len(arg) > maxText:
		instead = "X\x01\x00\x00\x00\xff" // no name, since it is not UTF-8
	default:
		l.left -= 3 * len(arg)
		return
	}
	l.out = append(l.out, l.src[l.kept:start], []byte(instead))
	l.kept = l.pos
	l.left -= costText
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
			err = unsupportedf("text with escapes (pickle protocol 0) is not supported")
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
