// Package kubernetes is the target "kubernetes": releases run as Deployments of
// a cluster.
//
// The user's own Deployment is the home of the live release and is never
// renamed. A release that is tried runs beside it as a second Deployment, the
// copy, named by the release's digest. Traffic goes between the two by an
// HTTPRoute, by a Service's selector, or by the share of replicas. When the copy
// alone is wanted, home gets its template by rolling update while the copy
// serves; then traffic goes back to home, and the copy goes. See docs/adr/0010.
//
// # What is kept
//
// In the cluster one ConfigMap for each place: the fence, the wanted state, and
// what we made there. Every write to the cluster first reads what it changes,
// then looks whether its fence is still the highest, then writes only if what
// it read is unchanged. What traffic goes by, and home, a higher fence marks even
// where nothing is to be changed: so of two writers the one with the lower fence
// loses, wherever it was stopped.
//
// In the directory of [Options] the bundles and the manifests of the releases
// delivered, by digest, so that going back needs nothing else. They are verified
// anew whenever they are used.
//
// Nothing of ours stays running in the cluster, so a state that takes several
// steps is gone on with by applying it again: see target.Observed.Pending.
package kubernetes

import (
	_ "embed"
	"time"

	"fairlead.dev/target"
)

//go:embed kubernetes.md
var doc string

const (
	drainDefault   = 5 * time.Second
	acceptDefault  = 10 * time.Second
	measureDefault = 2 * time.Minute
)

// Type describes the target for configuration, help and schema.
func Type() target.Type {
	return target.Type{
		Name:    "kubernetes",
		Title:   "Deployments of a Kubernetes cluster",
		Doc:     doc,
		Config:  defaults(),
		Foresee: foresee,
		Ground:  ground,
	}
}
