package process

import (
	"slices"

	"fairlead.dev"
	"fairlead.dev/target"
	"fairlead.dev/target/process/proxy"
)

// arm is one release in one place: what is wanted of it and what runs. The
// place's lock guards it.
type arm struct {
	release  fairlead.Digest
	wanted   int
	weight   int
	recipe   *recipe // nil while the release was not delivered
	problem  error   // why no replica can be started at all
	replicas []*replica
	leaving  map[*replica]bool // taken out of the table, on their way to be stopped
	restarts uint64            // of replicas that are gone
	preview  *front
}

// staying gives the replicas that are not leaving.
func (a *arm) staying() []*replica {
	return slices.DeleteFunc(slices.Clone(a.replicas), func(r *replica) bool { return a.leaving[r] })
}

// backends gives the replicas that may take requests.
func (a *arm) backends() []proxy.Backend {
	var ready []proxy.Backend
	for _, r := range a.staying() {
		if s := r.now(); s.ready {
			ready = append(ready, proxy.Backend{ID: r.id, Addr: s.addr})
		}
	}
	return ready
}

// scale starts replicas up to the wanted number, and gives those beyond it,
// now marked as leaving: first the ones that are not ready, then the youngest.
func (a *arm) scale(start func(recipe) *replica) (leaving []*replica) {
	here := a.staying()
	for n := len(here); n < a.wanted && a.recipe != nil; n++ {
		a.replicas = append(a.replicas, start(*a.recipe))
	}
	if len(here) <= a.wanted {
		return nil
	}
	slices.Reverse(here)
	slices.SortStableFunc(here, func(x, y *replica) int { return rank(x) - rank(y) })
	leaving = here[:len(here)-a.wanted]
	for _, r := range leaving {
		a.leaving[r] = true
	}
	return leaving
}

func rank(r *replica) int {
	if r.now().ready {
		return 1
	}
	return 0
}

// forget drops a replica that has stopped.
func (a *arm) forget(r *replica) {
	a.restarts += r.now().restarts
	delete(a.leaving, r)
	a.replicas = slices.DeleteFunc(a.replicas, func(other *replica) bool { return other == r })
}

// instance gives what is seen of the arm, with the weight that is wanted.
func (a *arm) instance(served fairlead.Sample) target.Instance {
	i := target.Instance{Release: a.release, Wanted: a.wanted, Weight: a.weight, Endpoint: a.preview.url(), Sample: served}
	i.Sample.Restarts = a.restarts
	problem := a.problem
	for _, r := range a.replicas {
		s := r.now()
		i.Sample.Restarts += s.restarts
		if s.running {
			i.Running++
		}
		if a.leaving[r] {
			continue
		}
		if s.ready {
			i.Ready++
		}
		if problem == nil || fairlead.KindOf(s.problem) == fairlead.KindDenied {
			problem = s.problem
		}
	}
	if i.Ready < i.Wanted {
		i.Problem = fairlead.FaultOf(problem)
	}
	return i
}

// inForce turns the weights that are wanted into those that are in force: the
// share of a release without a ready replica goes to the heaviest other that
// has weight and a ready one.
func inForce(seen []target.Instance) {
	heaviest, lost := -1, 0
	for i := range seen {
		switch {
		case seen[i].Ready == 0:
			lost += seen[i].Weight
			seen[i].Weight = 0
		case seen[i].Weight > 0 && (heaviest < 0 || seen[i].Weight > seen[heaviest].Weight):
			heaviest = i
		}
	}
	if heaviest >= 0 {
		seen[heaviest].Weight += lost
	}
}
