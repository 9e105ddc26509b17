package vision

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/semaphore"
)

// DefaultPixelMemory is the size in bytes of the budget that Decode keeps to where its
// options name none: enough for the largest picture of MaxPixels in most formats.
const DefaultPixelMemory = 1 << 30

// A Budget bounds the memory that pictures take while they are decoded, all that share it
// together. A picture waits, in the order in which they came, until there is room for it; one
// that needs more than the whole budget is an *OverBudgetError. It may be used from several
// goroutines.
type Budget struct {
	size int64
	room *semaphore.Weighted
}

// NewBudget returns a budget of some bytes, at least 1.
func NewBudget(bytes int64) *Budget {
	bytes = max(1, bytes)
	return &Budget{bytes, semaphore.NewWeighted(bytes)}
}

// ofProcess is the budget of those who name none.
var ofProcess = NewBudget(DefaultPixelMemory)

// Size returns the bytes of the budget.
func (b *Budget) Size() int64 { return b.size }

// take waits for room, and returns what gives it back. Nil is the budget of the process.
func (b *Budget) take(ctx context.Context, w, h int, need int64) (release func(), err error) {
	if b == nil {
		b = ofProcess
	}
	if need > b.size {
		return nil, &OverBudgetError{W: w, H: h, Need: need, Budget: b.size}
	}
	if err := b.room.Acquire(ctx, need); err != nil {
		return nil, err
	}
	return func() { b.room.Release(need) }, nil
}

// An OverBudgetError says that decoding one picture needs more memory than all pictures may
// take.
type OverBudgetError struct {
	W, H         int   // pixels
	Need, Budget int64 // bytes
}

// Error gives the sizes, and how to allow for it.
func (e *OverBudgetError) Error() string {
	return fmt.Sprintf("decoding %dx%d pixels of this kind needs %d MB, more than the %d MB that pictures may take: "+
		"--pixel-memory (PixelMemory) raises that, --max-pixels (MaxPixels) bounds the picture",
		e.W, e.H, (e.Need+1e6-1)/1e6, e.Budget/1e6)
}

// large is the size of buffers, in bytes, from which on what is no longer needed is given
// back before more is taken, and not when the collector comes round: it would double the
// peak. That takes a millisecond beside the hundreds that such a picture takes.
const large = 64 << 20

// reclaim gives back what nobody needs any more, before so many bytes are taken.
func reclaim(bytes int64) {
	if bytes >= large {
		runtime.GC()
	}
}
