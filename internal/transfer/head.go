package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Head asks an address for its header, as often as a download would, and returns
// the first answer that is a success or sends to another host; redirects within
// the host are followed. The error is an *Error, or the context's.
func (c *Client) Head(ctx context.Context, name, address string, header http.Header) (*http.Response, error) {
	d := &download{Client: c, ctx: ctx, plan: newPlan()}
	d.URL, d.Want.Name = address, name
	via := http.Client{Transport: c.HTTP.Transport, CheckRedirect: stopAtHost}
	for {
		resp, err := d.head(&via, header)
		var temp *temporary
		switch {
		case err == nil:
			return resp, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("store: %s: %w", name, context.Cause(ctx))
		case !errors.As(err, &temp):
			return nil, err
		}
		if d.failures++; d.failures >= c.Attempts || temp.wait > maxWait {
			return nil, d.giveUp(temp)
		}
		d.pause(temp)
	}
}

func (d *download) head(via Doer, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(d.ctx, d.Stall, errStalled)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, d.URL, nil)
	if err != nil {
		return nil, d.failure(0, err)
	}
	req.Header = header.Clone()
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := via.Do(req)
	if err != nil {
		return nil, d.connectError(ctx, err)
	}
	defer resp.Body.Close()
	if code := resp.StatusCode; code >= 400 {
		return nil, d.statusError(resp)
	}
	return resp, nil
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
