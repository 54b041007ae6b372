package fairlead

import "time"

// EventType says what kind of thing happened.
type EventType string

// The event types.
const (
	EventPush        EventType = "push"
	EventPullRequest EventType = "pull_request"
	EventTag         EventType = "tag"
	EventSchedule    EventType = "schedule"
	EventManual      EventType = "manual"
)

// EventTypes lists every event type, in the order help texts show them.
func EventTypes() []EventType {
	return []EventType{EventPush, EventPullRequest, EventTag, EventSchedule, EventManual}
}

// Event is something that happened in the outside world and may need a
// delivery. It is what intake makes and what a Plan is computed from.
type Event struct {
	Type       EventType `json:"type"`
	Repository string    `json:"repository"`        // base name of the repository, for people
	Branch     string    `json:"branch,omitempty"`  // short name: "main"
	Tag        string    `json:"tag,omitempty"`     // short name: "v1.2.0"
	Commit     string    `json:"commit"`            // full object id, lower-case hex
	Message    string    `json:"message,omitempty"` // first line of the commit message
	Author     string    `json:"author,omitempty"`  // e-mail address of the commit's author
	Authors    []string  `json:"authors,omitempty"` // e-mail addresses of all authors, committers and co-authors of the change, sorted
	Trigger    string    `json:"trigger,omitempty"` // who caused the event
	Time       time.Time `json:"time"`              // commit time, UTC: the same commit gives the same event
	Change     Change    `json:"change"`
	Manual     Manual    `json:"manual,omitzero"`
}

// Change is what the commit changes against Base.
type Change struct {
	Base  string   `json:"base,omitempty"` // object id compared with; empty for a first commit
	Paths []string `json:"paths"`          // slash-separated, relative to the repository root, sorted
}

// Manual carries what a person chose in a manual event; empty means "by the matrix".
type Manual struct {
	Environment string `json:"environment,omitempty"`
	Strategy    string `json:"strategy,omitempty"`
}
