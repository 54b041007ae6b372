package engine

import (
	"context"
	"strings"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
)

// Pending is a flow that has not ended.
type Pending struct {
	ID       string
	Name     string
	Parent   string // id of the flow that started it with Child; "" when none did
	Version  string // version of the flows' code it was started with
	Executor string // who executes it, or did until it died
	Alive    bool   // whether that executor lives
}

// queuePrefix starts the names of the queues over which executors take flows
// over. Each executor has its own and serves no other, so nobody is handed a
// flow that he did not ask for.
const (
	queuePrefix  = "fairlead-"
	queuePolling = 100 * time.Millisecond
)

func queueOf(executor string) string { return queuePrefix + executor }

// Pending lists the flows that have not ended, oldest first.
func (e *Engine) Pending(ctx context.Context) ([]Pending, error) {
	found, err := dbos.ListWorkflows(e.client(ctx),
		dbos.WithFilterStatus(dbos.WorkflowStatusPending, dbos.WorkflowStatusEnqueued),
		dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
	if err != nil {
		return nil, unavailable("list unfinished flows", err)
	}
	list := make([]Pending, len(found))
	owners := make([]string, len(found))
	for i, s := range found {
		owner := s.ExecutorID
		if name, ok := strings.CutPrefix(s.QueueName, queuePrefix); ok && s.Status == dbos.WorkflowStatusEnqueued {
			owner = name // taken over, not yet begun
		}
		owners[i] = owner
		list[i] = Pending{ID: s.ID, Name: s.Name, Parent: s.ParentWorkflowID, Version: s.ApplicationVersion, Executor: owner}
	}
	alive, err := e.vitals.Alive(ctx, owners)
	if err != nil {
		return nil, unavailable("look for signs of life", err)
	}
	for i := range list {
		list[i].Alive = alive[list[i].Executor]
	}
	return list, nil
}

// TakeOver resumes, in this process, every unfinished flow of this version
// whose executor is dead and whose id starts with prefix ("" for all), and the
// flows these started with Child. It gives their ids; they begin within about
// a second. Two processes never take over the same flow, and a flow whose
// executor lives is never touched.
func (e *Engine) TakeOver(ctx context.Context, prefix string) ([]string, error) {
	if ids, _, err := e.orphans(ctx, prefix); err != nil || len(ids) == 0 {
		return nil, err
	}
	if err := e.needQueue(ctx); err != nil {
		return nil, err
	}
	done, err := e.vitals.Alone(ctx)
	if err != nil {
		return nil, unavailable("take over", err)
	}
	defer done()
	ids, dead, err := e.orphans(ctx, prefix) // another process may have been faster
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	if _, err := dbos.ResumeWorkflows[any](e.client(ctx), ids, dbos.WithResumeQueue(queueOf(e.executor))); err != nil {
		return nil, unavailable("take over", err)
	}
	for _, executor := range dead {
		if err := dbos.DeleteQueue(e.client(ctx), queueOf(executor)); err != nil {
			e.log.Warn("queue of a dead executor stays behind", "executor", executor, "error", err)
		}
		e.vitals.Bury(executor)
	}
	return ids, nil
}

// Watch takes over, every so often until ctx ends or the engine stops, what
// dead executors leave behind. onTakeover, when not nil, is told each flow.
func (e *Engine) Watch(ctx context.Context, every time.Duration, onTakeover func(id string)) {
	if err := e.needQueue(ctx); err != nil {
		e.log.Warn("takeover is slower", "error", err)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ids, err := e.TakeOver(ctx, "")
		select {
		case <-ctx.Done():
			return
		case <-e.stopped:
			return
		default:
		}
		if err != nil {
			e.log.Warn("takeover failed, trying again", "error", err)
		}
		for _, id := range ids {
			e.log.Info("took over a flow of a dead executor", "flow", id)
			if onTakeover != nil {
				onTakeover(id)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-e.stopped:
			return
		case <-tick.C:
		}
	}
}

// orphans gives the flows to take over, and the dead executors of which
// nothing is left then.
func (e *Engine) orphans(ctx context.Context, prefix string) (ids, dead []string, err error) {
	all, err := e.Pending(ctx)
	if err != nil {
		return nil, nil, err
	}
	chosen := descendants(all, prefix)
	keep := map[string]bool{} // dead executors that still own something
	seen := map[string]bool{}
	for _, p := range all {
		if p.Alive || p.Executor == e.executor {
			continue
		}
		if !seen[p.Executor] {
			seen[p.Executor] = true
			dead = append(dead, p.Executor)
		}
		if chosen[p.ID] && p.Version == e.version && e.flows[p.Name] != nil {
			ids = append(ids, p.ID)
		} else {
			keep[p.Executor] = true
		}
	}
	var buried []string
	for _, executor := range dead {
		if !keep[executor] {
			buried = append(buried, executor)
		}
	}
	return ids, buried, nil
}

// descendants gives the flows whose id starts with prefix and those below them.
func descendants(all []Pending, prefix string) map[string]bool {
	chosen := map[string]bool{}
	for grew := true; grew; {
		grew = false
		for _, p := range all {
			if !chosen[p.ID] && (strings.HasPrefix(p.ID, prefix) || chosen[p.Parent]) {
				chosen[p.ID], grew = true, true
			}
		}
	}
	return chosen
}

// needQueue registers this executor's queue. A process that takes nothing over
// has none.
func (e *Engine) needQueue(ctx context.Context) error {
	e.queueOnce.Lock()
	defer e.queueOnce.Unlock()
	if e.queueReady {
		return nil
	}
	if _, err := dbos.RegisterQueue(e.client(ctx), queueOf(e.executor),
		dbos.WithQueueBasePollingInterval(queuePolling), dbos.WithQueueOnConflict(dbos.QueueConflictAlwaysUpdate)); err != nil {
		return unavailable("take over", err)
	}
	e.queueReady = true
	return nil
}

func (e *Engine) dropQueue() {
	e.queueOnce.Lock()
	defer e.queueOnce.Unlock()
	if !e.queueReady || e.Err() != nil {
		return
	}
	if err := dbos.DeleteQueue(e.dbos, queueOf(e.executor)); err != nil {
		e.log.Debug("queue stays behind", "error", err)
	}
}
