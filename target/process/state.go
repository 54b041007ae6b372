package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"fairlead.dev"
	"fairlead.dev/target"
)

// stateVersion is the form of state.json. A newer one is refused.
const stateVersion = 1

// memory is state.json: what the agent must know after it was killed.
type memory struct {
	Version int           `json:"version"`
	Places  []placeMemory `json:"places"`
}

// placeMemory is what is remembered of one place.
type placeMemory struct {
	target.Place
	Fence   int64                               `json:"fence"` // highest seen; Desired.Fence may be lower
	Desired target.Desired                      `json:"desired"`
	Listen  string                              `json:"listen"`             // address in use, with the port that was found
	InForce json.RawMessage                     `json:"in_force,omitempty"` // the config whose listen, sticky and drain hold for the service
	Specs   map[fairlead.Digest]json.RawMessage `json:"specs"`              // the config each release came with, for one that has none of its own
}

// keeper keeps the memory in a file. Every change is on disk before it counts.
type keeper struct {
	path string
	mu   sync.Mutex
	now  memory
}

// openKeeper reads the file at path; none is an empty memory. A file that
// cannot be understood is KindInvalid and is left as it is.
func openKeeper(path string) (*keeper, error) {
	k := &keeper{path: path, now: memory{Version: stateVersion}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, unavailable("read agent state", "", err)
	}
	m, err := decodeMemory(b)
	if err != nil {
		return nil, &fairlead.Problem{
			Op: "read agent state", Kind: fairlead.KindInvalid,
			Hint: "restore " + path + " or move it away; without it the agent starts empty and the next release brings everything back",
			Err:  fmt.Errorf("%s: %w", path, err),
		}
	}
	k.now = m
	return k, nil
}

func decodeMemory(b []byte) (memory, error) {
	var m memory
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("not a state file: %w", err)
	}
	if d.More() {
		return m, errors.New("not a state file: something follows its end")
	}
	if m.Version != stateVersion {
		return m, fmt.Errorf("version %d, this agent reads version %d", m.Version, stateVersion)
	}
	for _, p := range m.Places {
		if err := p.Place.Check(); err != nil {
			return m, err
		}
		for _, c := range []json.RawMessage{p.Desired.Config, p.InForce} {
			if _, err := decodeConfig(c); err != nil {
				return m, err
			}
		}
		if err := checkDesired(p.Desired); err != nil {
			return m, err
		}
	}
	return m, nil
}

// place gives what is remembered of a place; the zero value when nothing is.
func (k *keeper) place(at target.Place) placeMemory {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.now.Places {
		if p.Place == at {
			return p
		}
	}
	return placeMemory{Place: at}
}

func (k *keeper) places() []placeMemory {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.now.Places)
}

// put remembers p. When it returns nil the memory survives a power failure;
// otherwise nothing has changed.
func (k *keeper) put(p placeMemory) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := memory{Version: stateVersion, Places: slices.Clone(k.now.Places)}
	i := slices.IndexFunc(next.Places, func(q placeMemory) bool { return q.Place == p.Place })
	if i < 0 {
		next.Places = append(next.Places, p)
	} else {
		next.Places[i] = p
	}
	b, err := json.MarshalIndent(next, "", "  ")
	if err == nil {
		err = writeFile(k.path, b, 0o600)
	}
	if err != nil {
		return unavailable("keep agent state", "make room on the disk of "+filepath.Dir(k.path), err)
	}
	k.now = next
	return nil
}

// writeFile replaces the file at path whole, and has it on disk when it returns.
func writeFile(path string, b []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir puts the names in a directory on disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
