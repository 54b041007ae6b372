package proxy

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"

	"fairlead.dev"
)

// statusClientClosed is what logs around the proxy see of a request whose
// client went away. No standard has a status for it.
const statusClientClosed = 499

// The reasons for which a request gets no answer from a release. They go to
// the client, so they name no address and no file.
var (
	errNothingRouted = errors.New("no release takes traffic")
	errNoRelease     = errors.New("the release is not running")
	errNotReady      = errors.New("no replica is ready")
	errConnect       = errors.New("no replica accepted the connection")
	errSlow          = errors.New("the replica did not answer in time")
	errBroken        = errors.New("the replica broke off before it answered")
	errRequestBody   = errors.New("the request's body ended early or is malformed")
	errForward       = errors.New("this is not a forward proxy")
)

// statusOf gives the status for a failure on the way to or at a replica.
func statusOf(err error) int {
	var timeout net.Error
	switch {
	case errors.Is(err, errNothingRouted), errors.Is(err, errNoRelease), errors.Is(err, errNotReady):
		return http.StatusServiceUnavailable
	case isUnreachable(err):
		return http.StatusServiceUnavailable
	case errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadGateway
	}
}

// refuse answers with the reason as a fairlead.Fault in JSON.
func refuse(w http.ResponseWriter, status int, err error) {
	f := fairlead.Fault{Op: "route request", Kind: fairlead.KindUnavailable, Cause: reason(status, err).Error()}
	h := w.Header()
	switch status {
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
		f.Hint = "try again in a second"
	case http.StatusGatewayTimeout:
		f.Kind = fairlead.KindTimeout
	case http.StatusBadGateway:
		f.Kind = fairlead.KindTransient
	case http.StatusBadRequest, http.StatusMethodNotAllowed:
		f.Kind = fairlead.KindInvalid
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(f) // a client that went away needs no reason
}

// reason gives what a client may know of err.
func reason(status int, err error) error {
	switch status {
	case http.StatusBadRequest:
		return errRequestBody
	case http.StatusGatewayTimeout:
		return errSlow
	case http.StatusBadGateway:
		return errBroken
	}
	if isUnreachable(err) {
		return errConnect
	}
	return err
}
