// Package engine runs flows durably: Go functions whose steps are recorded in a
// database, so that a flow interrupted by a crash, an orderly stop or an
// upgrade of the binary goes on from its last recorded step, here or in
// another process. It wraps DBOS Transact and is the only package that
// imports it.
//
// # The contract of a flow
//
// A flow's own code is deterministic: it reaches its steps in the same order
// whenever it is run with the same input and the same recorded results. Time,
// waiting, input and output and randomness happen only inside Do, Go, Now,
// Sleep and Child. When code changes while runs are in flight, Patch tells old
// runs from new ones.
//
// A step runs at least once. It runs exactly once when the process survives
// until the step's result is recorded; otherwise it runs again, so its effect
// must be idempotent. Results and inputs travel as JSON, also on the first
// run, so that a flow never sees anything that a later replay would not give
// it. An error crosses as text; a *fairlead.Problem keeps its operation, kind
// and hint. Sentinel errors and error types do not survive.
//
// When the engine stops, every operation of a flow fails with ErrStopped and
// nothing more is recorded: the flow stays unfinished and can be taken over.
package engine

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	"fairlead.dev"
	"github.com/dbos-inc/dbos-transact-golang/dbos"
)

// ErrStopped is what a flow's operations give once the engine has stopped.
// A flow that sees it returns at once; whatever it returns is not recorded.
var ErrStopped = errors.New("the engine has stopped")

// Config says where flows are recorded and who runs them.
type Config struct {
	URL      string       // "sqlite:/abs/path.db" or "postgres://user@host/database"
	Executor string       // name of this process; random when empty. Every Open appends a random part, so a restart is another executor
	Version  string       // version of the flows' code: only flows of the same version are executed or taken over. Required
	Logger   *slog.Logger // slog.Default when nil

	// Checkpoint is called around every durable step that really runs, never on
	// replay, with "before <flow>/<step>", "ran <flow>/<step>" (done, result not
	// yet recorded) and "after <flow>/<step>" (recorded). It exists to inject
	// failures in tests.
	Checkpoint func(point string)
}

// Engine executes flows. Open makes it, Register fills it, Launch starts it.
type Engine struct {
	dbos     dbos.Context
	db       *sql.DB // nil on PostgreSQL
	vitals   vitals
	executor string
	version  string
	log      *slog.Logger
	point    func(string)
	flows    map[string]*flowType
	ended    sync.Map // flow id -> chan struct{}, closed when its code has returned in this process

	queueOnce  sync.Mutex
	queueReady bool

	stopOnce sync.Once
	stopped  chan struct{} // closed when orderly or disorderly stop begins
	lost     chan struct{} // closed when the engine had to stop by itself
	lostErr  error         // set before lost is closed
	down     chan struct{} // closed when the stop is complete
}

// Open connects to the database, creates or migrates its tables and gives an
// engine ready for Register. The errors are Problems: KindInvalid for a wrong
// configuration, KindUnavailable for a database that cannot be used.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if err := check(cfg); err != nil {
		return nil, err
	}
	e := &Engine{
		executor: executorID(cfg.Executor),
		version:  cfg.Version,
		log:      cfg.Logger,
		point:    cfg.Checkpoint,
		flows:    map[string]*flowType{},
		stopped:  make(chan struct{}),
		lost:     make(chan struct{}),
		down:     make(chan struct{}),
	}
	if e.log == nil {
		e.log = slog.Default()
	}
	if e.point == nil {
		e.point = func(string) {}
	}
	if err := e.connect(ctx, cfg.URL); err != nil {
		return nil, err
	}
	return e, nil
}

// Executor is the identity under which this engine owns flows.
func (e *Engine) Executor() string { return e.executor }

// Launch takes the sign of life and starts executing. It must be called once,
// after the last Register; Close must follow, also when Launch fails. It takes
// nothing over: see TakeOver and Watch.
func (e *Engine) Launch(ctx context.Context) error {
	if err := e.vitals.Hold(ctx, e.executor); err != nil {
		return unavailable("take the sign of life", err)
	}
	dbos.ListenQueues(e.dbos, queueOf(e.executor))
	// A queue that exists at the start is served at once, a later one within a second.
	if ids, _, err := e.orphans(ctx, ""); err != nil {
		return err
	} else if len(ids) > 0 {
		if err := e.needQueue(ctx); err != nil {
			return err
		}
	}
	if err := dbos.Launch(e.dbos); err != nil {
		return unavailable("start the engine", err)
	}
	go func() {
		select {
		case err := <-e.vitals.Lost():
			e.fail(&fairlead.Problem{
				Op: "keep the sign of life", Kind: fairlead.KindUnavailable, Err: err,
				Hint: "another process may take over the runs of this one; start it again when the database answers",
			})
		case <-e.stopped:
		}
	}()
	return nil
}

// Lost is closed when the engine had to stop by itself, because its sign of
// life or its database was lost. Its flows stay unfinished; another process
// takes them over. Err tells why.
func (e *Engine) Lost() <-chan struct{} { return e.lost }

// Err is why the engine stopped by itself; nil as long as it has not.
func (e *Engine) Err() error {
	select {
	case <-e.lost:
		return e.lostErr
	default:
		return nil
	}
}

// Close stops executing. The contexts of running steps are cancelled, their
// flows stay unfinished, and as soon as Close returns any process can take
// them over. A step that ignores its context delays Close by at most timeout;
// it is then left behind, and its result is not recorded.
func (e *Engine) Close(timeout time.Duration) {
	e.stopOnce.Do(func() {
		close(e.stopped)
		e.shutdown(timeout)
	})
	<-e.down
}

func (e *Engine) stopping() bool {
	select {
	case <-e.stopped:
		return true
	default:
		return false
	}
}

// client gives DBOS with the caller's deadline and cancellation. The caller's
// values stay out: they may say that he is a flow, whose calls DBOS records.
func (e *Engine) client(ctx context.Context) dbos.Client {
	return dbos.From(e.dbos, valueless{ctx})
}

type valueless struct{ context.Context }

func (valueless) Value(any) any { return nil }

// fail stops the engine because it can no longer keep its promises.
func (e *Engine) fail(err error) {
	e.stopOnce.Do(func() {
		e.lostErr = err
		close(e.lost)
		close(e.stopped)
		e.log.Error("engine stopped by itself", "error", err)
		go e.shutdown(10 * time.Second)
	})
}

func (e *Engine) shutdown(timeout time.Duration) {
	defer close(e.down)
	e.dropQueue()
	if err := dbos.Shutdown(e.dbos, timeout); err != nil {
		e.log.Warn("engine left work behind at its stop", "error", err)
	}
	if e.db != nil {
		_ = e.db.Close()
	}
	e.vitals.Release()
}
