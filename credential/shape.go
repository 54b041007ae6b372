package credential

import "regexp/syntax"

// endless is the length of what has no longest match.
const endless = 1 << 20

// shape is what can be said of every text that an expression matches: how long
// it can be, and how many bytes of a key stand in it without a gap. Where there
// are not so many the expression need not be tried.
type shape struct {
	whole      bool // nothing but bytes of keys
	head, tail int  // how many at the beginning and at the end at least
	run        int  // how many anywhere at least
	most       int  // length of the longest match in bytes, endless at most
}

// shapeOf reads an expression. Of one that it cannot read it says nothing.
func shapeOf(expression string) shape {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return shape{most: endless}
	}
	return shaped(re)
}

func shaped(re *syntax.Regexp) shape {
	switch re.Op {
	case syntax.OpLiteral:
		s := shape{whole: true}
		for _, r := range re.Rune {
			s = s.then(runes(r, r))
		}
		return s
	case syntax.OpCharClass:
		return runes(re.Rune...)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return shape{most: 4}
	case syntax.OpCapture:
		return shaped(re.Sub[0])
	case syntax.OpConcat:
		s := shape{whole: true}
		for _, sub := range re.Sub {
			s = s.then(shaped(sub))
		}
		return s
	case syntax.OpAlternate:
		s := shaped(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			s = s.or(shaped(sub))
		}
		return s
	case syntax.OpStar:
		return shaped(re.Sub[0]).times(0, -1)
	case syntax.OpPlus:
		return shaped(re.Sub[0]).times(1, -1)
	case syntax.OpQuest:
		return shaped(re.Sub[0]).times(0, 1)
	case syntax.OpRepeat:
		return shaped(re.Sub[0]).times(re.Min, re.Max)
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return shape{whole: true}
	default:
		return shape{most: endless}
	}
}

// runes is the shape of one rune out of ranges.
func runes(ranges ...rune) shape {
	s := shape{whole: true, most: 1}
	for i := 0; i+1 < len(ranges); i += 2 {
		if lo := ranges[i]; lo == ranges[i+1] && (lo == 'ſ' || lo == '\u212a') {
			continue // what s and k are too where case is of no regard: no key has them
		}
		if ranges[i+1] >= 0x80 {
			return shape{most: 4}
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			s.whole = s.whole && class(byte(r))&inKey != 0
		}
	}
	if s.whole {
		s.head, s.tail, s.run = 1, 1, 1
	}
	return s
}

// then is the shape of one after the other.
func (s shape) then(next shape) shape {
	out := shape{whole: s.whole && next.whole, head: s.head, tail: next.tail, most: min(endless, s.most+next.most)}
	if s.whole {
		out.head += next.head
	}
	if next.whole {
		out.tail += s.tail
	}
	out.run = max(s.run, next.run, s.tail+next.head)
	return out
}

// or is the shape of one of both.
func (s shape) or(other shape) shape {
	return shape{
		whole: s.whole && other.whole, head: min(s.head, other.head), tail: min(s.tail, other.tail),
		run: min(s.run, other.run), most: max(s.most, other.most),
	}
}

// times is the shape of several, one after the other; most is -1 where there is
// no bound.
func (s shape) times(least, most int) shape {
	out := shape{whole: true}
	for range least {
		out = out.then(s)
	}
	if least == 0 {
		out.whole = s.whole
	}
	switch {
	case most < 0:
		out.most = endless
	default:
		out.most = min(endless, s.most*most)
	}
	return out
}
