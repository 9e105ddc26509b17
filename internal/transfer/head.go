package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Head asks an address for its header, as often as a download would, and returns
// the first answer that is a success or sends to another host; redirects within
// the host are followed. The error is an *Error, or the context's.
func (c *Client) Head(ctx context.Context, file File) (*http.Response, error) {
	file.Via = &http.Client{Transport: c.HTTP.Transport, CheckRedirect: stopAtHost}
	var answer *http.Response
	err := c.small(ctx, file, http.MethodHead, func(resp *http.Response) error {
		answer = resp
		return nil
	})
	return answer, err
}

// Document asks an address for a document of at most limit bytes, as often as a download
// would, and returns it with the answer's header. The error is an *Error, or the context's.
func (c *Client) Document(ctx context.Context, file File, limit int64) (data []byte, header http.Header, err error) {
	err = c.small(ctx, file, http.MethodGet, func(resp *http.Response) error {
		undo(resp)
		data, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
		header = resp.Header
		switch {
		case err != nil:
			return &temporary{err: err}
		case int64(len(data)) > limit:
			return &Refusal{Err: fmt.Errorf("expected at most %d bytes, found more", limit)}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return data, header, nil
}

// small makes attempts at a request until an answer is good and was read.
func (c *Client) small(ctx context.Context, file File, method string, read func(*http.Response) error) error {
	d := &download{Client: c, File: file, ctx: ctx, plan: newPlan()}
	if d.Via == nil {
		d.Via = c.HTTP
	}
	for {
		err := d.ask(method, read)
		var temp *temporary
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("store: %s: %w", file.Want.Name, context.Cause(ctx))
		case !errors.As(err, &temp):
			return err
		}
		if d.failures++; d.failures >= c.Attempts || temp.wait > maxWait {
			return d.giveUp(temp)
		}
		d.pause(temp)
	}
}

func (d *download) ask(method string, read func(*http.Response) error) error {
	ctx, cancel := context.WithTimeoutCause(d.ctx, d.Stall, errStalled)
	defer cancel()
	req, err := d.request(ctx, method)
	if err != nil {
		return err
	}
	resp, err := d.Via.Do(req)
	if err != nil {
		return d.connectError(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return d.statusError(resp)
	}
	err = read(resp)
	if temp := (*temporary)(nil); err == nil || errors.As(err, &temp) {
		return err
	}
	return d.connectError(ctx, err)
}

// stopAtHost follows redirects within a host and no others.
func stopAtHost(req *http.Request, via []*http.Request) error {
	if err := checkRedirect(req, via); err != nil {
		return err
	}
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}
