package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"fairlead.dev"
)

// line is one line of a recording. Pointers tell what is missing.
type line struct {
	T        *float64 `json:"t"`
	Arm      string   `json:"arm"`
	Requests *uint64  `json:"requests"`
	Errors   *uint64  `json:"errors"`
	Latency  *struct {
		LE    []float64 `json:"le"`
		Count []uint64  `json:"count"`
	} `json:"latency"`
}

// longest is how long a line may be, in bytes.
const longest = 1 << 20

// next reads one line; io.EOF after the last.
func (p *player) next() ([]byte, error) {
	var out []byte
	p.at++
	for {
		part, more, err := p.lines.ReadLine()
		if err != nil {
			return nil, err
		}
		if out = append(out, part...); len(out) > longest {
			return nil, fmt.Errorf("line: longer than %d bytes", longest)
		}
		if !more {
			return out, nil
		}
	}
}

// decode reads a line and holds it to what counts can be.
func decode(raw []byte) (line, error) {
	var l line
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, fmt.Errorf("not an interval: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return l, errors.New("more than one object on the line")
	}
	switch {
	case l.T == nil:
		return l, errors.New("t: missing")
	case *l.T < 0 || *l.T > farthest:
		return l, fmt.Errorf("t: want seconds from 0 to %g (got %v)", float64(farthest), *l.T)
	case l.Arm != "baseline" && l.Arm != "canary":
		return l, fmt.Errorf(`arm: want "baseline" or "canary" (got %q)`, l.Arm)
	case l.Requests == nil:
		return l, errors.New("requests: missing")
	case *l.Requests > most:
		return l, fmt.Errorf("requests: want at most %d (got %d)", uint64(most), *l.Requests)
	case l.Errors == nil:
		return l, errors.New("errors: missing")
	case *l.Errors > *l.Requests:
		return l, fmt.Errorf("errors: more than requests (got %d of %d)", *l.Errors, *l.Requests)
	}
	return l, l.checkLatency()
}

// What is beyond these cannot have been counted.
const (
	farthest = 1e10    // seconds, some hundred years after the epoch
	most     = 1 << 50 // requests in an interval
)

func (l line) checkLatency() error {
	if l.Latency == nil {
		return nil
	}
	le, count := l.Latency.LE, l.Latency.Count
	if len(le) != len(count) || len(le) == 0 {
		return fmt.Errorf("latency: le and count must be as long as each other and not empty (got %d and %d)", len(le), len(count))
	}
	for i := 1; i < len(le); i++ {
		if le[i] <= le[i-1] {
			return fmt.Errorf("latency.le: must grow (got %v after %v)", le[i], le[i-1])
		}
		if count[i] < count[i-1] {
			return fmt.Errorf("latency.count: must be cumulative (got %d after %d)", count[i], count[i-1])
		}
	}
	if n := count[len(count)-1]; n > *l.Requests {
		return fmt.Errorf("latency.count: more than requests (got %d of %d)", n, *l.Requests)
	}
	return nil
}

// arm gives a line's counts. Requests above the last bound took any time.
func (l line) arm() *Arm {
	a := &Arm{Sample: fairlead.Sample{Requests: *l.Requests, Errors: *l.Errors}}
	if l.Latency != nil {
		a.Latency = fairlead.Histogram{
			LE: append(l.Latency.LE, math.Inf(1)), Count: append(l.Latency.Count, *l.Requests),
		}
	}
	return a
}
