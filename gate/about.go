package gate

import "fairlead.dev"

// What a gate lists beside its outcome: the values of Gate.About.
const (
	aboutFindings = "findings"
	aboutCases    = "cases"
	aboutTasks    = "tasks"
)

// maxAlone bounds how many things are tried one by one.
const maxAlone = 500

// concernedFindings lists the findings that break the rule on their own; when
// none does (the rule counts, say), all of them.
func concernedFindings(r rule, f facts) []fairlead.Finding {
	if len(f.found) > maxAlone {
		return f.found
	}
	all := f.findings
	var out []fairlead.Finding
	for i := range all {
		f.findings = all[i : i+1]
		if breaks(r, f) {
			out = append(out, f.found[i])
		}
	}
	if len(out) == 0 {
		return f.found
	}
	return out
}

// concernedCases lists the cases that did not pass and break the rule on their
// own; when none does, all that did not pass and were not skipped.
func concernedCases(r rule, f facts) []fairlead.TestCase {
	all := f.tests.Cases
	var out, notPassed []fairlead.TestCase
	for i, c := range f.cases {
		if c.Result == fairlead.CasePassed {
			continue
		}
		if c.Result != fairlead.CaseSkipped {
			notPassed = append(notPassed, c)
		}
		if len(out) >= maxAlone {
			continue
		}
		f.tests = testFacts{}
		f.tests.add(all[i])
		if breaks(r, f) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return notPassed
	}
	return out
}

// breaks tells whether the rule has an answer and it is no.
func breaks(r rule, f facts) bool {
	holds, err := r.holds(f.activation())
	return err == nil && !holds
}
