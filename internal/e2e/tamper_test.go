package e2e

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the driver, to tamper with

	"fairlead.dev"
)

// cmdTamper is the attacker between build and start:
//
//	tamper artifact DIR       changes one byte of every stored artifact
//	tamper signature DIR      changes the decision's signature in the database
//	tamper decision DIR       removes the decision's statement from the database
//	tamper release DIR        changes a byte of a program that the agent has laid out
func cmdTamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper artifact|signature|decision|release DIR")
	}
	private := filepath.Join(ts.MkAbs(args[1]), ".fairlead", "private")
	switch args[0] {
	case "artifact":
		flipAll(ts, filepath.Join(private, "blobs"))
	case "release":
		flipAll(ts, filepath.Join(private, "agent", "releases"))
	case "signature":
		forge(ts, private)
	case "decision":
		remove(ts, private)
	default:
		ts.Fatalf("tamper %s?", args[0])
	}
}

// flipAll changes one byte in the middle of every big file below a directory.
func flipAll(ts *testscript.TestScript, dir string) {
	changed := 0
	ts.Check(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) < 1<<16 {
			return err
		}
		b[len(b)/2] ^= 1
		changed++
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		return os.WriteFile(path, b, 0o600)
	}))
	if changed == 0 {
		ts.Fatalf("nothing to change below %s", dir)
	}
}

// withDecision finds the row of the decision's statement.
func withDecision(ts *testscript.TestScript, private string, do func(db *sql.DB, id string, envelope []byte)) {
	db, err := sql.Open("sqlite", filepath.Join(private, "fairlead.db"))
	ts.Check(err)
	defer db.Close()
	var id string
	var envelope []byte
	ts.Check(db.QueryRow(`SELECT id, envelope FROM evidence WHERE doc LIKE '%fairlead.dev/decision%' ORDER BY time DESC LIMIT 1`).Scan(&id, &envelope))
	do(db, id, envelope)
}

// forge puts another signature under the decision and makes everything else
// fit, so that only the signature can give it away.
func forge(ts *testscript.TestScript, private string) {
	withDecision(ts, private, func(db *sql.DB, id string, envelope []byte) {
		before, after, ok := strings.Cut(string(envelope), `"sig":"`)
		if !ok {
			ts.Fatalf("no signature in %s", envelope)
		}
		flipped := "A"
		if after[0] == 'A' {
			flipped = "B"
		}
		forged := []byte(before + `"sig":"` + flipped + after[1:])
		_, err := db.Exec(`UPDATE evidence SET id = ?1, envelope = ?2, doc = replace(doc, ?3, ?1) WHERE id = ?3`,
			string(fairlead.DigestBytes(forged)), forged, id)
		ts.Check(err)
	})
}

// remove takes the decision's statement away.
func remove(ts *testscript.TestScript, private string) {
	withDecision(ts, private, func(db *sql.DB, id string, _ []byte) {
		_, err := db.Exec(`DELETE FROM evidence WHERE id = ?1`, id)
		ts.Check(err)
	})
}
