package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/cli"
)

var update = flag.Bool("update", false, "write docs/reference anew")

// TestReferenceIsWhatTheProgramSays holds the generated pages to the program:
// go test ./cmd/fairlead -run Reference -update writes them.
func TestReferenceIsWhatTheProgramSays(t *testing.T) {
	schema, err := configTools{}.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"types.md":             typesPage(),
		"commands.md":          commandsPage(t),
		"fairlead.schema.json": string(schema) + "\n",
	} {
		path := filepath.Join("..", "..", "docs", "reference", name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("docs/reference/%s is not what the program says (%v): run with -update", name, err)
		}
	}
}

// typesPage describes every step type and target.
func typesPage() string {
	var b strings.Builder
	b.WriteString("# Step types and targets\n\nGenerated from the types themselves; `fairlead explain TYPE` says the same.\n")
	for _, k := range kinds() {
		fmt.Fprintf(&b, "\n## %s\n\n%s: %s.\n\n%s\n", k.Name, k.Sort, k.Title, strings.TrimSpace(k.Doc))
	}
	return b.String()
}

// commandsPage is the help of every command.
func commandsPage(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from the program's own help.\n")
	for _, words := range []string{
		"", "plan", "run", "status", "why", "logs", "watch", "env", "env list", "env show", "promote",
		"evidence", "evidence list", "evidence show", "evidence revoke", "cancel", "retry", "resume", "rollback", "approve", "reject",
		"freeze", "freeze add", "freeze list", "freeze lift", "break-glass", "break-glass list", "break-glass review",
		"config", "config lint", "config schema", "config explain", "explain", "doctor", "serve", "agent", "agent start", "agent stop",
		"judge", "judge replay", "scan", "sbom", "sbom diff", "sbom notices", "sbom score",
	} {
		fmt.Fprintf(&b, "\n## %s\n\n```\n%s```\n", strings.TrimSpace("fairlead "+words), help(t, strings.Fields(words)))
	}
	return b.String()
}

func help(t *testing.T, words []string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	io := cli.Stdio{In: strings.NewReader(""), Out: &out, Err: &complaints}
	if code := cli.Run(t.Context(), append(words, "--help"), io, wire(io, variables{})); code != 0 {
		t.Fatalf("%v --help exits with %d: %s", words, code, complaints.String())
	}
	return out.String()
}
