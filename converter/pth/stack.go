package pth

import (
	"encoding/binary"
	"fmt"
)

// apply follows what the instruction does to stack, marks and memo.
func (l *lexer) apply(op *opcode, arg []byte, start int) error {
	switch op.effect {
	case replace, pushGlobal, call:
		below, err := l.pop(op.pops)
		if err != nil {
			return err
		}
		l.fill(op, op.pops)
		if op.effect == call && !below[0] {
			return fmt.Errorf("expected a global to call, found another value")
		}
		l.push(op.effect == pushGlobal)
	case gather, gatherCall:
		items, err := l.popMark(op)
		if err != nil {
			return err
		}
		if op.effect == gatherCall && (len(items) == 0 || !items[0]) {
			return fmt.Errorf("expected a global to call, found none")
		}
		l.fill(op, len(items))
		l.push(false)
	case extend:
		items, err := l.popMark(op)
		if err != nil {
			return err
		}
		l.fill(op, len(items))
		if _, err := l.pop(1); err != nil {
			return err
		}
		l.push(false)
	case mark:
		if len(l.marks) == maxMarks {
			return fmt.Errorf("more than %d nested marks", maxMarks)
		}
		l.marks = append(l.marks, len(l.global))
	case drop:
		if len(l.marks) > 0 && l.marks[len(l.marks)-1] == len(l.global) {
			_, err := l.popMark(op)
			return err
		}
		_, err := l.pop(1)
		return err
	case dropMark:
		_, err := l.popMark(op)
		return err
	case again:
		v, err := l.pop(1)
		if err != nil {
			return err
		}
		was := v[0]
		l.push(was)
		l.push(was)
	case get:
		i, err := index(op, arg)
		if err != nil {
			return err
		}
		was, ok := l.memo[i]
		if !ok {
			return fmt.Errorf("memo entry %d is read before it is written", i)
		}
		l.push(was)
	case put, memoize:
		i := len(l.memo) // as the machine counts
		if op.effect == put {
			var err error
			if i, err = index(op, arg); err != nil {
				return err
			}
		}
		v, err := l.pop(1)
		if err != nil {
			return err
		}
		l.memo[i] = v[0]
		l.push(v[0])
	case protocol:
		if start != 0 {
			return fmt.Errorf("expected at the start only")
		}
		if arg[0] > 5 {
			return fmt.Errorf("expected pickle protocol 5 at most, found %d", arg[0])
		}
	case frame:
		if n, left := binary.LittleEndian.Uint64(arg), uint64(len(l.src)-l.pos); n > left {
			return fmt.Errorf("expected %d more bytes, found %d", n, left)
		} else if start < l.frame {
			return fmt.Errorf("starts inside the frame that ends at byte %d", l.frame)
		} else {
			l.frame = l.pos + int(n)
		}
	case stop:
		if len(l.marks) > 0 || len(l.global) != 1 {
			return fmt.Errorf("expected one value on the stack, found %d and %d marks", len(l.global), len(l.marks))
		}
	}
	return nil
}

// fill charges the budget for the items that an instruction puts into a container.
func (l *lexer) fill(op *opcode, items int) {
	if op.pairs {
		l.left -= items / 2 * costPair
	} else {
		l.left -= items * costItem
	}
}

func (l *lexer) push(global bool) { l.global = append(l.global, global) }

// pop removes n values, which must lie above the last mark, lowest first.
func (l *lexer) pop(n int) ([]bool, error) {
	base := 0
	if len(l.marks) > 0 {
		base = l.marks[len(l.marks)-1]
	}
	if len(l.global)-base < n {
		return nil, fmt.Errorf("expected %d values on the stack, found %d", n, len(l.global)-base)
	}
	items := l.global[len(l.global)-n:]
	l.global = l.global[:len(l.global)-n]
	return items, nil
}

// popMark removes the last mark and what lies above it.
func (l *lexer) popMark(op *opcode) ([]bool, error) {
	if len(l.marks) == 0 {
		return nil, fmt.Errorf("no mark on the stack")
	}
	base := l.marks[len(l.marks)-1]
	l.marks = l.marks[:len(l.marks)-1]
	items := l.global[base:]
	l.global = l.global[:base]
	if op.pairs && len(items)%2 != 0 {
		return nil, fmt.Errorf("expected keys with values, found %d items", len(items))
	}
	return items, nil
}
