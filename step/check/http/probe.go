package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

const (
	bodyLimit = 1 << 20 // bytes read of an answer
	bodyStart = 200     // bytes quoted of a wrong answer
	hops      = 10      // redirects followed
)

// prober asks one release.
type prober struct {
	config Config
	base   *url.URL
	mask   *strings.Replacer // takes secrets out of what is quoted
	client *http.Client
}

// result is what came of asking for one path, at the last attempt.
type result struct {
	method   string
	path     string
	attempts int
	status   int // 0 when there was no answer
	latency  time.Duration
	body     string // beginning of the body
	err      error  // why it did not pass
}

func newProber(c Config, base *url.URL, secrets []string) *prober {
	var mask []string
	for _, s := range secrets {
		if s != "" {
			mask = append(mask, s, "***")
		}
	}
	transport := &http.Transport{DisableCompression: true} // no proxy: the release is asked directly
	return &prober{config: c, base: base, mask: strings.NewReplacer(mask...), client: &http.Client{
		Transport:     transport,
		CheckRedirect: stayOn(base),
	}}
}

// stayOn refuses redirects to another host: the answer of another host says
// nothing about the release, and headers must not go there.
func stayOn(base *url.URL) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != base.Host || r.URL.Scheme != base.Scheme {
			return fmt.Errorf("redirected off the release to %s://%s", r.URL.Scheme, r.URL.Host)
		}
		if len(via) >= hops {
			return fmt.Errorf("redirected more than %d times", hops)
		}
		return nil
	}
}

// probe asks for one path until it passes or the attempts are used up.
func (p *prober) probe(ctx context.Context, path string) result {
	for attempt := 1; ; attempt++ {
		r := p.ask(ctx, path)
		r.attempts = attempt
		if r.err == nil || attempt >= p.config.Attempts || !pause(ctx, p.config.Interval.D()) {
			return r
		}
	}
}

// pause waits and tells whether it was not cut short.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (p *prober) ask(ctx context.Context, path string) result {
	r := result{method: p.config.Method, path: path}
	ctx, cancel := context.WithTimeoutCause(ctx, p.config.Timeout.D(), fmt.Errorf("no answer within %s", p.config.Timeout))
	defer cancel()
	began := time.Now()
	defer func() { r.latency = time.Since(began) }()
	request, err := http.NewRequestWithContext(ctx, r.method, strings.TrimSuffix(p.base.String(), "/")+path, nil)
	if err != nil {
		r.err = err
		return r
	}
	request.Header.Set("User-Agent", "fairlead-check")
	answer, err := p.client.Do(request)
	if err != nil {
		r.err = cause(ctx, err)
		return r
	}
	defer answer.Body.Close()
	r.status = answer.StatusCode
	body, err := io.ReadAll(io.LimitReader(answer.Body, bodyLimit))
	r.body = quote(p.mask.Replace(string(body)))
	if err != nil {
		r.err = fmt.Errorf("read body: %w", cause(ctx, err))
		return r
	}
	r.err = p.judge(answer.StatusCode, body)
	return r
}

// judge tells why an answer does not pass.
func (p *prober) judge(status int, body []byte) error {
	want := slices.Contains(p.config.Status, status)
	if len(p.config.Status) == 0 {
		want = status >= 200 && status <= 299
	}
	switch {
	case !want && len(p.config.Status) == 0:
		return fmt.Errorf("status %d is not 200 to 299", status)
	case !want:
		return fmt.Errorf("status %d is not one of %v", status, p.config.Status)
	case !bytes.Contains(body, []byte(p.config.Contains)):
		return fmt.Errorf("the body does not contain %q", p.config.Contains)
	}
	return nil
}

// cause prefers what is known about a limit to what the library says, and
// leaves out the URL, which the reader sees already.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// quote gives the beginning of a body on one line.
func quote(body string) string {
	s := strings.ToValidUTF8(body[:min(len(body), bodyStart)], "?")
	return strings.Join(strings.Fields(s), " ")
}

// String says in one line what was asked and what came of it.
func (r result) String() string {
	s := fmt.Sprintf("%s %s: ", r.method, r.path)
	if r.err == nil {
		return s + fmt.Sprintf("status %d after %s", r.status, r.latency.Round(time.Millisecond))
	}
	s += fmt.Sprintf("%v after %s, attempt %d", r.err, r.latency.Round(time.Millisecond), r.attempts)
	if r.body != "" {
		s += fmt.Sprintf(", body begins %q", r.body)
	}
	return s
}

// testCase gives the result as a case of the task. One that needed more than
// one attempt waited for the release to get ready: it passed.
func (r result) testCase(task string) fairlead.TestCase {
	c := fairlead.TestCase{Suite: task, Name: r.method + " " + r.path, Result: fairlead.CasePassed, Seconds: r.latency.Seconds()}
	if r.err != nil {
		c.Result, c.Message = fairlead.CaseFailed, r.String()
	}
	return c
}
