package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean gives `did you mean "x"?` for the candidate nearest to word, or ""
// when none is near.
func didYouMean(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// nearest gives the candidate with the smallest edit distance to word, when
// that is at most a third of the word's length (and at least one edit, two for
// words of four letters and more). Ties go to the alphabetically first.
func nearest(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	word = strings.ToLower(word)
	limit := max(1, len(word)/3)
	if len(word) >= 4 {
		limit = max(2, limit)
	}
	best := ""
	sorted := slices.Sorted(slices.Values(candidates))
	for _, c := range sorted {
		if d := distance(word, strings.ToLower(c), limit); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// distance is the number of single-character edits (insert, delete, replace,
// swap of neighbours) between a and b; any number above limit once it is sure
// to be exceeded.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

// listed joins values for a sentence: "a, b, c".
func listed(values []string) string { return strings.Join(values, ", ") }
