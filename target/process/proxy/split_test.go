package proxy

import (
	"fmt"
	"math"
	"testing"

	"fairlead.dev"
	"pgregory.net/rapid"
)

// unowned is what a proxy knows before its first table.
func unowned(int) fairlead.Digest { return "" }

// owners gives who owns which bucket.
func owners(shares []share, l layout) func(int) fairlead.Digest {
	return func(b int) fairlead.Digest {
		if len(l) == 0 {
			return ""
		}
		return shares[l[b]].release
	}
}

// someShares draws up to five releases whose weights sum to 100.
func someShares(t *rapid.T, label string) []share {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]fairlead.Digest{"a", "b", "c", "d", "e", "f"}), 1, 5, rapid.ID).Draw(t, label)
	shares := make([]share, len(names))
	left := 100
	for i, n := range names {
		w := left
		if i < len(names)-1 {
			w = rapid.IntRange(0, left).Draw(t, label+" weight")
		}
		shares[i] = share{n, w}
		left -= w
	}
	return shares
}

func TestLayoutHasTheWeightsAndMovesTheFewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := someShares(t, "before")
		first := layOut(before, unowned)
		after := someShares(t, "after")
		second := layOut(after, owners(before, first))

		held, got := map[fairlead.Digest]int{}, map[fairlead.Digest]int{}
		was, is := owners(before, first), owners(after, second)
		moved := 0
		for b := range buckets {
			held[was(b)]++
			got[is(b)]++
			if was(b) != is(b) {
				moved++
			}
		}
		least := 0
		for _, s := range after {
			if got[s.release] != s.weight*bucketsPerPercent {
				t.Fatalf("%s has %d buckets for %d%%", s.release, got[s.release], s.weight)
			}
			least += max(0, got[s.release]-held[s.release])
		}
		if moved != least {
			t.Fatalf("%d buckets moved where %d had to", moved, least)
		}
	})
}

// A rollout of two releases, however it went, ends in the layout that a
// restarted proxy makes from nothing; so a restart moves nobody.
func TestLayoutOfTwoIsTheSameAfterRestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owner := owners(nil, nil)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			w := rapid.IntRange(0, 100).Draw(t, "weight")
			shares := []share{{"old", 100 - w}, {"new", w}}
			l := layOut(shares, owner)
			owner = owners(shares, l)
			fresh := owners(shares, layOut(shares, unowned))
			for b := range buckets {
				if owner(b) != fresh(b) {
					t.Fatalf("at %d%% bucket %d belongs to %s, after a restart to %s", w, b, owner(b), fresh(b))
				}
			}
		}
	})
}

func TestLayoutIgnoresTheOrderOfArms(t *testing.T) {
	one := []share{{"a", 20}, {"b", 30}, {"c", 50}}
	two := []share{{"c", 50}, {"a", 20}, {"b", 30}}
	x, y := owners(one, layOut(one, unowned)), owners(two, layOut(two, unowned))
	for b := range buckets {
		if x(b) != y(b) {
			t.Fatalf("bucket %d belongs to %s or %s", b, x(b), y(b))
		}
	}
}

func TestGrowingTheCanaryMovesOnlyNewVisitors(t *testing.T) {
	small := []share{{stable, 95}, {canary, 5}}
	large := []share{{stable, 75}, {canary, 25}}
	before := layOut(small, unowned)
	after := layOut(large, owners(small, before))
	for b := range buckets {
		if before[b] == 1 && after[b] != 1 {
			t.Fatalf("bucket %d lost the canary when the canary grew", b)
		}
	}
}

func TestBucketsAreStableAndEven(t *testing.T) {
	// Written down: another value would move every visitor at an upgrade.
	for key, want := range map[string]int{"": 4342, "alice": 7236, "127.0.0.1": 3154} {
		if got := bucketOf(key); got != want {
			t.Errorf("bucket of %q is %d, was %d", key, got, want)
		}
	}
	const keys, cells = 100_000, 100
	var seen [cells]int
	for i := range keys {
		seen[bucketOf(fmt.Sprintf("user-%d", i))*cells/buckets]++
	}
	chi := 0.0
	for _, n := range seen {
		d := float64(n) - keys/cells
		chi += d * d / (keys / cells)
	}
	if chi > 160 { // 99 degrees of freedom: passed by chance once in ten thousand
		t.Errorf("keys are not spread evenly: chi-squared %.0f", chi)
	}
}

func TestSequenceCoversEveryBucketOnceAndFewSpreadWell(t *testing.T) {
	s := newSequence()
	var seen [buckets]bool
	low := 0
	for i := range buckets {
		b := s.bucket()
		if seen[b] {
			t.Fatalf("bucket %d came twice", b)
		}
		seen[b] = true
		if b < buckets/4 {
			low++
		}
		if off := math.Abs(float64(low) - float64(i+1)/4); off > 8 {
			t.Fatalf("of the first %d visitors %d are in the first quarter", i+1, low)
		}
	}
}
