package vision

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/image/tiff"
)

// TIFF is read row by row: decoding takes three bytes for each pixel and a row of a strip or
// of a tile, whatever the samples are like. "TIFF" in comments is revision 6.0.

// Tags of fields.
const (
	tagBits         = 0x0102
	tagCompression  = 0x0103
	tagPhotometric  = 0x0106
	tagFillOrder    = 0x010a
	tagStripOffsets = 0x0111
	tagRowsPerStrip = 0x0116
	tagStripCounts  = 0x0117
	tagPlanar       = 0x011c
	tagPredictor    = 0x013d
	tagColorMap     = 0x0140
	tagTileWidth    = 0x0142
	tagTileLength   = 0x0143
	tagTileOffsets  = 0x0144
	tagTileCounts   = 0x0145
	tagExtra        = 0x0152
	tagDNGVersion   = 0xc612
)

// tiffCompressions names those that are not read.
var tiffCompressions = map[int]string{
	2: "CCITT", 3: "CCITT", 4: "CCITT", 6: "JPEG", 7: "JPEG", 9: "JBIG", 10: "JBIG", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv", 34712: "JPEG 2000",
	34887: "LERC", 34892: "lossy JPEG", 34925: "LZMA", 50000: "zstd", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}

// tiffColours names those that are not read.
var tiffColours = map[int]string{
	4: "transparency masks", 5: "CMYK colours", 6: "YCbCr colours", 8: "CIE L*a*b* colours", 9: "ICC L*a*b* colours", 10: "ITU L*a*b* colours",
	32844: "CIE Log2(L) colours", 32845: "CIE Log2(L)(u',v') colours",
}

// A tiffImage is the first image of a file, as its fields describe it.
type tiffImage struct {
	data  []byte
	order binary.ByteOrder

	w, h        int
	bits        int // of a sample: 1, 8 or 16
	samples     int // of a pixel
	photometric int
	alpha       int // 1: colours are multiplied by it; 2: they are to be
	compression int
	differences bool // of samples from those of the pixel before are stored

	blockW, blockH  int // pixels of a strip or of a tile
	offsets, counts []uint32
	palette         [][3]uint8
}

func openTIFF(data []byte) (file, error) {
	t := &tiffImage{data: data, order: binary.LittleEndian}
	if starts(data, "MM") {
		t.order = binary.BigEndian
	}
	// What is not read is named, before what x/image says of it.
	number := func(tag uint16) int { return int(t.first(tag, 0)) }
	if _, dng := t.field(tagDNGVersion); dng || number(tagPhotometric) == 32803 || number(tagPhotometric) == 34892 {
		return file{}, errors.New("tiff: a camera's raw image (DNG, CFA) is not supported")
	}
	if name, ok := tiffCompressions[number(tagCompression)]; ok {
		return file{}, fmt.Errorf("tiff: %s compression is not supported", name)
	}
	if name, ok := tiffColours[number(tagPhotometric)]; ok {
		return file{}, fmt.Errorf("tiff: %s are not supported", name)
	}
	config, err := tiff.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return file{}, err
	}
	if number(tagPlanar) == 2 {
		return file{}, errors.New("tiff: a plane for each colour is not supported")
	}
	if number(tagFillOrder) == 2 {
		return file{}, errors.New("tiff: bytes with their bits reversed are not supported")
	}
	t.w, t.h, t.photometric = config.Width, config.Height, number(tagPhotometric)
	if err := t.layout(); err != nil {
		return file{}, err
	}
	memory := 3*int64(t.w)*int64(t.h) + 2*int64(t.rowBytes()) + 8*int64(len(t.offsets)) + tiffSlack
	turn := orientation(data)
	if turn > 4 {
		memory = max(memory, 6*int64(t.w)*int64(t.h))
	}
	return file{
		w: t.w, h: t.h,
		smallest:    t.w / 8 * t.h / 2731, // LZW puts up to 4096 bytes into 12 bits
		memory:      memory,
		orientation: 1,
		pixels: func(ctx context.Context) (*Image, error) {
			m, err := t.decode(ctx)
			if err != nil {
				return nil, err
			}
			// A TIFF file has the fields of EXIF data. OpenCV heeds this one whatever it
			// is told about EXIF.
			return orient(m, turn), nil
		},
	}, nil
}

// tiffSlack is more than the windows and tables of any decompression take.
const tiffSlack = 1 << 20

// A tiffField is where the values of a field are.
type tiffField struct {
	size  int // bytes of a value: 1, 2 or 4
	count int
	raw   []byte // of the values; shorter where the file ends
}

