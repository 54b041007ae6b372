package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"fairlead.dev"
)

// Config is fairlead.yaml, checked. Only Read makes one; it is never changed
// afterwards. Defaults are applied by Plan, where the matrix is known.
type Config struct {
	Version      int                    `json:"version" doc:"Version of this file's format." required:"true" enum:"1"`
	Service      string                 `json:"service" doc:"Name of the service that is delivered." pattern:"name" default:"the repository's name" example:"shop"`
	Env          []string               `json:"env" doc:"Names of environment variables that every command may see." pattern:"env" example:"[GOPROXY]"`
	Build        *Build                 `json:"build" doc:"How the service is built." default:"detected for Go, Node and Python" example:"{run: go build -o bin/shop ., artifacts: [bin/shop]}"`
	Tests        map[string]Test        `json:"tests" doc:"The test suites, by name." keys:"name" default:"detected for Go, Node and Python" example:"{unit: {run: go test -json ./..., report: go-test}}"`
	Steps        map[string]Step        `json:"steps" doc:"Further work, by name; each step uses a step type." keys:"name" example:"{smoke: {use: check.http, with: {paths: [/]}}}"`
	Services     map[string]Service     `json:"services" doc:"Several services that are built together and released as one: in order, judged all, rolled back all." keys:"name" default:"one service, with its targets under environments" example:"{api: {artifacts: [bin/api], targets: {production: {process: {command: [bin/api]}}}}}"`
	Environments map[string]Environment `json:"environments" doc:"Where releases run and which cells of the matrix differ there, by name." keys:"name" default:"production, staging and dev with a detected start command" example:"{production: {target: {process: {command: [bin/shop]}}}}"`
	Routes       []Route                `json:"routes" doc:"Which environment a change is for. The first match wins; the matrix follows." example:"[{when: 'event.branch == \"hotfix\"', to: production, deploy: canary}]"`
	Gates        []GateRule             `json:"gates" doc:"Rules of the decision, added to those of the matrix." example:"[{name: no-skips, rule: tests.skipped == 0, outcome: warn, reason: tests were skipped, fix: run them}]"`
	Evidence     Evidence               `json:"evidence" doc:"How long what was proven counts."`
	People       map[string]Person      `json:"people" doc:"Who may approve, break the glass or lift a freeze, by name." keys:"name" example:"{alice: {emails: [alice@example.org], accounts: [alice], keys: ['ssh-ed25519 AAAA...']}}"`
	Groups       map[string][]string    `json:"groups" doc:"People under one name, written group:NAME where people are listed." keys:"name" pattern:"name" example:"{dba: [alice, bob]}"`
	Freezes      []Freeze               `json:"freezes" doc:"Times in which nothing is released." example:"[{name: year-end, environments: [production], from: 2026-12-20, to: 2027-01-03, tz: Europe/Berlin}]"`
	BreakGlass   *BreakGlass            `json:"break-glass" doc:"Who may go past approvals and freezes in an emergency." default:"nobody" example:"{who: [group:oncall], requires: [reason, incident]}"`
	Exceptions   *Exceptions            `json:"exceptions" doc:"Who may let a finding pass, and for how long." default:"one other person of people, for 90 days at most" example:"{from: [group:dba], longest: 720h}"`
	Licences     *Licences              `json:"licences" doc:"Under what terms components may be used." default:"permissive and weak-copyleft are allowed, all else is asked" example:"{deny: [network-copyleft]}"`
	Findings     Findings               `json:"findings" doc:"How long a finding may stay."`
	Deploy       Deploy                 `json:"deploy" doc:"How each strategy moves traffic and judges the release."`
	Sources      Sources                `json:"sources" doc:"Where metrics are read that the target does not count itself." example:"{prometheus: {url: 'http://127.0.0.1:9090'}}"`

	file   string
	digest fairlead.Digest
	places map[string]place // where each key stands
}

// Work is what build, tests and steps have in common.
type Work struct {
	Needs   []string          `json:"needs" doc:"Names of the build, tests and steps that must succeed first." pattern:"name" example:"[build]"`
	Timeout fairlead.Duration `json:"timeout" doc:"How long one attempt may take." min:"1s" max:"24h" default:"15m"`
	Retries *int              `json:"retries" doc:"Further attempts when the work could not be done for a passing reason. A failing test is not one." min:"0" max:"10" default:"2"`
	Env     []string          `json:"env" doc:"Names of further environment variables that the command may see." pattern:"env"`
	Reads   []string          `json:"reads" doc:"Globs of what the work reads; an earlier result is reused while nothing there changed." pattern:"path" default:"the whole tree" example:"[go.mod, '**/*.go']"`
	Matrix  map[string][]Cell `json:"matrix" doc:"Runs the work once for every combination of these values." keys:"name" pattern:"cell" example:"{go: ['1.25', '1.26']}"`
}

