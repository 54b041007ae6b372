package http

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/step"
)

// release is a service with one path for each way to answer.
func release(t *testing.T) *httptest.Server {
	t.Helper()
	healthy, err := os.ReadFile("testdata/healthy.json")
	if err != nil {
		t.Fatal(err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	var starting atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { w.Write(healthy) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, "panic: no database\n  at hunter2hunter2")
	})
	mux.HandleFunc("/starting", func(w http.ResponseWriter, _ *http.Request) {
		if starting.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(5 * time.Second):
		}
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("POST /only-post", func(http.ResponseWriter, *http.Request) {})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func config(edit func(*Config)) Config {
	c := Type().Config.(Config)
	c.Timeout, c.Interval, c.Attempts = fairlead.Duration(300*time.Millisecond), fairlead.Duration(time.Millisecond), 1
	edit(&c)
	return c
}

func ask(ctx context.Context, endpoint string, c Config) (step.Out, string, error) {
	var output bytes.Buffer
	out, err := Type().Run(ctx, step.In{
		Config: c, Endpoint: endpoint, Output: &output, Task: fairlead.Task{ID: "smoke"}, Secrets: []string{"hunter2hunter2"},
	})
	return out, output.String(), err
}

func TestAnswersAreJudged(t *testing.T) {
	s := release(t)
	for _, tt := range []struct {
		name string
		edit func(*Config)
		want string // in the reason; "" passes
	}{
		{"root by default", func(*Config) {}, ""},
		{"contains", func(c *Config) { c.Contains = `"version": "1.2.0"` }, ""},
		{"does not contain", func(c *Config) { c.Contains = "1.3.0" }, `GET /: the body does not contain "1.3.0" after`},
		{"broken", func(c *Config) { c.Paths = []string{"/", "/broken"} }, `GET /broken: status 500 is not 200 to 299`},
		{"broken is quoted", func(c *Config) { c.Paths = []string{"/broken"} }, `body begins "panic: no database at ***"`},
		{"missing", func(c *Config) { c.Paths = []string{"/nothing"} }, "GET /nothing: status 404"},
		{"missing is wanted", func(c *Config) { c.Paths, c.Status = []string{"/nothing"}, []int{404} }, ""},
		{"good is not wanted", func(c *Config) { c.Status = []int{404, 410} }, "status 200 is not one of [404 410]"},
		{"gets ready", func(c *Config) { c.Paths, c.Attempts = []string{"/starting"}, 5 }, ""},
		{"attempts are counted", func(c *Config) { c.Paths, c.Attempts = []string{"/broken"}, 4 }, "attempt 4"},
		{"slow", func(c *Config) { c.Paths = []string{"/slow"} }, "GET /slow: no answer within 300ms"},
		{"redirect within", func(c *Config) { c.Paths, c.Contains = []string{"/moved"}, "ok" }, ""},
		{"redirect away", func(c *Config) { c.Paths = []string{"/away"} }, "redirected off the release to http://"},
		{"redirect loop", func(c *Config) { c.Paths = []string{"/loop"} }, "redirected more than 10 times"},
		{"endless body", func(c *Config) { c.Paths, c.Timeout = []string{"/endless"}, fairlead.Duration(10*time.Second) }, ""},
		{"method", func(c *Config) { c.Paths, c.Method = []string{"/only-post"}, http.MethodPost }, ""},
		{"head", func(c *Config) { c.Method = http.MethodHead }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config(tt.edit)
			out, output, err := ask(t.Context(), s.URL, c)
			if err != nil {
				t.Fatal(err)
			}
			wantOutcome := step.Done
			if tt.want != "" {
				wantOutcome = step.Failed
			}
			if out.Outcome != wantOutcome || !strings.Contains(out.Reason, tt.want) {
				t.Errorf("%s %q, want %s with %q", out.Outcome, out.Reason, wantOutcome, tt.want)
			}
			if len(out.Cases) != len(c.Paths) || strings.Count(output, "\n") != len(c.Paths) {
				t.Errorf("%d cases, output %q, want one line for each of %v", len(out.Cases), output, c.Paths)
			}
			if all, _ := json.Marshal(out); bytes.Contains(all, []byte("hunter2")) || strings.Contains(output, "hunter2") {
				t.Error("a secret is quoted")
			}
		})
	}
}

func TestClaimNamesWhatFailed(t *testing.T) {
	out, _, err := ask(t.Context(), release(t).URL, config(func(c *Config) { c.Paths = []string{"/", "/broken"} }))
	if err != nil {
		t.Fatal(err)
	}
	var p predicate
	if err := json.Unmarshal(out.Claims[0].Predicate, &p); err != nil {
		t.Fatal(err)
	}
	if p.Result != "FAILED" || len(p.FailedTests) != 1 || p.FailedTests[0] != "GET /broken" || len(p.PassedTests) != 1 {
		t.Errorf("predicate %+v", p)
	}
	if out.Cases[0].Result != fairlead.CasePassed || out.Cases[1].Result != fairlead.CaseFailed || out.Cases[1].Suite != "smoke" {
		t.Errorf("cases %+v", out.Cases)
	}
}

func TestNobodyListensFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	out, _, err := ask(t.Context(), "http://"+l.Addr().String(), config(func(*Config) {}))
	if err != nil || out.Outcome != step.Failed || !strings.Contains(out.Reason, "connection refused") {
		t.Errorf("%v %s %q", err, out.Outcome, out.Reason)
	}
}

func TestMistakesAreInvalid(t *testing.T) {
	s := release(t)
	for _, tt := range []struct {
		name, endpoint string
		edit           func(*Config)
		want           string
	}{
		{"no endpoint", "", func(*Config) {}, "no release is running"},
		{"not http", "unix:///x", func(*Config) {}, "not an http URL"},
		{"no paths", s.URL, func(c *Config) { c.Paths = nil }, "at least one"},
		{"another host", s.URL, func(c *Config) { c.Paths = []string{"//example.org/"} }, "not a path"},
		{"no slash", s.URL, func(c *Config) { c.Paths = []string{"@example.org/"} }, "not a path"},
		{"status", s.URL, func(c *Config) { c.Status = []int{42} }, "42 is not a status"},
		{"timeout", s.URL, func(c *Config) { c.Timeout = 0 }, "not above 0"},
		{"interval", s.URL, func(c *Config) { c.Interval = -1 }, "below 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := ask(t.Context(), tt.endpoint, config(tt.edit))
			if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v (%s), want invalid with %q", err, fairlead.KindOf(err), tt.want)
			}
		})
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	s := release(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	_, _, err := ask(ctx, s.URL, config(func(c *Config) {
		c.Paths, c.Attempts, c.Interval = []string{"/broken"}, 100, fairlead.Duration(time.Minute)
	}))
	if fairlead.KindOf(err) != fairlead.KindCancelled || time.Since(began) > time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}
