// Package epss reads scores of the Exploit Prediction Scoring System, as CSV.
package epss

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrScores is in the chain of every error about malformed scores.
var ErrScores = errors.New("not a list of EPSS scores")

// Score is how likely a vulnerability is to be exploited within 30 days.
type Score struct {
	CVE         string
	Probability float64 // 0 to 1
	Percentile  float64 // 0 to 1: the share of vulnerabilities that are at most as likely
}

// Header is what a list says about itself.
type Header struct {
	Model string
	Date  time.Time // of the scores; zero when it does not say
}

// Decode reads a list and gives each score to yield, whose error ends it. A
// list that is malformed is an ErrScores.
func Decode(r io.Reader, yield func(Score) error) (Header, error) {
	b := bufio.NewReader(r)
	var h Header
	for {
		if first, err := b.Peek(1); err != nil || first[0] != '#' {
			break
		}
		line, err := b.ReadString('\n')
		if err != nil {
			return h, fmt.Errorf("%w: %w", ErrScores, err)
		}
		h.read(line)
	}
	c := csv.NewReader(b)
	c.ReuseRecord = true
	names, err := c.Read()
	if err != nil || len(names) < 3 || names[0] != "cve" || names[1] != "epss" || names[2] != "percentile" {
		return h, fmt.Errorf("%w: its columns are not cve,epss,percentile", ErrScores)
	}
	for n := 0; ; n++ {
		row, err := c.Read()
		if errors.Is(err, io.EOF) && n > 0 {
			return h, nil
		}
		if err != nil {
			return h, fmt.Errorf("%w: %w", ErrScores, err)
		}
		s, err := score(row)
		if err != nil {
			return h, err
		}
		if err := yield(s); err != nil {
			return h, err
		}
	}
}

// read takes "#model_version:v2026.03.14,score_date:2026-10-01T00:00:00+0000".
func (h *Header) read(line string) {
	for part := range strings.SplitSeq(strings.TrimSpace(strings.TrimPrefix(line, "#")), ",") {
		key, value, _ := strings.Cut(part, ":")
		switch key {
		case "model_version":
			h.Model = value
		case "score_date":
			if t, err := time.Parse(time.DateOnly, value[:min(len(value), len(time.DateOnly))]); err == nil {
				h.Date = t
			}
		}
	}
}

func score(row []string) (Score, error) {
	s := Score{CVE: strings.Clone(row[0])}
	var err, also error
	s.Probability, err = strconv.ParseFloat(row[1], 64)
	s.Percentile, also = strconv.ParseFloat(row[2], 64)
	if err != nil || also != nil || !strings.HasPrefix(s.CVE, "CVE-") || !share(s.Probability) || !share(s.Percentile) {
		return s, fmt.Errorf("%w: %q is not a score", ErrScores, row)
	}
	return s, nil
}

func share(v float64) bool { return !math.IsNaN(v) && v >= 0 && v <= 1 }
