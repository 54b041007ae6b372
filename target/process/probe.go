package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// firstLook is the time between looks at a replica that is not ready yet. It
// doubles up to the configured interval.
const firstLook = 50 * time.Millisecond

// looksLost is the number of failed looks in a row that take a ready replica
// out of traffic.
const looksLost = 3

// probe looks at one replica.
type probe struct {
	ready  Ready
	addr   string // "127.0.0.1:20123"
	client *http.Client
}

func newProbe(r Ready, addr string) *probe {
	return &probe{ready: r, addr: addr, client: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy: this is loopback
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// watch tells report whenever the answer changes, with the reason when it is
// no, until ctx ends. The first report comes with the first look.
func (p *probe) watch(ctx context.Context, report func(error)) {
	var ready bool
	var reason string // last one reported
	wait, failures := firstLook, 0
	for {
		err := p.look(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil && !ready:
			ready, failures, wait = true, 0, p.ready.Interval.D()
			report(nil)
		case err == nil:
			failures = 0
		case ready:
			if failures++; failures >= looksLost {
				ready, reason, wait = false, err.Error(), firstLook
				report(err)
			}
		default:
			if err.Error() != reason {
				reason = err.Error()
				report(err)
			}
			wait = min(2*wait, p.ready.Interval.D())
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// look asks once whether the replica is ready; nil means yes.
func (p *probe) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.ready.Timeout.D())
	defer cancel()
	if p.ready.HTTP == "" {
		return p.connect(ctx)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+p.ready.HTTP, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "fairlead-agent")
	res, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	if res.StatusCode < 200 || res.StatusCode >= 400 {
		return fmt.Errorf("GET %s answered %d", p.ready.HTTP, res.StatusCode)
	}
	return nil
}

func (p *probe) connect(ctx context.Context) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.LocalAddr().String() == c.RemoteAddr().String() {
		return errors.New("nobody listens") // the kernel connected the port with itself
	}
	return nil
}

// pause waits; false means that ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
