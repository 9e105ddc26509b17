package vision_test

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozoo/zoo/vision"
)

// A picture that needs more than the whole budget is refused before memory is taken, by an
// error that says how to allow for it.
func TestOverBudget(t *testing.T) {
	file := encodePNG(t, image.NewGray(image.Rect(0, 0, 400, 300)))
	_, err := vision.Decode(file, vision.DecodeOptions{Budget: vision.NewBudget(360_000)})
	var over *vision.OverBudgetError
	if !errors.As(err, &over) || over.W != 400 || over.H != 300 || over.Need <= 360_000 || over.Budget != 360_000 {
		t.Fatalf("error %v", err)
	}
	for _, flag := range []string{"--pixel-memory", "--max-pixels"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("%q does not name %s", err, flag)
		}
	}
	if _, err := vision.Decode(file, vision.DecodeOptions{Budget: vision.NewBudget(over.Need)}); err != nil {
		t.Error(err)
	}
}

// Pictures that share a budget for one of them are all decoded, one after another, and what
// is given up meanwhile gives its room back.
func TestBudgetIsShared(t *testing.T) {
	file := encodePNG(t, image.NewGray(image.Rect(0, 0, 400, 300)))
	budget := vision.NewBudget(500_000)
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%4)*time.Millisecond)
			defer cancel()
			if i%4 == 3 {
				ctx = t.Context()
			}
			if _, err := vision.DecodeContext(ctx, file, vision.DecodeOptions{Budget: budget}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if _, err := vision.Decode(file, vision.DecodeOptions{Budget: budget}); err != nil {
		t.Error(err)
	}
}

// A context that ends while a picture waits, or before any of its rows, ends the call.
func TestDecodeContext(t *testing.T) {
	data, _ := tensors(t, goldenFile)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, file := range data {
		if !strings.HasPrefix(name, "file/") {
			continue
		}
		if _, err := vision.DecodeContext(ended, file, vision.DecodeOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	p := pipeline(8, 6, vision.Bicubic)
	if _, err := p.Load(ended, data["file/rgb.png"], p.DecodeOptions()); !errors.Is(err, context.Canceled) {
		t.Errorf("Load: error %v", err)
	}
}

// A picture that takes long ends soon after its context.
func TestDecodeIsInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a second")
	}
	for name, file := range longPictures(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			begin := time.Now()
			_, err := vision.DecodeContext(ctx, file, vision.DecodeOptions{MaxPixels: vision.MostPixels, Budget: vision.NewBudget(4 << 30)})
			if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took > 10*time.Second {
				t.Errorf("error %v after %v", err, took)
			}
		})
	}
}

// longPictures returns small files of 36 million pixels, and a JPEG of many scans.
func longPictures(t testing.TB) map[string][]byte {
	const side = 6000
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, side), side)
	return map[string][]byte{
		"PNG":        pngFile(pngPart{"IHDR", append(head, 16, 6, 0, 0, 0)}, pngPart{"IDAT", deflated(t, make([]byte, side*(1+8*side)))}, pngPart{"IEND", nil}),
		"interlaced": pngFile(pngPart{"IHDR", append(head, 8, 0, 0, 0, 1)}, pngPart{"IDAT", deflated(t, make([]byte, 2*side*(1+side)))}, pngPart{"IEND", nil}),
		"JPEG":       scansJPEG(2048, 400, false),
		"TIFF":       stripsTIFF(side, side, 8, side, deflated(t, make([]byte, side*side))),
		"WebP":       plainWebP(side, side),
	}
}
