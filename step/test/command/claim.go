package command

import (
	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

// predicate is in-toto's test result, version 0.1.
type predicate struct {
	Result        string       `json:"result"` // PASSED, WARNED or FAILED
	Configuration []descriptor `json:"configuration"`
	PassedTests   []string     `json:"passedTests"`
	WarnedTests   []string     `json:"warnedTests"`
	FailedTests   []string     `json:"failedTests"`
}

// descriptor is in-toto's resource descriptor: what the tests were run with.
type descriptor struct {
	Name        string            `json:"name"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]string `json:"annotations"`
}

// claim tells how the tests ended; flaky cases are warnings.
func claim(in step.In, cfg Config, cases []fairlead.TestCase, outcome step.Outcome) fairlead.Claim {
	p := predicate{
		Result:      "PASSED",
		PassedTests: []string{}, WarnedTests: []string{}, FailedTests: []string{},
		Configuration: []descriptor{{
			Name: in.Task.ID, Digest: map[string]string{"sha256": fairlead.DigestJSON(cfg).Hex()},
			Annotations: map[string]string{
				"commit": in.Event.Commit, "run": command.Redact(cfg.Run, in.Secrets), "report": cfg.Report,
			},
		}},
	}
	for _, c := range cases {
		name := c.Name
		if c.Suite != "" {
			name = c.Suite + "." + c.Name
		}
		switch c.Result {
		case fairlead.CasePassed:
			p.PassedTests = append(p.PassedTests, name)
		case fairlead.CaseFlaky:
			p.WarnedTests = append(p.WarnedTests, name)
		case fairlead.CaseFailed:
			p.FailedTests = append(p.FailedTests, name)
		}
	}
	switch {
	case outcome == step.Failed:
		p.Result = "FAILED"
	case len(p.WarnedTests) > 0:
		p.Result = "WARNED"
	}
	return fairlead.Claim{PredicateType: fairlead.PredicateTest, Predicate: step.Predicate(p)}
}
