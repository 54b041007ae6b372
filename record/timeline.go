package record

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev"
)

// Facts are the records themselves, in the order they were committed.
type Facts interface {
	Records(ctx context.Context, f fairlead.RecordFilter) ([]fairlead.Record, error)
}

// Moment is one thing that happened in a run.
type Moment struct {
	Seq     int64               `json:"seq"`
	Time    time.Time           `json:"time"`
	Seconds float64             `json:"seconds"` // since the first record of the run
	Type    fairlead.RecordType `json:"type"`
	Subject string              `json:"subject"`
	Text    string              `json:"text"`
}

// Timeline reads everything that happened in a run, in order. Records that add
// nothing for a reader are left out. A run without records is KindNotFound.
func Timeline(ctx context.Context, r Facts, runID string) ([]Moment, error) {
	var moments []Moment
	var first time.Time
	for after := int64(0); ; {
		page, err := r.Records(ctx, fairlead.RecordFilter{RunID: runID, After: after})
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			break
		}
		if after == 0 {
			first = page[0].Time
		}
		for _, rec := range page {
			after = rec.Seq
			if text := Sentence(rec); text != "" {
				moments = append(moments, Moment{
					Seq: rec.Seq, Time: rec.Time, Seconds: rec.Time.Sub(first).Seconds(), Type: rec.Type, Subject: rec.Subject, Text: text,
				})
			}
		}
	}
	if first.IsZero() {
		return nil, &fairlead.Problem{
			Op: "read timeline", Kind: fairlead.KindNotFound, Err: fmt.Errorf("nothing is recorded of run %s", runID),
			Hint: "list runs with fairlead status",
		}
	}
	return moments, nil
}

// TimelineLines renders a timeline for people, each line with its distance
// from the beginning.
func TimelineLines(moments []Moment) []string {
	lines := make([]string, 0, len(moments))
	for _, m := range moments {
		lines = append(lines, fmt.Sprintf("%s  +%8.3fs  %s", m.Time.Format("15:04:05.000"), m.Seconds, m.Text))
	}
	return lines
}
