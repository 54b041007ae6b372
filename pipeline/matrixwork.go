package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// Timeouts of the work that the matrix brings.
const (
	scanTimeout  = fairlead.Duration(10 * time.Minute)
	smokeTimeout = fairlead.Duration(2 * time.Minute)

	// previewScan bounds the scan of a running release: nothing is released meanwhile.
	previewScan = "3m"
)

// matrixDrafts is the work that the profile asks for beyond what the
// configuration names. A step of the same type in the configuration stands in
// for the matrix's own.
func (p *planner) matrixDrafts(configured []draft) ([]draft, error) {
	var ds []draft
	made := map[string]string{} // id of the task that does a step type
	for _, d := range configured {
		made[d.step] = d.id
	}
	add := func(name, step, service string, needs []string, keys map[string]any, timeout fairlead.Duration, phase fairlead.Phase, detail string) error {
		if i := slices.IndexFunc(configured, func(d draft) bool { return d.step == step && d.phase == phase && d.service == service }); i >= 0 {
			p.because("matrix task "+name, "not added", "config", configured[i].detail+" does "+step+" already")
			return nil
		}
		if slices.ContainsFunc(configured, func(d draft) bool { return d.id == name }) {
			name = strings.Replace(name, strings.TrimSuffix(name, "-"+service), step, 1) // holds a dot, so no configured name can take it
		}
		var work Work
		for _, typ := range needs {
			if id, ok := made[typ]; ok {
				work.Needs = append(work.Needs, id)
			}
		}
		work.Timeout = timeout
		d, err := p.draft(name, "", step, keys, work)
		made[step] = name
		d.phase, d.service, d.source, d.detail = phase, service, "matrix", detail
		ds = append(ds, d)
		return err
	}
	for _, scan := range p.scans() {
		if err := add(scan.name, scan.step, "", scan.needs, scan.keys, scanTimeout, fairlead.PhaseVerify, "security: "+p.profile.Security); err != nil {
			return nil, err
		}
	}
	for _, r := range p.releases() {
		name, of := func(task string) string { return task }, ""
		if r.Name != "" {
			name, of = func(task string) string { return task + "-" + r.Name }, " of "+r.Name
		}
		if path, ok := p.smokePath(r.Release); ok {
			detail := fmt.Sprintf("%s with monitoring: %s checks %s%s before traffic moves", p.strategy, p.profile.Monitoring, path, of)
			if err := add(name("smoke"), stepHTTP, r.Name, nil, map[string]any{"paths": []string{path}}, smokeTimeout, fairlead.PhasePreview, detail); err != nil {
				return nil, err
			}
		}
		if p.scansPreview() {
			// What it finds is followed and judged as what other scanners find: the step itself refuses nothing.
			keys := map[string]any{"fail-on": "none", "time": previewScan}
			detail := fmt.Sprintf("%s with security: %s looks at the new release%s before traffic moves", p.strategy, p.profile.Security, of)
			if err := add(name("dast"), stepDAST, r.Name, nil, keys, scanTimeout, fairlead.PhasePreview, detail); err != nil {
				return nil, err
			}
		}
	}
	return ds, nil
}

// previewed tells whether the strategy has a time in which the new release runs
// beside the live one and has no traffic.
func (p *planner) previewed() bool {
	return p.strategy == fairlead.StrategyCanary || p.strategy == fairlead.StrategyBlueGreen
}

// scansPreview tells whether new releases are scanned while they run and have no
// traffic.
func (p *planner) scansPreview() bool {
	if p.profile.Security != "full" || !p.previewed() {
		return false
	}
	return len(p.kept([]scan{{"dast", stepDAST, nil, nil}})) > 0
}

// kept leaves of the scanners those whose step types are there and that the
// environment does not do without.
func (p *planner) kept(all []scan) []scan {
	without := p.cfg.Environments[p.environment].Without
	return slices.DeleteFunc(all, func(s scan) bool {
		if slices.Contains(without, s.name) {
			p.because("matrix task "+s.name, "not added", "config", p.cfg.at("environments."+p.environment+".without"))
			return true
		}
		return !slices.ContainsFunc(p.cat.Steps, func(i StepInfo) bool { return i.Name == s.step })
	})
}

// scan is one scanner that a security cell asks for.
type scan struct {
	name string
	step string
	keys map[string]any

	needs []string // step types whose artifacts it reads
}

// scans lists the scanners of the security cell whose step types are there.
// Nothing is asked of a scanner that looks at what only the configuration can
// name, such as an image.
func (p *planner) scans() []scan {
	scope, all := "change", []scan{{"sbom", stepSBOM, nil, nil}, {"sca", "scan.sca", nil, []string{stepSBOM}}}
	switch p.profile.Security {
	case "basic":
	case "full", "scan":
		scope = "tree"
		all = append(all, scan{"iac", "scan.iac", nil, nil}, scan{"licences", stepLicences, nil, []string{stepSBOM}})
		if p.found.golang { // after the build, which downloads what the code imports
			all = append(all, scan{"sast", stepSAST, nil, []string{stepBuild}})
		}
	default:
		return nil
	}
	all = append([]scan{{"secrets", stepSecrets, map[string]any{"scope": scope}, nil}}, all...)
	return p.kept(all)
}

// smokePath is the path that the new release is asked for before it takes
// traffic: the one that tells whether it is ready, where there is a preview.
func (p *planner) smokePath(r fairlead.ReleasePlan) (string, bool) {
	monitored := slices.Contains([]string{"basic", "standard", "full"}, p.profile.Monitoring)
	if !p.previewed() || !monitored {
		return "", false
	}
	path := readTarget(r.Config).Ready.HTTP
	return path, path != ""
}
