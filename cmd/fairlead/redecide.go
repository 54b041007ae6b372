package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/evidence"
	"fairlead.dev/exposure"
	"fairlead.dev/reevaluate"
	"fairlead.dev/store"
)

// redecide looks again at the running releases of which something became known,
// records about which of them would be decided otherwise now, and gives those.
func (v vulnerabilities) redecide(ctx context.Context, h home, db *store.Store, own evidence.PublicKey, before []fairlead.Exposure, change exposure.Change, now time.Time) ([]reevaluate.Flip, error) {
	after, err := db.Exposures(ctx)
	if err != nil {
		return nil, err
	}
	policy, err := organisation(h, v.env)(ctx)
	if err != nil {
		return nil, err
	}
	ours := desk(db, own)
	judge := reevaluate.Judge{
		Facts: db, Policy: policy, Now: now,
		Exceptions: func(ctx context.Context, p fairlead.Plan, now time.Time) ([]fairlead.Exception, error) {
			return ours.Exceptions(ctx, db, p, now)
		},
	}
	flips := []reevaluate.Flip{}
	was, is := byRelease(before), byRelease(after)
	seen := map[running]bool{}
	for _, x := range append(slices.Clone(change.Affected), change.Cleared...) {
		at := runningOf(x)
		if seen[at] {
			continue
		}
		seen[at] = true
		st, err := db.Environment(ctx, x.Environment, x.Service)
		if err != nil {
			return nil, err
		}
		dep, err := db.Deployment(ctx, st.Deployment)
		if err != nil {
			return nil, err
		}
		flip, err := judge.Release(ctx, dep, reevaluate.Known{Before: was[at], After: is[at]})
		if err != nil {
			return nil, err
		}
		if flip != nil {
			flips = append(flips, *flip)
		}
	}
	return flips, recordFlips(ctx, db, flips, now)
}

// running is a release that takes the traffic of a service's environment.
type running struct {
	environment, service string
	release              fairlead.Digest
}

func runningOf(x fairlead.Exposure) running { return running{x.Environment, x.Service, x.Release} }

// byRelease gives the exposures of each release.
func byRelease(all []fairlead.Exposure) map[running][]fairlead.Exposure {
	out := map[running][]fairlead.Exposure{}
	for _, x := range all {
		out[runningOf(x)] = append(out[runningOf(x)], x)
	}
	return out
}

func recordFlips(ctx context.Context, db *store.Store, flips []reevaluate.Flip, now time.Time) error {
	var u fairlead.Update
	for _, f := range flips {
		data, err := json.Marshal(f)
		if err != nil {
			return &fairlead.Problem{Op: "record decision", Kind: fairlead.KindInternal, Err: err}
		}
		u.Records = append(u.Records, fairlead.Record{
			ID:   fmt.Sprintf("%s/%s/%d", fairlead.RecordReleaseRedecided, fairlead.DigestJSON(f).Short(), now.UnixNano()),
			Type: fairlead.RecordReleaseRedecided, Subject: string(f.Release), Time: now, Data: data,
		})
	}
	if len(u.Records) == 0 {
		return nil
	}
	_, err := db.Commit(ctx, u)
	return err
}

// flipLine says what would be decided about a running release now.
func flipLine(f reevaluate.Flip) string {
	var rules []string
	for _, r := range f.Rules {
		rules = append(rules, r.Name+" ("+r.Reason+")")
	}
	return fmt.Sprintf("decided otherwise now: %s in %s, release %s of run %s: %s becomes %s: %s", f.Service, f.Environment, f.Release.Short(), f.RunID, f.Was, f.Now, strings.Join(rules, "; "))
}
