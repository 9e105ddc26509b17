package vision

import (
	"encoding/binary"
	"slices"
)

// pngChunk returns the data of the first chunk of a PNG file with that name; nil when it
// has none.
func pngChunk(data []byte, name string) []byte {
	const frame = 12 // length, type and checksum around each chunk
	data = data[len(signaturePNG):]
	for len(data) >= frame {
		n := int(binary.BigEndian.Uint32(data))
		if n > len(data)-frame {
			return nil
		}
		if starts(data[4:], name) {
			return data[8:][:n]
		}
		data = data[frame+n:]
	}
	return nil
}

// orientation returns the orientation, 1 to 8, that the first of several EXIF structures
// to have one states; 1 when none does, or when the number is none of these.
func orientation(exif ...[]byte) int {
	for _, tiff := range exif {
		if v, ok := readField(tiff, tagOrientation); ok {
			if v < 1 || v > 8 {
				return 1
			}
			return v
		}
	}
	return 1
}

// tagOrientation is the field of EXIF data that says how an image is to be turned.
const tagOrientation = 0x0112

// readField returns the number in a field of EXIF data, which have the layout of a TIFF
// file. As OpenCV does, it reads 16 bits whatever type the field claims, and gives up at
// the first field before it whose value lies outside of the data.
func readField(tiff []byte, tag uint16) (v int, ok bool) {
	const size = 12                               // of a field: tag, type, count, value
	var order binary.ByteOrder = binary.BigEndian // what OpenCV takes without looking
	if len(tiff) < 8 {
		return 0, false
	}
	if tiff[0] == 'I' && tiff[1] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if order.Uint16(tiff[2:]) != 42 || at > int64(len(tiff)-2) {
		return 0, false
	}
	fields := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(fields) >= size-2 && order.Uint16(fields) == tag {
			return int(order.Uint16(fields[8:])), true
		}
		if len(fields) < size || !inside(fields, order, len(tiff)) {
			return 0, false
		}
		fields = fields[size:]
	}
	return 0, false
}

// inside reports whether OpenCV finds the value of a field within n bytes of EXIF data.
func inside(field []byte, order binary.ByteOrder, n int) bool {
	var (
		texts     = []uint16{0x010e, 0x010f, 0x0110, 0x0131, 0x0132, 0x8298}
		rationals = map[uint16]int64{0x011a: 1, 0x011b: 1, 0x013e: 2, 0x013f: 6, 0x0211: 3, 0x0214: 6}
	)
	tag := order.Uint16(field)
	size, at := int64(order.Uint32(field[4:])), int64(order.Uint32(field[8:]))
	if count, ok := rationals[tag]; ok {
		return at+8*count <= int64(n)
	}
	if !slices.Contains(texts, tag) {
		return true
	}
	if size <= 4 {
		at = 8 // sic: the value is not there, but in the field
	}
	return at+size <= int64(n)
}

// orient returns the image upright, given the EXIF orientation that it was stored
// with: the image itself, changed, unless rows become columns. Orientation 1 is upright
// already.
func orient(m *Image, orientation int) *Image {
	// An orientation is a transposition (or not) followed by flips of the result.
	switch orientation {
	case 2:
		flipX(m)
	case 3:
		flipX(m)
		flipY(m)
	case 4:
		flipY(m)
	case 5:
		return transpose(m, false, false)
	case 6:
		return transpose(m, true, false)
	case 7:
		return transpose(m, true, true)
	case 8:
		return transpose(m, false, true)
	}
	return m
}

func flipX(m *Image) {
	for y := range m.H {
		row := m.row(y)
		for i, j := 0, len(row)-3; i < j; i, j = i+3, j-3 {
			row[i], row[i+1], row[i+2], row[j], row[j+1], row[j+2] = row[j], row[j+1], row[j+2], row[i], row[i+1], row[i+2]
		}
	}
}

func flipY(m *Image) {
	for y := range m.H / 2 {
		a, b := m.row(y), m.row(m.H-1-y)
		for i := range a {
			a[i], b[i] = b[i], a[i]
		}
	}
}

// transpose returns the image whose columns are the rows of m, from the last on if flipX
// says so, each read backwards if flipY does.
func transpose(m *Image, flipX, flipY bool) *Image {
	stepX, stepY, start := 3*m.W, 3, 0 // in bytes of m, for a step in the result
	if flipX {
		start += (m.H - 1) * stepX
		stepX = -stepX
	}
	if flipY {
		start += (m.W - 1) * stepY
		stepY = -stepY
	}
	reclaim(2 * int64(len(m.Pix)))
	out := newImage(m.H, m.W)
	for y := range out.H {
		row, at := out.row(y), start+y*stepY
		for i := 0; i < len(row); i += 3 {
			copy(row[i:i+3], m.Pix[at:])
			at += stepX
		}
	}
	return out
}
