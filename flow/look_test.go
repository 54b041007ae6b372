package flow_test

import (
	"encoding/json"
	"testing"
	"time"

	"fairlead.dev"
)

// served is what is kept of one arm in a look, as far as this test reads it.
type served struct {
	Requests uint64 `json:"requests"`
}

// TestNoEvidenceIsForgotten holds that a deployment whose process dies in the
// middle of a watch is judged on everything that was served since it began:
// all looks together are what the target counted.
func TestNoEvidenceIsForgotten(t *testing.T) {
	for _, at := range []string{"new 2@10 old 2@90", "new 2@50 old 2@50", "new 2@100 old 2@0"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.old()
			reached := make(chan struct{}, 1)
			r.stand.applied = func(state string) {
				if state == at {
					reached <- struct{}{}
				}
			}
			id := r.start(canary("new"))
			<-reached
			r.engine.Close(5 * time.Second)
			r.engine = r.launch()
			if _, err := r.engine.TakeOver(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			run := r.wait(id)
			r.ended(run, fairlead.ResultSuccess)
			looks, cursor, err := r.store.Looks(t.Context(), run.Deployment)
			if err != nil {
				t.Fatal(err)
			}
			var sum uint64
			for _, doc := range looks {
				var l struct {
					Canary *served `json:"canary"`
				}
				if err := json.Unmarshal(doc, &l); err != nil {
					t.Fatal(err)
				}
				if l.Canary != nil {
					sum += l.Canary.Requests
				}
			}
			var last struct {
				Canary served `json:"canary"`
			}
			if err := json.Unmarshal(cursor, &last); err != nil {
				t.Fatal(err)
			}
			if sum == 0 || sum != last.Canary.Requests {
				t.Errorf("%d looks hold %d requests, the target counted %d", len(looks), sum, last.Canary.Requests)
			}
		})
	}
}
