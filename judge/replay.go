package judge

import (
	"bufio"
	"bytes"
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
