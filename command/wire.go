//go:build linux

package command

import "fairlead.dev"

// The guard and its maker talk over two pipes, so that nothing of the order
// shows in /proc: the order as one line of JSON and then single letters go in,
// reports as lines of JSON come out. The end of either pipe means that the
// other side is gone.

// guardName is what the program is called, as its argument 0, when it was
// started to be a guard.
const guardName = "fairlead-guard"

// The guard's modes, its argument 1.
const (
	modePlain  = "plain"   // watch the command, in the namespaces of the maker
	modeEnter  = "enter"   // make new namespaces, start a guard inside them and wait for it
	modeCutOff = "cut-off" // as enter, with a network that leads nowhere
	modeInside = "inside"  // hide and protect directories, give up rights, watch the command; is process 1
)

// Descriptors of the pipes in the guard.
const (
	controlFD = 3
	reportFD  = 4
)

// Letters that follow the order on the control pipe.
const (
	letterTerm = 'T' // ask the command to end
	letterKill = 'K' // end it; so does the end of the pipe
)

// order is what the guard is to run.
type order struct {
	Args     []string `json:"args"`
	Dir      string   `json:"dir"`
	Env      []string `json:"env"`
	Hide     []place  `json:"hide"`
	ReadOnly []place  `json:"read_only"`
	Writable []place  `json:"writable"`
	Work     place    `json:"work"`  // the directory that Dir is, when anything is hidden or protected
	Probe    bool     `json:"probe"` // only prepare, run nothing
	Input    string   `json:"input"`
	Sealed   bool     `json:"sealed"`
	Offline  bool     `json:"offline"`
	Landlock bool     `json:"landlock"`
	Limits   Limits   `json:"limits"`
}

// report is what the guard says; exactly one field is set.
type report struct {
	Ready   bool            `json:"ready,omitempty"`
	PID     int             `json:"pid,omitempty"` // the command runs; its number as the guard sees it
	Problem *fairlead.Fault `json:"problem,omitempty"`
	Ended   *ending         `json:"ended,omitempty"` // nothing of the command is left
}

// ending is how the command ended.
type ending struct {
	ExitCode int    `json:"exit_code"`
	Signal   string `json:"signal,omitempty"`
	Peak     int64  `json:"peak"` // bytes
	Exceeded string `json:"exceeded,omitempty"`
}
