package e2e

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// guardedConfig is a service small enough to be released in a second.
const guardedConfig = `version: 1
service: tiny
build: {run: 'cp %s tiny.bin', artifacts: [tiny.bin]}
environments:
  production: {security: none, tests: none, deploy: rolling, target: {process: {command: [./tiny.bin], listen: "%s", ready: {http: /}}}}
deploy: {rolling: {for: 0s, bake: 0s, undecided: promote}}
people:
`

// cmdGuarded makes a repository of a tiny service, on main, and people with
// keys of their own: guarded DIR NAME... . Dana is the author of all commits and
// starts the runs; the key of NAME is $WORK/NAME.key. Files of the script named
// DIR.yaml are put at the configuration's end.
func cmdGuarded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: guarded DIR NAME...")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	text := fmt.Sprintf(guardedConfig, filepath.Join(program, "tiny"), "127.0.0.1:"+ts.Getenv("port_production"))
	me, err := user.Current()
	ts.Check(err)
	for _, name := range args[1:] {
		key := filepath.Join(ts.Getenv("WORK"), name+".key")
		if _, err := os.Stat(key); err != nil {
			ts.Check(ts.Exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key))
		}
		public, err := os.ReadFile(key + ".pub")
		ts.Check(err)
		account := name
		if name == "dana" {
			account = me.Username
		}
		text += fmt.Sprintf("  %s: {emails: [%s@example.org], accounts: [%s], keys: ['%s']}\n", name, name, account, strings.TrimSpace(string(public)))
	}
	extra, err := os.ReadFile(filepath.Join(ts.Getenv("WORK"), args[0]+".yaml"))
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "fairlead.yaml"), append([]byte(text), extra...), 0o600))
	git(ts, dir, "init", "-q", "-b", "main")
	git(ts, dir, "add", "-A")
	git(ts, dir, "commit", "-q", "-m", "First version")
}
