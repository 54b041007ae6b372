package kubernetes

import (
	"context"
	"sync"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Options say how the target works.
type Options struct {
	Dir    string          // keeps the releases that were delivered; made when it is needed
	Verify target.Verifier // decides whether a release may start; nil refuses all
}

// Target runs releases in Kubernetes clusters. It may be used concurrently, by
// several processes with one directory.
type Target struct {
	shelf  shelf
	verify target.Verifier

	mu       sync.Mutex
	clusters map[fairlead.Digest]*cluster // by what names them; the lock guards it
}

var _ target.Target = (*Target)(nil)

// New makes the target. It connects to clusters when they are asked for.
func New(o Options) *Target {
	return &Target{shelf: shelf{o.Dir}, verify: o.Verify, clusters: map[fairlead.Digest]*cluster{}}
}

// cluster gives the cluster that a config names, opened anew when its kubeconfig
// has changed: credentials are renewed while we run.
func (t *Target) cluster(c Config) (*cluster, error) {
	name, credentials := fairlead.DigestJSON([]string{c.Kubeconfig, c.Context, c.Namespace}), credentialsOf(c)
	t.mu.Lock()
	defer t.mu.Unlock()
	if k, ok := t.clusters[name]; ok && k.credentials == credentials {
		return k, nil
	}
	k, err := connect(c)
	if err == nil {
		k.credentials = credentials
		t.clusters[name] = k
	}
	return k, err
}

// Deliver verifies the bundle, keeps what it needs of it, and asks the cluster
// whether it would take the release: nothing is changed there.
func (t *Target) Deliver(ctx context.Context, at target.Place, b target.Bundle, open target.Content) error {
	if err := at.Check(); err != nil {
		return err
	}
	if err := b.Check(at); err != nil {
		return err
	}
	config, err := decodeConfig(b.Release.Config)
	if err != nil {
		return err
	}
	if err := t.verify.Papers(at, b); err != nil {
		return err
	}
	files, err := needed(config, b.Release.Artifacts)
	if err != nil {
		return err
	}
	if err := t.shelf.keep(ctx, at, b, files, open); err != nil {
		return err
	}
	c, err := t.cluster(config)
	if err != nil {
		return err
	}
	r, err := t.build(ctx, c.namespace, b.Release)
	if err != nil {
		return err
	}
	return rehearse(ctx, c, at, r)
}

// Apply makes d the wanted state. It returns when the traffic follows it; what
// is left to do then is done when the same state is applied again.
func (t *Target) Apply(ctx context.Context, at target.Place, d target.Desired) error {
	if err := at.Check(); err != nil {
		return err
	}
	if err := d.Check(); err != nil {
		return err
	}
	config, err := decodeConfig(d.Config)
	if err != nil {
		return err
	}
	c, err := t.cluster(config)
	if err != nil {
		return err
	}
	m := &move{t: t, c: c, at: at, d: d, config: config, releases: map[fairlead.Digest]*release{}}
	if err := m.apply(ctx); err != nil {
		return c.problem("apply desired state", err)
	}
	return t.shelf.remember(at, d.Config)
}

// opened gives the cluster of a place that was delivered or applied to before,
// by the config in force; nil for one never heard of.
func (t *Target) opened(at target.Place) (Config, *cluster, error) {
	raw, err := t.shelf.config(at)
	if err != nil || raw == nil {
		return Config{}, nil, err
	}
	config, err := decodeConfig(raw)
	if err != nil {
		return Config{}, nil, err
	}
	c, err := t.cluster(config)
	return config, c, err
}
