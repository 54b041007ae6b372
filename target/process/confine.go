package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fairlead.dev/command"
)

// guardName is what the program is called, as its argument 0, when it was
// started to become a replica.
const guardName = "fairlead-replica"

// probed is what a guard says that was only asked whether it can do its work.
const probed = "confined\n"

// order is what a guard hides before it becomes a replica. Empty Args ask
// whether it could.
type order struct {
	Path string   `json:"path"` // program
	Args []string `json:"args"`
	Hide []string `json:"hide"`
	Root string   `json:"root,omitempty"` // the release's files, there to be read
	Data string   `json:"data"`           // the service's own directory; the replica works in it
}

// Guard becomes a replica and never returns when this process was started for
// that; otherwise it does nothing. A program that calls [Serve] calls it first
// in main. Process ID, session and output stay as they are, so that whoever
// watches, stops or kills the replica need not know.
func Guard() {
	if os.Args[0] != guardName || len(os.Args) != 2 {
		return
	}
	fmt.Fprintln(os.Stderr, become(os.Args[1]))
	syscall.Exit(126)
}

// become executes the order; it returns only with the reason why it cannot.
func become(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	spec := command.Spec{Hide: o.Hide, Dir: o.Data}
	if o.Root != "" {
		spec.ReadOnly = []string{o.Root}
	}
	if err := command.Confine(spec); err != nil {
		return err
	}
	// The directory it was started in lies below what is hidden now.
	if err := os.Chdir(o.Data); err != nil {
		return err
	}
	if len(o.Args) == 0 {
		_, _ = os.Stdout.WriteString(probed)
		syscall.Exit(0)
	}
	return fmt.Errorf("start %s: %w", o.Path, syscall.Exec(o.Path, o.Args, os.Environ()))
}

// confiner starts replicas out of sight of what they must not see.
type confiner struct {
	hide   []string   // absolute directories
	usable bool       // namespaces can be made here
	start  sync.Mutex // see unhardened
}

// openConfiner finds out whether replicas can be confined; the error says why not.
func (h *host) openConfiner(ctx context.Context, hide []string) error {
	for _, dir := range append(slices.Clone(hide), h.dir) {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return invalid("start agent", err)
		}
		if info, err := os.Stat(abs); err != nil || !info.IsDir() {
			return invalid("start agent", fmt.Errorf("%s cannot be hidden from replicas: not a directory", dir))
		}
		h.confiner.hide = append(h.confiner.hide, abs)
	}
	err := h.confiner.probe(ctx, filepath.Join(h.dir, "data"))
	h.confiner.usable = err == nil
	if err != nil {
		h.log.Warn("replicas run without isolation: they can read what this user can",
			"error", err, "hint", "allow user and mount namespaces")
	}
	return nil
}

// probe confines a process that does nothing.
func (c *confiner) probe(ctx context.Context, data string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	var out, problem bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "/", []string{}, &out, &problem
	if err := c.wrap(cmd, order{Hide: c.hide, Data: data}); err != nil {
		return err
	}
	err := c.unhardened(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err == nil && out.String() != probed {
		err = errors.New("this program has no guard")
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(problem.Bytes()))
	}
	return nil
}

// wrap makes of a command one that is confined first.
func (c *confiner) wrap(cmd *exec.Cmd, o order) error {
	attr, err := command.Namespaces()
	if err != nil {
		return err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	attr.Setsid = true
	cmd.Path, cmd.Args, cmd.SysProcAttr = "/proc/self/exe", []string{guardName, string(text)}, attr
	return nil
}

// unhardened starts a process while the kernel lets this one write the
// process's user map. What runs in namespaces of its own cannot use the moment.
func (c *confiner) unhardened(start func() error) error {
	c.start.Lock()
	defer c.start.Unlock()
	if open, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err == nil && open != 1 {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
			return err
		}
		defer func() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }() // never fails for 0
	}
	return start()
}

// isolation is how replicas are kept from what they must not see.
func (c *confiner) isolation() string {
	if c.usable {
		return "namespace"
	}
	return "none"
}
