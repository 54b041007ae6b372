package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/store"
)

const secureConfig = `version: 1
service: tiny
env: [TINY_EFFECTS]
build: {run: 'cp $TINY_BINARY tiny.bin && cp version built && echo built-$(cat version) >>$TINY_EFFECTS', artifacts: [tiny.bin, built]}
tests:
  unit: {run: 'echo tested-$(cat version) >>$TINY_EFFECTS; echo "1..1"; echo "ok 1 - fine"', report: tap, needs: [build]}
environments:
  staging: {deploy: rolling, security: full, target: {process: {command: [./tiny.bin], listen: "%s", ready: {http: /}}}}
deploy:
  rolling: {for: 0s, bake: 0s, undecided: promote}
exceptions: {from: [bob]}
people:
  dana: {emails: [d@example.org], accounts: [%s]}
  bob: {emails: [bob@example.org], accounts: [bob], keys: ['%s']}
`

// TestKilledWithSecurityOn proves for the scanners of a run what the other tests
// here prove for releases: whenever the control plane dies, the run is finished
// by the next one, what was found is recorded once and is one finding, what a
// person let pass still passes, and what went live is known to be affected. Of
// the checkpoints those are taken where findings are made, weighed and learned.
func TestKilledWithSecurityOn(t *testing.T) {
	t.Parallel()
	l := emptyLab(t, "")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, name := range []string{"dana", "bob"} {
		keys[name] = filepath.Join(t.TempDir(), name)
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys[name]).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	public, err := exec.Command("ssh-keygen", "-y", "-f", keys["bob"]).Output()
	if err != nil {
		t.Fatal(err)
	}
	l.write("index.js", "require('left-pad')\n")
	l.write("package-lock.json", `{"name":"tiny","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"tiny","dependencies":{"left-pad":"1.0.0"}},"node_modules/left-pad":{"version":"1.0.0","license":"MIT"}}}`)
	l.begin(fmt.Sprintf(secureConfig, freeAddress(t), me.Username, strings.TrimSpace(string(public))))
	advisory := filepath.Join(t.TempDir(), "advisory.json")
	record := `{"schema_version":"1.6.0","id":"EXAMPLE-1","modified":"2026-10-01T00:00:00Z","summary":"left-pad pads too much",
		"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
		"affected":[{"package":{"ecosystem":"npm","name":"left-pad"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0.1"}]}]}]}`
	if err := os.WriteFile(advisory, []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	l.exits(0, "import", nil, "vulndb", "import", advisory)
	first := l.finding("import")
	l.exits(0, "exception", nil, "exception", "request", "--vulnerability", "EXAMPLE-1", "--reason", "the update breaks padding", "--for", "24h")
	out, err := l.fairlead(nil, "exception", "list", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var asked []struct{ fairlead.Exception }
	if err := json.Unmarshal(out, &asked); err != nil || len(asked) != 1 {
		t.Fatalf("exceptions %s: %v", out, err)
	}
	l.exits(0, "exception", nil, "exception", "approve", asked[0].ID, "--key", keys["bob"])

	for i, point := range []string{"ran task sca", "ran decide", "after decide", "ran rollout/end done"} {
		version := fmt.Sprintf("kill-%d", i)
		l.commit(version)
		l.killAt(point, "run")
		l.holdFinished(point)
		l.holdEffects(version, point)
		now := l.finding(point)
		if now.ID != first.ID || !now.Due.Equal(first.Due) || len(now.Observations) != 1 || now.State != fairlead.FindingAccepted {
			t.Errorf("%s: the finding is %+v, and was %+v", point, now, first)
		}
		l.holdRecords(point)
	}
}

// finding gives the one finding of the environment.
func (l *lab) finding(point string) fairlead.Tracked {
	l.t.Helper()
	out, err := l.fairlead(nil, "findings", "list", "--environment", "staging", "--json").Output()
	var all []fairlead.Tracked
	if err != nil || json.Unmarshal(out, &all) != nil || len(all) != 1 {
		l.t.Fatalf("%s: findings %v\n%s", point, err, out)
	}
	return all[0]
}

// holdRecords holds that the newest run recorded once what it found, and once
// that what it made live is affected.
func (l *lab) holdRecords(point string) {
	l.t.Helper()
	db, err := store.Open(l.t.Context(), "sqlite:"+filepath.Join(l.dir, ".fairlead", "private", "fairlead.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	state, err := db.Environment(l.t.Context(), "staging", "tiny")
	if err != nil {
		l.t.Fatal(err)
	}
	deployed, err := db.Deployment(l.t.Context(), state.Deployment)
	if err != nil {
		l.t.Fatal(err)
	}
	found, err := db.Records(l.t.Context(), fairlead.RecordFilter{RunID: deployed.RunID, Types: []fairlead.RecordType{fairlead.RecordFindingsChanged}})
	if err != nil || len(found) != 1 {
		l.t.Errorf("%s: findings were recorded %d times: %v", point, len(found), err)
	}
	affected, err := db.Records(l.t.Context(), fairlead.RecordFilter{Types: []fairlead.RecordType{fairlead.RecordReleaseAffected}})
	affected = slices.DeleteFunc(affected, func(r fairlead.Record) bool { return r.Subject != string(state.Current.ID) })
	if err != nil || len(affected) != 1 {
		l.t.Errorf("%s: that release %s is affected was recorded %d times: %v", point, state.Current.ID.Short(), len(affected), err)
	}
	if exposed, err := db.Exposures(l.t.Context()); err != nil || len(exposed) != 1 {
		l.t.Errorf("%s: exposures %+v, %v", point, exposed, err)
	}
}
