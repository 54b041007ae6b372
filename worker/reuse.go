package worker

import (
	"context"
	"errors"

	"fairlead.dev"
	"fairlead.dev/evidence"
)

// reuse takes over an earlier result when nothing that the task reads has
// changed, or when the run is a retry and the task had succeeded, or when the
// run promotes what was proven elsewhere. What the earlier task claimed is
// claimed anew for this commit, saying where and when the work was done.
func (j *job) reuse(ctx context.Context) (bool, error) {
	if j.typ.Needs.Endpoint {
		return false, nil // depends on more than the tree
	}
	if !j.typ.Needs.Network {
		key, err := j.key(ctx)
		if err != nil {
			return false, err
		}
		j.tr.Key = key
	}
	if j.order.Plan.Promotion != nil {
		return j.promote(ctx)
	}
	if j.typ.Needs.Network {
		return false, nil
	}
	from, ok, err := j.earlier(ctx, j.tr.Key)
	if err != nil || !ok {
		return false, err
	}
	if from.Partial && !j.typ.Needs.Change { // what kept it from the rest may be gone
		j.tr.Again = "it had looked at a part only"
		return false, nil
	}
	w, err := j.book.Weigh(ctx, from, j.validFor(), now())
	if err != nil {
		return false, err
	}
	if w.Lapsed != "" {
		j.tr.Again = w.Lapsed
		return false, nil
	}
	// A retry may take over what was made of something else: then it is not what
	// the key of this task stands for, and must not be found by it.
	return j.takeOver(ctx, w, from.Key)
}

// promote takes over what was proven before the promotion. A build is never
// done again: without it there is nothing to promote.
func (j *job) promote(ctx context.Context) (bool, error) {
	w, err := j.book.Promoted(ctx, j.order.Plan, j.order.Task, j.order.RunID, now())
	switch {
	case err != nil:
		return false, err
	case w.Lapsed == "":
		return j.takeOver(ctx, w, "") // proven in another environment: not what the key stands for
	case evidence.IsBuild(j.order.Task):
		p := j.order.Plan.Promotion
		j.end(fairlead.ResultFailure, "the build of "+p.Words()+" cannot be taken over: "+w.Lapsed, &fairlead.Problem{
			Op: "promote " + j.order.Task.ID, Kind: fairlead.KindDenied, Err: errors.New(w.Lapsed),
			Hint: "a promotion never builds: deliver the commit to " + p.From + " again and promote that release",
		})
		return true, nil
	default:
		j.tr.Again = w.Lapsed
		return false, nil
	}
}

// takeOver makes an earlier result this task's, under a content key.
func (j *job) takeOver(ctx context.Context, w evidence.Worth, key fairlead.Digest) (bool, error) {
	claims, err := j.repeat(w)
	if err != nil {
		j.tr.Again = err.Error() // what cannot be read back cannot be reused: do the work
		return false, nil        //nolint:nilerr // said in the record
	}
	from := w.Task
	j.tr.ReusedFrom = from.ReusedFrom
	if j.tr.ReusedFrom == "" {
		j.tr.ReusedFrom = from.RunID
	}
	j.tr.Key, j.tr.ProvenAt = key, w.ProvenAt
	j.tr.Artifacts, j.tr.Cases, j.tr.Findings, j.tr.Measurements = from.Artifacts, from.Cases, from.Findings, from.Measurements
	j.tr.Engine, j.tr.Partial, j.tr.Missed, j.tr.Advisories = from.Engine, from.Partial, from.Missed, from.Advisories
	j.end(fairlead.ResultSuccess, from.Reason, nil)
	return true, j.sign(ctx, claims, w.ProvenAt)
}

// validFor is how long an earlier result of this task counts.
func (j *job) validFor() fairlead.Duration { return j.order.Plan.ValidFor.Of(j.order.Task.Type) }

// earlier finds a result to take over.
func (j *job) earlier(ctx context.Context, key fairlead.Digest) (fairlead.TaskRun, bool, error) {
	from, ok, err := j.Memory.TaskByKey(ctx, key)
	if err != nil || ok || j.order.RetryOf == "" {
		return from, ok, err
	}
	from, err = j.Memory.Task(ctx, j.order.RetryOf, j.order.Task.ID)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return from, false, nil
	}
	return from, err == nil && from.Succeeded(), err
}

// key is over everything that the task reads.
func (j *job) key(ctx context.Context) (fairlead.Digest, error) {
	o := j.order
	tree, err := j.Workspaces.TreeDigest(ctx, o.Plan.Event.Commit, o.Task.Reads)
	if err != nil {
		return "", err
	}
	_, advisories, err := j.advisories(ctx)
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
		Advisories    fairlead.Digest `json:",omitempty"`
	}{Advisories: advisories, Type: o.Task.Type, Version: j.typ.Version, Config: j.config, Setting: j.setting(), Env: declared(o.Task.Env), Tree: tree}
	for _, n := range o.Needs {
		what.Needs = append(what.Needs, n.Artifacts...)
	}
	if j.typ.Needs.Change {
		what.Change = o.Plan.Event.Change.Paths
	}
	return fairlead.DigestJSON(what), nil
}

// repeat makes claims about this run's commit of what an earlier task had
// claimed. A build says where it was really done; a predicate whose schema
// leaves no room for that is claimed as it was.
func (j *job) repeat(w evidence.Worth) ([]fairlead.Claim, error) {
	var claims []fairlead.Claim
	for i, s := range w.Statements {
		c := fairlead.Claim{PredicateType: s.PredicateType, Predicate: s.Predicate}
		if s.PredicateType == fairlead.PredicateBuild {
			var err error
			if c, err = evidence.ReusedBuildClaim(s, j.order.Plan.Event.Commit); err != nil {
				return nil, err
			}
		} else if len(w.Task.Artifacts) > 0 {
			c.Subjects = s.Subjects
		}
		c.From = evidence.Origin(w.Evidence[i])
		claims = append(claims, c)
	}
	return claims, nil
}
