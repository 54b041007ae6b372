package process

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// reserved begins the names of the variables that only the agent sets.
const reserved = "FAIRLEAD_"

// Time between an exit and the next start: it doubles from the first to the
// longest, and begins anew after a replica that held out for a while.
const (
	firstBackoff   = 250 * time.Millisecond
	longestBackoff = 30 * time.Second
	heldOut        = 10 * time.Second
)

// recipe is how the replicas of one release are started in one place.
type recipe struct {
	at     target.Place
	bundle target.Bundle
	config Config // the release came with it
	root   string // the release's directory
	data   string // the service's writable directory
	logs   string // directory for what replicas write
}

// replica keeps one process of a release running until it is stopped.
type replica struct {
	id      string
	recipe  recipe
	host    *host
	book    *logbook
	changed func() // called without locks when status has changed

	cancel context.CancelFunc
	done   chan struct{} // closed when nothing of it runs any more
	kick   chan struct{} // ends a pause between two starts

	mu     sync.Mutex
	status status
}

// status is what is known of a replica now.
type status struct {
	running  bool
	ready    bool
	addr     string // "127.0.0.1:20123" while it runs
	restarts uint64
	problem  error // why it is not ready
}

// startReplica begins to keep a replica running.
func startReplica(h *host, rc recipe, changed func()) *replica {
	ctx, cancel := context.WithCancel(context.Background())
	id := fmt.Sprintf("%s-%d", rc.at.Service, h.replicas.Add(1))
	r := &replica{
		id: id, recipe: rc, host: h, changed: changed, cancel: cancel,
		book: openLogbook(filepath.Join(rc.logs, id+".log")),
		done: make(chan struct{}), kick: make(chan struct{}, 1),
	}
	go r.run(ctx)
	return r
}

// stop tells the process to end, kills it after the grace, and returns when
// nothing of it runs.
func (r *replica) stop() {
	r.cancel()
	<-r.done
}

// hurry starts a replica that pauses after a failure at once.
func (r *replica) hurry() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

func (r *replica) now() status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

func (r *replica) set(change func(*status)) {
	r.mu.Lock()
	change(&r.status)
	r.mu.Unlock()
	r.changed()
}

func (r *replica) run(ctx context.Context) {
	defer close(r.done)
	defer r.book.close()
	wait, robbed := firstBackoff, 0
	for ctx.Err() == nil {
		began := time.Now()
		err := r.once(ctx, robbed < robbedLimit)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errRobbed) {
			robbed++
			continue
		}
		if time.Since(began) >= heldOut {
			wait, robbed = firstBackoff, 0
		}
		r.host.log.Warn("replica down", "replica", r.id, "error", err, "retry", wait)
		pauseUntil(ctx, wait, r.kick)
		wait = min(2*wait, longestBackoff)
	}
}

// errRobbed says that another program took the replica's port before the
// replica did, which is not the replica's fault. So often in a row is chance.
var errRobbed = errors.New("another program took the replica's port")

const robbedLimit = 3

// once verifies, starts and watches one process until it ends; the error says
// why it is not running. After the end of ctx it is stopped in order. With
// excuse, one that ended because its port was taken is errRobbed and leaves no
// mark on the release.
func (r *replica) once(ctx context.Context, excuse bool) error {
	l, err := r.launch()
	if err != nil {
		r.set(func(s *status) { s.running, s.ready, s.problem = false, false, err })
		return err
	}
	defer r.clear(l)
	var everReady bool // only the probe writes it, and it has ended when it is read
	looking, stopLooking := context.WithCancel(ctx)
	var probing sync.WaitGroup
	probing.Go(func() {
		newProbe(r.recipe.config.Ready, loopback(l.port)).watch(looking, func(err error) {
			everReady = everReady || err == nil
			r.looked(err)
		})
	})
	var tooMuch int64
	select {
	case <-l.group.done:
	case tooMuch = <-watchMemory(looking, l.group.pid(), int64(r.recipe.config.Memory)<<20):
	case <-ctx.Done():
	}
	stopLooking()
	probing.Wait()
	if tooMuch > 0 {
		r.set(func(s *status) { s.ready = false }) // out of the table before it is told to end
		l.group.stop(r.recipe.config.Grace.D())
	}
	if ctx.Err() != nil {
		l.group.stop(r.recipe.config.Grace.D())
		r.set(func(s *status) { s.running, s.ready, s.addr = false, false, "" })
		return ctx.Err()
	}
	if excuse && !everReady && !free(l.port) {
		err = errRobbed
	}
	r.set(func(s *status) {
		s.running, s.ready, s.addr = false, false, ""
		if err == nil {
			s.restarts++
			s.problem = r.wentDown(l.group, everReady, s.restarts, tooMuch)
			err = s.problem
		}
	})
	return err
}

// looked takes in what the probe saw.
func (r *replica) looked(err error) {
	r.set(func(s *status) {
		s.ready = err == nil
		// That it went down says more than that it is not back yet.
		if err == nil || fairlead.KindOf(s.problem) != fairlead.KindFailed {
			s.problem = r.notReady(err)
		}
	})
}

// notReady is the problem of a replica that runs and is not ready; nil for nil.
func (r *replica) notReady(err error) error {
	if err == nil {
		return nil
	}
	return &fairlead.Problem{
		Op: "wait for replica " + r.id, Kind: fairlead.KindUnavailable,
		Hint: "it must listen on the port that " + r.recipe.config.Port + " names and answer as ready says",
		Err:  fmt.Errorf("not ready: %w", err),
	}
}

// wentDown is the problem of a replica that ended by itself, or was ended
// because it took too many bytes of memory.
func (r *replica) wentDown(g *group, ready bool, restarts uint64, tooMuch int64) error {
	if tooMuch > 0 {
		return &fairlead.Problem{
			Op: "keep replica running", Kind: fairlead.KindFailed, Hint: "find what holds its memory, or raise memory in the target's config",
			Err: fmt.Errorf("replica %s took %d MiB of memory, %d are allowed (down %d times)", r.id, tooMuch>>20, r.recipe.config.Memory, restarts),
		}
	}
	when := "before it was ready"
	if ready {
		when = "after it had been ready"
	}
	text := fmt.Sprintf("replica %s %s %s (down %d times)", r.id, g.end(), when, restarts)
	if last := r.book.last(); last != "" {
		text += "; last output: " + last
	}
	return &fairlead.Problem{
		Op: "keep replica running", Kind: fairlead.KindFailed,
		Hint: "read the replica's output; it is started again by itself", Err: errors.New(text),
	}
}

// pauseUntil waits until the time is over, something is in kick, or ctx ends.
func pauseUntil(ctx context.Context, d time.Duration, kick <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-kick:
	case <-ctx.Done():
	}
}
