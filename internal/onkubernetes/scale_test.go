package onkubernetes

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"fairlead.dev/internal/kubetest"
	"fairlead.dev/target"
)

// Two hundred services are observed by one process, again and again, without
// any of them having to wait for the others.
func TestTwoHundredObserved(t *testing.T) {
	const services, rounds = 200, 5
	s := newStand(t, map[string]any{})
	s.c = kubetest.Start(t, kubetest.Options{Nodes: -1, NoGateway: true}) // what runs does not matter here, how many there are does
	s.namespace = s.c.Namespace(t)
	s.config["kubeconfig"], s.config["namespace"] = s.c.Kubeconfig, s.namespace
	image := s.image("1.0.0")
	places := make([]target.Place, services)
	for i := range places {
		name := fmt.Sprintf("svc-%03d", i)
		places[i] = target.Place{Environment: "staging", Service: name}
		s.at = places[i]
		g := s.pack(image, manifests("name: shop", "name: "+name, "app: shop", "app: "+name))
		s.deliver(g)
		s.apply(part{g, 1, 0})
	}
	began := time.Now()
	for range rounds {
		var all sync.WaitGroup
		for _, at := range places {
			all.Go(func() {
				o, err := s.Observe(t.Context(), at)
				if err != nil || len(o.Releases) != 1 || o.Releases[0].Wanted != 1 {
					t.Errorf("%s: %+v, %v", at.Service, o, err)
				}
			})
		}
		all.Wait()
	}
	t.Logf("%d looks at %d services: %s each round, %s each look", services*rounds, services,
		(time.Since(began) / rounds).Round(time.Millisecond), (time.Since(began) / (rounds * services)).Round(10*time.Microsecond))
}
