package fairlead

import (
	"slices"
	"time"
)

// LockMode says what becomes of runs that want to release one service to one
// environment at the same time. At most one of them moves it, whatever the mode.
type LockMode string

// The modes.
const (
	LockSerialize LockMode = "serialize" // all of them release, in the order in which the runs began
	LockSupersede LockMode = "supersede" // the newest that is ready releases; those that wait before it end
	LockParallel  LockMode = "parallel"  // whoever is ready releases as soon as nobody moves it
)

// Lock is how a run shares an environment with others.
type Lock struct {
	Mode          LockMode `json:"mode"`
	CancelRunning bool     `json:"cancel_running,omitempty"` // of supersede: an older release on its way is rolled back first
}

// TicketState says where a ticket is on its way.
type TicketState string

// The states of a ticket. The first three are open, the others final.
const (
	TicketComing     TicketState = "coming"     // its run has begun and is not ready to release
	TicketReady      TicketState = "ready"      // its run waits for its turn
	TicketMoving     TicketState = "moving"     // its run has had its turn and has not ended
	TicketReleased   TicketState = "released"   // its run ended with success
	TicketSuperseded TicketState = "superseded" // a newer run goes instead
	TicketLeft       TicketState = "left"       // its run ended otherwise
)

// Ticket is the place of one run in the line for one service in one environment.
type Ticket struct {
	Environment string      `json:"environment"`
	Service     string      `json:"service"`
	RunID       string      `json:"run_id"`
	Holder      string      `json:"holder"` // Deployment.ID under which the run claims the environment
	Lock        Lock        `json:"lock"`
	Seq         int64       `json:"seq"` // grows from run to run; one number for all tickets of a run. Given by the store
	State       TicketState `json:"state"`
	By          string      `json:"superseded_by,omitempty"` // run that goes instead
	Since       time.Time   `json:"since"`                   // when the run got in line
}

// Line is the open tickets of one place, by Seq.
type Line []Ticket

// Ahead gives the tickets that have to go before t, in order. Who is moving now
// is not among them: the claim of the environment says that.
func (l Line) Ahead(t Ticket) Line {
	if t.Lock.Mode == LockParallel {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(l), func(o Ticket) bool { return o.Seq >= t.Seq || !o.inTheWay() })
}

// inTheWay tells whether later runs wait for the ticket. One that supersedes is
// in line only once it is ready; one without a mode is of a time before locks.
func (t Ticket) inTheWay() bool {
	switch t.Lock.Mode {
	case LockParallel:
		return false
	case LockSupersede:
		return t.State == TicketReady
	default:
		return t.State == TicketReady || t.State == TicketComing
	}
}

// Turn is the answer to a run that asks whether it may release.
type Turn struct {
	Claimed []EnvironmentState `json:"claimed,omitempty"`       // all its places, which are its own now; none while it waits
	By      string             `json:"superseded_by,omitempty"` // it never will: this run goes instead
	Waits   []Wait             `json:"waits,omitempty"`         // what it waits for, place by place
}

// Wait is what a run waits for in one place.
type Wait struct {
	Environment string `json:"environment"`
	Service     string `json:"service"`
	Position    int    `json:"position"`         // 1: next
	Holder      string `json:"holder,omitempty"` // deployment or rollback that moves the place now
	Ahead       Line   `json:"ahead,omitempty"`  // who has to go before
}
