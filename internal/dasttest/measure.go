package dasttest

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"fairlead.dev/dast"
)

// Score is how a scan of the service did.
type Score struct {
	Flaws, Found   int
	Twins, Flagged int
	Requests       int
	Seconds        float64
	Missed         []string // flaws that were not found
	Wrong          []string // what was reported and is not there, at twins or elsewhere
	Changed        int64    // requests that change or remove; there should be none
}

// Measure scans the service of a seed and compares with what is known. dir is
// for the service's files.
func Measure(ctx context.Context, seed uint64, dir string) (Score, error) {
	s, err := Start(seed, dir)
	if err != nil {
		return Score{}, err
	}
	defer s.Close()
	base, err := url.Parse(s.URL)
	if err != nil {
		return Score{}, err
	}
	client, err := dast.Client(ctx, base)
	if err != nil {
		return Score{}, err
	}
	defer client.CloseIdleConnections()
	canary, err := dast.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return Score{}, err
	}
	defer func() { _ = canary.Close() }()
	began := time.Now()
	report, err := dast.Scan(ctx, client, dast.Options{Base: base, Rate: 1e6, Canary: canary})
	if err != nil {
		return Score{}, err
	}
	score := s.score(report)
	score.Seconds = time.Since(began).Seconds()
	return score, nil
}

// score compares a report with what is known.
func (s *Server) score(r dast.Report) Score {
	out := Score{Flaws: len(s.Flaws), Twins: len(s.Twins), Requests: r.Requests, Changed: s.Changed.Load()}
	var reported []string
	for _, f := range r.Findings {
		for _, place := range strings.Split(f.Resource, ", ") {
			reported = append(reported, f.Rule+" at "+place)
		}
	}
	known := map[string]bool{}
	for _, f := range s.Flaws {
		text := f.Rule + " at " + f.String()
		known[text] = true
		if slices.Contains(reported, text) {
			out.Found++
		} else {
			out.Missed = append(out.Missed, text+" ("+f.Kind+")")
		}
	}
	for _, t := range s.Twins {
		if slices.Contains(reported, t.Rule+" at "+t.String()) {
			out.Flagged++
		}
	}
	for _, text := range reported {
		if !known[text] {
			out.Wrong = append(out.Wrong, text)
		}
	}
	return out
}
