package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gozoo/zoo/registry"
)

// download fetches an address into the store. The caller holds the name's lock.
func (s *Store) download(ctx context.Context, address string, want wanted, progress func(done, total int64)) (Blob, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	t := &transfer{
		store: s, url: address, want: want, progress: progress,
		path: filepath.Join(s.dir, "partial", want.name+".part"),
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o755); err != nil {
		return Blob{}, fmt.Errorf("store: %w", err)
	}
	t.recall()
	digest, err := t.run(ctx)
	if err != nil {
		return Blob{}, err
	}
	blob, err := s.keep(t.path, digest, want)
	if err == nil {
		t.forget()
	}
	return blob, err
}

// transfer is one download: a file that grows, over several attempts.
type transfer struct {
	store    *Store
	url      string
	want     wanted
	progress func(done, total int64)

	path      string // of the file that grows
	validator string // of the server's file that path is the start of; empty: start anew
	resumed   bool   // the last attempt went on from an earlier one
	size      int64  // bytes in the file after the last attempt
}

// run makes attempts until the file is whole and right, or one cannot be cured.
func (t *transfer) run(ctx context.Context) (registry.Digest, error) {
	const gain = 1 << 20 // bytes after which failures are counted anew
	failures, restarted := 0, false
	for {
		before := t.size
		digest, err := t.attempt(ctx)
		var temp *temporary
		switch {
		case err == nil:
			return digest, nil
		case ctx.Err() != nil:
			return digest, fmt.Errorf("store: %s: %w", t.want.name, context.Cause(ctx))
		case errors.As(err, new(*MismatchError)) && t.resumed && !restarted:
			restarted = true // what was there before may be to blame
			t.forget()
			continue
		case !errors.As(err, &temp):
			t.forget()
			return digest, err
		}
		if failures++; t.size-before >= gain {
			failures = 1
		}
		if failures >= t.store.attempts {
			return digest, t.giveUp(temp)
		}
		wait := max(t.store.backoff<<(failures-1), temp.wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// giveUp returns the error of the last attempt, and keeps what can be gone on with.
func (t *transfer) giveUp(last *temporary) error {
	err := t.failure(last.status, last.err)
	if t.validator == "" || t.size == 0 {
		t.forget()
	}
	err.Kept = t.size
	return err
}

// attempt asks for what is missing and returns the digest of the whole file. The
// error is a *temporary, a *FetchError, a *MismatchError, or the disk's.
func (t *transfer) attempt(ctx context.Context) (digest registry.Digest, err error) {
	f, err := os.OpenFile(t.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return digest, fmt.Errorf("store: %s: %w", t.want.name, err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("store: %s: %w", t.want.name, cerr)
		}
	}()
	v, err := t.verifyStart(f)
	if err != nil {
		return digest, fmt.Errorf("store: %s: %w", t.want.name, err)
	}
	if t.resumed = v.size > 0; t.resumed {
		if digest, err := v.check(); err == nil {
			return digest, nil // it was whole, and only not moved into place
		}
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(t.store.stall, func() { cancel(errStalled) })
	defer stall.Stop()
	resp, err := t.request(ctx, v.size)
	if err != nil {
		return digest, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		v, t.resumed = newVerifier(t.want), false
		if err := rewind(f); err != nil {
			return digest, fmt.Errorf("store: %s: %w", t.want.name, err)
		}
		if err := t.remember(resp.Header); err != nil {
			return digest, fmt.Errorf("store: %s: %w", t.want.name, err)
		}
	}
	if err := t.copy(ctx, f, v, resp, func() { stall.Reset(t.store.stall) }); err != nil {
		return digest, err
	}
	return v.check()
}

// copy appends the body to f and v. alive is called with each piece.
func (t *transfer) copy(ctx context.Context, f *os.File, v *verifier, resp *http.Response, alive func()) error {
	total := t.want.size
	if resp.ContentLength >= 0 {
		total = v.size + resp.ContentLength
	}
	buf := make([]byte, 128<<10)
	for {
		n, err := resp.Body.Read(buf)
		alive()
		if _, err := v.Write(buf[:n]); err != nil {
			return v.tooLong()
		}
		if _, err := f.Write(buf[:n]); err != nil {
			return fmt.Errorf("store: %s: %w", t.want.name, err) // such as a full disk
		}
		t.size = v.size
		t.progress(v.size, total)
		switch {
		case err == io.EOF && !delimited(resp) && v.size < t.want.size:
			return &temporary{err: errCut}
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return &temporary{err: fmt.Errorf("%w: %d of %d bytes", errCut, v.size, total)}
		case err != nil && errors.Is(context.Cause(ctx), errStalled):
			return &temporary{err: errStalled}
		case err != nil:
			return &temporary{err: err}
		}
	}
}

// delimited reports whether the end of a body is told apart from a lost connection.
func delimited(resp *http.Response) bool {
	return resp.ContentLength >= 0 || resp.ProtoMajor >= 2 || slices.Contains(resp.TransferEncoding, "chunked")
}
