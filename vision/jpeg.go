package vision

import (
	"context"
	"errors"

	"github.com/gozoo/zoo/vision/internal/jpeg"
)

func openJPEG(data []byte) (file, error) {
	f, err := jpeg.Open(data)
	if err != nil {
		return file{}, jpegError(err)
	}
	return file{
		w: f.Width, h: f.Height, smallest: f.MinBytes(), memory: f.Memory(),
		orientation: orientation(f.EXIF...),
		pixels: func(ctx context.Context) (*Image, error) {
			pix, err := f.Decode(ctx)
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
