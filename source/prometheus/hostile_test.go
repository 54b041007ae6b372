package prometheus_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/source/prometheus"
)

// answer is a server's answer to an instant query.
func answer(result string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + result + `]}}`
}

// sample is one sample of an answer.
func sample(labels, value string) string {
	return fmt.Sprintf(`{"metric":{%s},"value":[%d,%q]}`, labels, time.Now().Unix(), value)
}

// fresh answers what asks for the time of a sample, and other to all else.
func fresh(other http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.FormValue("query"), "timestamp(") {
			fmt.Fprint(w, answer(sample("", fmt.Sprint(time.Now().Unix()))))
			return
		}
		other(w, r)
	}
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

// TestNothingBadIsZero holds that whatever a server does wrong is missing data
// with a reason.
func TestNothingBadIsZero(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		reason  string
	}{
		"not a number":       {says(answer(sample("", "NaN"))), "NaN"},
		"infinite":           {says(answer(sample("", "+Inf"))), "Inf"},
		"negative":           {says(answer(sample("", "-1"))), "never negative"},
		"no series":          {says(answer("")), "no series"},
		"one bad among good": {says(answer(sample(`"a":"1"`, "3") + "," + sample(`"a":"2"`, "NaN"))), "NaN"},
		"twice the same":     {says(answer(sample("", "1") + "," + sample("", "2"))), "twice"},
		"partial": {
			says(`{"status":"success","warnings":["store b did not answer"],"data":{"resultType":"vector","result":[` + sample("", "1") + `]}}`), "partial: store b",
		},
		"native histogram": {
			says(answer(`{"metric":{},"histogram":[1,{"count":"1","sum":"1","buckets":[]}]}`)), "native histogram",
		},
		"matrix":       {says(`{"status":"success","data":{"resultType":"matrix","result":[]}}`), "matrix"},
		"text":         {says(`{"status":"success","data":{"resultType":"string","result":[1,"a"]}}`), "string"},
		"no JSON":      {says(`<html>log in`), "invalid character"},
		"error in 200": {says(`{"status":"error","errorType":"bad_data","error":"no"}`), "refuses"},
		"bad query": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"parse error"}`)
		}, "parse error"},
		"not authorized": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, "401"},
		"gone elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}, "answer"},
		"always broken": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "server error: 503"},
		"silent":        {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "did not answer within"},
		"drop by drop": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, " ")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		}, "did not answer within"},
		"without end": {func(w http.ResponseWriter, r *http.Request) {
			for block := strings.Repeat(" ", 1<<16); r.Context().Err() == nil; {
				if _, err := fmt.Fprint(w, block); err != nil {
					return
				}
			}
		}, "answer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(fresh(tt.handler))
			defer web.Close()
			defer web.CloseClientConnections()
			s := open(t, fairlead.MetricsServer{URL: web.URL, Timeout: fairlead.Duration(time.Second)})
			for _, r := range s.Read(t.Context(), time.Now(), []string{"a", "b"}) {
				if len(r.Series) > 0 || !strings.Contains(r.Missing, tt.reason) || strings.Contains(r.Missing, "\n") {
					t.Errorf("got %+v, want missing for %q", r, tt.reason)
				}
			}
		})
	}
}

// TestTriesAgain holds that what passes is waited for.
func TestTriesAgain(t *testing.T) {
	var asked atomic.Int64
	web := httptest.NewServer(fresh(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(503)
			return
		}
		fmt.Fprint(w, answer(sample("", "7")))
	}))
	defer web.Close()
	r := open(t, fairlead.MetricsServer{URL: web.URL}).Read(t.Context(), time.Now(), []string{"a"})[0]
	if r.Missing != "" || r.Series[0].Value != 7 || asked.Load() != 3 {
		t.Errorf("after %d questions: %+v", asked.Load(), r)
	}
}

func TestCancelledIsMissing(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	r := open(t, fairlead.MetricsServer{URL: "http://127.0.0.1:1"}).Read(ctx, time.Now(), []string{"a"})[0]
	if r.Missing == "" {
		t.Error("not missing")
	}
}

// TestAuthorization holds that the header goes to the server, over TLS that
// the named authority vouches for, and into no message.
func TestAuthorization(t *testing.T) {
	const secret = "Bearer s3cret"
	web := httptest.NewTLSServer(fresh(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != secret {
			w.WriteHeader(401)
			return
		}
		fmt.Fprint(w, answer(sample("", "7")))
	}))
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	lookup := func(name string) string { return map[string]string{"PROM": secret, "WRONG": "Bearer other"}[name] }
	server := fairlead.MetricsServer{
		URL: web.URL, CA: ca, Authorization: "PROM", Timeout: fairlead.Duration(10 * time.Second), Stale: fairlead.Duration(time.Minute),
	}
	read := func(m fairlead.MetricsServer) fairlead.Reading {
		s, err := prometheus.Open(m, lookup)
		if err != nil {
			t.Fatal(err)
		}
		return s.Read(t.Context(), time.Now(), []string{"a"})[0]
	}
	if r := read(server); r.Missing != "" {
		t.Errorf("with header and authority: %+v", r)
	}
	wrong := server
	wrong.Authorization = "WRONG"
	if r := read(wrong); r.Missing == "" || strings.Contains(r.Missing, "other") {
		t.Errorf("with a wrong header: %+v", r)
	}
	strange := server
	strange.CA, strange.Timeout = "", fairlead.Duration(time.Second)
	if r := read(strange); r.Missing == "" {
		t.Errorf("a server that nobody vouches for: %+v", r)
	}
}

func TestOpenRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		server fairlead.MetricsServer
		kind   fairlead.Kind
	}{
		"no URL":         {fairlead.MetricsServer{URL: "prometheus"}, fairlead.KindInvalid},
		"another scheme": {fairlead.MetricsServer{URL: "ftp://host"}, fairlead.KindInvalid},
		"no variable":    {fairlead.MetricsServer{URL: "http://host", Authorization: "NOT_SET"}, fairlead.KindUnavailable},
		"no authority":   {fairlead.MetricsServer{URL: "http://host", CA: empty}, fairlead.KindUnavailable},
		"no file":        {fairlead.MetricsServer{URL: "http://host", CA: empty + "x"}, fairlead.KindUnavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := prometheus.Open(tt.server, func(string) string { return "" })
			if fairlead.KindOf(err) != tt.kind {
				t.Errorf("got %v, want %s", err, tt.kind)
			}
		})
	}
}
