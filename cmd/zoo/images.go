package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"

	"github.com/gozoo/zoo/model"
	"github.com/gozoo/zoo/vision"
)

// A badImage stands, where JSON is printed, in the place of what would be printed of an image.
type badImage struct {
	Image string `json:"image"`
	Error string `json:"error"`
	Kind  string `json:"kind"` // one of those that kindOf returns
}

// eachImage decodes images, or standard input for "-", as the model's preprocessing
// asks, and calls f with each. One that cannot be decoded is named, and the others
// are still done. Where JSON is printed bad is called in f's place, and standard error says how
// many there were.
func (a *app) eachImage(ctx context.Context, m *model.Model, images []string,
	f func(path string, img image.Image) error, bad func(badImage) error) error {
	unreadable := 0
	for _, path := range images {
		img, err := a.readImage(ctx, m, path)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			unreadable++
			switch {
			case a.printsJSON():
				if err := bad(badImage{path, plain(err), kindOf(err)}); err != nil {
					return err
				}
				if len(images) == 1 {
					return &countedError{err}
				}
			case len(images) == 1:
				return err
			default:
				a.printProblem(plain(err), path)
			}
			continue
		}
		if err := f(path, img); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if unreadable > 0 {
		return fmt.Errorf("%d of %d images could not be read", unreadable, len(images))
	}
	return nil
}

// A countedError is that of the only image, which has been printed as data: the exit status is
// that of what it wraps.
type countedError struct{ err error }

func (e *countedError) Error() string { return "1 of 1 images could not be read" }
func (e *countedError) Unwrap() error { return e.err }

// kindOf names the kind of thing that is wrong with an image, for programs.
func kindOf(err error) string {
	for _, k := range []struct {
		kind string
		is   bool
	}{
		{"missing", errors.Is(err, fs.ErrNotExist)},
		{"unreadable", errors.As(err, new(*fs.PathError))},
		{"empty", errors.Is(err, vision.ErrEmpty)},
		{"truncated", errors.Is(err, vision.ErrTruncated)},
		{"format", errors.As(err, new(*vision.FormatError))},
		{"size", errors.As(err, new(*vision.SizeError))},
		{"memory", errors.As(err, new(*vision.OverBudgetError))},
		{"damaged", errors.As(err, new(*vision.DamagedError))},
	} {
		if k.is {
			return k.kind
		}
	}
	return "invalid" // what the format does not allow, or is not read of it
}

func (a *app) readImage(ctx context.Context, m *model.Model, path string) (image.Image, error) {
	data, err := a.readInput(path)
	if err != nil {
		return nil, err
	}
	img, err := vision.DecodeContext(ctx, data, m.DecodeOptions())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}
