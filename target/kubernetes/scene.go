package kubernetes

import (
	"context"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
	"fairlead.dev/target"
)

// scene is what is in the cluster for a place.
type scene struct {
	home   *unstructured.Unstructured            // the user's Deployment; nil while there is none
	copies map[string]*unstructured.Unstructured // Deployments beside it, by tag of their release
	pods   []pod                                 // of both that are of our making
}

// look reads the scene. home is the name of the user's Deployment, "" for none.
func look(ctx context.Context, c *cluster, at target.Place, home string) (*scene, error) {
	const op = "look at the cluster"
	s := &scene{copies: map[string]*unstructured.Unstructured{}}
	ours := metav1.ListOptions{LabelSelector: labelPlace + "=" + key(at)}
	all, err := c.in(deployments).List(ctx, ours)
	if err != nil {
		return nil, c.problem(op, err)
	}
	for i := range all.Items {
		o := &all.Items[i]
		switch {
		case o.GetName() == home:
			s.home = o
		case o.GetLabels()[labelCopy] == "true":
			s.copies[o.GetLabels()[labelRelease]] = o
		}
	}
	if s.home == nil && home != "" { // it may be there without having been ours
		o, err := c.in(deployments).Get(ctx, home, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, c.problem(op, err)
		}
		if err == nil {
			s.home = o
		}
	}
	list, err := c.in(pods).List(ctx, ours)
	if err != nil {
		return nil, c.problem(op, err)
	}
	if s.pods, err = podsIn(list); err != nil {
		return nil, err
	}
	slices.SortFunc(s.pods, func(a, b pod) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// workload is where a release runs.
type workload struct {
	name string // of the Deployment
	copy bool
}

// serving gives the workload of a release that is to take its traffic: home
// when it is whole, the copy as long as home is still being updated. False when
// the release has neither.
func (s *scene) serving(release fairlead.Digest) (workload, bool) {
	beside, ok := s.copies[tag(release)]
	if s.home != nil && releaseOf(s.home) == tag(release) && (!ok || whole(s.home)) {
		return workload{name: s.home.GetName()}, true
	}
	if ok {
		return workload{name: beside.GetName(), copy: true}, true
	}
	return workload{}, false
}

// podsOf gives the pods of a release in a workload that are not being stopped.
func (s *scene) podsOf(release string, beside bool) []pod {
	return slices.DeleteFunc(slices.Clone(s.pods), func(p pod) bool {
		return p.Labels[labelRelease] != release || p.DeletionTimestamp != nil || (p.Labels[labelCopy] == "true") != beside
	})
}

// ready counts the ready pods of what serves a release.
func (s *scene) ready(release fairlead.Digest) int {
	w, ok := s.serving(release)
	if !ok {
		return 0
	}
	return len(onlyReady(s.podsOf(tag(release), w.copy)))
}
