package transfer

import (
	"context"
	"sync/atomic"
	"time"
)

// minBytes is how many bytes must come within the time of a stall. No link that
// anybody would wait for is slower.
const minBytes = 1024

// watchdog cancels a request over which next to nothing comes.
type watchdog struct {
	timer *time.Timer
	bytes atomic.Int64 // that came
}

// watch starts a watchdog. After each stretch of time without minBytes more it
// cancels with errStalled.
func watch(stall time.Duration, cancel context.CancelCauseFunc) *watchdog {
	w := &watchdog{}
	var before int64
	ready := make(chan struct{})
	w.timer = time.AfterFunc(stall, func() {
		<-ready
		now := w.bytes.Load()
		if now-before < minBytes {
			cancel(errStalled)
			return
		}
		before = now
		w.timer.Reset(stall)
	})
	close(ready)
	return w
}
