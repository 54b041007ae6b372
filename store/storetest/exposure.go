package storetest

import (
	"context"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/store"
)

// exposures holds the way from a component to the releases that run it.
func exposures(t *testing.T, url string) {
	s, ctx := open(t, url), context.Background()
	old, current := fairlead.DigestBytes([]byte("old")), fairlead.DigestBytes([]byte("current"))
	live := func(record string, fence int64, release fairlead.Digest) {
		u := update(record, run(record, 0))
		u.Environment = &fairlead.EnvironmentState{
			Environment: "production", Service: "shop", Fence: fence, Deployment: "d", Current: &fairlead.Release{ID: release},
		}
		commit(t, s, u)
	}
	live("exposure-1", 1, old)
	states, err := s.Unlooked(ctx)
	if err != nil || len(states) != 1 || states[0].Current.ID != old {
		t.Fatalf("without inventory: %+v, %v", states, err)
	}
	mention := fairlead.Mention{Places: []fairlead.Location{{Path: "web/go.mod", Line: 3}}, Direct: true}
	a, b := fairlead.Part{Key: "Go/a", PURL: "pkg:golang/a@v1.0.0", Mention: mention}, fairlead.Part{Key: "Go/b", PURL: "pkg:golang/b@v1.0.0"}
	for _, v := range []fairlead.Inventory{
		{Release: old, SBOM: fairlead.DigestBytes([]byte("1")), Components: []fairlead.Part{a, b}},
		{Release: old, SBOM: fairlead.DigestBytes([]byte("1")), Components: []fairlead.Part{a, b}}, // again
		{Release: current, SBOM: fairlead.DigestBytes([]byte("2")), Components: []fairlead.Part{b}},
	} {
		if err := s.PutInventory(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	if states, err := s.Unlooked(ctx); err != nil || len(states) != 1 {
		t.Errorf("with inventory and not looked at: %+v, %v", states, err)
	}
	if err := s.PutLooked(ctx, old); err != nil {
		t.Fatal(err)
	}
	if states, err := s.Unlooked(ctx); err != nil || len(states) != 0 {
		t.Errorf("looked at: %+v, %v", states, err)
	}
	in, err := s.PartsIn(ctx, old)
	same(t, "parts of a release", in, []fairlead.Part{a, b})
	if err != nil {
		t.Error(err)
	}
	parts, err := s.PartsOf(ctx, []string{"Go/a", "Go/none"})
	same(t, "parts of a package", parts, []fairlead.Part{{Key: a.Key, PURL: a.PURL}})
	if err != nil {
		t.Error(err)
	}
	holding := func(purl string, want ...fairlead.Holder) {
		t.Helper()
		got, err := s.Holders(ctx, purl)
		if err != nil || len(got) != len(want) {
			t.Fatalf("holders of %s: %+v, %v", purl, got, err)
		}
		for i := range want {
			same(t, "holder", got[i], want[i])
		}
	}
	holding(a.PURL, fairlead.Holder{Environment: "production", Service: "shop", Release: old, PURL: a.PURL, Mention: mention})
	x := fairlead.Exposure{
		Environment: "production", Service: "shop", Release: old, Vulnerability: "CVE-2026-1", PURL: a.PURL,
		Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	}
	expose := func(record string, x fairlead.Exposure, want int) {
		t.Helper()
		commit(t, s, fairlead.Update{Records: []fairlead.Record{fact(record, "")}, Exposures: []fairlead.Exposure{x}})
		exposed(t, s, want, a.PURL, b.PURL)
	}
	expose("affected", x, 1)
	over := x
	over.Until = x.Since.Add(time.Hour)
	expose("cleared", over, 0)
	expose("affected again", x, 1)
	// What no longer takes traffic neither holds a component nor is exposed.
	live("exposure-2", 2, current)
	holding(a.PURL)
	if got, err := s.Exposures(ctx); err != nil || len(got) != 0 {
		t.Errorf("exposures of what was replaced: %+v, %v", got, err)
	}
}

// exposed holds that as many exposures hold, all of them of the first component.
func exposed(t *testing.T, s *store.Store, want int, first, other string) {
	t.Helper()
	ctx := context.Background()
	if got, err := s.Exposures(ctx); err != nil || len(got) != want {
		t.Errorf("exposures %+v, %v, want %d", got, err, want)
	}
	if got, err := s.ExposuresOf(ctx, []string{first, other}); err != nil || len(got) != want {
		t.Errorf("exposures of the components %+v, %v, want %d", got, err, want)
	}
	if got, err := s.ExposuresOf(ctx, []string{other}); err != nil || len(got) != 0 {
		t.Errorf("exposures of another component %+v, %v", got, err)
	}
}
