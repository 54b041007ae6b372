package archtest

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// room is one row of the map.
type room struct {
	path   string   // folder, "." for the root; a * stands for one element
	rooms  []string // own rooms it may import, patterns too
	libs   []string // third-party modules or packages it may import, with all below them
	purity purity
	clock  []string // functions of a pure room that may look at the clock
	tests  bool     // serves tests only: may import testing and keep a shared server
}

// purity says what a room must keep its hands off.
type purity int

const (
	worldly       purity = iota // may do I/O
	pure                        // the same input always gives the same output
	deterministic               // pure, and replayed by the engine: starts no goroutine
)

// house is the map, in the order data walks through it.
var house = []room{
	{path: "."},
	{path: "cmd/fairlead", rooms: []string{
		".", "*", "*/*", "*/*/*",
	}, libs: []string{"github.com/spf13/cobra", "github.com/alecthomas/kong", "golang.org/x/term"}},

	{path: "intake/*", rooms: []string{"."}, libs: []string{"github.com/bmatcuk/doublestar/v4"}},
	{path: "pipeline", purity: pure, rooms: []string{".", "format/*"}, libs: []string{
		"cel.dev/cel-go", "go.yaml.in/yaml/v3", "github.com/bmatcuk/doublestar/v4",
	}},
	// Inside a recorded step time is part of the result; only there are these two called.
	{path: "flow", purity: deterministic, clock: []string{"now", "pause"}, rooms: []string{
		".", "engine", "pipeline", "gate", "judge", "step", "target", "triage",
	}, libs: []string{"github.com/bmatcuk/doublestar/v4"}},
	{path: "control", rooms: []string{".", "engine", "flow", "record", "triage"}},
	{path: "worker", rooms: []string{".", "command", "confine", "evidence", "flow", "step"}},
	{path: "confine", rooms: []string{".", "command", "step"}},

	{path: "step", rooms: []string{"."}},
	{path: "step/all", rooms: []string{"step", "step/*/*"}},
	{path: "step/steptest", tests: true, rooms: []string{".", "command", "step", "format/*"}, libs: testLibs},
	{path: "step/build/command", rooms: stepRooms("command"), libs: []string{"github.com/bmatcuk/doublestar/v4"}},
	{path: "step/test/command", rooms: stepRooms("command"), libs: []string{"github.com/bmatcuk/doublestar/v4"}},
	{path: "step/scan/secrets", rooms: stepRooms("command", "credential"), libs: []string{"github.com/bmatcuk/doublestar/v4"}},
	// Secrets are looked for in trees and in images, by the same engines.
	{path: "credential", rooms: []string{"."}, libs: []string{
		"github.com/zricethezav/gitleaks/v8", "github.com/rs/zerolog", "github.com/spf13/viper",
	}},
	{path: "step/scan/iac", rooms: stepRooms("iac"), libs: []string{"github.com/bmatcuk/doublestar/v4"}},
	{path: "iac", rooms: []string{"."}, libs: []string{
		"github.com/open-policy-agent/opa", "github.com/moby/buildkit", "github.com/hashicorp/hcl/v2",
		"github.com/zclconf/go-cty", "go.yaml.in/yaml/v3",
	}},
	{path: "step/scan/dast", rooms: stepRooms("dast")},
	{path: "dast", rooms: []string{"."}, libs: []string{"golang.org/x/net/html", "golang.org/x/time/rate"}},
	{path: "step/scan/sast", rooms: stepRooms(), libs: []string{
		"github.com/securego/gosec/v2", "golang.org/x/tools", "github.com/bmatcuk/doublestar/v4",
	}},
	{path: "step/scan/image", rooms: stepRooms("credential", "image", "inventory", "licence", "purl")},
	{path: "step/sbom/source", rooms: stepRooms("inventory")},
	// What software is made of: finding it out, and working on what others found.
	{path: "image", rooms: []string{"."}, libs: []string{"github.com/google/go-containerregistry"}},
	{path: "inventory", rooms: []string{".", "format/*", "image", "inventory/lock"}, libs: []string{
		"github.com/google/osv-scalibr", "github.com/bmatcuk/doublestar/v4",
		"github.com/package-url/packageurl-go",
	}},
	{path: "inventory/lock", purity: pure, libs: []string{
		"golang.org/x/mod", "github.com/BurntSushi/toml", "go.yaml.in/yaml/v3",
	}},
	{path: "sbom", purity: pure, rooms: []string{".", "format/*"}},
	{path: "step/scan/sca", rooms: stepRooms("correlate", "reach", "vulndb")},
	// What other scanners report, and the step type that runs them.
	{path: "step/scan/external", rooms: stepRooms("command", "report")},
	{path: "report", purity: pure, rooms: []string{".", "format/*", "purl"}},
	{path: "purl", purity: pure, rooms: []string{"."}, libs: []string{"github.com/package-url/packageurl-go"}},
	{path: "step/scan/licences", rooms: stepRooms("licence"), libs: []string{"github.com/bmatcuk/doublestar/v4"}},
	{path: "licence", rooms: []string{".", "format/*"}, libs: []string{
		"github.com/google/licensecheck", "github.com/package-url/packageurl-go", "golang.org/x/mod",
	}},
	{path: "step/check/http", rooms: stepRooms()},
	{path: "command", rooms: []string{"."}, libs: []string{"golang.org/x/sys"}},

	{path: "identity", rooms: []string{".", "format/*"}, libs: []string{"golang.org/x/crypto"}},
	{path: "evidence", rooms: []string{".", "format/*"}},
	{path: "gate", purity: pure, rooms: []string{".", "format/*"}, libs: []string{"cel.dev/cel-go", "github.com/teambition/rrule-go", "github.com/open-policy-agent/opa"}},
	{path: "target", rooms: []string{"."}},
	{path: "target/all", rooms: []string{"target", "target/*"}},
	// Replicas are kept from the keys in the same way as commands of tasks.
	{path: "target/process", rooms: []string{".", "command", "target", "target/process/proxy"}, libs: []string{"golang.org/x/sys"}},
	{path: "target/process/proxy", rooms: []string{"."}},
	{path: "source/prometheus", rooms: []string{"."}, libs: []string{
		"github.com/prometheus/client_golang", "github.com/prometheus/common",
	}},
	// All that knows Kubernetes is here: the client, and the makers of manifests.
	{path: "target/kubernetes", rooms: []string{".", "target"}, libs: []string{
		"k8s.io/client-go", "k8s.io/apimachinery", "sigs.k8s.io/kustomize", "sigs.k8s.io/yaml",
	}},
	{path: "scan", rooms: []string{".", "command", "step"}},
	{path: "triage", purity: pure, rooms: []string{".", "purl"}, libs: []string{"github.com/bmatcuk/doublestar/v4"}},
	{path: "judge", purity: pure, rooms: []string{".", "format/*"}},
	{path: "record", rooms: []string{".", "format/*"}},

	// The database of vulnerabilities is a file of its own, beside the store.
	{path: "vulndb", rooms: []string{".", "format/*", "purl"}, libs: []string{
		"github.com/google/osv-scalibr/semantic", "github.com/pandatix/go-cvss",
		"golang.org/x/sys", "modernc.org/sqlite",
	}},

	{path: "format/osv", libs: []string{"go.yaml.in/yaml/v3"}},
	{path: "format/vex", libs: []string{"github.com/openvex/go-vex"}},
	{path: "reach", rooms: []string{"."}, libs: []string{"golang.org/x/vuln", "golang.org/x/sys"}},
	{path: "remedy", rooms: []string{"."}, libs: []string{"golang.org/x/mod"}},
	{path: "reevaluate", rooms: []string{".", "gate", "triage"}},
	// A scan and a look at what runs make the same findings of the same components.
	{path: "correlate", rooms: []string{".", "format/*", "purl", "remedy", "vulndb"}},
	{path: "exposure", rooms: []string{".", "correlate", "format/*", "purl", "triage", "vulndb"}},

	{path: "format/cyclonedx", libs: []string{"github.com/CycloneDX/cyclonedx-go"}},
	{path: "format/intoto", libs: []string{
		"github.com/in-toto/attestation", "github.com/secure-systems-lab/go-securesystemslib",
		"google.golang.org/protobuf",
	}},
	{path: "format/sshsig", libs: []string{"github.com/hiddeco/sshsig", "golang.org/x/crypto"}},
	{path: "format/spdx", libs: []string{"github.com/spdx/tools-golang", "github.com/github/go-spdx/v2"}},
	{path: "format/*"},
	{path: "engine", rooms: []string{"."}, libs: []string{
		"github.com/dbos-inc/dbos-transact-golang", "github.com/jackc/pgx/v5", "modernc.org/sqlite", "golang.org/x/sys",
	}},
	{path: "store", rooms: []string{"."}, libs: []string{"github.com/jackc/pgx/v5", "modernc.org/sqlite"}},
	{path: "store/storetest", tests: true, rooms: []string{".", "store"}, libs: testLibs},

	{path: "web", rooms: []string{".", "record", "control"}},
	{path: "cli", rooms: []string{".", "record", "control", "pipeline"}, libs: []string{
		"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/alecthomas/kong", "golang.org/x/term",
	}},
	{path: "doctor", rooms: []string{"."}, libs: []string{"golang.org/x/mod"}},
	{path: "internal/pgtest", tests: true, libs: []string{"github.com/jackc/pgx/v5"}},
	{path: "internal/promtest", tests: true},
	{path: "internal/imagetest", tests: true},
	{path: "internal/dasttest", rooms: []string{"dast"}, libs: []string{"modernc.org/sqlite"}},
	{path: "internal/kubetest", tests: true, libs: []string{"golang.org/x/sys"}},
	{path: "internal/bench", tests: true, rooms: []string{".", "*", "*/*", "*/*/*"}, libs: testLibs},
	{path: "internal/onkubernetes", tests: true, rooms: []string{".", "*", "*/*", "*/*/*"}, libs: testLibs},
	{path: "internal/e2e", tests: true, rooms: []string{".", "*", "*/*", "*/*/*"}, libs: testLibs},
	{path: "internal/judgebench", rooms: []string{".", "judge"}, libs: []string{"gonum.org/v1/gonum"}},
	{path: "internal/accuracy", rooms: []string{".", "*", "*/*", "*/*/*"}, libs: []string{"github.com/securego/gosec/v2", "golang.org/x/mod"}},
	{path: "internal/peerbench", rooms: []string{"vulndb"}},
	{path: "internal/archtest", tests: true, rooms: []string{"."}},
}

