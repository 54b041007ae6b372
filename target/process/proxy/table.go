package proxy

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"fairlead.dev"
)

// Backend is one ready replica.
type Backend struct {
	ID   string // unique in the table
	Addr string // "host:port"
}

// Arm is one release and its ready replicas. An arm with weight and without
// backends is allowed: its requests go to the other arms, and count as errors
// of its own.
type Arm struct {
	Release  fairlead.Digest
	Weight   int // percent of the visitors
	Backends []Backend
}

// The values of Sticky.By.
const (
	ByCookie  = "cookie"
	ByHeader  = "header"
	ByAddress = "address"
)

// Sticky says what keeps a visitor on one release.
//
// By cookie without a Name the proxy hands out its own cookie, "fairlead",
// while traffic is split; its value is the visitor's bucket and identifies
// nobody. By cookie with a Name the service's own cookie of that name is the
// key and is never set by the proxy. A request without the cookie or header
// named is kept by the client's address.
type Sticky struct {
	By   string // ByCookie, ByHeader or ByAddress; "" means ByCookie
	Name string // of the cookie or header
}

// Table says which release gets which share of the visitors.
type Table struct {
	Arms   []Arm // in any order
	Sticky Sticky
}

// validate reports everything that is wrong with t.
func (t Table) validate() error {
	var errs []error
	sum := 0
	releases, ids := map[fairlead.Digest]bool{}, map[string]bool{}
	for i, a := range t.Arms {
		at := fmt.Sprintf("arm %d", i+1)
		if a.Release == "" {
			errs = append(errs, fmt.Errorf("%s: has no release", at))
		} else if releases[a.Release] {
			errs = append(errs, fmt.Errorf("%s: release %s is there twice", at, a.Release.Short()))
		}
		releases[a.Release] = true
		if a.Weight < 0 || a.Weight > 100 {
			errs = append(errs, fmt.Errorf("%s: weight is a percentage (got %d)", at, a.Weight))
		}
		sum += a.Weight
		for _, b := range a.Backends {
			if err := b.validate(ids); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", at, err))
			}
			ids[b.ID] = true
		}
	}
	if sum != 0 && sum != 100 {
		errs = append(errs, fmt.Errorf("weights sum to 100 or 0 (got %d)", sum))
	}
	return errors.Join(append(errs, t.Sticky.validate())...)
}

func (b Backend) validate(taken map[string]bool) error {
	if b.ID == "" {
		return fmt.Errorf("backend at %q has no id", b.Addr)
	}
	if taken[b.ID] {
		return fmt.Errorf("backend %s is there twice", b.ID)
	}
	host, port, err := net.SplitHostPort(b.Addr)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || host == "" || perr != nil || n == 0 {
		return fmt.Errorf("backend %s: address is host:port (got %q)", b.ID, b.Addr)
	}
	return nil
}

func (s Sticky) validate() error {
	switch s.By {
	case "", ByCookie:
		if s.Name != "" && !isToken(s.Name) {
			return fmt.Errorf("sticky: %q cannot name a cookie", s.Name)
		}
	case ByHeader:
		if !isToken(s.Name) {
			return fmt.Errorf("sticky: %q cannot name a header", s.Name)
		}
	case ByAddress:
		if s.Name != "" {
			return fmt.Errorf("sticky: by address takes no name (got %q)", s.Name)
		}
	default:
		return fmt.Errorf("sticky: by is cookie, header or address (got %q)", s.By)
	}
	return nil
}

// isToken tells whether s is a token in the sense of RFC 9110.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		letter := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// table is a Table made ready for requests. It never changes.
type table struct {
	arms   []*arm
	sticky Sticky
	layout layout // empty when nothing is routed
	single *arm   // the arm with all the weight, when one has it
}

// arm is one release in a table.
type arm struct {
	release  fairlead.Digest
	weight   int
	backends []*backend
	judged   *counters
	preview  *counters
	order    []*arm // where its requests may go: itself, then the others with weight, heaviest first
}

// compile makes t ready, as close to the table before as its weights allow.
// The caller holds p.mu.
func compile(t Table, before *table, p *Proxy) *table {
	next := &table{sticky: t.Sticky}
	shares := make([]share, 0, len(t.Arms))
	for _, a := range t.Arms {
		c := &arm{
			release: a.Release,
			weight:  a.Weight,
			judged:  countersFor(p.judged, a.Release),
			preview: countersFor(p.preview, a.Release),
		}
		for _, b := range a.Backends {
			c.backends = append(c.backends, p.backendFor(b))
		}
		next.arms = append(next.arms, c)
		shares = append(shares, share{a.Release, a.Weight})
		if a.Weight == 100 {
			next.single = c
		}
	}
	next.layout = layOut(shares, before.owner)
	heaviest := slices.Clone(next.arms)
	slices.SortStableFunc(heaviest, func(a, b *arm) int { return b.weight - a.weight })
	for _, a := range next.arms {
		a.order = append(a.order, a)
		for _, other := range heaviest {
			if other != a && other.weight > 0 {
				a.order = append(a.order, other)
			}
		}
	}
	return next
}

// at gives the arm that a bucket belongs to; nil when nothing is routed.
func (t *table) at(bucket int) *arm {
	if len(t.layout) == 0 {
		return nil
	}
	return t.arms[t.layout[bucket]]
}

// owner gives the release that a bucket belongs to; "" when nothing is routed.
func (t *table) owner(bucket int) fairlead.Digest {
	if a := t.at(bucket); a != nil {
		return a.release
	}
	return ""
}

// arm gives the arm of a release; nil when it is not in the table.
func (t *table) arm(release fairlead.Digest) *arm {
	for _, a := range t.arms {
		if a.release == release {
			return a
		}
	}
	return nil
}

func (t *table) uses(b *backend) bool {
	return slices.ContainsFunc(t.arms, func(a *arm) bool { return slices.Contains(a.backends, b) })
}
