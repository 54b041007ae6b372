// Package onkubernetes proves the Kubernetes target on a real API server with
// real traffic: every strategy, bad releases, rollback, fences, permissions and
// crashes. Its tests start clusters, so `make test-kubernetes` runs them.
package onkubernetes
