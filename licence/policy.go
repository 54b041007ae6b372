// Package licence judges under what terms the components of a piece of software
// may be used: it finds licences out from what packages declare and from their
// texts, evaluates expressions by a policy, and writes the notices that many
// licences ask for. Nothing it reads is trusted, and nothing is fetched: what it
// cannot find out is unknown, and said.
package licence

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"fairlead.dev/format/spdx"
)

// Verdict is what a policy says about a licence.
type Verdict string

// The verdicts, from the lightest.
const (
	Allow Verdict = "allow"
	Ask   Verdict = "ask"  // somebody has to judge it
	Deny  Verdict = "deny" // it may not be used
)

// weight orders verdicts; what is no verdict weighs most.
func (v Verdict) weight() int {
	if i := slices.Index([]Verdict{Allow, Ask, Deny}, v); i >= 0 {
		return i
	}
	return 3
}

// Policy sorts licences. Each entry is an identifier of SPDX ("GPL-3.0-only",
// "GPL-2.0-only WITH Classpath-exception-2.0"), a glob over identifiers
// ("GPL-*"), or a [Class]. An identifier goes before a glob, a glob before a
// class; among equals the heavier verdict counts.
type Policy struct {
	Allow, Ask, Deny []string
	Otherwise        Verdict // for what no entry names; empty is Ask
}

// Default is the policy when nothing is said: nothing is denied, and what may
// oblige to share the whole program, forbids some use or is not known is asked.
func Default() Policy {
	return Policy{
		Allow: []string{string(Permissive), string(WeakCopyleft)}, Ask: []string{}, Deny: []string{}, Otherwise: Ask,
	}
}

// Check says what is wrong with a policy, nil when nothing is.
func (p Policy) Check() error {
	var errs []error
	for _, e := range slices.Concat(p.Allow, p.Ask, p.Deny) {
		errs = append(errs, CheckEntry(e))
	}
	if p.Otherwise != "" && p.Otherwise.weight() > Deny.weight() {
		errs = append(errs, fmt.Errorf("otherwise is allow, ask or deny, not %q", p.Otherwise))
	}
	return errors.Join(errs...)
}

// CheckEntry says what is wrong with one entry of a policy.
func CheckEntry(entry string) error {
	switch {
	case slices.Contains(Classes(), Class(entry)):
		return nil
	case strings.ContainsAny(entry, "*?["):
		if _, err := path.Match(entry, ""); err != nil || strings.Contains(entry, "/") {
			return fmt.Errorf("%q is no glob over licences", entry)
		}
		return nil
	}
	e, err := spdx.Parse(entry)
	if err == nil && e.Op == "" {
		return nil
	}
	names := make([]string, len(Classes()))
	for i, c := range Classes() {
		names[i] = string(c)
	}
	return fmt.Errorf("%q is no licence of SPDX's list, no glob over them, and none of %s", entry, strings.Join(names, ", "))
}

// Judge evaluates an expression: of a choice the lightest verdict counts, of
// what is joined the heaviest. It gives the licences that made it so, too.
func (p Policy) Judge(e spdx.Expression) (Verdict, []string) {
	if e.Op == "" {
		return p.one(e.License), []string{e.License}
	}
	var verdict Verdict
	var because []string
	for i, t := range e.Terms {
		v, why := p.Judge(t)
		switch heavier := cmp.Compare(v.weight(), verdict.weight()); {
		case i == 0, e.Op == spdx.And && heavier > 0, e.Op == spdx.Or && heavier < 0:
			verdict, because = v, why
		case heavier == 0:
			because = append(because, why...)
		}
	}
	slices.Sort(because)
	return verdict, slices.Compact(because)
}

// JudgeUnknown is the verdict on a component of which nobody says the licence.
func (p Policy) JudgeUnknown() Verdict { return p.one("") }

// one judges a single licence, "" for one that is not known.
func (p Policy) one(license string) Verdict {
	class := ClassOf(license)
	best, at := cmp.Or(p.Otherwise, Ask), 0
	for _, list := range []struct {
		verdict Verdict
		entries []string
	}{{Allow, p.Allow}, {Ask, p.Ask}, {Deny, p.Deny}} {
		for _, e := range list.entries {
			if n := fits(e, license, class); n > 0 && n >= at {
				best, at = list.verdict, n
			}
		}
	}
	return best
}

// fits tells how exactly an entry names a licence: 3 itself, 2 by a glob, 1 by
// its class, 0 not at all.
func fits(entry, license string, class Class) int {
	if Class(entry) == class {
		return 1
	}
	if license == "" {
		return 0
	}
	if strings.ContainsAny(entry, "*?[") {
		for _, name := range []string{license, plain(license)} {
			if ok, err := path.Match(strings.ToLower(entry), strings.ToLower(name)); err == nil && ok {
				return 2
			}
		}
		return 0
	}
	if e, err := spdx.Parse(entry); err == nil && plain(e.License) == plain(license) {
		return 3
	}
	return 0
}

// Strictest gives the heavier of two verdicts.
func Strictest(a, b Verdict) Verdict {
	if a.weight() >= b.weight() {
		return a
	}
	return b
}
