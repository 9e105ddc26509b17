package vision

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"io"

	"golang.org/x/image/bmp"

	"github.com/gozoo/zoo/vision/internal/jpeg"
)

func openJPEG(data []byte) (file, error) {
	f, err := jpeg.Open(data)
	if err != nil {
		return file{}, jpegError(err)
	}
	return file{
		w: f.Width, h: f.Height, smallest: f.MinBytes(),
		orientation: orientation(f.EXIF...),
		pixels: func() (*Image, error) {
			pix, err := f.Decode()
			if pix == nil {
				return nil, jpegError(err)
			}
			return &Image{W: f.Width, H: f.Height, Pix: pix}, jpegError(err)
		},
	}, nil
}

// jpegError puts the decoder's errors in this package's words.
func jpegError(err error) error {
	var damage jpeg.DamageError
	switch {
	case errors.As(err, &damage):
		return &DamagedError{Reason: damage.Error()}
	case errors.Is(err, jpeg.ErrTruncated):
		return ErrTruncated
	}
	return err
}

func openPNG(data []byte) (file, error) {
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return file{}, err
	}
	if pngChunk(data, "acTL") != nil {
		return file{}, errors.New("png: animated images are not supported")
	}
	return file{
		w: config.Width, h: config.Height,
		// One bit for every pixel is the least there is; deflate puts up to 258 bytes
		// into 2 bits.
		smallest:    (config.Width + 7) / 8 * config.Height / 1032,
		orientation: orientation(pngChunk(data, "eXIf")),
		pixels:      decodeWith(png.Decode, data),
	}, nil
}

func openBMP(data []byte) (file, error) {
	config, err := bmp.DecodeConfig(bytes.NewReader(data))
	if errors.Is(err, bmp.ErrUnsupported) {
		return file{}, errors.New("bmp: run-length coding, bit fields, 16 bits a pixel and old headers are not supported")
	}
	if err != nil {
		return file{}, err
	}
	return file{
		w: config.Width, h: config.Height,
		smallest:    (config.Width + 7) / 8 * config.Height, // one bit for every pixel
		orientation: 1,
		pixels:      decodeWith(bmp.Decode, data),
	}, nil
}

// decodeWith returns a function that decodes data and drops what alpha there is.
func decodeWith(decode func(io.Reader) (image.Image, error), data []byte) func() (*Image, error) {
	return func() (*Image, error) {
		img, err := decode(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return FromImage(img), nil
	}
}
