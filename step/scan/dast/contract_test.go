package dast_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/internal/dasttest"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/dast"
	"fairlead.dev/step/steptest"
)

func config(change func(*dast.Config)) dast.Config {
	c := dast.Type().Config.(dast.Config)
	c.Rate = 10000
	change(&c)
	return c
}

// documented is a service with the document in testdata, that counts what is removed.
func documented(t *testing.T) (*httptest.Server, *atomic.Int64) {
	content, err := os.ReadFile("testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	removed := &atomic.Int64{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/api.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) })
	mux.HandleFunc("GET /notes/{id}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a note")) })
	mux.HandleFunc("DELETE /notes/{id}", func(http.ResponseWriter, *http.Request) { removed.Add(1) })
	return httptest.NewServer(mux), removed
}

func TestContract(t *testing.T) {
	flawed, err := dasttest.Start(2, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer flawed.Close()
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
	}))
	defer hanging.Close()
	notes, deleted := documented(t)
	defer notes.Close()
	at := func(address string) func(*testing.T, *step.In) {
		return func(_ *testing.T, in *step.In) { in.Endpoint = address }
	}
	steptest.Run(t, dast.Type(),
		steptest.Case{Name: "nothing runs", Want: step.Skipped},
		steptest.Case{
			Name: "flaws", Prepare: at(flawed.URL), Want: step.Failed, Config: config(func(c *dast.Config) {}),
			Check: func(t *testing.T, _ step.In, out step.Out) {
				for _, f := range out.Findings {
					if f.Category != fairlead.CategoryDAST || f.Tool != dast.Name || len(f.CWE) == 0 || f.Fix == "" {
						t.Errorf("finding %+v", f)
					}
					if strings.Contains(f.Message, "value-of-cookie") || strings.Contains(f.Message, "not-shown") {
						t.Errorf("%s tells a secret", f.Message)
					}
				}
				if out.Partial || !strings.Contains(out.Reason, "high") {
					t.Errorf("partial %v, reason %q", out.Partial, out.Reason)
				}
			},
		},
		steptest.Case{Name: "flaws that may pass", Prepare: at(flawed.URL), Want: step.Done, Config: config(func(c *dast.Config) { c.FailOn = "none" })},
		steptest.Case{
			Name: "few requests, few pages", Prepare: at(flawed.URL), Want: step.Done,
			Config: config(func(c *dast.Config) { c.Requests, c.Pages, c.FailOn, c.Canary = 30, 3, "none", "off" }),
			Check: func(t *testing.T, _ step.In, out step.Out) {
				if !out.Partial || !strings.Contains(out.Reason, "requests") {
					t.Errorf("partial %v, reason %q", out.Partial, out.Reason)
				}
			},
		},
		steptest.Case{Name: "a method nobody knows", Prepare: at(flawed.URL), Kind: fairlead.KindInvalid, Config: config(func(c *dast.Config) { c.Methods = []string{"TRACE"} })},
		steptest.Case{Name: "no path", Prepare: at(flawed.URL), Kind: fairlead.KindInvalid, Config: config(func(c *dast.Config) { c.OpenAPI = "api.json" })},
		steptest.Case{
			Name: "a document elsewhere, without what destroys", Prepare: at(notes.URL), Want: step.Done,
			Config: config(func(c *dast.Config) { c.OpenAPI = "/v1/api.json" }), Check: func(t *testing.T, _ step.In, out step.Out) {
				if n := deleted.Load(); n != 0 || out.Measurements[0].Value != 2 {
					t.Errorf("%d removed, %v", n, out.Measurements)
				}
			},
		},
		steptest.Case{
			Name: "a document elsewhere, with what destroys", Prepare: at(notes.URL), Want: step.Done,
			Config: config(func(c *dast.Config) { c.OpenAPI, c.Methods = "/v1/api.json", []string{"DELETE"} }), Check: func(t *testing.T, _ step.In, out step.Out) {
				if n := deleted.Load(); n == 0 || out.Measurements[0].Value != 3 {
					t.Errorf("%d removed, %v", n, out.Measurements)
				}
			},
		},
		steptest.Case{Name: "no time", Prepare: at(notes.URL), Kind: fairlead.KindInvalid, Config: config(func(c *dast.Config) { c.Time = 0 })},
		steptest.Case{Name: "no canary possible", Prepare: at(notes.URL), Kind: fairlead.KindUnavailable, Config: config(func(c *dast.Config) { c.Canary = "192.0.2.1:0" })},
		steptest.Case{Name: "no address", Prepare: at("ftp://x"), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "nothing listens", Prepare: at("http://127.0.0.1:1"), Kind: fairlead.KindUnavailable},
		steptest.Case{Name: "hangs", Prepare: at(hanging.URL), Stop: true},
	)
}
