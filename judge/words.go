package judge

import (
	"fmt"
	"math"
	"strconv"
)

// String writes "12.4% of 500".
func (s share) String() string {
	return percent(s.rate()) + " of " + thousands(s.of)
}

// percent writes 0.124 as "12.4%", with as many digits as a reader needs.
func percent(rate float64) string {
	v := rate * 100
	digits := 1
	if v != 0 && math.Abs(v) < 0.1 {
		digits = 3
	}
	scale := math.Pow(10, float64(digits))
	if v != 0 && math.Round(v*scale) == 0 {
		return strconv.FormatFloat(v, 'g', 1, 64) + "%"
	}
	return strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64) + "%"
}

// thousands writes 9500 as "9,500".
func thousands(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// times writes "1 time" and "3 times".
func times(n uint64) string {
	if n == 1 {
		return "1 time"
	}
	return thousands(n) + " times"
}

// number writes a plain number without trailing zeros.
func number(v float64) string {
	return strconv.FormatFloat(v, 'g', 4, 64)
}
