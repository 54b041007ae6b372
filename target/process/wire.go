package process

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"fairlead.dev"
)

// Protocol is the version of the protocol that this package speaks.
const Protocol = 1

// Limits of one request's body, in bytes.
const (
	maxDocument = 16 << 20
	maxBlob     = 4 << 30
)

// Health says who an agent is.
type Health struct {
	Protocol  int       `json:"protocol"`
	PID       int       `json:"pid"`
	Version   string    `json:"version"` // of the binary
	StartedAt time.Time `json:"started_at"`
	Isolation string    `json:"isolation"` // of replicas: "namespace", or "none" where the system allows no better
}

// binaryVersion gives the version that the build left in the binary.
func binaryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return info.Main.Version + " " + s.Value
		}
	}
	return info.Main.Version
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// refuse writes err as a fault with the status of its kind.
func refuse(w http.ResponseWriter, err error) {
	f := fairlead.FaultOf(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Kind.Status())
	_ = json.NewEncoder(w).Encode(f)
}

// socketLimit is the length of a socket's path that every system takes.
const socketLimit = 100

// socketPath gives a path of the socket in dir that is short enough to use.
// Call release when the path is no longer needed.
func socketPath(dir string) (path string, release func(), err error) {
	path = filepath.Join(dir, "agent.sock")
	if len(path) <= socketLimit {
		return path, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(d.Fd())) + "/agent.sock", func() { _ = d.Close() }, nil
}