// shared lists the libraries that more than one folder may import, with the
// reason. Every other library has one folder, in which it can be replaced.
var shared = map[string]string{
	"github.com/open-policy-agent/opa":     "an organisation's policy and the checks of infrastructure are both Rego: two rooms that must not know each other",
	"cel.dev/cel-go":                       "routes are conditions over the event, gates over results: two rooms that must not know each other",
	"github.com/bmatcuk/doublestar/v4":     "globs are one language wherever a user writes them",
	"github.com/jackc/pgx/v5":              "engine and store each keep their own tables",
	"modernc.org/sqlite":                   "engine and store each keep their own tables, the vulnerabilities are a file of their own",
	"github.com/package-url/packageurl-go": "a purl is one language wherever one is read or written",
	"pgregory.net/rapid":                   "tests only",
	"github.com/google/go-cmp":             "tests only",
	"golang.org/x/sys":                     "system calls the standard library lacks",
	"golang.org/x/crypto":                  "a person's SSH key is read where it lies and verified where it counts",
	"golang.org/x/term":                    "whether somebody is watching",
	"github.com/spf13/cobra":               "commands are declared in cli and put together in cmd",
	"github.com/alecthomas/kong":           "commands are declared in cli and put together in cmd",
	"github.com/securego/gosec/v2":         "its samples are what its step type is measured with",
	"golang.org/x/mod":                     "versions of tools, go.mod, and what matching is measured against",
	"go.yaml.in/yaml/v3":                   "configuration, and files that are YAML",
}

