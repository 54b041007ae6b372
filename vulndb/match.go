package vulndb

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/osv"
	"fairlead.dev/purl"
)

// Match is one vulnerability of one component. Records of several databases
// about the same vulnerability are one match.
type Match struct {
	Component      fairlead.Component
	Package        purl.Key
	Version        string // as the ecosystem's records write it
	Canonical      string // the vulnerability's one name: the smallest CVE of its aliases, else the smallest id
	Records        []string
	Upstream       []string // other vulnerabilities that the records pass on, as a distribution's advisory does
	Vulnerability  fairlead.Vulnerability
	Summary        string
	CWE            []string
	Severity       fairlead.Severity
	SeveritySource string       // a CVSS vector or a word, or "alias ID: …" when another record of it says so
	FixedIn        []string     // versions without this vulnerability, smallest first; newer than the component's
	ClearedBy      string       // smallest version with no known vulnerability at all; "" when none is known
	Imports        []osv.Import // Go packages that are vulnerable; nil when no record lists any
	KEVDue         time.Time
	Ransomware     bool // known to be used by extortionists
	Justification  string

	said []statement // what VEX says of it, here and in any product
}

// Unmatched is a component that could not be looked up, and why. It may have
// vulnerabilities that nobody knows of here.
type Unmatched struct {
	Component fairlead.Component
	Reason    string
}

// Matches is the answer about a list of components.
type Matches struct {
	Found     []Match // by purl, then by the vulnerability's name
	Unmatched []Unmatched
}

// Match gives the vulnerabilities of components, by purl and by the ranges of
// the records about the package; withdrawn records do not count. What cannot
// be looked up is in Unmatched. VEX statements apply as [Match.For] the products
// has them. Equal input and content give equal answers.
func (d *DB) Match(ctx context.Context, components []fairlead.Component, products ...string) (Matches, error) {
	m := matcher{keys: map[string]wanted{}}
	for _, c := range components {
		m.want(c)
	}
	if err := m.look(ctx, d.sql); err != nil {
		return Matches{}, readProblem(err)
	}
	if err := m.join(ctx, d.sql, products); err != nil {
		return Matches{}, readProblem(err)
	}
	return m.answer, nil
}

// wanted is a component and the package it is looked up as.
type wanted struct {
	component fairlead.Component
	key       purl.Key
	version   string
	compare   osv.Compare // of the ecosystem's versions; set by judgeAll
}

type matcher struct {
	keys   map[string]wanted // by purl
	answer Matches
}

func (m *matcher) want(c fairlead.Component) {
	if _, ok := m.keys[c.PURL]; ok {
		return
	}
	key, version, reason := purl.KeyOf(c.PURL)
	if reason != "" {
		m.answer.Unmatched = append(m.answer.Unmatched, Unmatched{c, reason})
		return
	}
	m.keys[c.PURL] = wanted{component: c, key: key, version: version}
}

// lookUp takes all keys in one go, as a JSON list of pairs.
const lookUp = `SELECT f.ecosystem, f.name, a.id, a.canonical, a.names, a.upstream, a.summary, a.cwe, a.worst, a.because, f.ranges, f.versions, f.imports
	FROM json_each(?) k CROSS JOIN affected f ON f.ecosystem = k.value ->> 0 AND f.name = k.value ->> 1 CROSS JOIN advisory a ON a.num = f.num
	WHERE a.withdrawn = 0 ORDER BY f.ecosystem, f.name, a.id, f.part`

// row is one thing a record says about a package.
type row struct {
	id, canonical, names, upstream, summary, cwe, because, imports string
	worst                                                          fairlead.Severity
	affected                                                       osv.Affected
}

// look reads the records about every wanted package.
func (m *matcher) look(ctx context.Context, q *sql.DB) error {
	byKey := map[purl.Key][]wanted{}
	for _, w := range m.keys {
		byKey[w.key] = append(byKey[w.key], w)
	}
	keys := make([][2]string, 0, len(byKey))
	for key := range byKey {
		keys = append(keys, [2]string{key.Ecosystem, key.Name})
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, lookUp, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	var at purl.Key
	var about []row // one package: rows come package by package
	for rows.Next() {
		key, r, err := scanRow(rows)
		if err != nil {
			return err
		}
		if key != at {
			m.judgeAll(byKey[at], about)
			at, about = key, nil
		}
		about = append(about, r)
	}
	m.judgeAll(byKey[at], about)
	slices.SortFunc(m.answer.Found, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Component.PURL, b.Component.PURL), cmp.Compare(a.Canonical, b.Canonical))
	})
	return rows.Err()
}

