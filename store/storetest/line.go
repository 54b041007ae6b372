package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev"
	"fairlead.dev/store"
)

// queue is a store with runs in line.
type queue struct {
	testing.TB
	*store.Store
}

// join lets a run begin that wants to release services to production.
func (q *queue) join(id string, lock fairlead.Lock, services ...string) {
	q.Helper()
	r := run(id, 0)
	u := update(id+"/queued", r)
	for _, s := range services {
		u.Join = append(u.Join, fairlead.Ticket{
			Environment: r.Environment, Service: s, RunID: id, Holder: id + "/" + s, Lock: lock, Since: start,
		})
	}
	applied(q.TB, q.Store, u)
}

// applied commits an update that must be applied, whatever test it is of.
func applied(t testing.TB, s *store.Store, u fairlead.Update) {
	t.Helper()
	if done, err := s.Commit(context.Background(), u); err != nil || !done {
		t.Fatalf("commit %s: applied %v, error %v", u.Records[0].ID, done, err)
	}
}

// end ends a run and frees what it had claimed.
func (q *queue) end(id string, result fairlead.Result, claimed ...fairlead.EnvironmentState) {
	q.Helper()
	for _, st := range claimed {
		st.Moving = ""
		applied(q.TB, q.Store, fairlead.Update{Records: []fairlead.Record{fact(fmt.Sprintf("%s/free %s", id, st.Service), id)}, Environment: &st})
	}
	r := run(id, 0)
	r.State, r.Result = fairlead.StateFinished, result
	applied(q.TB, q.Store, update(id+"/finished", r))
}

func (q *queue) take(id string) fairlead.Turn {
	q.Helper()
	before, err := q.Turn(context.Background(), id)
	if err != nil {
		q.Fatal(err)
	}
	turn, err := q.TakeTurn(context.Background(), id)
	if err != nil {
		q.Fatal(err)
	}
	if come := len(before.Waits) == 0 && before.By == ""; come && len(turn.Claimed) == 0 && turn.By == "" {
		q.Errorf("%s was told that its turn has come, and then %+v", id, turn)
	}
	return turn
}

// waits holds what a run waits for: its position and who moves the place.
func (q *queue) waits(id string, position int, holder string) {
	q.Helper()
	turn := q.take(id)
	if len(turn.Claimed) > 0 || turn.By != "" || len(turn.Waits) != 1 || turn.Waits[0].Position != position || turn.Waits[0].Holder != holder {
		q.Errorf("%s: %+v, want to wait as number %d behind %q", id, turn, position, holder)
	}
}

// moves holds that a run's turn has come.
func (q *queue) moves(id string) []fairlead.EnvironmentState {
	q.Helper()
	turn := q.take(id)
	if len(turn.Claimed) == 0 {
		q.Fatalf("%s: %+v, want its turn", id, turn)
	}
	return turn.Claimed
}

var (
	serialize = fairlead.Lock{Mode: fairlead.LockSerialize}
	newest    = fairlead.Lock{Mode: fairlead.LockSupersede}
	parallel  = fairlead.Lock{Mode: fairlead.LockParallel}
)

func testLine(t *testing.T, url string) {
	q := &queue{TB: t, Store: open(t, url)}
	for _, id := range []string{"r1", "r2", "r3", "r4"} {
		q.join(id, serialize, "shop")
	}
	q.join("r5", parallel, "shop")
	q.waits("r3", 3, "") // r1 and r2 are not ready, and yet before it
	first := q.moves("r1")
	if again := q.moves("r1"); again[0].Fence != first[0].Fence || first[0].Moving != "r1/shop" {
		t.Errorf("claimed %+v, then %+v", first, again)
	}
	q.waits("r2", 1, "r1/shop")
	q.waits("r4", 3, "r1/shop")
	q.waits("r5", 1, "r1/shop")
	q.end("r2", fairlead.ResultFailure)
	q.waits("r3", 1, "r1/shop")
	q.end("r1", fairlead.ResultSuccess, first...)
	q.waits("r4", 2, "")
	odd := q.moves("r5") // no line for it: nobody moves
	q.waits("r3", 1, "r5/shop")
	q.end("r5", fairlead.ResultSuccess, odd...)
	third := q.moves("r3")
	if third[0].Fence != 3 {
		t.Errorf("fence %d, want 3", third[0].Fence)
	}
	line, err := q.Line(t.Context(), "production", "shop")
	wantKind(t, err, "")
	if len(line) != 2 || line[0].RunID != "r3" || line[0].State != fairlead.TicketMoving || line[1].State != fairlead.TicketReady {
		t.Errorf("line %+v", line)
	}
	all, err := q.Lines(t.Context())
	wantKind(t, err, "")
	same(t, "all lines", all, line)
	old, err := q.Tickets(t.Context(), "r1")
	wantKind(t, err, "")
	if len(old) != 1 || old[0].State != fairlead.TicketReleased || !old[0].Since.Equal(start) {
		t.Errorf("what became of r1: %+v", old)
	}
	_, err = q.TakeTurn(t.Context(), "r9")
	wantKind(t, err, fairlead.KindNotFound)
	_, err = q.Turn(t.Context(), "r9")
	wantKind(t, err, fairlead.KindNotFound)
}

