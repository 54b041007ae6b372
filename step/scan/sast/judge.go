package sast

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/issue"
	gosecrules "github.com/securego/gosec/v2/rules"
	"golang.org/x/tools/go/packages"

	"fairlead.dev"
	"fairlead.dev/step"
)

// judge looks at modules, one after the other.
type judge struct {
	workspace string
	env       []string
	config    Config
	output    io.Writer

	packages   int
	findings   []fairlead.Finding
	missed     []string // what was not looked at, or not completely, and why
	blind      []string // the files and folders of it
	suppressed []suppression
	seen       map[string]int // findings by what identifies them but for their number
}

// suppression is what the source says need not be mended.
type suppression struct {
	Rule          string `json:"rule"`
	Path          string `json:"path"`
	Justification string `json:"justification"`
}

func newJudge(in step.In, c Config) *judge {
	return &judge{workspace: in.Workspace, env: in.Env, config: c, output: in.Output, seen: map[string]int{}, suppressed: []suppression{}}
}

// module looks at all packages of the module in a directory.
func (j *judge) module(ctx context.Context, dir string) error {
	gomod := path.Join(dir, "go.mod")
	if _, err := exec.LookPath("go"); err != nil {
		j.miss(gomod, "there is no go command where scans run")
		j.blind = append(j.blind, dir+"/")
		return nil
	}
	listed, err := j.list(ctx, dir)
	if err != nil || listed == nil {
		return err
	}
	slices.SortFunc(listed, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
	var broken []string
	from := newSources()
	for _, p := range listed {
		var why string
		if p.PkgPath == "" || p.PkgPath == "./..." {
			why = cause(p, j.workspace)
		} else {
			why = j.judge(ctx, from, p)
		}
		if ctx.Err() != nil {
			return problem(fairlead.KindCancelled, "", context.Cause(ctx))
		}
		if why != "" {
			broken = append(broken, why)
			j.overlook(dir, p)
		}
	}
	slices.Sort(broken)
	for _, why := range broken {
		fmt.Fprintf(j.output, "%s: not looked at completely: %s\n", gomod, why)
	}
	switch {
	case len(broken) > 0:
		j.miss(gomod, fmt.Sprintf("%d of %d packages do not compile here and were not looked at completely; the first: %s", len(broken), len(listed), broken[0]))
	case len(listed) == 0:
		j.miss(gomod, "the go command finds no package in this module")
		j.blind = append(j.blind, dir+"/")
	}
	return nil
}

// overlook notes the files of a package that was not looked at completely, all
// of the module when they are not known.
func (j *judge) overlook(dir string, p *packages.Package) {
	if len(p.GoFiles) == 0 {
		j.blind = append(j.blind, dir+"/")
	}
	for _, name := range p.GoFiles {
		if place := j.relative(name); place != "" {
			j.blind = append(j.blind, place)
		}
	}
}

// miss notes what was not looked at, or not completely.
func (j *judge) miss(place, why string) {
	j.findings = append(j.findings, unread(place, why))
	j.missed = append(j.missed, place+": "+why)
}

// list asks the go command which packages a module has and what they import,
// without network; nil when it refuses.
func (j *judge) list(ctx context.Context, dir string) ([]*packages.Package, error) {
	at := filepath.Join(j.workspace, filepath.FromSlash(dir))
	mod := "-mod=readonly"
	if info, err := os.Stat(filepath.Join(at, "vendor", "modules.txt")); err == nil && info.Mode().IsRegular() {
		mod = "-mod=vendor"
	}
	env := append(slices.Clone(j.env), "GOFLAGS="+mod, "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "GOTELEMETRY=off",
		"GOPACKAGESDRIVER=off", "CGO_ENABLED=1", "GIT_TERMINAL_PROMPT=0")
	listed, err := packages.Load(&packages.Config{Context: ctx, Dir: at, Env: env, Mode: metadata}, "./...")
	switch {
	case ctx.Err() != nil:
		return nil, problem(fairlead.KindCancelled, "", context.Cause(ctx))
	case err != nil:
		fmt.Fprintf(j.output, "%s: %v\n", path.Join(dir, "go.mod"), err)
		first, _, _ := strings.Cut(strings.ReplaceAll(err.Error(), j.workspace+"/", ""), "\n")
		j.miss(path.Join(dir, "go.mod"), "the go command cannot read this module: "+first)
		j.blind = append(j.blind, dir+"/")
		return nil, nil
	}
	return listed, nil
}

// cause gives the first of what is wrong with a package.
func cause(p *packages.Package, workspace string) string {
	said := make([]string, 0, len(p.Errors))
	for _, e := range p.Errors {
		said = append(said, strings.ReplaceAll(e.Error(), workspace+"/", ""))
	}
	slices.Sort(said)
	first, _, _ := strings.Cut(cmp.Or(slices.Concat(said, []string{"no package"})[0], "no package"), "\n")
	return strings.TrimSpace(p.PkgPath + ": " + first)
}

// judge looks at one package and gives why it could not do so completely.
func (j *judge) judge(ctx context.Context, from *sources, p *packages.Package) (why string) {
	defer func() {
		if r := recover(); r != nil {
			why = fmt.Sprintf("%s: gosec fails: %v", p.PkgPath, r)
		}
		p.Syntax, p.TypesInfo, p.Types = nil, nil, nil // or all packages of the module are in memory at once
	}()
	from.complete(ctx, p)
	if len(p.Errors) > 0 || p.IllTyped {
		why = cause(p, j.workspace)
	}
	if p.Types == nil || p.TypesInfo == nil || len(p.Syntax) == 0 {
		if why == "" && len(p.GoFiles) == 0 {
			return "" // only tests
		}
		return cmp.Or(why, p.PkgPath+": no types")
	}
	var said strings.Builder
	a := analyzer(j.config, &said)
	a.CheckRules(p)
	a.CheckAnalyzers(p)
	if trouble := troubleIn(said.String()); trouble != "" && why == "" {
		why = p.PkgPath + ": gosec: " + trouble
	}
	found, _, faults := a.Report()
	for _, file := range slices.Sorted(maps.Keys(faults)) {
		for _, e := range faults[file] {
			fmt.Fprintf(j.output, "%s:%d: %s\n", j.relative(file), e.Line, e.Err)
		}
	}
	j.packages++
	j.take(p, found)
	return why
}

// credentials is gosec's rule about credentials in code. It is never applied:
// scan.secrets judges them in every language, and one secret is one finding.
const credentials = "G101"

// analyzer is gosec with every rule but those that are skipped and credentials. What the source
// suppresses is told as such, and only where it says why.
func analyzer(c Config, told io.Writer) *gosec.Analyzer {
	conf := gosec.NewConfig()
	conf.SetGlobal(gosec.NoSecRequireJustification, "true")
	a := gosec.NewAnalyzer(conf, false, false, true, 1, log.New(told, "", 0))
	skip := append([]string{credentials}, c.Skip...)
	definitions, off := gosecrules.Generate(false, gosecrules.NewRuleFilter(true, skip...)).RulesInfo()
	a.LoadRules(definitions, off)
	deep, deepOff := analyzers.Generate(false, analyzers.NewAnalyzerFilter(true, c.Skip...)).AnalyzersInfo()
	a.LoadAnalyzers(deep, deepOff)
	return a
}

// troubleIn gives the first line in which gosec tells that a part of it failed:
// it does so nowhere but in its log, where it also tells what it looks at.
func troubleIn(log string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(strings.ToLower(line), "error") && !strings.HasPrefix(line, "Checking ") && !strings.HasPrefix(line, "Ignoring ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// rules lists gosec's rules.
func rules() []string {
	shallow, _ := gosecrules.Generate(false).RulesInfo()
	deep, _ := analyzers.Generate(false).AnalyzersInfo()
	return slices.Concat(slices.Collect(maps.Keys(shallow)), slices.Collect(maps.Keys(deep)))
}

func confidences() map[string]issue.Score {
	return map[string]issue.Score{"low": issue.Low, "medium": issue.Medium, "high": issue.High}
}

func (j *judge) relative(file string) string {
	rel, err := filepath.Rel(j.workspace, file)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// function names what encloses a line: the smallest declaration of the package's own level.
func function(p *packages.Package, file string, line int) string {
	for _, f := range p.Syntax {
		if p.Fset.File(f.Pos()).Name() != file {
			continue
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || line < p.Fset.Position(fn.Pos()).Line || line > p.Fset.Position(fn.End()).Line {
				continue
			}
			if fn.Recv != nil && len(fn.Recv.List) > 0 {
				return receiver(fn.Recv.List[0].Type) + "." + fn.Name.Name
			}
			return fn.Name.Name
		}
	}
	return ""
}

func receiver(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}
