package flow

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// share is how replicas and traffic are divided between the new release and the previous one.
type share struct {
	newReplicas, oldReplicas int
	weight                   int // percent for the new release
}

// stop says why a rollout does not go on.
type stop struct {
	Reason    string          `json:"reason"`
	Fault     *fairlead.Fault `json:"fault,omitempty"`
	Cancelled bool            `json:"cancelled,omitempty"`
	Replaced  bool            `json:"replaced,omitempty"` // somebody else moves the environment now

	Superseded string `json:"superseded_by,omitempty"` // run for which this one makes way
}

// step is one move of traffic with what comes before and after it.
type step struct {
	name   string
	before share // replicas to bring up, traffic as it is
	after  share
	watch  time.Duration
	due    bool // it may not end undecided: policy says what happens then
	phase  fairlead.DeployPhase
}

// longestFirst is how long a first release is watched at most. Nothing serves
// that it could be compared with or go back to, so only a process that dies
// again and answers that fail from the start can be told, and those show at
// once: there is no bake either.
const longestFirst = time.Minute

// steps lays out a strategy. The previous release keeps at least one ready
// replica until the last verdict, so that a rollback never waits for a start.
func (m *move) steps() []step {
	p := m.in.Plan.Release
	n, old := m.in.Release.Replicas, 0
	if m.previous != nil {
		old = m.previous.Replicas
	}
	var steps []step
	switch {
	case m.current != nil && m.current.ID == m.in.Release.ID:
		all := share{newReplicas: n, weight: 100}
		return []step{{name: "already live", before: all, after: all}}
	case m.previous == nil:
		all := share{newReplicas: n, weight: 100}
		watch := min(p.Steps[len(p.Steps)-1].For.D(), longestFirst)
		return withDue([]step{{name: "first release", before: share{newReplicas: n}, after: all, watch: watch}})
	case m.in.Plan.Strategy == fairlead.StrategyRolling:
		weight := 0
		for i := 1; i <= n; i++ {
			after := share{newReplicas: i, oldReplicas: max(1, old-i*old/n), weight: 100 * i / n}
			steps = append(steps, step{
				name:   fmt.Sprintf("replica %d of %d", i, n),
				before: share{newReplicas: i, oldReplicas: max(1, old-(i-1)*old/n), weight: weight},
				after:  after, watch: p.Steps[0].For.D(),
			})
			weight = after.weight
		}
	default:
		weight := 0
		for i, s := range p.Steps {
			steps = append(steps, step{
				name:   fmt.Sprintf("stage %d of %d (%d%%)", i+1, len(p.Steps), s.Weight),
				before: share{newReplicas: n, oldReplicas: old, weight: weight},
				after:  share{newReplicas: n, oldReplicas: old, weight: s.Weight}, watch: s.For.D(),
			})
			weight = s.Weight
		}
		if weight < 100 {
			full := share{newReplicas: n, oldReplicas: old, weight: 100}
			steps = append(steps, step{name: "promotion", before: share{newReplicas: n, oldReplicas: old, weight: weight}, after: full})
		}
	}
	last := steps[len(steps)-1].after
	if bake := p.Bake.D(); bake > 0 {
		steps = append(steps, step{name: "bake", before: last, after: last, watch: bake, phase: fairlead.DeployBake})
	}
	return withDue(steps)
}

// withDue says where an answer is due: at the last watch before all the
// traffic, and at every one with it. Until then evidence is gathered.
func withDue(steps []step) []step {
	shared := -1
	for i, s := range steps {
		steps[i].due = s.after.weight >= 100
		if s.watch > 0 && s.after.weight < 100 {
			shared = i
		}
	}
	if shared >= 0 {
		steps[shared].due = true
	}
	return steps
}

// stages walks through the steps. A stop that is not nil means: roll back.
func (m *move) stages() (*stop, error) {
	begin, err := do(m.flows, m.fl, "mark start", func(ctx context.Context) (mark, error) { return m.mark(ctx, step{name: "start"}) })
	if err != nil || begin.Stop != nil {
		return begin.Stop, err
	}
	if err := m.standing(); err != nil {
		return nil, err
	}
	for i, s := range m.steps() {
		if s.phase == "" {
			s.phase = fairlead.DeployShift
		}
		if s.phase == fairlead.DeployBake && m.in.Together {
			break // all bake at the same time
		}
		why, err := m.prepare(i, s)
		if err != nil || why != nil {
			return why, err
		}
		if i == 0 {
			if why, err = m.thaw(); err != nil || why != nil {
				return why, err
			}
		}
		if why, err = m.shift(s); err != nil || why != nil {
			return why, err
		}
		if why, err = m.judge(s); err != nil || why != nil {
			return why, err
		}
	}
	return nil, nil
}

