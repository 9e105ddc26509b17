package model

import (
	"errors"
	"sync"
)

// ErrClosed says that a model was used after Close, or was waiting when it was closed.
var ErrClosed = errors.New("model: the model is closed")

// A life knows who uses something that is closed once: Close must not unmap weights that
// are being read.
type life struct {
	mu      sync.Mutex
	users   int
	closing chan struct{} // closed when Close is called
	unused  chan struct{} // closed when that was so and nobody uses it any more
}

func newLife() *life { return &life{closing: make(chan struct{}), unused: make(chan struct{})} }

// enter announces a use, which leave must end. It is ErrClosed once end was called.
func (l *life) enter() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended() {
		return ErrClosed
	}
	l.users++
	return nil
}

// share announces another use by one who has entered.
func (l *life) share() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users++
}

// leave ends a use.
func (l *life) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.users == 0 && l.ended() {
		close(l.unused)
	}
}

// end waits until all uses have ended, and allows no new ones. It reports whether this
// call was the first.
func (l *life) end() bool {
	l.mu.Lock()
	first := !l.ended()
	if first {
		close(l.closing)
		if l.users == 0 {
			close(l.unused)
		}
	}
	l.mu.Unlock()
	<-l.unused
	return first
}

func (l *life) ended() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}
