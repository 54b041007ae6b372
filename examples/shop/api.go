package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Limits of one order.
const (
	maxBody     = 16 << 10 // bytes
	maxQuantity = 100
)

// api answers HTTP. Customers' endpoints are counted, timed and subject to the
// faults; probes and metrics are not.
type api struct {
	store    *store
	faults   faults
	metrics  *metrics
	logger   *slog.Logger
	stopping atomic.Bool // set on TERM: no longer ready
}

func newAPI(s *store, f faults, logger *slog.Logger) *api {
	return &api{store: s, faults: f, metrics: newMetrics(), logger: logger}
}

func (a *api) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /products":      a.listProducts,
		"GET /products/{id}": a.showProduct,
		"POST /orders":       a.placeOrder,
		"GET /orders/{id}":   a.showOrder,
	} {
		mux.Handle(pattern, a.metrics.wrap(pattern, a.faults.wrap(handle)))
	}
	mux.HandleFunc("GET /healthz", a.healthz)
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.Handle("GET /metrics", a.metrics.handler())
	return mux
}

func (a *api) listProducts(w http.ResponseWriter, r *http.Request) {
	all, err := a.store.products(r.Context())
	a.answer(w, r, http.StatusOK, all, err)
}

func (a *api) showProduct(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err != nil {
		a.answer(w, r, 0, nil, err)
		return
	}
	p, err := a.store.product(r.Context(), id)
	a.answer(w, r, http.StatusOK, p, err)
}

func (a *api) placeOrder(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ProductID int64 `json:"product_id"`
		Quantity  int64 `json:"quantity"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		writeError(w, http.StatusBadRequest, "body is not an order: "+err.Error())
		return
	}
	if in.Quantity < 1 || in.Quantity > maxQuantity {
		writeError(w, http.StatusBadRequest, fmt.Sprintf("quantity must be from 1 to %d", maxQuantity))
		return
	}
	o, err := a.store.place(r.Context(), in.ProductID, in.Quantity, time.Now())
	if err == nil {
		a.metrics.orders.Inc()
		w.Header().Set("Location", fmt.Sprintf("/orders/%d", o.ID))
	}
	a.answer(w, r, http.StatusCreated, o, err)
}

func (a *api) showOrder(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err != nil {
		a.answer(w, r, 0, nil, err)
		return
	}
	o, err := a.store.order(r.Context(), id)
	a.answer(w, r, http.StatusOK, o, err)
}

// healthz tells whether the process works at all. One that does not is
// restarted.
func (a *api) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readyz tells whether the process should get traffic. One that should not is
// left alone until it should again.
func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	switch {
	case a.faults.neverReady:
		writeError(w, http.StatusServiceUnavailable, "told never to be ready")
	case a.stopping.Load():
		writeError(w, http.StatusServiceUnavailable, "stopping")
	case a.store.ping(ctx) != nil:
		writeError(w, http.StatusServiceUnavailable, "database does not answer")
	default:
		writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	}
}

// answer writes value, or what err means to the caller. What only the operator
// can mend is logged and not told.
func (a *api) answer(w http.ResponseWriter, r *http.Request, status int, value any, err error) {
	switch {
	case err == nil:
		writeJSON(w, status, value)
	case errors.Is(err, errNotFound):
		writeError(w, http.StatusNotFound, err.Error())
	case errors.Is(err, errSoldOut):
		writeError(w, http.StatusConflict, err.Error())
	case r.Context().Err() != nil:
		// the caller has gone; nobody reads an answer
	default:
		a.logger.Error("request failed", "path", r.URL.Path, "error", err)
		writeError(w, http.StatusInternalServerError, "internal error")
	}
}

// pathID gives the number in the path; anything else is not found.
func pathID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, errNotFound
	}
	return id, nil
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the caller may be gone; there is nobody to tell
}
