package credential

import "encoding/binary"

// words finds any of many words in a text, in one pass and without regard to
// case. A bitmap over a hash of three bytes says at most places at once that
// nothing begins there.
type words struct {
	bits [1 << 10]uint64
	head [1 << 12]uint16 // number of the list in by, by the upper bits of the hash
	by   [][]int
	all  []string // lower case, three bytes or more
}

func newWords(all []string) *words {
	w := &words{by: [][]int{nil}, all: all}
	for i, s := range all {
		h := hash3(uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16)
		w.bits[h>>6] |= 1 << (h & 63)
		if w.head[h>>4] == 0 {
			w.head[h>>4] = uint16(len(w.by)) //nolint:gosec // there are no more than 4096 lists
			w.by = append(w.by, nil)
		}
		list := &w.by[w.head[h>>4]]
		*list = append(*list, i)
	}
	return w
}

// hash3 is of the lower three bytes. Letters of both cases have the same.
func hash3(three uint32) uint16 {
	return uint16((three<<8 | 0x20202000) * 0x9E3779B1 >> 16)
}

// lower maps upper-case ASCII to lower case.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// each calls found for every place where a word begins, in order, until it
// answers false.
func (w *words) each(content []byte, found func(at, word int) bool) {
	at := 0
	for ; at+8 <= len(content); at += 6 { // eight bytes have six places to begin
		b := binary.LittleEndian.Uint64(content[at:])
		for i := range 6 {
			h := hash3(uint32(b >> (8 * i)))
			if w.bits[h>>6]&(1<<(h&63)) != 0 && !w.at(content, at+i, h, found) {
				return
			}
		}
	}
	for ; at+3 <= len(content); at++ {
		h := hash3(uint32(content[at]) | uint32(content[at+1])<<8 | uint32(content[at+2])<<16)
		if w.bits[h>>6]&(1<<(h&63)) != 0 && !w.at(content, at, h, found) {
			return
		}
	}
}

// at calls found for the words that begin at a place.
func (w *words) at(content []byte, at int, h uint16, found func(at, word int) bool) bool {
	for _, n := range w.by[w.head[h>>4]] {
		if hasFold(content[at:], w.all[n]) && !found(at, n) {
			return false
		}
	}
	return true
}

// hasFold tells whether content begins with a word in lower case.
func hasFold(content []byte, word string) bool {
	if len(content) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(content[i]) != word[i] {
			return false
		}
	}
	return true
}
