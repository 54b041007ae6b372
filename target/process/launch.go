package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fairlead.dev"
)

// launched is a process that was started, and its port.
type launched struct {
	group *group
	port  int
}

// launch verifies the release and starts a process of it. The caller clears
// what it gives.
func (r *replica) launch() (launched, error) {
	const op = "start replica"
	if err := r.host.admit(r.recipe.at, r.recipe.bundle); err != nil {
		return launched{}, err
	}
	if err := os.MkdirAll(r.recipe.data, 0o700); err != nil {
		return launched{}, unavailable(op, "", err)
	}
	port, err := r.host.ports.take()
	if err != nil {
		return launched{}, err
	}
	r.book.fresh()
	mark := r.host.mark() + r.id
	g, err := startGroup(r.command(port, mark), mark+"\x00", r.start)
	if err != nil {
		r.host.ports.give(port)
		return launched{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindFailed,
			Hint: "the first word of the command is a path in the release or a program in PATH", Err: err,
		}
	}
	if err := r.host.traces.add(r.id, g.pid()); err != nil {
		// The mark in its environment finds it too.
		r.host.log.Warn("replica not recorded", "replica", r.id, "error", err)
	}
	r.set(func(s *status) { s.running, s.addr = true, loopback(port) })
	return launched{group: g, port: port}, nil
}

// clear frees what a process that has ended held.
func (r *replica) clear(l launched) {
	r.host.ports.give(l.port)
	r.host.traces.remove(r.id)
}

// start starts the replica's process, confined where that is possible.
func (r *replica) start(cmd *exec.Cmd) error {
	c := &r.host.confiner
	if cmd.Err != nil || !c.usable {
		return cmd.Start()
	}
	if err := c.wrap(cmd, order{Path: cmd.Path, Args: cmd.Args, Hide: c.hide, Root: r.recipe.root, Data: r.recipe.data}); err != nil {
		return err
	}
	return c.unhardened(cmd.Start)
}

func (r *replica) command(port int, mark string) *exec.Cmd {
	rc := r.recipe
	words := rc.words()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = rc.data
	cmd.Stdout, cmd.Stderr = r.book, r.book
	cmd.Env = append(baseEnv(), "HOME="+rc.data, "PYTHONDONTWRITEBYTECODE=1")
	for name, value := range rc.bundle.Release.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env,
		rc.config.Port+"="+strconv.Itoa(port),
		reserved+"DATA="+rc.data,
		reserved+"ROOT="+rc.root,
		reserved+"ENVIRONMENT="+rc.at.Environment,
		reserved+"SERVICE="+rc.at.Service,
		reserved+"RELEASE="+string(rc.bundle.Release.ID),
		reserved+"REPLICA="+r.id,
		mark)
	return cmd
}

// words is the command with the release's files at their places.
func (rc recipe) words() []string {
	words := slices.Clone(rc.bundle.Release.Command)
	for i, w := range words {
		artifact := slices.ContainsFunc(rc.bundle.Release.Artifacts, func(a fairlead.Artifact) bool { return a.Name == w })
		if artifact || i == 0 && strings.Contains(w, "/") && !filepath.IsAbs(w) {
			words[i] = filepath.Join(rc.root, filepath.FromSlash(w))
		}
	}
	return words
}