func testSupersede(t *testing.T, url string) {
	q := &queue{TB: t, Store: open(t, url)}
	for _, id := range []string{"r1", "r2", "r3", "r4", "r5"} {
		q.join(id, newest, "shop")
	}
	first := q.moves("r1")
	q.waits("r2", 1, "r1/shop")
	q.waits("r4", 1, "r1/shop") // r3 is not ready, r2 goes no more
	q.superseded("r2", "r4")
	q.superseded("r3", "r4") // it comes when a newer one waits already
	if by, err := q.Superseder(t.Context(), "r1"); err != nil || by != "" {
		t.Errorf("a release on its way is superseded by %q, %v", by, err)
	}
	q.end("r1", fairlead.ResultSuccess, first...)
	fourth := q.moves("r4")
	q.end("r4", fairlead.ResultFailure, fourth...)
	q.join("r6", serialize, "shop")
	fifth := q.moves("r5") // what is newer and not ready holds nobody up
	hasty := newest
	hasty.CancelRunning = true
	q.join("r7", hasty, "shop")
	q.waits("r7", 2, "r5/shop") // r6 is never passed
	if by, err := q.Superseder(t.Context(), "r5"); err != nil || by != "r7" {
		t.Errorf("r5 goes on: superseded by %q, %v", by, err)
	}
	if turn, err := q.TakeTurn(t.Context(), "r5"); err != nil || len(turn.Claimed) != 1 {
		t.Errorf("what moves keeps its claim until it is rolled back: %+v %v", turn, err)
	}
	q.end("r5", fairlead.ResultCancellation, fifth...)
	q.end("r6", fairlead.ResultSuccess, q.moves("r6")...)
	q.moves("r7")
}

// superseded holds which run goes instead.
func (q *queue) superseded(id, by string) {
	q.Helper()
	for range 2 {
		if turn := q.take(id); turn.By != by || len(turn.Claimed) > 0 {
			q.Errorf("%s: %+v, want superseded by %s", id, turn, by)
		}
	}
	if got, err := q.Superseder(context.Background(), id); err != nil || got != by {
		q.Errorf("%s is superseded by %q, %v", id, got, err)
	}
	q.end(id, fairlead.ResultCancellation)
	if k, err := q.Tickets(context.Background(), id); err != nil || k[0].State != fairlead.TicketSuperseded || k[0].By != by {
		q.Errorf("what became of %s: %+v %v", id, k, err)
	}
}

func testTurnWhole(t *testing.T, url string) {
	q := &queue{TB: t, Store: open(t, url)}
	q.join("r1", serialize, "web")
	q.join("r2", serialize, "api", "web", "db")
	q.join("r3", serialize, "api")
	web := q.moves("r1")
	q.waits("r2", 1, "r1/web")
	q.waits("r3", 2, "") // the place is free and yet the turn of r2
	if st, err := q.Environment(t.Context(), "production", "api"); fairlead.KindOf(err) != fairlead.KindNotFound {
		t.Errorf("half of a turn was taken: %+v %v", st, err)
	}
	q.end("r1", fairlead.ResultSuccess, web...)
	all := q.moves("r2")
	if len(all) != 3 || all[0].Moving != "r2/api" || all[1].Moving != "r2/db" || all[2].Moving != "r2/web" || all[2].Fence != 2 {
		t.Errorf("claimed %+v", all)
	}
	q.waits("r3", 1, "r2/api")
	q.join("r4", newest, "db", "api")
	if turn := q.take("r4"); len(turn.Waits) != 2 || turn.Waits[0].Position != 2 || turn.Waits[1].Position != 1 {
		t.Errorf("r4: %+v", turn)
	}
	q.join("r5", newest, "db")
	q.waits("r5", 1, "r2/db")
	q.superseded("r4", "r5") // the whole run, not one of its services
}