// Build is the section build.
type Build struct {
	Run       string   `json:"run" doc:"Shell command that builds the service." required:"true" example:"go build -o bin/shop ."`
	Artifacts []string `json:"artifacts" doc:"Files that the build leaves and the release consists of, as paths or globs." pattern:"path" example:"[bin/shop]"`
	Work
}

// Test is one entry of the section tests.
type Test struct {
	Run         string `json:"run" doc:"Shell command that runs the tests." required:"true" example:"go test -json ./..."`
	Report      string `json:"report" doc:"Format in which the command reports its cases." enum:"go-test,junit,tap,none" default:"none"`
	ReportFile  string `json:"report-file" doc:"Path or glob of the report, for junit and tap." pattern:"path" default:"the command's output"`
	Level       string `json:"level" doc:"Lightest tests cell of the matrix that includes this suite." enum:"fast,standard,complete" default:"fast"`
	RetryFailed *int   `json:"retry-failed" doc:"How often the command is run again when cases failed; a case that then passes is flaky." min:"0" max:"5" default:"1"`
	Work
}

// Step is one entry of the section steps.
type Step struct {
	Use   string `json:"use" doc:"Step type that does the work." required:"true" enum:"@steps"`
	Phase string `json:"phase" doc:"When it runs: before the decision, or against the new release before it takes traffic." enum:"verify,preview" default:"preview for step types that need a running release, otherwise verify"`
	With  With   `json:"with" doc:"The step type's own keys."`

	Service string `json:"service" doc:"Where there are several services: the one that a step of the phase preview checks." pattern:"name"`
	Work
}

// Environment is one entry of the section environments.
type Environment struct {
	Target    TargetConfig `json:"target" doc:"Where releases run: one target type with its keys." example:"{process: {command: [bin/shop]}}"`
	Approvals *Approvals   `json:"approvals" doc:"Whose approval every release here needs." default:"nobody's" example:"{count: 2, from: [group:dba]}"`
	Deploy    string       `json:"deploy" doc:"Strategy; overrides the matrix." enum:"none,rolling,canary,blue-green"`

	Lock          string `json:"lock" doc:"What becomes of runs that release at the same time: all of them in order, only the newest of those that wait, or whoever is ready first." enum:"serialize,supersede,parallel" default:"serialize for production, otherwise supersede"`
	CancelRunning bool   `json:"cancel-running" doc:"With lock: supersede, a newer run also stops an older release on its way, which is rolled back first." default:"false"`

	Licences *Licences `json:"licences" doc:"Under what terms components may be used here; stands instead of the section licences." default:"the section licences" example:"{deny: [strong-copyleft]}"`

	Security   string   `json:"security" doc:"Security cell; overrides the matrix." enum:"none,basic,full,scan"`
	Without    []string `json:"without" doc:"Scanners that the security cell brings and this environment does without." enum:"dast,iac,licences,sast,sca" default:"[]" example:"[dast]"`
	Tests      string   `json:"tests" doc:"Tests cell; overrides the matrix." enum:"none,fast,standard,complete,health"`
	Monitoring string   `json:"monitoring" doc:"Monitoring cell; overrides the matrix." enum:"none,basic,standard,full,drift"`
	Cost       string   `json:"cost" doc:"Cost cell; overrides the matrix." enum:"none,tracked,monitored,optimized,analysis"`
	Compliance string   `json:"compliance" doc:"Compliance cell; overrides the matrix." enum:"none,basic,core,all,audit"`
}

// Route is one entry of the section routes.
type Route struct {
	When   string `json:"when" doc:"CEL condition over event and change." required:"true" example:"event.type == \"push\" && event.branch == \"hotfix\""`
	To     string `json:"to" doc:"Environment that a matching change is for." required:"true" pattern:"name"`
	Deploy string `json:"deploy" doc:"Strategy for a matching change." enum:"none,rolling,canary,blue-green"`

	when *condition
}

