package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"fairlead.dev"
)

// recorded is one line of a replay.
type recorded struct {
	T        int                `json:"t"`
	Arm      string             `json:"arm"`
	Requests uint64             `json:"requests"`
	Errors   uint64             `json:"errors"`
	Latency  fairlead.Histogram `json:"latency"`
}

// record writes each family's first analysis as `fairlead judge replay` reads it.
func record(dir string) error {
	for _, f := range families() {
		r := f.draw(0)
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		for m := range minutes {
			for _, arm := range []struct {
				name   string
				served *fairlead.Sample
			}{{"baseline", r.baseline[m]}, {"canary", r.canary[m]}} {
				s := arm.served
				if s == nil {
					continue
				}
				h := fairlead.Histogram{LE: s.Latency.LE[2:15], Count: s.Latency.Count[2:15]}
				if err := e.Encode(recorded{60 * (m + 1), arm.name, s.Requests, s.Errors, h}); err != nil {
					return err
				}
			}
		}
		if err := os.WriteFile(filepath.Join(dir, f.name+".jsonl"), out.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}