func testTurnRace(t *testing.T, url string) {
	stores := []*store.Store{open(t, url), open(t, url)}
	q := &queue{TB: t, Store: stores[0]}
	const runs = 12
	for i := range runs {
		q.join(fmt.Sprintf("r%02d", i), []fairlead.Lock{serialize, newest, parallel}[i%3], "shop")
	}
	var mu sync.Mutex
	var got []string
	var wg sync.WaitGroup
	for i := range runs {
		wg.Go(func() {
			id := fmt.Sprintf("r%02d", i)
			turn, err := stores[i%2].TakeTurn(t.Context(), id)
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
			if len(turn.Claimed) > 0 {
				mu.Lock()
				got = append(got, id)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Errorf("the turn of %v, want one", got)
	}
}

// testLineProperty lets random runs come, wait, release and fail: one holder at
// a time, serialize in order, and in the end nobody is left behind.
func testLineProperty(t *testing.T, url string) {
	s := open(t, url)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		q := &queue{TB: t, Store: s}
		service := fmt.Sprintf("s%d", round)
		lock := rapid.SampledFrom([]fairlead.Lock{serialize, newest, parallel}).Draw(rt, "lock")
		var order, released, gone []string
		moving, claimed, fence := "", []fairlead.EnvironmentState(nil), int64(0)
		n := rapid.IntRange(1, 6).Draw(rt, "runs")
		for i := range n {
			id := fmt.Sprintf("%s-r%d", service, i)
			q.join(id, lock, service)
			order = append(order, id)
		}
		try := func(id string) {
			turn := q.take(id)
			switch {
			case turn.By != "":
				if slices.Index(order, turn.By) <= slices.Index(order, id) {
					rt.Fatalf("%s is superseded by %s, which is older", id, turn.By)
				}
				q.end(id, fairlead.ResultCancellation)
				gone = append(gone, id)
			case len(turn.Claimed) > 0 && moving == "":
				if turn.Claimed[0].Fence <= fence {
					rt.Fatalf("fence %d after %d", turn.Claimed[0].Fence, fence)
				}
				moving, claimed, fence = id, turn.Claimed, turn.Claimed[0].Fence
			case len(turn.Claimed) > 0 && moving != id:
				rt.Fatalf("%s has its turn while %s moves", id, moving)
			}
		}
		finish := func(result fairlead.Result) {
			q.end(moving, result, claimed...)
			if gone = append(gone, moving); result == fairlead.ResultSuccess || lock.Mode == fairlead.LockSerialize {
				released = append(released, moving) // under supersede an older run may follow a newer one that failed
			}
			moving = ""
		}
		for range rapid.IntRange(0, 20).Draw(rt, "acts") {
			left := slices.DeleteFunc(slices.Clone(order), func(id string) bool { return slices.Contains(gone, id) })
			if len(left) == 0 {
				break
			}
			id := rapid.SampledFrom(left).Draw(rt, "run")
			switch act := rapid.IntRange(0, 5).Draw(rt, "act"); {
			case act == 0 && id != moving:
				q.end(id, fairlead.ResultFailure)
				gone = append(gone, id)
			case act == 1 && moving != "":
				finish(rapid.SampledFrom([]fairlead.Result{fairlead.ResultSuccess, fairlead.ResultFailure}).Draw(rt, "result"))
			default:
				try(id)
			}
		}
		for tries := 0; len(gone) < len(order); tries++ {
			if tries > 3*n {
				rt.Fatalf("nobody gets any further: of %v %v are gone", order, gone)
			}
			for _, id := range order {
				if !slices.Contains(gone, id) {
					try(id)
				}
			}
			if moving != "" {
				finish(fairlead.ResultSuccess)
			}
		}
		if lock.Mode != fairlead.LockParallel && !slices.IsSortedFunc(released, func(a, b string) int {
			return slices.Index(order, a) - slices.Index(order, b)
		}) {
			rt.Fatalf("%s: released in the order %v", lock.Mode, released)
		}
		if line, err := s.Line(context.Background(), "production", service); err != nil || len(line) > 0 {
			rt.Fatalf("left in line: %+v %v", line, err)
		}
	})
}
