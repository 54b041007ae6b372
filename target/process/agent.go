package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fairlead.dev"
	"fairlead.dev/target"
)

// AgentOptions say how an agent works.
type AgentOptions struct {
	Dir    string          // keeps everything the agent has; made with mode 0700
	Verify target.Verifier // decides whether a release may start; nil refuses all
	Hide   []string        // directories that no replica may see; Dir is one of them anyhow. They must exist
	Logger *slog.Logger    // nil discards
	Idle   time.Duration   // ends the agent after nothing ran or was asked for so long; 0 means never
}

// agent is the process that keeps replicas and proxy.
type agent struct {
	host      *host
	keeper    *keeper
	startedAt time.Time
	stop      context.CancelFunc // ends Serve
	asked     atomic.Int64       // Unix nanoseconds of the last request

	delivering sync.Mutex
	mu         sync.Mutex // guards the fields below
	places     map[target.Place]*place
	closed     bool
}

// Serve is the agent: it answers on the socket in the directory and keeps what
// is wanted running until ctx ends, somebody asks for a shutdown, or it was
// idle. Then requests in flight end, and all replicas are stopped in order;
// what is wanted is remembered and started by the next Serve. Replicas that a
// killed agent left behind are killed first. A second agent in the same
// directory is KindConflict; a state that cannot be read is KindInvalid, and
// nothing is started. Replicas see of Dir only their release and their service's
// data; where the system allows no namespaces they run all the same, which is
// logged and told by [Health]. The program must call [Guard] first in main.
func Serve(ctx context.Context, o AgentOptions) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return invalid("start agent", err)
	}
	o.Dir = dir
	unlock, err := lockDir(o.Dir)
	for range 10 {
		// Others take the lock for a moment to see whether an agent has it.
		if fairlead.KindOf(err) != fairlead.KindConflict || !pause(ctx, 20*time.Millisecond) {
			break
		}
		unlock, err = lockDir(o.Dir)
	}
	if err != nil {
		return err
	}
	defer unlock()
	h, err := openHost(o)
	if err != nil {
		return err
	}
	if err := h.openConfiner(ctx, o.Hide); err != nil {
		return err
	}
	k, err := openKeeper(filepath.Join(o.Dir, "state.json"))
	if err != nil {
		return err
	}
	if err := h.traces.clear(o.Logger); err != nil {
		return err
	}
	l, err := listenSocket(o.Dir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := &agent{host: h, keeper: k, startedAt: time.Now(), stop: stop, places: map[target.Place]*place{}}
	return a.serve(ctx, l, o.Idle)
}

func (a *agent) serve(ctx context.Context, l net.Listener, idle time.Duration) error {
	a.asked.Store(time.Now().UnixNano())
	for _, m := range a.keeper.places() {
		p := newPlace(a.host, a.keeper, m.Place)
		a.places[m.Place] = p
		p.resume()
	}
	a.host.log.Info("agent started", "process.pid", os.Getpid(), "places", len(a.places))
	server := &http.Server{
		Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(a.host.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	var err error
	select {
	case <-ctx.Done():
	case <-a.whenIdle(ctx, idle):
	case err = <-failed:
		err = unavailable("serve agent socket", "", err)
	}
	a.host.log.Info("agent stops")
	_ = os.Remove(filepath.Join(a.host.dir, "agent.sock"))
	a.close()
	ending, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close()
	}
	return err
}

// close stops all places.
func (a *agent) close() {
	a.mu.Lock()
	a.closed = true
	var all []*place
	for _, p := range a.places {
		all = append(all, p)
	}
	a.mu.Unlock()
	each(all, (*place).close)
}

// place gives a place, made when it is new.
func (a *agent) place(at target.Place) (*place, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, unavailable("find place", "", errors.New("the agent is stopping"))
	}
	p, ok := a.places[at]
	if !ok {
		p = newPlace(a.host, a.keeper, at)
		a.places[at] = p
	}
	return p, nil
}

// known gives a place that is there already, nil otherwise.
func (a *agent) known(at target.Place) *place {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.places[at]
}

// whenIdle is closed when nothing ran and nobody asked for so long; never
// for 0.
func (a *agent) whenIdle(ctx context.Context, limit time.Duration) <-chan struct{} {
	idle := make(chan struct{})
	if limit <= 0 {
		return idle
	}
	go func() {
		for pause(ctx, max(limit/4, time.Millisecond)) {
			if a.busy() {
				a.asked.Store(time.Now().UnixNano())
			} else if time.Since(time.Unix(0, a.asked.Load())) >= limit {
				close(idle)
				return
			}
		}
	}()
	return idle
}

func (a *agent) busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.places {
		if !p.idle() {
			return true
		}
	}
	return false
}

// lockDir makes the directory and takes it for this agent.
func lockDir(dir string) (unlock func(), err error) {
	const op = "start agent"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unavailable(op, "", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, unavailable(op, "", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "agent.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unavailable(op, "", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, conflict(op, "use the one that runs, or stop it first", fmt.Errorf("another agent runs in %s", dir))
		}
		return nil, unavailable(op, "", err)
	}
	return func() { _ = f.Close() }, nil
}

// listenSocket opens the socket. One that a killed agent left is replaced: the
// caller holds the lock.
func listenSocket(dir string) (net.Listener, error) {
	const op = "open agent socket"
	path, release, err := socketPath(dir)
	if err != nil {
		return nil, unavailable(op, "", err)
	}
	defer release()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unavailable(op, "", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, unavailable(op, "", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, unavailable(op, "", errors.Join(err, l.Close()))
	}
	return l, nil
}
