package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Client speaks to an agent. It is a [target.Target] and may be used
// concurrently. An agent that cannot be reached is KindUnavailable.
type Client struct {
	dir  string
	http *http.Client
}

var _ target.Target = (*Client)(nil)

// Dial gives a client for the agent in a directory. It connects when it is used.
func Dial(dir string) *Client {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs // wherever the program goes afterwards
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		path, release, err := socketPath(dir)
		if err != nil {
			return nil, err
		}
		defer release()
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &Client{dir: dir, http: &http.Client{Transport: &http.Transport{
		DialContext: dial, IdleConnTimeout: 10 * time.Second, MaxIdleConnsPerHost: 4,
	}}}
}

// Close gives up idle connections. The client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Health tells who the agent is.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var h Health
	err := c.call(ctx, "ask agent for its health", http.MethodGet, "/v1/health", nil, &h)
	return h, err
}

// Deliver sends what the agent does not have yet, and then the bundle. A
// refusal by the agent is KindDenied with its reason.
func (c *Client) Deliver(ctx context.Context, at target.Place, b target.Bundle, open target.Content) error {
	path, err := placePath(at)
	if err != nil {
		return err
	}
	for _, a := range b.Release.Artifacts {
		if err := c.send(ctx, a, open); err != nil {
			return err
		}
	}
	return c.call(ctx, "deliver release", http.MethodPut, path+releasePath(b.Release.ID), b, nil)
}

// Apply makes d the wanted state of the place.
func (c *Client) Apply(ctx context.Context, at target.Place, d target.Desired) error {
	path, err := placePath(at)
	if err != nil {
		return err
	}
	return c.call(ctx, "apply desired state", http.MethodPut, path, d, nil)
}

// Observe tells what is there now; for a place never heard of, nothing.
func (c *Client) Observe(ctx context.Context, at target.Place) (target.Observed, error) {
	var o target.Observed
	path, err := placePath(at)
	if err != nil {
		return o, err
	}
	err = c.call(ctx, "observe", http.MethodGet, path, nil, &o)
	return o, err
}

// Logs gives what a release's replicas wrote, as far as it is kept: of one
// replica by its name, or of all for "". The caller closes it.
func (c *Client) Logs(ctx context.Context, at target.Place, release fairlead.Digest, replica string) (io.ReadCloser, error) {
	path, err := placePath(at)
	if err != nil {
		return nil, err
	}
	path += releasePath(release) + "/logs"
	if replica != "" {
		path += "?replica=" + url.QueryEscape(replica)
	}
	res, err := c.do(ctx, "read output", http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Shutdown asks the agent to stop in order and waits until it is gone. That
// none runs is KindNotFound.
func (c *Client) Shutdown(ctx context.Context) error {
	const op = "stop agent"
	for began := false; ; began = true {
		err := c.call(ctx, op, http.MethodPost, "/v1/shutdown", nil, nil)
		switch {
		case err == nil:
			return lockFree(ctx, c.dir)
		case fairlead.KindOf(err) != fairlead.KindUnavailable:
			return err
		case runs(c.dir): // it begins to answer, or it stops already
			pause(ctx, 20*time.Millisecond)
		case began:
			return nil
		default:
			return &fairlead.Problem{Op: op, Kind: fairlead.KindNotFound, Err: fmt.Errorf("no agent runs in %s", c.dir)}
		}
	}
}

// send sends an artifact's content unless the agent has it.
func (c *Client) send(ctx context.Context, a fairlead.Artifact, open target.Content) error {
	const op = "send content"
	path := "/v1/blobs/" + url.PathEscape(string(a.Digest))
	res, err := c.do(ctx, op, http.MethodHead, path, nil)
	if err == nil {
		return res.Body.Close()
	}
	if fairlead.KindOf(err) != fairlead.KindNotFound {
		return err
	}
	content, err := open(ctx, a.Digest)
	if err != nil {
		return fmt.Errorf("%s of %s: %w", op, a.Name, err)
	}
	defer content.Close()
	res, err = c.do(ctx, op+" of "+a.Name, http.MethodPut, path, content)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// call sends in as JSON, unless it is nil, and decodes the answer into out,
// unless that is nil.
func (c *Client) call(ctx context.Context, op, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return &fairlead.Problem{Op: op, Kind: fairlead.KindInternal, Err: err}
		}
		body = bytes.NewReader(b)
	}
	res, err := c.do(ctx, op, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return unavailable(op, "", fmt.Errorf("the agent's answer: %w", err))
	}
	return nil
}

// do sends a request. An answer that is a problem is given as the error.
func (c *Client) do(ctx context.Context, op, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, body)
	if err != nil {
		return nil, invalid(op, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, &fairlead.Problem{Op: op, Kind: endKind(ctx), Err: err}
		}
		var own *fairlead.Problem
		if errors.As(err, &own) { // the content we were to send could not be read
			return nil, &fairlead.Problem{Op: op, Kind: own.Kind, Hint: own.Hint, Err: own}
		}
		return nil, unavailable(op, "start the agent: fairlead agent start", err)
	}
	if res.StatusCode < 400 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, faultIn(op, res)
}

// faultIn reads the problem in an answer.
func faultIn(op string, res *http.Response) error {
	var f fairlead.Fault
	err := json.NewDecoder(io.LimitReader(res.Body, maxDocument)).Decode(&f)
	if err == nil && f.Kind != "" {
		return f.Problem()
	}
	kind := fairlead.KindInternal
	switch {
	case res.StatusCode == http.StatusNotFound:
		kind = fairlead.KindNotFound
	case res.StatusCode == http.StatusBadRequest:
		kind = fairlead.KindInvalid
	case res.StatusCode == http.StatusServiceUnavailable:
		kind = fairlead.KindUnavailable
	}
	return &fairlead.Problem{Op: op, Kind: kind, Err: fmt.Errorf("the agent answered %s", res.Status)}
}

// endKind is the kind of a problem that is the end of ctx.
func endKind(ctx context.Context) fairlead.Kind {
	if ctx.Err() == context.DeadlineExceeded {
		return fairlead.KindTimeout
	}
	return fairlead.KindCancelled
}

func placePath(at target.Place) (string, error) {
	return "/v1/places/" + url.PathEscape(at.Environment) + "/" + url.PathEscape(at.Service), at.Check()
}

func releasePath(release fairlead.Digest) string {
	return "/releases/" + url.PathEscape(string(release))
}
