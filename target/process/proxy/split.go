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
	d := newDeal(shares)
	before := make(layout, buckets)
	for b := range before {
		before[b] = d.indexOf(owner(b))
	}
	for b := range before { // what was right already
		if before[b] == plain[b] {
			d.give(b, plain[b])
		}
	}
	for b := range before { // what its owner may keep
		d.give(b, before[b])
	}
	for b := range before { // what has to move
		d.give(b, plain[b])
	}
	for i := range shares { // and where that was full, anywhere
		for b := range before {
			d.give(b, uint16(i))
		}
	}
	return d.to
}

// deal is the dealing of buckets to shares.
type deal struct {
	index map[fairlead.Digest]uint16 // of a release's share
	left  []int                      // buckets that a share is still to get
	to    layout
}

// nobody is the share of a bucket that is not dealt yet.
const nobody = ^uint16(0)

func newDeal(shares []share) deal {
	d := deal{index: map[fairlead.Digest]uint16{}, to: slices.Repeat(layout{nobody}, buckets)}
	for i, s := range shares {
		d.index[s.release] = uint16(i)
		d.left = append(d.left, s.weight*bucketsPerPercent)
	}
	return d
}

// indexOf gives the share of a release, or nobody.
func (d deal) indexOf(release fairlead.Digest) uint16 {
	if i, ok := d.index[release]; ok {
		return i
	}
	return nobody
}

// give deals a bucket, unless somebody has it or the share is full.
func (d deal) give(bucket int, share uint16) {
	if d.to[bucket] == nobody && share != nobody && d.left[share] > 0 {
		d.to[bucket] = share
		d.left[share]--
	}
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
