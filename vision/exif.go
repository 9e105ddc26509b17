package vision

import "encoding/binary"

// jpegOrientation returns the EXIF orientation of a JPEG file, 1 when it has none.
// Of several EXIF segments the first counts, as in OpenCV.
func jpegOrientation(data []byte) int {
	const (
		startOfScan = 0xda
		app1        = 0xe1
		exif        = "Exif\x00\x00"
	)
	data = data[2:] // start of image
	for len(data) >= 4 {
		if data[0] != 0xff {
			data = data[1:] // stray bytes between segments are skipped
			continue
		}
		switch marker := data[1]; {
		case marker == 0xff: // fill byte
			data = data[1:]
			continue
		case marker == startOfScan:
			return 1
		case marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd9: // no segment follows
			data = data[2:]
			continue
		}
		n := 2 + int(binary.BigEndian.Uint16(data[2:]))
		if n < 4 || n > len(data) {
			return 1
		}
		if segment := data[4:n]; data[1] == app1 && starts(segment, exif) {
			return orientation(segment[len(exif):])
		}
		data = data[n:]
	}
	return 1
}

// pngOrientation returns the EXIF orientation of a PNG file, 1 when it has none.
func pngOrientation(data []byte) int {
	const frame = 12 // length, type and checksum around each chunk
	data = data[len(signaturePNG):]
	for len(data) >= frame {
		n := int(binary.BigEndian.Uint32(data))
		if n > len(data)-frame {
			return 1
		}
		if starts(data[4:], "eXIf") {
			return orientation(data[8:][:n])
		}
		data = data[frame+n:]
	}
	return 1
}

// orientation returns the orientation, 1 to 8, of EXIF data, which has the layout
// of a TIFF file; 1 when it does not say or is damaged. As OpenCV does, it reads
// the value as 16 bits whatever type the field claims.
func orientation(tiff []byte) int {
	const (
		header = 8  // byte order, 42, where the first directory is
		field  = 12 // tag, type, count, value
		tag    = 0x0112
	)
	if len(tiff) < header {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(tiff[4:]))
	if order.Uint16(tiff[2:]) != 42 || at > int64(len(tiff)-2) {
		return 1
	}
	directory := tiff[at:]
	count := int(order.Uint16(directory))
	directory = directory[2:]
	for ; count > 0 && len(directory) >= field; count-- {
		if order.Uint16(directory) == tag {
			if v := int(order.Uint16(directory[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		directory = directory[field:]
	}
	return 1
}

// orient returns the image upright, given the EXIF orientation that it was stored
// with. Orientation 1 is upright already.
func orient(m *Image, orientation int) *Image {
	// An orientation is a transposition (or not) followed by flips of the result.
	var transpose, flipX, flipY bool
	switch orientation {
	case 2:
		flipX = true
	case 3:
		flipX, flipY = true, true
	case 4:
		flipY = true
	case 5:
		transpose = true
	case 6:
		transpose, flipX = true, true
	case 7:
		transpose, flipX, flipY = true, true, true
	case 8:
		transpose, flipY = true, true
	default:
		return m
	}
	w, h := m.W, m.H
	stepX, stepY := 3, 3*m.W // in bytes of m, for a step in the result
	if transpose {
		w, h = h, w
		stepX, stepY = stepY, stepX
	}
	start := 0
	if flipX {
		start += (w - 1) * stepX
		stepX = -stepX
	}
	if flipY {
		start += (h - 1) * stepY
		stepY = -stepY
	}
	out := newImage(w, h)
	for y := range h {
		row, at := out.row(y), start+y*stepY
		for i := 0; i < len(row); i += 3 {
			copy(row[i:i+3], m.Pix[at:])
			at += stepX
		}
	}
	return out
}
