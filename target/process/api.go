package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// handler answers the protocol of docs/reference/agent-protocol.md.
func (a *agent) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /v1/health":          a.getHealth,
		"POST /v1/shutdown":       a.postShutdown,
		"HEAD /v1/blobs/{digest}": a.headBlob,
		"PUT /v1/blobs/{digest}":  a.putBlob,
		"PUT /v1/places/{environment}/{service}/releases/{digest}":      a.putRelease,
		"GET /v1/places/{environment}/{service}/releases/{digest}/logs": a.getLogs,
		"PUT /v1/places/{environment}/{service}":                        a.putPlace,
		"GET /v1/places/{environment}/{service}":                        a.getPlace,
		"/": func(_ http.ResponseWriter, r *http.Request) error {
			return &fairlead.Problem{
				Op: "answer request", Kind: fairlead.KindNotFound,
				Err: fmt.Errorf("protocol %d has no %s %s", Protocol, r.Method, r.URL.Path),
			}
		},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			a.asked.Store(time.Now().UnixNano())
			if err := h(w, r); err != nil {
				refuse(w, err)
			}
		})
	}
	return mux
}

func (a *agent) getHealth(w http.ResponseWriter, _ *http.Request) error {
	answer(w, Health{Protocol: Protocol, PID: os.Getpid(), Version: binaryVersion(), StartedAt: a.startedAt, Isolation: a.host.confiner.isolation()})
	return nil
}

func (a *agent) postShutdown(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusAccepted)
	a.stop()
	return nil
}

func (a *agent) headBlob(w http.ResponseWriter, r *http.Request) error {
	d, err := digestIn(r)
	if err == nil && !a.host.shelf.blobs.has(d) {
		w.WriteHeader(http.StatusNotFound)
	}
	return err
}

func (a *agent) putBlob(w http.ResponseWriter, r *http.Request) error {
	d, err := digestIn(r)
	if err != nil {
		return err
	}
	if err := a.host.shelf.blobs.put(d, http.MaxBytesReader(w, r.Body, maxBlob)); err != nil {
		return tooLarge(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *agent) putRelease(w http.ResponseWriter, r *http.Request) error {
	at, err := placeIn(r)
	if err != nil {
		return err
	}
	d, err := digestIn(r)
	if err != nil {
		return err
	}
	var b target.Bundle
	if err := document(w, r, &b); err != nil {
		return err
	}
	if b.Release.ID != d {
		return invalid("read request", fmt.Errorf("the path names release %s, the body %s", d, b.Release.ID))
	}
	if err := a.deliver(at, b); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *agent) putPlace(w http.ResponseWriter, r *http.Request) error {
	at, err := placeIn(r)
	if err != nil {
		return err
	}
	var d target.Desired
	if err := document(w, r, &d); err != nil {
		return err
	}
	p, err := a.place(at)
	if err != nil {
		return err
	}
	if err := p.apply(d); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *agent) getPlace(w http.ResponseWriter, r *http.Request) error {
	at, err := placeIn(r)
	if err != nil {
		return err
	}
	var o target.Observed
	if p := a.known(at); p != nil {
		o = p.observe()
	}
	answer(w, o)
	return nil
}

func (a *agent) getLogs(w http.ResponseWriter, r *http.Request) error {
	at, err := placeIn(r)
	if err != nil {
		return err
	}
	d, err := digestIn(r)
	if err != nil {
		return err
	}
	replica := r.URL.Query().Get("replica")
	if replica != "" && !replicaName.MatchString(replica) {
		return invalid("read request", fmt.Errorf("no replica is called %q", replica))
	}
	logs, err := readLogs(a.host.under("logs", at, d.Hex()), replica)
	if err != nil {
		return unavailable("read output", "", err)
	}
	defer logs.Close()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.Copy(w, logs)
	return nil
}

// replicaName is the form of a replica's name.
var replicaName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

func placeIn(r *http.Request) (target.Place, error) {
	at := target.Place{Environment: r.PathValue("environment"), Service: r.PathValue("service")}
	return at, at.Check()
}

func digestIn(r *http.Request) (fairlead.Digest, error) {
	d, err := fairlead.ParseDigest(r.PathValue("digest"))
	if err != nil {
		return "", invalid("read request", err)
	}
	return d, nil
}

// document decodes a request's body strictly.
func document(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDocument))
	if err != nil {
		return tooLarge(invalid("read request", err))
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return invalid("read request", err)
	}
	if d.More() {
		return invalid("read request", errors.New("something follows the document"))
	}
	return nil
}

// tooLarge gives err, or a clearer problem when a body was too large.
func tooLarge(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return invalid("read request", fmt.Errorf("the body is larger than %d bytes", large.Limit))
	}
	return err
}
