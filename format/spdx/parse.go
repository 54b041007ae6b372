package spdx

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

// maxExpression is how long an expression may be, in bytes; maxDepth how deep
// its brackets may go.
const (
	maxExpression = 4096
	maxDepth      = 64
)

// ErrExpression is wrapped by the errors of [Parse].
var ErrExpression = errors.New("not a licence expression of SPDX")

// Operator joins the terms of an expression.
type Operator string

// The operators. A choice is met by any of its terms, the other one by all.
const (
	And Operator = "AND"
	Or  Operator = "OR"
)

// Expression is a licence expression as a tree: either License is set, with the
// exception that belongs to it, or Op and at least two Terms are.
type Expression struct {
	License string // as the list writes it: "MIT", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-own"
	Op      Operator
	Terms   []Expression
}

// Parse reads a licence expression whose identifiers are on SPDX's list, or
// name a licence of the document's own. Equal identifiers of other case become
// those of the list. Anything else is an ErrExpression.
//
// The library is asked for the lists only: its parser panics at a WITH without
// an exception, and what it makes of an expression loses terms of nested choices
// and takes exponential time.
func Parse(text string) (Expression, error) {
	p := parser{}
	err := errors.New("it is longer than what is read")
	var e Expression
	if len(text) <= maxExpression {
		p.words = strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text))
		e, err = p.choice()
	}
	if err == nil && len(p.words) > 0 {
		err = fmt.Errorf("%q follows it", p.words[0])
	}
	if err != nil {
		return Expression{}, fmt.Errorf("%.80q is %w: %w", text, ErrExpression, err)
	}
	return e, nil
}

// parser reads words from the front.
type parser struct {
	words []string
	depth int
}

func (p *parser) next(word string) bool {
	if len(p.words) == 0 || p.words[0] != word {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *parser) choice() (Expression, error) { return p.joined(Or, p.all) }

func (p *parser) all() (Expression, error) { return p.joined(And, p.term) }

// joined reads terms with one operator between them.
func (p *parser) joined(op Operator, term func() (Expression, error)) (Expression, error) {
	e, err := term()
	if err != nil || len(p.words) == 0 || p.words[0] != string(op) {
		return e, err
	}
	out := Expression{Op: op, Terms: []Expression{e}}
	for err == nil && p.next(string(op)) {
		e, err = term()
		out.Terms = append(out.Terms, e)
	}
	return out, err
}

func (p *parser) term() (Expression, error) {
	if p.next("(") {
		if p.depth++; p.depth > maxDepth {
			return Expression{}, errors.New("its brackets go too deep")
		}
		e, err := p.choice()
		if err == nil && !p.next(")") {
			err = errors.New("a bracket is not closed")
		}
		p.depth--
		return e, err
	}
	if len(p.words) == 0 {
		return Expression{}, errors.New("it ends too early")
	}
	word := p.words[0]
	p.words = p.words[1:]
	name, ok := licenseName(word)
	if ok && p.next("WITH") {
		var exception string
		if ok = len(p.words) > 0; ok {
			exception, ok = known().exceptions[strings.ToLower(p.words[0])]
			p.words = p.words[1:]
		}
		name += " WITH " + exception
	}
	if !ok {
		return Expression{}, fmt.Errorf("%q is no licence", word)
	}
	return Expression{License: name}, nil
}

// lists are SPDX's lists, by the names in lower case.
type lists struct {
	licenses, exceptions map[string]string
}

// known is made at the first question: the lists hold some 800 names.
var known = sync.OnceValue(func() lists {
	l := lists{licenses: map[string]string{}, exceptions: map[string]string{}}
	for _, names := range [][]string{spdxlicenses.GetDeprecated(), spdxlicenses.GetLicenses()} {
		for _, n := range names {
			l.licenses[strings.ToLower(n)] = n
		}
	}
	for _, n := range spdxlicenses.GetExceptions() {
		l.exceptions[strings.ToLower(n)] = n
	}
	return l
})

var ownLicense = regexp.MustCompile(`^(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+$`)

// licenseName gives a licence as the list writes it, or one of the document's
// own as it is; with a plus where later versions are meant.
func licenseName(word string) (string, bool) {
	if ownLicense.MatchString(word) {
		return word, true
	}
	if name, ok := known().licenses[strings.ToLower(word)]; ok { // some have a plus of their own
		return name, true
	}
	base, later := strings.CutSuffix(word, "+")
	name, ok := known().licenses[strings.ToLower(base)]
	return name + "+", ok && later
}

// Licenses lists the licences of the tree, in order, each once.
func (e Expression) Licenses() []string {
	var out []string
	seen := map[string]bool{}
	var walk func(Expression)
	walk = func(e Expression) {
		if e.License != "" && !seen[e.License] {
			seen[e.License] = true
			out = append(out, e.License)
		}
		for _, t := range e.Terms {
			walk(t)
		}
	}
	walk(e)
	return out
}

// String writes the expression with the brackets that it needs.
func (e Expression) String() string {
	if e.License != "" {
		return e.License
	}
	var all []string
	for _, t := range e.Terms {
		text := t.String()
		if t.Op != "" && t.Op != e.Op {
			text = "(" + text + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " "+string(e.Op)+" ")
}
