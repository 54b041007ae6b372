package fairlead

import "time"

// RunFilter selects runs. An empty field selects every value.
type RunFilter struct {
	Environment string
	Service     string
	Commit      string
	State       State
	Limit       int // most runs wanted; 0 means 100
}

// RecordFilter selects records. An empty field selects every value.
type RecordFilter struct {
	RunID string
	After int64 // only records with a greater Seq
	Types []RecordType
	Limit int // most records wanted; 0 means 1,000
}

// OutputChunk is a piece of what a task's command printed.
type OutputChunk struct {
	Seq     int64     `json:"seq"` // position in the task's output, from 1
	Attempt int       `json:"attempt"`
	Time    time.Time `json:"time"`
	Data    []byte    `json:"data"`
}
