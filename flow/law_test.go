package flow_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // to watch the store from outside
	"pgregory.net/rapid"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/flow"
	"fairlead.dev/target"
)

// histories is how many random histories are tried: each takes several releases.
const histories = 20

// history is some releases of one service that get in each other's way, and
// what happens to them meanwhile.
type history struct {
	*rig
	t     *rapid.T
	place target.Place
	old   string
	ids   []string
	bad   map[string]bool // by name of the release
	names map[string]string
	done  map[string]fairlead.Run
	lock  fairlead.LockMode
}

// Whatever the lock, and whatever happens at whatever state of a release, a
// crash of the process, a cancellation, a person's rollback that takes the
// place over: one at a time moves the place and only its own rollback takes it
// over, with a higher fence; turns come in the order of the lock; every run
// ends, bad releases are gone, something ready has all the traffic, and what
// has ended does not change.
func TestRandomHistoriesKeepTheLaws(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	watch := r.watchClaims()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		if n++; n > histories {
			return
		}
		h := &history{
			rig: r, t: rt, place: target.Place{Environment: shop.Environment, Service: fmt.Sprintf("s%d", n)}, old: fmt.Sprintf("old%d", n),
			bad: map[string]bool{}, names: map[string]string{}, done: map[string]fairlead.Run{},
			lock: rapid.SampledFrom([]fairlead.LockMode{fairlead.LockSerialize, fairlead.LockSupersede, fairlead.LockParallel}).Draw(rt, "lock"),
		}
		h.play()
		h.holdClaims(watch(h.place.Service))
		h.holdEnd()
		if r.Failed() {
			rt.FailNow()
		}
	})
}

// claim is one change of who moves a place, as the database saw it.
type claim struct {
	was, is  string
	old, now int64
}

// watchClaims lets the database itself note every change of who moves a place,
// in the transaction that makes it, and gives a reader of them.
func (r *rig) watchClaims() func(service string) []claim {
	r.Helper()
	db, err := sql.Open("sqlite", "file:"+r.file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { db.Close() })
	for _, s := range []string{
		`CREATE TABLE seen (n INTEGER PRIMARY KEY, service TEXT, was TEXT, "is" TEXT, old INTEGER, now INTEGER)`,
		`CREATE TRIGGER see AFTER UPDATE ON environment BEGIN
			INSERT INTO seen (service, was, "is", old, now) VALUES (new.service,
				coalesce(json_extract(old.doc, '$.moving'), ''), coalesce(json_extract(new.doc, '$.moving'), ''), old.fence, new.fence); END`,
	} {
		if _, err := db.Exec(s); err != nil {
			r.Fatal(err)
		}
	}
	return func(service string) (all []claim) {
		rows, err := db.Query(`SELECT was, "is", old, now FROM seen WHERE service = ? ORDER BY n`, service)
		if err != nil {
			r.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var c claim
			if err := rows.Scan(&c.was, &c.is, &c.old, &c.now); err != nil {
				r.Fatal(err)
			}
			all = append(all, c)
		}
		if err := rows.Err(); err != nil {
			r.Fatal(err)
		}
		return all
	}
}

// play lets the releases begin and disturbs them at states of the target that
// chance chose.
func (h *history) play() {
	states := make(chan string, 1000)
	h.stand.applied = func(s string) {
		select {
		case states <- s:
		default: // nobody counts that far
		}
	}
	first := h.start(h.plan(h.old))
	if run := h.wait(first); run.Result != fairlead.ResultSuccess {
		h.t.Fatalf("first release: %s: %s", run.Result, run.Reason)
	}
	for len(states) > 0 {
		<-states
	}
	for i := range rapid.IntRange(1, 3).Draw(h.t, "releases") {
		name := fmt.Sprintf("%s-%d", h.place.Service, i)
		m := manner{worseAt: rapid.SampledFrom([]int{0, 0, 0, 10, 100}).Draw(h.t, "worse at"), dies: rapid.IntRange(0, 5).Draw(h.t, "dies") == 0}
		h.bad[name] = m.worseAt > 0 || m.dies
		h.stand.behave(name, m)
		id := h.start(h.plan(name))
		h.ids, h.names[id] = append(h.ids, id), name
	}
	acts := []func(){h.crash, h.crash, h.cancel, h.takeOver}
	for range rapid.IntRange(0, 4).Draw(h.t, "acts") {
		act := rapid.IntRange(0, len(acts)-1).Draw(h.t, "act")
		if h.after(states, rapid.IntRange(0, 6).Draw(h.t, "states until it happens")) {
			acts[act]()
		}
	}
	for _, id := range h.ids {
		h.done[id] = h.wait(id)
	}
	slices.SortFunc(h.ids, func(a, b string) int { return int(h.seq(a) - h.seq(b)) }) // they began in an order of their own
}

// seq is a run's place among all that ever were in line.
func (h *history) seq(id string) int64 {
	line, err := h.store.Tickets(h.Context(), id)
	if err != nil || len(line) != 1 {
		h.t.Fatalf("run %s has %d places in line: %v", id, len(line), err)
	}
	return line[0].Seq
}

// plan plans a release of this history's service.
func (h *history) plan(name string) fairlead.Plan {
	return canary(name, func(p *fairlead.Plan) { p.Service, p.Lock = h.place.Service, fairlead.Lock{Mode: h.lock} })
}

