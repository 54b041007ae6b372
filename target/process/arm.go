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

// instance gives what is seen of the arm. Weight is left out.
func (a *arm) instance(served fairlead.Sample) target.Instance {
	i := target.Instance{Release: a.release, Wanted: a.wanted, Endpoint: a.preview.url(), Sample: served}
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

// inForce gives the percentage of traffic that each arm really gets: the share
// of one without a ready replica goes to the heaviest other that has weight
// and a ready one.
func inForce(arms []*arm) map[fairlead.Digest]int {
	force := map[fairlead.Digest]int{}
	var heaviest *arm
	for _, a := range arms {
		if a.weight > 0 && len(a.backends()) > 0 {
			force[a.release] = a.weight
			if heaviest == nil || a.weight > heaviest.weight {
				heaviest = a
			}
		}
	}
	for _, a := range arms {
		if _, ok := force[a.release]; !ok && heaviest != nil {
			force[heaviest.release] += a.weight
		}
	}
	return force
}