// GateRule is one entry of the section gates: a rule over results, or approvals
// that are asked.
type GateRule struct {
	Name    string   `json:"name" doc:"Name under which the decision lists the rule. Without require it is needed." pattern:"name" default:"approvals and its number, with require"`
	When    string   `json:"when" doc:"CEL condition over event, change, environment and strategy; the rule is in force where it holds." default:"always" example:"environment == \"production\""`
	Rule    string   `json:"rule" doc:"CEL condition over results, findings and evidence that must hold for the change to pass. It or require is needed." example:"tests.skipped == 0"`
	Require *Require `json:"require" doc:"Approvals that the change needs, instead of a rule." example:"{approvals: 2, from: [group:dba]}"`
	Outcome string   `json:"outcome" doc:"What follows when the rule does not hold." enum:"deny,warn" default:"deny"`
	Reason  string   `json:"reason" doc:"Said when the rule does not hold. Needed with rule."`
	Fix     string   `json:"fix" doc:"What to do when the rule does not hold. Needed with rule."`
	About   string   `json:"about" doc:"What the decision lists beside the rule." enum:"findings,cases,tasks" default:"tasks"`

	when *condition
}

// Deploy is the section deploy.
type Deploy struct {
	Canary    Canary    `json:"canary" doc:"Weighted stages, each judged against the release that is live."`
	BlueGreen BlueGreen `json:"blue-green" doc:"The new release is checked beside the old one, then takes all traffic at once."`
	Rolling   Rolling   `json:"rolling" doc:"The new release takes all traffic as soon as it is ready."`
}

// Canary is deploy.canary.
type Canary struct {
	Steps []CanaryStep `json:"steps" doc:"Stages of traffic, with growing weight; after the last the release takes everything." min:"1" max:"20" default:"5 % for 2m, 25 % for 2m, 50 % for 5m" example:"[{weight: 5, for: 2m}, {weight: 50, for: 5m}]"`
	Judged
}

// CanaryStep is one stage of deploy.canary.steps.
type CanaryStep struct {
	Weight int               `json:"weight" doc:"Percent of traffic for the new release." required:"true" min:"1" max:"100"`
	For    fairlead.Duration `json:"for" doc:"How long the stage lasts." required:"true" min:"100ms" max:"168h"`
}

// BlueGreen is deploy.blue-green.
type BlueGreen struct {
	KeepOld *fairlead.Duration `json:"keep-old" doc:"How long the old release is kept running after the switch." max:"168h" default:"10m"`
	For     *fairlead.Duration `json:"for" doc:"How long the release is judged after the switch before it counts as live." max:"168h" default:"2m where monitoring is standard or full, otherwise 0s"`
	Judged
}

// Rolling is deploy.rolling.
type Rolling struct {
	For *fairlead.Duration `json:"for" doc:"How long the release is judged after each replica that takes traffic." max:"168h" default:"1m where monitoring is standard or full, otherwise 0s"`
	Judged
}

// Judged is what all strategies have in common.
type Judged struct {
	Bake      *fairlead.Duration `json:"bake" doc:"How long the release is judged after promotion, with rollback still automatic." max:"168h" default:"10m where monitoring is full, otherwise 0s"`
	Undecided string             `json:"undecided" doc:"What happens where an answer is due and there is none: hold waits and then rolls back, ask waits for a person, promote suits a service that is hardly used." enum:"hold,ask,promote,rollback" default:"hold where monitoring is standard or full, otherwise promote"`
	Hold      *fairlead.Duration `json:"hold" doc:"How much longer hold waits for an answer before it rolls back." max:"168h" default:"2m"`
	Judge     Judge              `json:"judge" doc:"When a release counts as worse."`
	Deadline  *fairlead.Duration `json:"deadline" doc:"A release that is not done by then is rolled back." min:"1s" max:"720h" default:"the sum of all waits, holds included, and 10m"`
	Ready     *fairlead.Duration `json:"ready" doc:"A release that is not ready by then is rolled back." min:"1s" max:"24h" default:"2m"`
}

// Judge is the key judge of every strategy.
type Judge struct {
	FalseAlarm *Percent           `json:"false-alarm" doc:"How many healthy releases may be called worse, over all metrics and all looks." min:"0.001%" max:"20%" default:"1%"`
	Margin     *Percent           `json:"margin" doc:"Relative increase of what is bad that has to be ruled out before a release is not worse; 100% is twice as much." min:"5%" default:"100%"`
	Tolerance  *Percent           `json:"tolerance" doc:"Relative increase that is never called worse: equal replicas differ by that much." default:"7%, half the margin at most"`
	Negligible *Percent           `json:"negligible" doc:"Share of bad events so small that a release below it is not worse, whatever the live release does." default:"0.1%"`
	Horizon    *fairlead.Duration `json:"horizon" doc:"How long the whole analysis is planned to take; counts are put together in blocks of a sixtieth of it." min:"1s" max:"720h" default:"the sum of all stages and the bake"`
	WarmUp     *fairlead.Duration `json:"warm-up" doc:"Time after the first traffic that is not judged, except for restarts and the floor." max:"24h" default:"a twentieth of the horizon, 30s at most"`
	ErrorFloor *Percent           `json:"error-floor" doc:"Error rate that is worse at once, whatever the live release does." default:"20%"`
	Metrics    []JudgeMetric      `json:"metrics" doc:"What is compared." min:"1" max:"50" default:"errors, which is critical, and latency" example:"[{name: errors, critical: true}, {name: latency, at: [0.3]}]"`
}

