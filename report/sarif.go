package report

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/format/sarif"
)

// readSARIF reads what any tool wrote as SARIF 2.1.0.
func readSARIF(c *collector, b []byte) error {
	l, err := sarif.Decode(bytes.NewReader(b))
	if err != nil {
		return err
	}
	for _, run := range l.Runs {
		r := sarifRun{collector: c, tool: c.tool(run.Tool.Name, run.Tool.Version), name: run.Tool.Name, rules: map[string]sarif.Rule{}}
		c.report.Failed = cmp.Or(c.report.Failed, clean(run.Failed, maxText))
		for _, rule := range run.Rules {
			if _, twice := r.rules[rule.ID]; !twice {
				r.rules[rule.ID] = rule
			}
		}
		for _, result := range run.Results {
			r.result(result)
		}
	}
	return c.full
}

// sarifRun is one run on its way.
type sarifRun struct {
	*collector
	tool  string // "semgrep 1.100.0"
	name  string // as the log has it
	rules map[string]sarif.Rule
}

func (r sarifRun) result(x sarif.Result) {
	switch {
	case x.Suppressed():
		r.report.Excused++
		return
	case x.Kind != "fail" && x.Kind != "open" && x.Kind != "review", x.Level == sarif.LevelNone, x.BaselineState == "absent":
		r.report.Notes++
		return
	}
	rule := r.rules[x.RuleID]
	f := fairlead.Finding{
		Rule: x.RuleID, ToolVersion: r.tool, Message: x.Message, Fix: r.fix(rule),
		CWE: weaknesses(slices.Concat(rule.Tags, rule.Taxa, x.Taxa, texts(rule.Properties["cwe"]), texts(x.Properties["cwe"]))...),
	}
	f.Severity, f.SeveritySource = r.severity(x, rule)
	r.places(&f, x)
	f.Category = r.category(x, rule, f)
	word, _, _ := strings.Cut(r.tool, " ")
	switch f.Category {
	case fairlead.CategorySecret:
		r.secret(f, cmp.Or(rule.Short, rule.Name))
	case fairlead.CategorySCA:
		r.component(f, x)
	default:
		content := stable(x)
		r.add(f, "report", word, f.Rule, f.Location.Path, f.Resource, content, r.nth(word, f.Rule, f.Location.Path, f.Resource, content))
	}
}

// texts are the texts of a property: one, or a list.
func texts(property any) []string {
	switch p := property.(type) {
	case string:
		return []string{p}
	case []any:
		var out []string
		for _, x := range p {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// severity is the score where there is one, else the level.
func (r sarifRun) severity(x sarif.Result, rule sarif.Rule) (fairlead.Severity, string) {
	for _, score := range append(texts(x.Properties["security-severity"]), rule.SecuritySeverity) {
		if s, ok := scoredText(score); ok {
			return s, "security-severity " + score
		}
	}
	s, ok := severityOf(string(x.Level))
	if !ok {
		s = fairlead.SeverityUnknown
	}
	return s, "level " + string(x.Level)
}

// fix is what the rule says to do, unless that is a page of text.
func (r sarifRun) fix(rule sarif.Rule) string {
	if rule.Help != "" && len(rule.Help) <= maxText && !strings.HasPrefix(rule.Help, "Vulnerability ") {
		return rule.Help
	}
	if rule.HelpURI != "" {
		return "see " + rule.HelpURI
	}
	return ""
}

// places enters where a result is: the first place, and further ones. What is
// no file of the tree is a resource.
func (r sarifRun) places(f *fairlead.Finding, x sarif.Result) {
	for i, l := range x.Locations {
		if strings.HasPrefix(l.URI, "http://") || strings.HasPrefix(l.URI, "https://") {
			f.Resource = cmp.Or(f.Resource, request(x.WebRequest.Method, l.URI, ""))
		} else {
			r.further(f, r.where(l.URI, l.Line, l.Column))
		}
		if i == 0 {
			f.Resource = cmp.Or(l.Logical, f.Resource)
		}
	}
	if x.WebRequest.Target != "" {
		f.Resource = cmp.Or(f.Resource, request(x.WebRequest.Method, x.WebRequest.Target, ""))
	}
}

// category is the class of a result: by what its rule says it is about, else by
// the tool, else code.
func (r sarifRun) category(x sarif.Result, rule sarif.Rule, f fairlead.Finding) fairlead.Category {
	about := append(slices.Clone(rule.Tags), rule.Name)
	says := func(words ...string) bool {
		return slices.ContainsFunc(about, func(tag string) bool { return slices.Contains(words, strings.ToLower(tag)) })
	}
	word, _, _ := strings.Cut(r.tool, " ")
	switch {
	case says("secret", "secrets"), slices.Contains([]string{"gitleaks", "trufflehog", "detect-secrets", "ggshield"}, word),
		slices.ContainsFunc(f.CWE, func(id string) bool { return id == "CWE-798" || id == "CWE-259" || id == "CWE-321" }):
		return fairlead.CategorySecret
	case vulnerabilityID(x.RuleID) != "", strings.HasPrefix(x.RuleID, "SNYK-") && !strings.HasPrefix(x.RuleID, "SNYK-CC-"), says("vulnerability", "languagespecificpackagevulnerability", "ospackagevulnerability"):
		return fairlead.CategorySCA
	case says("license", "licence"):
		return fairlead.CategoryLicence
	case says("misconfiguration", "iac", "infrastructure"), strings.HasPrefix(x.RuleID, "SNYK-CC-"),
		slices.Contains([]string{"checkov", "kics", "tfsec", "terrascan", "hadolint", "kube-linter", "kubescape", "zizmor", "actionlint", "polaris"}, word):
		return fairlead.CategoryIaC
	case slices.Contains([]string{"zap", "nuclei"}, word), x.WebRequest.Target != "":
		return fairlead.CategoryDAST
	}
	return fairlead.CategorySAST
}

// stable is what a result says about its own identity that survives a move of
// lines: an identity of the tool's, the hash that code hosts have of the place,
// or the code itself; "" for none.
func stable(x sarif.Result) string {
	var names []string
	for name, value := range x.Fingerprints {
		if len(value) >= 16 && !strings.ContainsAny(value, " \t\n") { // "requires login" is no identity
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return x.Fingerprints[slices.Min(names)]
	}
	if hash, _, _ := strings.Cut(x.PartialFingerprints["primaryLocationLineHash"], ":"); hash != "" {
		return hash
	}
	if len(x.Locations) > 0 {
		return strings.Join(strings.Fields(x.Locations[0].Snippet), " ")
	}
	return ""
}

var (
	saidPackage = regexp.MustCompile(`(?m)^Package: (\S+)$`)
	saidVersion = regexp.MustCompile(`(?m)^Installed Version: (\S+)$`)
	saidFixed   = regexp.MustCompile(`(?m)^Fixed Version: (\S.*)$`)
)

// component takes in a vulnerability of a component. The format has no place for
// what the component is; Trivy says it in the message.
func (r sarifRun) component(f fairlead.Finding, x sarif.Result) {
	said := func(what *regexp.Regexp) string {
		if m := what.FindStringSubmatch(strings.ReplaceAll(x.Message, "\r", "")); m != nil {
			return clean(m[1], maxWord)
		}
		return ""
	}
	f.Component.Name, f.Component.Version = said(saidPackage), said(saidVersion)
	f.FixedIn = versions(said(saidFixed))
	f.Vulnerability.ID = cmp.Or(vulnerabilityID(x.RuleID), f.Rule)
	r.vulnerable(f, vulnerable{ids: []string{f.Vulnerability.ID}})
}