// testLibs are the libraries that tests are written with.
var testLibs = []string{"pgregory.net/rapid", "github.com/google/go-cmp"}

// badNames are folder names that say nothing about what is inside.
var badNames = []string{
	"util", "utils", "common", "helper", "helpers", "base", "manager", "service", "types", "models", "pkg", "misc", "shared",
}

// stepRooms are the rooms every step type may import, and further ones.
func stepRooms(further ...string) []string {
	return append([]string{".", "step", "format/*"}, further...)
}

// roomOf gives the row for a folder: an exact one before a pattern.
func roomOf(folder string) (room, bool) {
	if i := slices.IndexFunc(house, func(r room) bool { return r.path == folder }); i >= 0 {
		return house[i], true
	}
	matching := slices.DeleteFunc(slices.Clone(house), func(r room) bool { return !matches(r.path, folder) })
	if len(matching) == 0 {
		return room{}, false
	}
	slices.SortFunc(matching, func(a, b room) int { return cmp.Compare(len(b.path), len(a.path)) })
	return matching[0], true
}

// mayImport tells whether the room may import the own room in folder.
func (r room) mayImport(folder string) bool {
	return slices.ContainsFunc(r.rooms, func(pattern string) bool { return matches(pattern, folder) })
}

// mayUse tells whether the room may import the third-party package.
func (r room) mayUse(pkg string) bool {
	return slices.ContainsFunc(r.libs, func(lib string) bool { return within(pkg, lib) })
}

// within tells whether a package is lib or lies below it.
func within(pkg, lib string) bool { return pkg == lib || strings.HasPrefix(pkg, lib+"/") }

// matches tells whether a folder fits a pattern of the map. The root is named,
// never matched by a star.
func matches(pattern, folder string) bool {
	if pattern == "." || folder == "." {
		return pattern == folder
	}
	ok, err := path.Match(pattern, folder)
	return ok && err == nil
}
