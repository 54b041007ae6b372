package dast

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"fairlead.dev"
)

// injected is a statement that a parameter becomes part of.
func injected() kind {
	return kind{
		rule: "dast-sql-injection", title: "a parameter becomes part of a database statement", cwe: "CWE-89", severity: fairlead.SeverityCritical,
		fix: "pass the value as a parameter of a prepared statement",
	}
}

// complaint is what databases and their drivers say of a statement that is wrong.
var complaint = regexp.MustCompile(`(?i)(near ".{0,40}": syntax error|unrecognized token: |unterminated quoted string|SQL logic error|sqlite3?\.OperationalError|` +
	`You have an error in your SQL syntax|mysql_fetch|syntax error at or near|SQLSTATE\[?[ :]?\w{5}|pq: |PSQLException|` +
	`Unclosed quotation mark|Incorrect syntax near|Microsoft (OLE DB|SQL Server)|ORA-\d{5}|quoted string not properly terminated)`)

// sqlError breaks a statement and looks for the database's complaint. It counts
// when it comes again, is not on the page anyway, and goes away when the
// statement is whole again.
func (s *scan) sqlError(ctx context.Context, e entry, i int) error {
	value := e.params[i].value
	for _, breaker := range []string{"'", `"`, "')", `\`} {
		said := ""
		for range 2 {
			a, err := s.ask(ctx, e, i, value+breaker)
			if err != nil {
				return err
			}
			if a == nil {
				said = ""
				break
			}
			if said = complaint.FindString(a.body); said == "" {
				break
			}
		}
		if said == "" {
			continue
		}
		whole, err := s.whole(ctx, e, i)
		if err != nil {
			return err
		}
		if whole {
			s.add(injected(), e, e.params[i].name, short(e.params[i].name+"="+value+breaker)+" made it say "+short(said), "confirmed")
			return nil
		}
	}
	return nil
}

// whole tells whether the page is without complaint for the value itself and for
// one of the ways to write it that only a database takes for the same or harmless.
func (s *scan) whole(ctx context.Context, e entry, i int) (bool, error) {
	value := e.params[i].value
	a, err := s.ask(ctx, e, i, value)
	if err != nil || a == nil || complaint.MatchString(a.body) {
		return false, err
	}
	for _, balanced := range []string{value + "''", value + "-0", value + `""`} {
		b, err := s.ask(ctx, e, i, balanced)
		if err != nil {
			return false, err
		}
		if b != nil && b.status < http.StatusInternalServerError && !complaint.MatchString(b.body) {
			return true, nil
		}
	}
	return false, nil
}

// conditions are ways to add a condition: %d and %d are compared in it.
func conditions() []string {
	return []string{
		"' AND '%d'='%d", " AND %d=%d", "%%' AND %d=%d AND '%%'='", "' AND %d=%d -- ", "') AND ('%d'='%d", ") AND (%d=%d", `" AND "%d"="%d`,
	}
}

// sqlBoolean adds conditions that hold and that do not. It counts when, with
// several numbers, the page is as always with those that hold and another one
// with those that do not, and when a condition that is no SQL changes it too.
func (s *scan) sqlBoolean(ctx context.Context, e entry, i int) error {
	if s.known(injected(), e, i) {
		return nil
	}
	value := e.params[i].value
	usual, steady, err := s.usual(ctx, e, i)
	if err != nil || usual == nil {
		return err
	}
	for _, c := range conditions() {
		differs, err := s.differs(ctx, e, i, usual, steady, c)
		if err != nil {
			return err
		}
		if differs {
			s.add(injected(), e, e.params[i].name, short(e.params[i].name+"="+value+fmt.Sprintf(c, 1, 1))+" keeps the page, a false condition changes it", "confirmed")
			return nil
		}
	}
	return nil
}

// differs asks one condition with several numbers, those that hold and those
// that do not, and one that is no SQL.
func (s *scan) differs(ctx context.Context, e entry, i int, usual words, steady words, condition string) (bool, error) {
	value := e.params[i].value
	same := func(suffix string) (bool, bool, error) {
		a, err := s.ask(ctx, e, i, value+suffix)
		if err != nil || a == nil {
			return false, false, err
		}
		return wordsOf(a, value+suffix, value).equal(usual, steady), true, nil
	}
	for _, n := range [][2]int{{31, 47}, {47, 31}, {58, 26}} {
		holds, ok, err := same(fmt.Sprintf(condition, n[0], n[0]))
		if err != nil || !ok || !holds {
			return false, err
		}
		holds, ok, err = same(fmt.Sprintf(condition, n[0], n[1]))
		if err != nil || !ok || holds {
			return false, err
		}
	}
	// A filter that looks at numbers would take this one like the first.
	control := strings.ReplaceAll(fmt.Sprintf(condition, 31, 31), "AND", "QQX")
	holds, ok, err := same(control)
	return ok && !holds, err
}

// usual gives the words of the page as it is, and those that do not stay the same
// when it is asked for again. Nil when there is no answer to compare with.
func (s *scan) usual(ctx context.Context, e entry, i int) (words, words, error) {
	value := e.params[i].value
	var first words
	moving := words{}
	for n := range 3 {
		a, err := s.ask(ctx, e, i, value)
		if err != nil || a == nil || a.status >= http.StatusInternalServerError {
			return nil, nil, err
		}
		now := wordsOf(a, value, value)
		if n == 0 {
			first = now
			continue
		}
		for w := range now {
			if !first[w] {
				moving[w] = true
			}
		}
		for w := range first {
			if !now[w] {
				moving[w] = true
			}
		}
	}
	return first, moving, nil
}

// known tells whether a parameter's flaw was found by another check.
func (s *scan) known(k kind, e entry, i int) bool {
	return s.found[fairlead.Fingerprint(fairlead.CategoryDAST, k.rule, e.method, e.route, e.params[i].name)] != nil
}

// words are the words of a page, with the usual value where it shows what was
// sent, and without what changes from one time to the next.
type words map[string]bool

var changing = regexp.MustCompile(`[0-9]{4,}|[0-9a-fA-F]{12,}`)

func wordsOf(a *answer, sent, usual string) words {
	body := a.body
	for _, form := range forms(sent) {
		body = strings.ReplaceAll(body, form, usual)
	}
	out := words{fmt.Sprintf("status %d", a.status): true}
	for _, w := range strings.Fields(body) {
		if !changing.MatchString(w) {
			out[w] = true
		}
	}
	return out
}

// equal compares but for words that move.
func (w words) equal(o, moving words) bool {
	a, b := maps.Clone(w), maps.Clone(o)
	for m := range moving {
		delete(a, m)
		delete(b, m)
	}
	return maps.Equal(a, b)
}
