package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Logs gives what a release's pods wrote, as far as the cluster keeps it: of
// one pod by its name, or of all for "", pod after pod. The caller closes it.
func (t *Target) Logs(ctx context.Context, at target.Place, release fairlead.Digest, pod string) (io.ReadCloser, error) {
	const op = "read output"
	if err := at.Check(); err != nil {
		return nil, err
	}
	_, c, err := t.opened(at)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, &fairlead.Problem{Op: op, Kind: fairlead.KindNotFound, Err: fmt.Errorf("nothing of %s was released to %s from here", at.Service, at.Environment)}
	}
	l, err := readLedger(ctx, c, at)
	if err != nil {
		return nil, err
	}
	s, err := look(ctx, c, at, l.Home)
	if err != nil {
		return nil, err
	}
	var parts []io.Reader
	var closers closers
	for _, p := range s.pods {
		if p.Labels[labelRelease] != tag(release) || pod != "" && p.Name != pod {
			continue
		}
		for _, container := range p.Spec.Containers {
			r, err := c.open(ctx, logPath(c.namespace, p.Name)+"?container="+url.QueryEscape(container.Name)+"&tailLines=2000")
			if err != nil {
				parts = append(parts, strings.NewReader(fmt.Sprintf("(no output of %s: %v)\n", p.Name, err)))
				continue
			}
			parts, closers = append(parts, r), append(closers, r)
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(parts...), closers}, nil
}

type closers []io.Closer

func (all closers) Close() error {
	var errs []error
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

func logPath(namespace, pod string) string {
	return "/api/v1/namespaces/" + namespace + "/pods/" + pod + "/log"
}