// after waits until the target was told n states; false when all runs end before.
func (h *history) after(states <-chan string, n int) bool {
	for range n {
		select {
		case <-states:
		case <-time.After(20 * time.Millisecond):
			if !slices.ContainsFunc(h.ids, h.goesOn) {
				return false
			}
		}
	}
	return true
}

func (h *history) goesOn(id string) bool {
	run, err := h.store.Run(h.Context(), id)
	return err != nil || run.State != fairlead.StateFinished
}

// crash ends the engine where it is; what it was about to record is lost.
// Another one goes on with everything.
func (h *history) crash() {
	h.engine.Close(5 * time.Second)
	h.engine = h.launch()
	if _, err := h.engine.TakeOver(context.Background(), ""); err != nil {
		h.Fatal(err)
	}
}

func (h *history) cancel() {
	id := rapid.SampledFrom(h.ids).Draw(h.t, "cancelled")
	if err := h.store.RequestCancel(h.Context(), id, "dana", ""); err != nil && fairlead.KindOf(err) != fairlead.KindConflict {
		h.Fatal(err)
	}
}

// takeOver is a person's rollback of whatever moves the place: its holder loses
// the place while it believes to have it.
func (h *history) takeOver() {
	st, err := h.store.Environment(h.Context(), h.place.Environment, h.place.Service)
	if err != nil {
		h.Fatal(err)
	}
	d, err := h.store.Deployment(h.Context(), st.Moving)
	if err != nil || d.Phase == fairlead.DeployDone {
		return
	}
	in := flow.Rollback{
		ID: flow.RollbackID(d.ID), RunID: d.RunID, Deployment: d.ID, Environment: d.Environment, Service: d.Service,
		From: d.Release, To: d.Previous, Reason: "a person said so",
	}
	if err := engine.Start(h.Context(), h.engine, flow.NameRollback, in.ID, in); err != nil {
		h.Fatal(err)
	}
}

// holdClaims holds what is true of who moved the place.
func (h *history) holdClaims(all []claim) {
	order := []int{}
	for _, c := range all {
		switch {
		case c.now < c.old:
			h.t.Fatalf("the fence falls: %+v", c)
		case c.is != "" && c.is != c.was && c.now <= c.old:
			h.t.Fatalf("%s has the place with the fence of %s: %+v", c.is, c.was, c)
		case c.was != "" && c.is != "" && c.is != c.was && c.is != c.was+"/rollback":
			h.t.Fatalf("%s takes the place while %s has it", c.is, c.was)
		}
		if run, isRelease := strings.CutSuffix(c.is, "/deployment"); isRelease && c.is != c.was && slices.Contains(h.ids, run) {
			order = append(order, slices.Index(h.ids, run))
		}
	}
	if h.lock == fairlead.LockSerialize && !slices.IsSorted(order) {
		h.t.Fatalf("under serialize turns came in the order %v of %v", order, h.ids)
	}
}

// holdEnd holds what is true when all runs have ended.
func (h *history) holdEnd() {
	live, newest := h.old, -1
	for i, id := range h.ids {
		run := h.done[id]
		if run.Result == fairlead.ResultSuccess && h.bad[h.names[id]] {
			h.t.Fatalf("%s is bad and was released: %s", h.names[id], run.Reason)
		}
		if run.Result == fairlead.ResultError {
			h.t.Fatalf("run %s: %s", id, run.Reason)
		}
		if n := slices.Index(h.ids, run.Superseded); run.Superseded != "" && n <= i {
			h.t.Fatalf("%s was superseded by %s, which is older", id, run.Superseded)
		}
		if run.Result == fairlead.ResultSuccess && h.lock != fairlead.LockParallel {
			live, newest = h.names[id], i
		}
	}
	st, err := h.store.Environment(h.Context(), h.place.Environment, h.place.Service)
	if err != nil || st.Moving != "" || st.Current == nil {
		h.t.Fatalf("in the end %+v %v", st, err)
	}
	is := st.Current.Command[0]
	if h.lock != fairlead.LockParallel && is != live || h.bad[is] {
		h.t.Fatalf("%s is live, want %s (release %d of %d)", is, live, newest, len(h.ids))
	}
	hist := h.stand.history(h.place)
	if last := hist[len(hist)-1]; last.state != is+" 2@100" || last.ready[is] == 0 {
		h.t.Fatalf("%s is live, the target has %q with %v ready", is, last.state, last.ready)
	}
	for _, id := range h.ids {
		h.holdFinal(id)
	}
}

// holdFinal holds that a run which has ended is as it was then, and cannot be
// changed by anybody.
func (h *history) holdFinal(id string) {
	other := h.done[id]
	other.State = rapid.SampledFrom([]fairlead.State{fairlead.StatePending, fairlead.StateExecuting, fairlead.StateFinished}).Draw(h.t, "late state")
	other.Result, other.Reason = fairlead.ResultTimeout, "late"
	_, err := h.store.Commit(h.Context(), fairlead.Update{Records: []fairlead.Record{{ID: id + "/late", Type: fairlead.RecordRunFinished, RunID: id}}, Run: &other})
	if fairlead.KindOf(err) != fairlead.KindConflict {
		h.t.Fatalf("a finished run was changed: %v", err)
	}
	now, err := h.store.Run(h.Context(), id)
	if diff := cmp.Diff(h.done[id], now); err != nil || diff != "" {
		h.t.Fatalf("run %s has changed since it ended: %v\n%s", id, err, diff)
	}
}
