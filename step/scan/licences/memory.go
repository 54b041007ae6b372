package licences

import (
	"encoding/json"
	"os"
	"path/filepath"

	"fairlead.dev/licence"
)

// memory is the directory where what texts were recognised as is kept from one
// scan to the next; "" where nothing is. A scanner for every licence there is
// takes two seconds to make.
type memory string

// mostKept is how many texts are kept; beyond that all begins anew.
const mostKept = 20_000

func (m memory) file() string { return filepath.Join(string(m), "texts-"+version+".json") }

// read gives what was kept; nothing where it cannot be read.
func (m memory) read() map[string]licence.Recalled {
	if m == "" {
		return nil
	}
	b, err := os.ReadFile(m.file())
	var kept map[string]licence.Recalled
	if err != nil || json.Unmarshal(b, &kept) != nil || len(kept) > mostKept {
		return nil
	}
	return kept
}

// write keeps it where that is possible, all or nothing.
func (m memory) write(kept map[string]licence.Recalled) {
	if m == "" {
		return
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return
	}
	temp, err := os.CreateTemp(string(m), ".new-")
	if err != nil {
		return
	}
	_, err = temp.Write(b)
	if cerr := temp.Close(); err != nil || cerr != nil || os.Rename(temp.Name(), m.file()) != nil {
		_ = os.Remove(temp.Name())
	}
}