// field returns a field of whole numbers.
func (t *tiffImage) field(tag uint16) (f tiffField, ok bool) {
	const entry = 12
	if len(t.data) < 8 {
		return f, false
	}
	at := int64(t.order.Uint32(t.data[4:]))
	if at > int64(len(t.data)-2) {
		return f, false
	}
	rest := t.data[at+2:]
	for range t.order.Uint16(t.data[at:]) {
		if len(rest) < entry {
			return f, false
		}
		e := rest[:entry]
		rest = rest[entry:]
		if t.order.Uint16(e) != tag {
			continue
		}
		switch t.order.Uint16(e[2:]) {
		case 1:
			f.size = 1
		case 3:
			f.size = 2
		case 4:
			f.size = 4
		default:
			return f, false
		}
		f.count = int(t.order.Uint32(e[4:]))
		f.raw = e[8:]
		if f.count > 4/f.size {
			f.raw = t.data[min(int64(len(t.data)), int64(t.order.Uint32(e[8:]))):]
		}
		return f, true
	}
	return f, false
}

// value returns value i of a field.
func (t *tiffImage) value(f tiffField, i int) uint32 {
	switch p := f.raw[i*f.size:]; f.size {
	case 1:
		return uint32(p[0])
	case 2:
		return uint32(t.order.Uint16(p))
	default:
		return t.order.Uint32(p)
	}
}

// first returns the first value of a field, or another number where there is none.
func (t *tiffImage) first(tag uint16, none uint32) uint32 {
	f, ok := t.field(tag)
	if !ok || f.count < 1 || len(f.raw) < f.size {
		return none
	}
	return t.value(f, 0)
}

// list returns the first n values of a field that must have so many.
func (t *tiffImage) list(tag uint16, n int) ([]uint32, error) {
	f, ok := t.field(tag)
	if !ok || f.count < n || len(f.raw)/f.size < n {
		return nil, fmt.Errorf("tiff: invalid format: field %d: expected %d values, found %d in %d bytes", tag, n, f.count, len(f.raw))
	}
	values := make([]uint32, n)
	for i := range values {
		values[i] = t.value(f, i)
	}
	return values, nil
}

// rowBytes returns how many bytes a row of a strip or a tile takes.
func (t *tiffImage) rowBytes() int { return (t.blockW*t.samples*t.bits + 7) / 8 }

// layout reads what the pixels are like and where they are.
func (t *tiffImage) layout() error {
	t.bits, t.samples = 1, 1
	if f, ok := t.field(tagBits); ok {
		t.bits, t.samples = int(t.first(tagBits, 1)), f.count
	}
	t.alpha = int(t.first(tagExtra, 0))
	t.compression = int(t.first(tagCompression, 1))
	switch p := t.first(tagPredictor, 1); {
	case p == 2 && t.bits == 1:
		return errors.New("tiff: differences of samples of 1 bit are not supported")
	case p > 2:
		return fmt.Errorf("tiff: predictor %d is not supported", p)
	default:
		t.differences = p == 2
	}
	if t.photometric == 3 {
		if err := t.readPalette(); err != nil {
			return err
		}
	}
	t.blockW, t.blockH = t.w, t.h
	across, down := 1, 1
	offsets, counts := uint16(tagStripOffsets), uint16(tagStripCounts)
	if w := int(t.first(tagTileWidth, 0)); w != 0 {
		t.blockW, t.blockH = w, int(t.first(tagTileLength, 0))
		if t.blockW < 8 || t.blockH < 8 {
			return fmt.Errorf("tiff: tiles of %dx%d pixels: expected at least 8x8", t.blockW, t.blockH)
		}
		// What lies beyond the image is decompressed as well.
		const spare = 1 << 16
		across = (t.w + t.blockW - 1) / t.blockW
		if t.blockW > spare || across*t.blockW > 2*t.w && across*t.blockW*t.h > spare*1024 {
			return fmt.Errorf("tiff: tiles of %dx%d pixels are too large for an image of %dx%d", t.blockW, t.blockH, t.w, t.h)
		}
		offsets, counts = tagTileOffsets, tagTileCounts
	} else if n := t.first(tagRowsPerStrip, 0); n > 0 && int64(n) < int64(t.h) {
		t.blockH = int(n)
	}
	down = (t.h + t.blockH - 1) / t.blockH
	if across*down > len(t.data)/2 {
		return fmt.Errorf("tiff: %w: %d strips or tiles cannot be in %d bytes", ErrTruncated, across*down, len(t.data))
	}
	var err error
	if t.offsets, err = t.list(offsets, across*down); err == nil {
		t.counts, err = t.list(counts, across*down)
	}
	return err
}

// readPalette reads the colours of a palette (TIFF, section 5). One without numbers above 255
// is taken for one of 8 bits, as libtiff does.
func (t *tiffImage) readPalette() error {
	if t.bits == 16 {
		return errors.New("tiff: a palette for samples of 16 bits")
	}
	f, _ := t.field(tagColorMap)
	n := f.count / 3
	if n < 1 || n > 256 || f.count%3 != 0 {
		return fmt.Errorf("tiff: invalid format: a palette of %d numbers", f.count)
	}
	values, err := t.list(tagColorMap, 3*n)
	if err != nil {
		return err
	}
	shift := 0
	for _, v := range values {
		if uint16(v) > 255 {
			shift = 8
		}
	}
	t.palette = make([][3]uint8, n)
	for i := range t.palette {
		for c := range 3 {
			t.palette[i][c] = uint8(uint16(values[i+c*n]) >> shift)
		}
	}
	return nil
}
