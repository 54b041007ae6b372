package credential

// words finds any of many words in a text, in one pass and without regard to
// case. A bitmap over a hash of three bytes says at most places at once that
// nothing begins there.
type words struct {
	bits [1 << 10]uint64
	by   map[uint16][]int
	all  []string // lower case, three bytes or more
}

func newWords(all []string) *words {
	w := &words{by: map[uint16][]int{}, all: all}
	for i, s := range all {
		h := hash3(s[0], s[1], s[2])
		w.bits[h>>6] |= 1 << (h & 63)
		w.by[h] = append(w.by[h], i)
	}
	return w
}

func hash3(a, b, c byte) uint16 {
	return uint16((uint32(a)*0x9E5 + uint32(b)*0x1F35 + uint32(c)*0x6D) & 0xffff)
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
	if len(content) < 3 {
		return
	}
	b, c := lower(content[0]), lower(content[1])
	for i := 2; i < len(content); i++ {
		a := b
		b, c = c, lower(content[i])
		h := hash3(a, b, c)
		if w.bits[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for _, n := range w.by[h] {
			if at := i - 2; hasFold(content[at:], w.all[n]) && !found(at, n) {
				return
			}
		}
	}
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