// JudgeMetric is one entry of judge.metrics.
type JudgeMetric struct {
	Name     string    `json:"name" doc:"The target's own errors or latency, or a name for what bad and total, or buckets, ask a metrics server." required:"true" pattern:"name"`
	Source   string    `json:"source" doc:"Who counts it." enum:"target,prometheus" default:"prometheus with bad, total or buckets, otherwise target"`
	Bad      string    `json:"bad" doc:"PromQL for counters of bad events, one series per process; {{service}}, {{environment}}, {{release}}, {{tag}} (its first ten digits) and {{arm}} stand for what they say." example:"'orders_lost_total{fairlead_release=\"{{release}}\"}'"`
	Total    string    `json:"total" doc:"PromQL for counters of all events, with the same variables." example:"'orders_total{fairlead_release=\"{{release}}\"}'"`
	Buckets  string    `json:"buckets" doc:"PromQL for the buckets of a histogram, with the same variables and the label le." example:"'checkout_seconds_bucket{fairlead_release=\"{{release}}\"}'"`
	At       []float64 `json:"at" doc:"Upper bounds, in seconds or the histogram's unit, above which an event is bad." min:"1" max:"10" default:"those above which half, a tenth and a hundredth of all events lie" example:"[0.3, 1]"`
	Margin   *Percent  `json:"margin" doc:"The metric's own margin." min:"5%" default:"the judge's"`
	Weight   *int      `json:"weight" doc:"Part of the false alarms that this metric may use, against the others." min:"1" max:"1000" default:"1"`
	Split    *bool     `json:"split" doc:"Its total counts all requests of each release, and shows whether a gateway divides them as a stage asks before the stage's time begins." default:"true for the first critical metric that a metrics server counts, or else the first"`
	Critical *bool     `json:"critical" doc:"Critical metrics share nine tenths of the false alarms that are allowed; each metric has to be shown not worse." default:"true for errors, otherwise false"`
}

// Sources is the section sources.
type Sources struct {
	Prometheus *Prometheus `json:"prometheus" doc:"A server that speaks Prometheus' HTTP API."`
}

// Prometheus is sources.prometheus.
type Prometheus struct {
	URL           string             `json:"url" doc:"Base URL of the server." required:"true" example:"http://127.0.0.1:9090"`
	CA            string             `json:"ca" doc:"Path of a PEM file with the authorities that vouch for the server, on the machine that executes runs." default:"those of the machine"`
	Authorization string             `json:"authorization" doc:"Name of the environment variable that holds the Authorization header's value." pattern:"env" example:"PROMETHEUS_AUTHORIZATION"`
	Timeout       *fairlead.Duration `json:"timeout" doc:"How long one reading may take, further attempts included." min:"100ms" max:"1m" default:"5s"`
	Stale         *fairlead.Duration `json:"stale" doc:"A sample older than this is missing data." min:"1s" max:"1h" default:"1m"`
}

// Percent is a share between 0 and 1 that is written "1%".
type Percent float64

// UnmarshalText reads "1%" or "99.9%".
func (p *Percent) UnmarshalText(b []byte) error {
	digits, ok := strings.CutSuffix(string(b), "%")
	v, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || v < 0 || v > 100 {
		return fmt.Errorf("%q is not a percentage such as 1%%", b)
	}
	*p = Percent(v / 100)
	return nil
}

// Cell is one value of a matrix. A number is kept as it is written.
type Cell string

// TargetConfig is one target type with its keys, complete with defaults.
type TargetConfig struct {
	Type   string          // "process"; empty when the key is absent
	Config json.RawMessage // JSON of the target's config
}

// With is a step type's own keys, complete with the defaults.
type With struct {
	Config json.RawMessage // JSON of the step type's config

	node *yaml.Node // what is written, until the step type is known
}

// place is a position in the file; both count from 1.
type place struct{ line, col int }

// compare orders places as they stand in the file.
func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.line, o.line), cmp.Compare(p.col, o.col))
}

// at gives "file:line:col" of a key, for reasons.
func (c *Config) at(key string) string {
	p, ok := c.places[key]
	if !ok {
		return c.file
	}
	return fmt.Sprintf("%s:%d:%d", c.file, p.line, p.col)
}
