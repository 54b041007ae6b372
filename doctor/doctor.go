// Package doctor looks for the programs that deliveries need: which version is
// there, which is wanted, and whether this configuration can do without.
package doctor

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tool is one program that doctor looked for.
type Tool struct {
	Name     string
	Wanted   string // lowest version, "" for any
	Found    string // version found, "" when missing, "unknown" when it does not say
	Required bool
	For      string // what it is used for
	OK       bool   // present and new enough
	Hint     string // how to get it
}

// probe says how to ask a program for its version.
type probe struct {
	name   string
	any    []string // programs of which one is enough, first wins
	args   []string
	wanted string
	use    string
	hint   string
}

// probes lists the tools in the order people read them.
func probes() []probe {
	return []probe{
		{name: "git", args: []string{"--version"}, wanted: "2.30", use: "reading commits", hint: "install git, for example `apt-get install git`"},
		{name: "go", args: []string{"version"}, wanted: "1.21", use: "building and testing Go", hint: "install Go from go.dev/dl"},
		{name: "node", args: []string{"--version"}, wanted: "18", use: "building and testing Node", hint: "install Node.js"},
		{name: "npm", args: []string{"--version"}, wanted: "8", use: "installing Node packages", hint: "install npm with Node.js"},
		{name: "python3", args: []string{"--version"}, wanted: "3.8", use: "building and testing Python", hint: "install Python 3"},
		{name: "docker", args: []string{"--version"}, wanted: "20.10", use: "container images", hint: "install Docker"},
		{name: "kubectl", args: []string{"version", "--client"}, wanted: "1.27", use: "looking at clusters by hand", hint: "install kubectl"},
		{name: "terraform or tofu", any: []string{"tofu", "terraform"}, args: []string{"version"}, wanted: "1.5", use: "infrastructure", hint: "install OpenTofu or Terraform"},
		{name: "terragrunt", args: []string{"--version"}, wanted: "0.50", use: "infrastructure", hint: "install Terragrunt"},
		{name: "aws", args: []string{"--version"}, wanted: "2", use: "AWS accounts", hint: "install the AWS command line interface"},
	}
}

// Check looks for every known tool. needed names those that the configuration
// at hand cannot do without, with the reason.
func Check(ctx context.Context, needed map[string]string) []Tool {
	ps := probes()
	tools := make([]Tool, len(ps))
	var wg sync.WaitGroup
	for i, p := range ps {
		wg.Go(func() { tools[i] = p.check(ctx, needed) })
	}
	wg.Wait()
	known := map[string]bool{}
	for _, t := range tools {
		known[t.Name] = true
	}
	for name, why := range needed {
		if !known[name] {
			tools = append(tools, presence(name, why))
		}
	}
	return tools
}

// presence is for a program that the configuration names and doctor knows
// nothing more about.
func presence(name, why string) Tool {
	t := Tool{Name: name, Required: true, For: why, Hint: "install " + name + " or put it on PATH"}
	if _, err := exec.LookPath(name); err == nil {
		t.Found, t.OK = "unknown", true
	}
	return t
}

func (p probe) check(ctx context.Context, needed map[string]string) Tool {
	t := Tool{Name: p.name, Wanted: p.wanted, For: p.use, Hint: p.hint}
	programs := p.any
	if len(programs) == 0 {
		programs = []string{p.name}
	}
	for _, program := range programs {
		if why, ok := needed[program]; ok {
			t.Required, t.For = true, why
		}
		if t.Found == "" {
			t.Found = version(ctx, program, p.args)
		}
	}
	t.OK = t.Found != "" && (t.Found == "unknown" || atLeast(t.Found, p.wanted))
	return t
}

var versionPattern = regexp.MustCompile(`\d+(?:\.\d+)*`)

// version asks a program for its version; "" when it is not there.
func version(ctx context.Context, program string, args []string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput() //nolint:gosec // a fixed list of programs
	if err != nil && len(out) == 0 {
		return "unknown"
	}
	if v := versionPattern.FindString(string(out)); v != "" {
		return v
	}
	return "unknown"
}

// atLeast compares dotted versions number by number.
func atLeast(found, wanted string) bool {
	f, w := strings.Split(found, "."), strings.Split(wanted, ".")
	for i := range w {
		want, _ := strconv.Atoi(w[i])
		have := 0
		if i < len(f) {
			have, _ = strconv.Atoi(f[i])
		}
		if have != want {
			return have > want
		}
	}
	return true
}
