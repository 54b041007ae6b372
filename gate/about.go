package gate

import "fairlead.dev"

// What a gate lists beside its outcome: the values of Gate.About.
const (
	aboutFindings = "findings"
	aboutCases    = "cases"
	aboutTasks    = "tasks"
)

// trialCost is what one more evaluation costs beside the rule itself.
const trialCost = 100

// concernedFindings lists the findings that break the rule on their own; when
// none does (the rule counts, say) or they cannot all be tried, all of them.
func concernedFindings(r rule, f facts) []fairlead.Finding {
	all := f.findings
	t := trial{rule: r, left: costLimit}
	var out []fairlead.Finding
	for i := range all {
		f.findings = all[i : i+1]
		if t.breaks(f) {
			out = append(out, f.found[i])
		}
	}
	if len(out) == 0 || t.left == 0 {
		return f.found
	}
	return out
}

// concernedCases lists the cases that did not pass and break the rule on their
// own; when none does or they cannot all be tried, all that failed or are flaky.
func concernedCases(r rule, f facts) []fairlead.TestCase {
	all := f.tests.Cases
	t := trial{rule: r, left: costLimit}
	var out, notPassed []fairlead.TestCase
	for i, c := range f.cases {
		if c.Result == fairlead.CasePassed {
			continue
		}
		if c.Result != fairlead.CaseSkipped {
			notPassed = append(notPassed, c)
		}
		f.tests = testFacts{}
		f.tests.add(all[i])
		if t.breaks(f) {
			out = append(out, c)
		}
	}
	if len(out) == 0 || t.left == 0 {
		return notPassed
	}
	return out
}

// concernedTasks lists the tasks that did not succeed, or not completely, and
// would break the rule even if every other task had; when none would or they
// cannot all be tried, all of them.
func concernedTasks(r rule, f facts) []string {
	suspects := f.suspects()
	mended := make(map[string]taskFacts, len(f.tasks))
	for id, t := range f.tasks {
		t.Result, t.Reason, t.Partial = string(fairlead.ResultSuccess), "", false
		mended[id] = t
	}
	t := trial{rule: r, left: costLimit}
	var out []string
	for _, id := range suspects {
		good := mended[id]
		mended[id] = f.tasks[id]
		world := f
		world.tasks = mended
		if t.breaks(world) {
			out = append(out, id)
		}
		mended[id] = good
	}
	if len(out) == 0 || t.left == 0 {
		return suspects
	}
	return out
}

// trial evaluates one rule several times, for no more cost than one
// evaluation may have.
type trial struct {
	rule rule
	left uint64
}

// breaks tells whether the rule has an answer and it is no.
func (t *trial) breaks(f facts) bool {
	if t.left == 0 {
		return false
	}
	holds, cost, err := t.rule.holds(f.activation())
	t.left -= min(t.left, cost+trialCost)
	return err == nil && !holds
}
