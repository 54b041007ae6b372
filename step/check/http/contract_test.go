package http_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/step"
	check "fairlead.dev/step/check/http"
	"fairlead.dev/step/steptest"
)

func TestContract(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.Error(w, "the password is hunter2hunter2", http.StatusTeapot)
		}
	}))
	defer s.Close()
	against := func(_ *testing.T, in *step.In) {
		in.Endpoint, in.Secrets = s.URL, append(in.Secrets, "hunter2hunter2")
	}
	config := func(edit func(*check.Config)) check.Config {
		c := check.Type().Config.(check.Config)
		c.Interval = fairlead.Duration(time.Millisecond)
		edit(&c)
		return c
	}
	steptest.Run(t, check.Type(),
		steptest.Case{Name: "healthy", Prepare: against, Want: step.Done},
		steptest.Case{Name: "broken", Prepare: against, Config: config(func(c *check.Config) { c.Paths = []string{"/x"} }), Want: step.Failed},
		steptest.Case{Name: "no release", Prepare: func(_ *testing.T, in *step.In) { in.Endpoint = "" }, Kind: fairlead.KindInvalid},
		steptest.Case{Name: "waits", Prepare: against, Stop: true, Config: config(func(c *check.Config) {
			c.Paths, c.Attempts, c.Interval = []string{"/x"}, 100, fairlead.Duration(time.Hour)
		})},
	)
}
