package judge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"fairlead.dev"
)

// Recording says how to read recorded intervals.
type Recording struct {
	Name    string               // of the file, for problems
	Policy  fairlead.JudgePolicy // as for New; Metrics are chosen by what the recording holds
	Horizon time.Duration        // what was recorded after it is not judged; 0 = all is
	Share   float64              // of traffic that was meant for the canary, 0..1; 0 = not known
}

// Replay judges a recording: JSON Lines, one object for each interval and arm,
// with the interval's own counts, in order of time. It gives the result, and
// the time in the recording's own seconds at which the answer fell, NaN while
// undecided. It reads line by line and keeps no more than one interval.
func Replay(r io.Reader, rec Recording) (Result, float64, error) {
	p := &player{rec: rec, lines: bufio.NewReaderSize(r, 64<<10)}
	if err := p.play(); err != nil {
		return Result{}, 0, &fairlead.Problem{
			Op: "replay", Kind: fairlead.KindInvalid, Err: fmt.Errorf("%s:%d: %w", rec.Name, p.at, err),
			Hint: `one object a line: {"t": 60, "arm": "canary", "requests": 300, "errors": 2, "latency": {"le": [0.1, 1], "count": [280, 299]}}`,
		}
	}
	result := p.result()
	decided := math.NaN()
	if result.Answer != fairlead.AnswerUndecided {
		decided = p.origin + result.DecidedAt.Seconds()
	}
	return result, decided, nil
}

// player turns lines into intervals.
type player struct {
	rec    Recording
	lines  *bufio.Reader
	at     int     // number of the line last read
	judge  *Judge  // of every metric that the recording may hold
	quick  *Judge  // of those without latency, as long as none was measured; nil when the metrics are given
	first  float64 // time of the first interval
	step   float64 // from the first interval to the second: how long one is
	origin float64 // when judging began
	held   *moment // complete, but not yet judged since its length is not known
	open   *moment // may still get its other arm
	last   float64 // time of the interval judged last
}

// moment is one interval as recorded.
type moment struct {
	t    float64
	arms [2]*Arm
}

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

func (p *player) play() error {
	for {
		raw, err := p.next()
		if errors.Is(err, io.EOF) {
			return p.finish()
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(raw)) == 0 {
			continue
		}
		l, err := decode(bytes.TrimPrefix(raw, []byte("\ufeff"))) // some editors begin a file with it
		if err != nil {
			return err
		}
		if err := p.take(l); err != nil {
			return err
		}
	}
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

// take adds a line to the open interval, or begins the next.
func (p *player) take(l line) error {
	if p.open == nil || *l.T > p.open.t {
		if err := p.turn(); err != nil {
			return err
		}
		p.open = &moment{t: *l.T}
	}
	if *l.T < p.open.t {
		return fmt.Errorf("t: must not go back (got %v after %v)", *l.T, p.open.t)
	}
	side := baseline
	if l.Arm == "canary" {
		side = canary
	}
	if p.open.arms[side] != nil {
		return fmt.Errorf("arm: a second %s at t %v", l.Arm, *l.T)
	}
	p.open.arms[side] = l.arm()
	return nil
}

// turn closes the open interval. The first is held back until the second
// tells how long an interval is.
func (p *player) turn() error {
	if p.open == nil {
		return nil
	}
	if p.judge == nil {
		p.begin()
	}
	if p.held != nil {
		p.step = p.open.t - p.held.t
		p.origin = p.first - p.step
		p.last = p.origin
		p.observe(*p.held)
		p.held = nil
	} else if p.step == 0 {
		p.held = p.open
		return nil
	}
	p.observe(*p.open)
	return nil
}

// begin makes the judges. Whether latency is measured at all is known at the
// end: until it is seen, one judge has it as a metric that is missing, and one
// does without.
func (p *player) begin() {
	p.first = p.open.t
	policy := p.rec.Policy
	if p.rec.Horizon > 0 {
		policy.Horizon = fairlead.Duration(p.rec.Horizon)
	}
	if len(policy.Metrics) == 0 {
		without := policy
		for _, m := range Defaults().Metrics {
			policy.Metrics = append(policy.Metrics, m)
			if m.Kind != fairlead.MetricLatency {
				without.Metrics = append(without.Metrics, m)
			}
		}
		p.quick = New(without)
	}
	p.judge = New(policy)
}

// result is that of the judge whose metrics the recording holds.
func (p *player) result() Result {
	if p.quick != nil {
		return p.quick.Result()
	}
	return p.judge.Result()
}

func (m *moment) measured() bool {
	for _, a := range m.arms {
		if a != nil && len(a.Latency.LE) > 0 {
			return true
		}
	}
	return false
}

// gaps is how many missing intervals in a row are told apart.
const gaps = 1000

// observe hands an interval to the judge, and before it those that are missing.
func (p *player) observe(m moment) {
	missing := int(min(math.Round((m.t-p.last)/p.step)-1, gaps))
	for i := range missing {
		p.hand(Interval{End: p.since(p.last + float64(i+1)*p.step)})
	}
	if m.measured() {
		p.quick = nil
	}
	p.hand(Interval{End: p.since(m.t), Baseline: m.arms[baseline], Canary: m.arms[canary], Share: p.rec.Share})
	p.last = m.t
}

func (p *player) hand(iv Interval) {
	if p.rec.Horizon <= 0 || iv.End <= p.rec.Horizon {
		p.judge.Observe(iv)
		if p.quick != nil {
			p.quick.Observe(iv)
		}
	}
}

func (p *player) since(t float64) time.Duration {
	return time.Duration(math.Round((t - p.origin) * float64(time.Second)))
}

// usual is how long the only interval of a recording is taken to be, in seconds.
const usual = 60

// finish closes the last interval.
func (p *player) finish() error {
	if err := p.turn(); err != nil {
		return err
	}
	if p.judge == nil {
		p.at = max(p.at-1, 1)
		return errors.New("no interval in it")
	}
	if p.held != nil {
		p.step = usual
		p.origin = p.first - p.step
		p.last = p.origin
		p.observe(*p.held)
	}
	return nil
}
