package proxy

import (
	"slices"
	"strings"

	"fairlead.dev"
)

// buckets is the number of shares that visitors are divided into: a weight of
// one percent is a hundred of them.
const buckets = 10_000

const bucketsPerPercent = buckets / 100

// share is what one release is to get.
type share struct {
	release fairlead.Digest
	weight  int // percent
}

// layout gives the index of the share that each bucket belongs to. It has
// either all buckets or, when nothing is routed, none.
type layout []uint16

// layOut divides the buckets by weight. The fewest possible change hands
// against owner, which gives the owner so far. Where there is a choice it
// prefers the plain layout, releases side by side in the order of their
// digests, so that a proxy that knows no owners arrives at the same one.
func layOut(shares []share, owner func(bucket int) fairlead.Digest) layout {
	plain := plainLayout(shares)
	if plain == nil {
		return nil
	}
	const nobody = ^uint16(0)
	next := make(layout, buckets)
	left := make([]int, len(shares))
	index := make(map[fairlead.Digest]uint16, len(shares))
	for i, s := range shares {
		left[i] = s.weight * bucketsPerPercent
		index[s.release] = uint16(i)
	}
	before := make(layout, buckets)
	for b := range next {
		next[b], before[b] = nobody, nobody
		if i, ok := index[owner(b)]; ok {
			before[b] = i
		}
	}
	give := func(b int, to uint16) {
		if next[b] == nobody && to != nobody && left[to] > 0 {
			next[b] = to
			left[to]--
		}
	}
	for b := range next { // what was right already
		if before[b] == plain[b] {
			give(b, plain[b])
		}
	}
	for b := range next { // what its owner may keep
		give(b, before[b])
	}
	for b := range next { // what has to move
		give(b, plain[b])
	}
	rest := uint16(0)
	for b := range next {
		for next[b] == nobody {
			if give(b, rest); next[b] == nobody {
				rest++
			}
		}
	}
	return next
}

// plainLayout puts the releases side by side in the order of their digests.
func plainLayout(shares []share) layout {
	order := make([]uint16, len(shares))
	for i := range order {
		order[i] = uint16(i)
	}
	slices.SortFunc(order, func(a, b uint16) int {
		return strings.Compare(string(shares[a].release), string(shares[b].release))
	})
	var plain layout
	for _, i := range order {
		plain = append(plain, slices.Repeat(layout{i}, shares[i].weight*bucketsPerPercent)...)
	}
	return plain
}

// bucketOf gives the bucket of a key: FNV-1a over its bytes, and a final mix
// that spreads keys which differ only at their end. It is the same in every
// process and version.
func bucketOf(key string) int {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return int((h ^ h>>33) % buckets)
}
