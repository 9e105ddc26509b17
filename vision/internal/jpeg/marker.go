package jpeg

import (
	"bytes"
	"encoding/binary"
)

// Second bytes of markers (T.81, table B.1).
const (
	markerTEM   = 0x01
	markerSOF0  = 0xc0 // baseline
	markerSOF1  = 0xc1 // extended sequential
	markerSOF2  = 0xc2 // progressive
	markerDHT   = 0xc4
	markerJPG   = 0xc8
	markerDAC   = 0xcc
	markerSOF15 = 0xcf
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDNL   = 0xdc
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP14 = 0xee
	markerAPP15 = 0xef
	markerCOM   = 0xfe
)

// nextMarker moves behind the next marker and returns its second byte. Bytes before it
// are skipped, as are fill bytes ff and the pairs ff 00 of entropy-coded data.
func (d *decoder) nextMarker() (uint8, error) {
	for {
		n := bytes.IndexByte(d.data[d.pos:], 0xff)
		if n < 0 {
			return 0, ErrTruncated
		}
		d.pos += n + 1
		for d.pos < len(d.data) && d.data[d.pos] == 0xff {
			d.pos++
		}
		if d.pos == len(d.data) {
			return 0, ErrTruncated
		}
		d.pos++
		if m := d.data[d.pos-1]; m != 0 {
			return m, nil
		}
	}
}

// payload moves behind the segment whose marker was read and returns its parameters:
// what its length counts, without the length (T.81, B.1.1.4).
func (d *decoder) payload() ([]byte, error) {
	rest := d.data[d.pos:]
	if len(rest) < 2 {
		return nil, ErrTruncated
	}
	n := int(binary.BigEndian.Uint16(rest))
	if n < 2 {
		return nil, malformed("byte %d: expected the length of a segment, at least 2, found %d", d.pos, n)
	}
	if n > len(rest) {
		return nil, ErrTruncated
	}
	d.pos += n
	return rest[2:n], nil
}

// nextScan reads segments up to and including the header of the next scan, and reports
// whether there is one before the end of the image. EXIF data are appended to exif
// unless it is nil.
func (d *decoder) nextScan(exif *[][]byte) (bool, error) {
	for {
		m, err := d.nextMarker()
		if err != nil {
			return false, err
		}
		switch {
		case m == markerEOI:
			return false, nil
		case m == markerTEM || m >= markerRST0 && m <= markerRST7:
			continue // no segment follows
		case m == markerSOI:
			return false, malformed("byte %d: a second start of image", d.pos)
		case !hasSegment(m):
			return false, malformed("byte %d: unknown marker ff %02x", d.pos, m)
		}
		at := d.pos
		p, err := d.payload()
		if err != nil {
			return false, err
		}
		switch {
		case m == markerSOF0 || m == markerSOF1 || m == markerSOF2:
			err = d.readFrame(p, m == markerSOF2)
		case m == markerDHT:
			err = d.readHuffman(p)
		case m == markerDQT:
			err = d.readQuant(p)
		case m == markerDRI:
			err = d.readRestart(p)
		case m == markerSOS:
			if err := d.readScan(p); err != nil {
				return false, d.at(at, err)
			}
			return true, nil
		case m == markerJPG || m > markerSOF2 && m <= markerSOF15 && m != markerDAC:
			err = UnsupportedError(frameNames[m-markerSOF0])
		case m == markerAPP0:
			// JFIF 1.02: identifier, version, units, densities, thumbnail's sides.
			d.jfif = d.jfif || len(p) >= 14 && string(p[:5]) == "JFIF\x00"
		case m == markerAPP14:
			// Adobe technical note 5116: identifier, version, two flags, transform.
			if len(p) >= 12 && string(p[:5]) == "Adobe" {
				d.adobe, d.transform = true, p[11]
			}
		case m == markerAPP1 && exif != nil:
			if tiff, ok := bytes.CutPrefix(p, []byte("Exif\x00\x00")); ok && len(tiff) > 0 {
				*exif = append(*exif, tiff)
			}
		}
		if err != nil {
			return false, d.at(at, err)
		}
	}
}

// hasSegment reports whether a marker is one of those that a file may have besides the
// ones without parameters.
func hasSegment(m uint8) bool {
	return m >= markerSOF0 && m <= markerSOF15 || m >= markerSOS && m <= markerDRI ||
		m >= markerAPP0 && m <= markerAPP15 || m == markerCOM
}

// at adds where the segment is to errors of format.
func (d *decoder) at(pos int, err error) error {
	if e, ok := err.(FormatError); ok {
		return malformed("byte %d: %s", pos, string(e))
	}
	return err
}

// frameNames describes the frames that are not read, by the marker's last digit.
var frameNames = [16]string{
	3:  "lossless coding",
	5:  "differential sequential coding",
	6:  "differential progressive coding",
	7:  "differential lossless coding",
	8:  "an extension of the format",
	9:  "arithmetic coding",
	10: "progressive arithmetic coding",
	11: "lossless arithmetic coding",
	13: "differential arithmetic coding",
	14: "differential progressive arithmetic coding",
	15: "differential lossless arithmetic coding",
}
