package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"fairlead.dev"
)

// organisationPackage is the Rego package that an organisation's policy is
// written in: its sets deny and warn hold sentences.
const organisationPackage = "fairlead"

// OrganisationSource is the source of the rules that the organisation's policy adds.
const OrganisationSource = "organisation policy"

// forbidden are the functions of Rego that reach outside, give another answer
// each time, or make something very large of something very small.
var forbidden = []string{
	"http.send", "net.lookup_ip_addr", "opa.runtime", "rego.parse_module", "trace", "print", "time.now_ns", "rand.intn", "uuid.rfc4122",
	"numbers.range", "numbers.range_step", "net.cidr_expand", "bits.lsh", "graph.reachable_paths", "strings.render_template", "regex.globs_match",
}

// capabilities is Rego without what is forbidden.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return slices.Contains(forbidden, b.Name) })
	c.AllowNet = []string{}
	return c
}

// CheckOrganisation says what is wrong with an organisation's policy, KindInvalid.
func CheckOrganisation(modules []fairlead.PolicyModule) error {
	_, err := prepare(context.Background(), modules)
	if err == nil {
		err = unasked(modules)
	}
	if err != nil {
		return &fairlead.Problem{
			Op: "read organisation policy", Kind: fairlead.KindInvalid, Err: err,
			Hint: "it is Rego in the package fairlead with the sets deny and warn; http.send and the like are switched off",
		}
	}
	return nil
}

// unasked says which module denies or warns where nobody asks: it would let
// everything pass and look as if it did not.
func unasked(modules []fairlead.PolicyModule) error {
	for _, m := range modules {
		parsed, err := ast.ParseModule(m.Name, m.Text)
		if err != nil || parsed == nil {
			return err
		}
		name := strings.TrimPrefix(parsed.Package.Path.String(), "data.")
		for _, r := range parsed.Rules {
			if said := r.Head.Ref().String(); name != organisationPackage && (said == string(fairlead.OutcomeDeny) || said == string(fairlead.OutcomeWarn)) {
				return fmt.Errorf("%s has %s in the package %s, where nobody asks for it: only the package %s is asked", m.Name, said, name, organisationPackage)
			}
		}
	}
	return nil
}

func prepare(ctx context.Context, modules []fairlead.PolicyModule) (rego.PreparedEvalQuery, error) {
	options := []func(*rego.Rego){rego.Query("data." + organisationPackage), rego.Capabilities(capabilities()), rego.StrictBuiltinErrors(true)}
	for _, m := range modules {
		options = append(options, rego.Module(m.Name, m.Text))
	}
	return rego.New(options...).PrepareForEval(ctx)
}

// organisation gives the rules that an organisation's policy adds. They can make
// a decision heavier and never lighter; a policy without an answer denies.
func organisation(in Input, d fairlead.Decision) []fairlead.RuleOutcome {
	if len(in.Organisation) == 0 {
		return nil
	}
	said, err := evaluate(in, d)
	if err != nil {
		return []fairlead.RuleOutcome{{
			Name: "organisation", Outcome: fairlead.OutcomeDeny, Source: OrganisationSource,
			Reason: fmt.Sprintf("the organisation's policy has no answer: %v", err), Fix: "mend the policy; until then nothing passes",
		}}
	}
	var out []fairlead.RuleOutcome
	for _, kind := range []fairlead.Outcome{fairlead.OutcomeDeny, fairlead.OutcomeWarn} {
		for _, sentence := range said[string(kind)] {
			out = append(out, fairlead.RuleOutcome{
				Name: "organisation", Outcome: kind, Reason: sentence, Source: OrganisationSource, Fix: "ask whoever keeps the organisation's policy",
			})
		}
	}
	return out
}

// evaluate gives the sentences of deny and warn, sorted.
func evaluate(in Input, d fairlead.Decision) (said map[string][]string, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exceeded:
			said, err = nil, errors.New(string(r))
		default:
			said, err = nil, fmt.Errorf("its evaluation fails: %v", r)
		}
	}()
	ctx := context.Background() // evaluation does no I/O
	q, err := prepare(ctx, in.Organisation)
	if err != nil {
		return nil, err
	}
	var input any
	raw, err := json.Marshal(map[string]any{
		"environment": in.Plan.Environment, "service": in.Plan.Service, "event": in.Plan.Event, "profile": in.Plan.Profile,
		"findings": list(in.Findings), "tasks": list(in.Tasks), "decision": d, "time": in.Time,
		"licences": licencePolicies(in.Plan),
	})
	if err == nil {
		err = json.Unmarshal(raw, &input)
	}
	if err != nil {
		return nil, err
	}
	results, err := q.Eval(ctx, rego.EvalInput(input), rego.EvalTime(in.Time), rego.EvalQueryTracer(&meter{}))
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return nil, errors.New("the package fairlead is not there")
	}
	sets, ok := results[0].Expressions[0].Value.(map[string]any)
	if !ok {
		return nil, errors.New("the package fairlead is no package")
	}
	out := map[string][]string{}
	for _, name := range []string{string(fairlead.OutcomeDeny), string(fairlead.OutcomeWarn)} {
		value, there := sets[name]
		if !there {
			continue
		}
		all, ok := value.([]any)
		if !ok {
			return nil, fmt.Errorf("%s is not a set of sentences", name)
		}
		for _, v := range all {
			sentence, ok := v.(string)
			if !ok {
				return nil, fmt.Errorf("%s holds a %T, not a sentence", name, v)
			}
			out[name] = append(out[name], sentence)
		}
		slices.Sort(out[name])
	}
	if sets[string(fairlead.OutcomeDeny)] == nil && sets[string(fairlead.OutcomeWarn)] == nil {
		return nil, errors.New("it has neither deny nor warn")
	}
	return out, nil
}

// licencePolicies are the policies for licences by which the plan's tasks judge,
// so that an organisation can refuse one that allows too much.
func licencePolicies(p fairlead.Plan) []json.RawMessage {
	out := []json.RawMessage{}
	for _, t := range p.Tasks {
		if t.Type == "scan.licences" && len(t.Config) > 0 {
			out = append(out, t.Config)
		}
	}
	return out
}