// prepare brings up what the step needs and, before the first traffic, runs the
// preview checks. A release that fails here has its verdict too.
func (m *move) prepare(i int, s step) (*stop, error) {
	why, err := m.bringUp(i, s)
	if err == nil && why == nil && i == 0 {
		why, err = m.preview()
	}
	if err != nil || why == nil || why.Cancelled || why.Replaced || why.Superseded != "" {
		return why, err
	}
	at, err := m.fl.Now()
	if err != nil {
		return nil, err
	}
	return why, m.noteVerdict(fairlead.Verdict{
		ID: m.in.ID + "/verdict/start of " + s.name, Deployment: m.in.ID, Stage: "start of " + s.name,
		Answer: fairlead.AnswerWorse, Reason: why.Reason, Time: at,
	})
}

// bringUp starts the replicas that the step needs and waits until they are ready.
func (m *move) bringUp(i int, s step) (*stop, error) {
	if i > 0 && s.before == s.after {
		return nil, nil
	}
	fault, err := m.apply("start "+s.name, m.wanted(s.before))
	if err != nil {
		return nil, err
	}
	if fault != nil {
		return &stop{Reason: fault.Cause, Fault: fault}, nil
	}
	since, err := m.fl.Now()
	if err != nil {
		return nil, err
	}
	return do(m.flows, m.fl, "ready "+s.name, func(ctx context.Context) (*stop, error) {
		return m.untilReady(ctx, s.before.newReplicas, since)
	})
}

// checked is the checkpoint of a preview check.
type checked struct {
	TaskEnding
	Stop *stop `json:"stop,omitempty"` // came before the target answered, or for what was found
}

// preview runs the tasks that check the new release before it takes traffic.
func (m *move) preview() (*stop, error) {
	for _, t := range m.in.Plan.Tasks {
		if t.Phase != fairlead.PhasePreview {
			continue
		}
		end, err := do(m.flows, m.fl, "preview "+t.ID, func(ctx context.Context) (checked, error) {
			o, why, err := m.observe(ctx)
			if err != nil || why != nil {
				return checked{Stop: why}, err
			}
			i, _ := o.Find(m.in.Release.ID)
			end, err := m.task(ctx, Order{RunID: m.in.RunID, Plan: m.in.Plan, Task: t, Endpoint: i.Endpoint})
			if err != nil {
				return checked{}, err
			}
			why, err = m.weigh(ctx, t)
			return checked{TaskEnding: end, Stop: why}, err
		})
		if err != nil || end.Stop != nil {
			return end.Stop, err
		}
		if end.Result != fairlead.ResultSuccess && (end.Result != fairlead.ResultSkip || mustLook(m.in.Plan, t)) { // as the gates have it
			return &stop{
				Reason:    fmt.Sprintf("preview check %s ended with %s: %s", t.ID, end.Result, end.Reason),
				Cancelled: end.Result == fairlead.ResultCancellation,
			}, nil
		}
	}
	return nil, nil
}

// shift moves traffic.
func (m *move) shift(s step) (*stop, error) {
	if s.before == s.after && s.phase == fairlead.DeployBake {
		return nil, m.note(s.name, fairlead.RecordDeploymentMoved, s.phase, "", nil)
	}
	fault, err := m.apply("shift "+s.name, m.wanted(s.after))
	if err != nil {
		return nil, err
	}
	if fault != nil {
		return &stop{Reason: fault.Cause, Fault: fault}, nil
	}
	return nil, m.note(s.name, fairlead.RecordDeploymentMoved, s.phase, "", &s.after.weight)
}

// wanted is the desired state for a share.
func (m *move) wanted(s share) target.Desired {
	d := target.Desired{Fence: m.fence, Config: m.in.Release.Config}
	d.Releases = append(d.Releases, target.Wanted{Release: m.in.Release.ID, Replicas: s.newReplicas, Weight: s.weight})
	if m.previous != nil && s.oldReplicas > 0 {
		d.Releases = append(d.Releases, target.Wanted{Release: m.previous.ID, Replicas: s.oldReplicas, Weight: 100 - s.weight})
	}
	return d
}

// apply makes a desired state the wanted one, as a durable step.
func (m *move) apply(name string, d target.Desired) (*fairlead.Fault, error) {
	return do(m.flows, m.fl, name, func(ctx context.Context) (*fairlead.Fault, error) {
		return m.attempt(ctx, func() error { return m.to.Apply(ctx, m.in.place(), d) })
	})
}
