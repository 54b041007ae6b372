package worker

import (
	"context"

	"fairlead.dev"
	"fairlead.dev/evidence"
)

// reuse takes over an earlier result when nothing that the task reads has
// changed, or when the run is a retry and the task had succeeded. What the
// earlier task claimed is claimed anew for this commit, saying where the work
// was done.
func (j *job) reuse(ctx context.Context) (bool, error) {
	if j.typ.Needs.Endpoint || j.typ.Needs.Network {
		return false, nil // depends on more than the tree
	}
	key, err := j.key(ctx)
	if err != nil {
		return false, err
	}
	j.tr.Key = key
	from, ok, err := j.earlier(ctx, key)
	if err != nil || !ok {
		return false, err
	}
	if from.ReusedFrom == "" {
		from.ReusedFrom = from.RunID
	}
	claims, err := j.claimsOf(ctx, from)
	if err != nil {
		return false, nil //nolint:nilerr // what cannot be read back cannot be reused: do the work
	}
	// A retry may take over what was made of something else: then it is not what
	// the key of this task stands for, and must not be found by it.
	j.tr.Key = from.Key
	j.tr.ReusedFrom, j.tr.Artifacts, j.tr.Cases = from.ReusedFrom, from.Artifacts, from.Cases
	j.tr.Findings, j.tr.Measurements = from.Findings, from.Measurements
	j.end(fairlead.ResultSuccess, from.Reason, nil)
	return true, j.sign(ctx, claims)
}

// earlier finds a result to take over. One with a flaky case is never taken:
// it has to prove itself again.
func (j *job) earlier(ctx context.Context, key fairlead.Digest) (fairlead.TaskRun, bool, error) {
	from, ok, err := j.Memory.TaskByKey(ctx, key)
	if err != nil {
		return from, false, err
	}
	if !ok && j.order.RetryOf != "" {
		from, err = j.Memory.Task(ctx, j.order.RetryOf, j.order.Task.ID)
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			return from, false, nil
		}
		ok = err == nil && from.Succeeded()
	}
	if err != nil || !ok {
		return from, false, err
	}
	for _, c := range from.Cases {
		if c.Result == fairlead.CaseFlaky {
			return from, false, nil
		}
	}
	for _, a := range from.Artifacts {
		r, err := j.Blobs.Open(ctx, a.Digest)
		if err != nil {
			return from, false, nil //nolint:nilerr // the content is gone: do the work
		}
		if err := r.Close(); err != nil {
			return from, false, err
		}
	}
	return from, true, nil
}

// key is over everything that the task reads.
func (j *job) key(ctx context.Context) (fairlead.Digest, error) {
	o := j.order
	tree, err := j.Workspaces.TreeDigest(ctx, o.Plan.Event.Commit, o.Task.Reads)
	if err != nil {
		return "", err
	}
	what := struct {
		Type, Version string
		Config        any
		Setting       map[string]string
		Env           []string
		Tree          fairlead.Digest
		Needs         []fairlead.Artifact
		Change        []string
	}{Type: o.Task.Type, Version: j.typ.Version, Config: j.config, Setting: j.setting(), Env: declared(o.Task.Env), Tree: tree}
	for _, n := range o.Needs {
		what.Needs = append(what.Needs, n.Artifacts...)
	}
	if j.typ.Needs.Change {
		what.Change = o.Plan.Event.Change.Paths
	}
	return fairlead.DigestJSON(what), nil
}

// claimsOf reads back what an earlier task claimed and verifies it, as claims
// about this run's commit. A build says where it was really done; a predicate
// whose schema leaves no room for that is claimed as it was.
func (j *job) claimsOf(ctx context.Context, from fairlead.TaskRun) ([]fairlead.Claim, error) {
	old, err := j.Shelf.Evidence(ctx, from.Evidence...)
	if err != nil {
		return nil, err
	}
	commit := j.order.Plan.Event.Commit
	var claims []fairlead.Claim
	for _, e := range old {
		s, err := j.Verifier.Verify(e)
		if err != nil {
			return nil, err
		}
		c := fairlead.Claim{PredicateType: s.PredicateType, Predicate: s.Predicate}
		if s.PredicateType == fairlead.PredicateBuild {
			if c, err = evidence.ReusedBuildClaim(s, commit); err != nil {
				return nil, err
			}
		} else if len(from.Artifacts) > 0 {
			c.Subjects = s.Subjects
		}
		claims = append(claims, c)
	}
	return claims, nil
}
