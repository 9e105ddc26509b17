package converter

import (
	"encoding/binary"
	"math"
)

// A message is a protobuf message being encoded: fields in the order they are
// added. See protobuf.dev/programming-guides/encoding.
type message []byte

// Wire types.
const (
	wireVarint = 0
	wireBytes  = 2
	wireFixed4 = 5
)

func (m *message) tag(field, wire int) { *m = binary.AppendUvarint(*m, uint64(field<<3|wire)) }

// int adds an integer field.
func (m *message) int(field int, v int64) {
	m.tag(field, wireVarint)
	*m = binary.AppendUvarint(*m, uint64(v))
}

// float adds a field of type float.
func (m *message) float(field int, v float32) {
	m.tag(field, wireFixed4)
	*m = binary.LittleEndian.AppendUint32(*m, math.Float32bits(v))
}

// text adds a string.
func (m *message) text(field int, s string) { m.bytes(field, []byte(s)) }

// bytes adds bytes, or a message.
func (m *message) bytes(field int, b []byte) {
	m.head(field, len(b))
	*m = append(*m, b...)
}

// head adds what goes before n bytes that follow.
func (m *message) head(field, n int) {
	m.tag(field, wireBytes)
	*m = binary.AppendUvarint(*m, uint64(n))
}