// scanRow reads one row of lookUp.
func scanRow(rows *sql.Rows) (k purl.Key, r row, err error) {
	var ranges, versions string
	err = rows.Scan(&k.Ecosystem, &k.Name, &r.id, &r.canonical, &r.names, &r.upstream, &r.summary, &r.cwe, &r.worst, &r.because, &ranges, &versions, &r.imports)
	if err != nil {
		return k, r, err
	}
	r.affected.Versions = strings.FieldsFunc(versions, func(c rune) bool { return c == '\n' })
	return k, r, json.Unmarshal([]byte(ranges), &r.affected.Ranges)
}

// judgeAll decides about every version of one package that is wanted.
func (m *matcher) judgeAll(all []wanted, rows []row) {
	if len(rows) == 0 {
		return
	}
	compare := compareIn(all[0].key.Ecosystem)
	for _, w := range all {
		w.compare = compare
		m.judge(w, rows)
	}
}

// judge decides which of the records about a package affect a component.
func (m *matcher) judge(w wanted, rows []row) {
	byName := map[string][]row{}
	var names []string
	var failed error
	for _, r := range rows {
		hit, err := r.affected.Affects(w.version, w.compare)
		if err != nil { // what the other records say still counts
			failed = cmp.Or(failed, fmt.Errorf("its version cannot be compared with %s: %w", r.id, err))
			continue
		}
		if hit {
			if byName[r.canonical] == nil {
				names = append(names, r.canonical)
			}
			byName[r.canonical] = append(byName[r.canonical], r)
		}
	}
	if failed != nil {
		m.answer.Unmatched = append(m.answer.Unmatched, Unmatched{w.component, failed.Error()})
	}
	cleared := ""
	if len(names) > 0 {
		// What fixes one flaw may have the next: the fix of any record may be the first that has none.
		for _, v := range w.candidates(rows) {
			if clears(rows, v, w.compare) {
				cleared = v
				break
			}
		}
	}
	for _, name := range names {
		found := w.match(name, byName[name])
		found.ClearedBy = cleared
		m.answer.Found = append(m.answer.Found, found)
	}
}

// match makes one of what several records say about the same vulnerability.
func (w wanted) match(canonical string, rows []row) Match {
	out := Match{
		Component: w.component, Package: w.key, Version: w.version, Canonical: canonical,
		Severity: fairlead.SeverityUnknown, Summary: rows[0].summary,
	}
	out.Vulnerability.ID = rows[0].id
	silent := false // a record that lists no symbols may mean any
	for i, r := range rows {
		if i == 0 || rank(r.worst) < rank(out.Severity) {
			out.Severity, out.SeveritySource = r.worst, r.because
		}
		if out.Summary == "" {
			out.Summary = r.summary
		}
		out.Records = append(out.Records, r.id)
		out.Vulnerability.Aliases = append(out.Vulnerability.Aliases, strings.Fields(r.names)...)
		out.Upstream = append(out.Upstream, strings.Fields(r.upstream)...)
		out.CWE = append(out.CWE, strings.Fields(r.cwe)...)
		var imports []osv.Import
		if r.imports != "" && json.Unmarshal([]byte(r.imports), &imports) == nil {
			out.Imports = append(out.Imports, imports...)
		}
		silent = silent || len(imports) == 0
	}
	if silent {
		out.Imports = nil
	}
	out.Records = unique(out.Records)
	out.Vulnerability.Aliases = slices.DeleteFunc(unique(out.Vulnerability.Aliases), func(id string) bool { return id == out.Vulnerability.ID })
	out.CWE, out.Upstream = unique(out.CWE), unique(out.Upstream)
	out.FixedIn = slices.DeleteFunc(w.candidates(rows), func(v string) bool { return !clears(rows, v, w.compare) })
	return out
}

// candidates gives the versions that rows name as fixed and that are newer
// than the component's, smallest first.
func (w wanted) candidates(rows []row) []string {
	var out []string
	for _, r := range rows {
		for _, g := range r.affected.Ranges {
			for _, e := range g.Events {
				if e.Fixed == "" || g.Type == osv.RangeGit {
					continue
				}
				if c, err := w.compare(e.Fixed, w.version); err == nil && c > 0 {
					out = append(out, e.Fixed)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		c, err := w.compare(a, b)
		if err != nil || c == 0 {
			return cmp.Compare(a, b)
		}
		return c
	})
	return slices.Compact(out)
}

// clears tells whether none of the rows affects a version.
func clears(rows []row, version string, compare osv.Compare) bool {
	return !slices.ContainsFunc(rows, func(r row) bool {
		hit, err := r.affected.Affects(version, compare)
		return hit || err != nil
	})
}

func unique(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }
