package sarif

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

// maxMessage bounds a message after its arguments are put in, in bytes.
const maxMessage = 1 << 20

// longestNumber bounds how far the end of a {0} is looked for, in bytes.
const longestNumber = 12

// ruleIndex finds the rule of a result.
type ruleIndex struct {
	components []wireComponent // the driver, then the extensions
	byID       map[string]ruleAt
}

type ruleAt struct{ component, rule int }

func indexRules(w wireRun) ruleIndex {
	x := ruleIndex{components: append([]wireComponent{w.Tool.Driver}, w.Tool.Extensions...), byID: map[string]ruleAt{}}
	for i, c := range x.components {
		for j, r := range c.Rules {
			if _, ok := x.byID[r.ID]; !ok {
				x.byID[r.ID] = ruleAt{i, j}
			}
		}
	}
	return x
}

// of gives a result's rule and the component that has it: by index where the
// result has one, in the driver or in the extension that the reference names,
// else by its name. A rule that is not described is nil.
func (x ruleIndex) of(r wireResult) (*wireComponent, *wireRule) {
	component, index, id := &x.components[0], r.RuleIndex, r.RuleID
	if r.Rule != nil {
		index, id = cmp.Or(r.Rule.Index, index), cmp.Or(id, r.Rule.ID)
		if c := r.Rule.Component; c != nil && c.Index != nil && *c.Index >= 0 && *c.Index+1 < len(x.components) {
			component = &x.components[*c.Index+1]
		}
	}
	if index != nil && *index >= 0 && *index < len(component.Rules) {
		if rule := &component.Rules[*index]; id == "" || rule.ID == id || strings.HasPrefix(id, rule.ID+"/") {
			return component, rule
		}
	}
	// A result may name a rule below the one described: "CA1000/0" is of CA1000.
	for more := id != ""; more; {
		if at, ok := x.byID[id]; ok {
			return &x.components[at.component], &x.components[at.component].Rules[at.rule]
		}
		slash := strings.LastIndexByte(id, '/')
		more = slash > 0
		id = id[:max(slash, 0)]
	}
	return component, nil
}

// message gives a message's text: written out, or named and kept with the
// rule, its component or the driver.
func (x ruleIndex) message(m wireMessage, c *wireComponent, rule *wireRule) (string, error) {
	s := m.text()
	if s == "" && m.ID != "" {
		if rule != nil {
			s = rule.Messages[m.ID].text()
		}
		s = cmp.Or(s, c.GlobalMessages[m.ID].text(), x.components[0].GlobalMessages[m.ID].text())
	}
	switch {
	case s == "":
		return "", errors.New("it has no message")
	case len(m.Arguments) > 0:
		return expand(s, m.Arguments)
	}
	return s, nil
}

// expand puts the arguments in: {0} stands for the first one, a doubled brace
// for a brace.
func expand(s string, arguments []string) (string, error) {
	var b strings.Builder
	for s != "" {
		at := strings.IndexAny(s, "{}")
		if at < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:at])
		s = s[at:]
		end := strings.IndexByte(s[:min(len(s), longestNumber)], '}')
		n, err := strconv.Atoi(s[min(1, len(s)):max(end, 1)])
		switch {
		case strings.HasPrefix(s, "{{"), strings.HasPrefix(s, "}}"):
			b.WriteByte(s[0])
			s = s[2:]
		case s[0] == '{' && end > 0 && err == nil && n >= 0 && n < len(arguments):
			b.WriteString(arguments[n])
			s = s[end+1:]
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
		if b.Len() > maxMessage {
			return "", errors.New("its message is larger than 1 MiB")
		}
	}
	return b.String(), nil
}
