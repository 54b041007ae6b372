package process

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"fairlead.dev/target"
)

// host is what all places of an agent share.
type host struct {
	dir      string
	id       string // of this agent directory: 16 hex digits
	verify   target.Verifier
	log      *slog.Logger
	shelf    shelf
	traces   traces
	ports    ports
	confiner confiner
	replicas atomic.Int64 // numbers given out
}

// openHost makes the directories and gives the host. The caller holds the
// agent's lock.
func openHost(o AgentOptions) (*host, error) {
	h := &host{dir: o.Dir, verify: o.Verify, log: o.Logger}
	for _, d := range []string{"blobs", "releases", "places", "data", "logs", "run"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, d), 0o700); err != nil {
			return nil, unavailable("open agent directory", "", err)
		}
	}
	id, err := identity(filepath.Join(o.Dir, "id"))
	if err != nil {
		return nil, unavailable("open agent directory", "", err)
	}
	h.id = id
	h.shelf = shelf{dir: filepath.Join(o.Dir, "releases"), blobs: blobs{filepath.Join(o.Dir, "blobs")}}
	h.traces = traces{dir: filepath.Join(o.Dir, "run"), mark: h.mark()}
	return h, nil
}

// identity reads or makes the agent directory's name. It only has to differ
// from that of other agents on this host.
func identity(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(b))) == 16 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never fails
	id := hex.EncodeToString(raw)
	return id, writeFile(path, []byte(id+"\n"), 0o600)
}

// mark begins a variable that all processes of this agent's replicas have in
// their environment: "FAIRLEAD_KEEPER=<id>:".
func (h *host) mark() string { return reserved + "KEEPER=" + h.id + ":" }

// admit tells whether a replica of the release may start now: its bytes on
// disk and its papers are verified. A refusal is KindDenied.
func (h *host) admit(at target.Place, b target.Bundle) error {
	if err := h.shelf.verify(b.Release); err != nil {
		return err
	}
	return h.verify.Papers(at, b)
}

func (h *host) under(kind string, at target.Place, more ...string) string {
	return filepath.Join(append([]string{h.dir, kind, at.Environment, at.Service}, more...)...)
}
