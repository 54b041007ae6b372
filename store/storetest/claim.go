package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fairlead.dev"
	"fairlead.dev/store"
	"pgregory.net/rapid"
)

func testClaim(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	claim := func(holder, replaces string) (fairlead.EnvironmentState, error) {
		return s.ClaimEnvironment(ctx, "production", "shop", holder, replaces)
	}
	st, err := claim("d1", "")
	wantKind(t, err, "")
	if st.Moving != "d1" || st.Fence != 1 {
		t.Fatalf("first claim: %+v", st)
	}
	again, err := claim("d1", "")
	wantKind(t, err, "")
	same(t, "claimed again", again, st)
	for _, replaces := range []string{"", "d0"} {
		_, err = claim("d2", replaces)
		wantKind(t, err, fairlead.KindConflict)
		if !strings.Contains(err.Error(), "d1") || fairlead.HintOf(err) == "" {
			t.Errorf("error %v (hint %q) does not name the holder", err, fairlead.HintOf(err))
		}
	}
	taken, err := claim("d1/rollback", "d1")
	wantKind(t, err, "")
	if taken.Moving != "d1/rollback" || taken.Fence != 2 {
		t.Errorf("taken over: %+v", taken)
	}
	st.Moving = ""
	_, err = s.Commit(ctx, fairlead.Update{Records: []fairlead.Record{fact("late", "r1")}, Environment: &st})
	wantKind(t, err, fairlead.KindConflict)
	taken.Moving = ""
	commit(t, s, fairlead.Update{Records: []fairlead.Record{fact("free", "r1")}, Environment: &taken})
	next, err := claim("d3", "")
	wantKind(t, err, "")
	if next.Fence != 3 {
		t.Errorf("claimed after release: %+v", next)
	}
	other, err := s.ClaimEnvironment(ctx, "production", "other", "d4", "")
	wantKind(t, err, "")
	if other.Fence != 1 {
		t.Errorf("another service: %+v", other)
	}
	_, err = claim("", "")
	wantKind(t, err, fairlead.KindInvalid)
}

func testClaimRace(t *testing.T, url string) {
	stores := []*store.Store{open(t, url), open(t, url)}
	var winners atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := stores[i%2].ClaimEnvironment(t.Context(), "production", "shop", fmt.Sprintf("d%d", i), "")
			switch fairlead.KindOf(err) {
			case "":
				winners.Add(1)
			case fairlead.KindConflict:
			default:
				t.Errorf("claim: %v", err)
			}
		})
	}
	wg.Wait()
	if winners.Load() != 1 {
		t.Errorf("%d claims won, want 1", winners.Load())
	}
}

// testClaimProperty compares random claims and releases with a model: one
// mover at a time, and a fence that only grows.
func testClaimProperty(t *testing.T, url string) {
	s := open(t, url)
	place := 0
	rapid.Check(t, func(rt *rapid.T) {
		place++
		env := fmt.Sprintf("env%d", place)
		moving, fence := "", int64(0)
		for i := range rapid.IntRange(1, 12).Draw(rt, "length") {
			holder := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "holder")
			if rapid.Bool().Draw(rt, "release") {
				old := rapid.Int64Range(0, fence).Draw(rt, "fence")
				st := fairlead.EnvironmentState{Environment: env, Service: "shop", Fence: old}
				_, err := s.Commit(context.Background(), fairlead.Update{
					Records: []fairlead.Record{fact(fmt.Sprintf("%s/%d", env, i), "r")}, Environment: &st,
				})
				if (err != nil) != (old < fence) {
					rt.Fatalf("release with fence %d of %d: %v", old, fence, err)
				}
				if err == nil {
					moving = ""
				}
				continue
			}
			replaces := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(rt, "replaces")
			st, err := s.ClaimEnvironment(context.Background(), env, "shop", holder, replaces)
			free := moving == "" || moving == replaces
			if allowed := free || moving == holder; allowed != (err == nil) {
				rt.Fatalf("%s claims from %q, replacing %q: %v", holder, moving, replaces, err)
			}
			if err != nil {
				continue
			}
			if moving != holder {
				fence++
			}
			moving = holder
			if st.Moving != moving || st.Fence != fence {
				rt.Fatalf("state %+v, want %s with fence %d", st, moving, fence)
			}
		}
	})
}
