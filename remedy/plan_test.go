package remedy_test

import (
	"testing"

	"fairlead.dev"
	"fairlead.dev/remedy"
)

func TestPlanChangesOnlyWhatTheProjectNames(t *testing.T) {
	at := func(path, name string, direct bool, cleared string, fixedIn ...string) fairlead.Finding {
		return fairlead.Finding{
			Category: fairlead.CategorySCA, Rule: "V-" + name, Location: fairlead.Location{Path: path},
			Component: fairlead.Component{Name: name, Version: "1.0.0", Direct: direct}, ClearedBy: cleared, FixedIn: fixedIn,
		}
	}
	excused := at("go.mod", "excused", true, "2.0.0", "2.0.0")
	excused.Vulnerability.VEX = "not_affected"
	again := at("web/package-lock.json", "direct", true, "1.1.0", "1.1.0")
	again.Rule = "V-again"
	fixes, left := remedy.Plan([]fairlead.Finding{
		at("web/package-lock.json", "direct", true, "1.1.0", "1.1.0"), again, excused,
		at("go.mod", "indirect", false, "2.0.0", "2.0.0"), at("go.mod", "hopeless", true, ""), at("Cargo.lock", "crate", true, "2.0.0", "2.0.0"),
		at("requirements.txt", "whack", true, "", "2.0.0"),
		{Category: fairlead.CategorySecret, Rule: "a"},
	})
	if len(fixes) != 1 || fixes[0].File != "web/package.json" || fixes[0].To != "1.1.0" || len(fixes[0].Clears) != 2 {
		t.Errorf("fixes %+v", fixes)
	}
	want := map[string]string{
		"indirect": "a dependency brings it", "hopeless": "no version fixes it", "crate": "the file that names it is not one that fix can change",
		"whack": "no version is known to be free of everything",
	}
	if len(left) != len(want) {
		t.Fatalf("left %+v", left)
	}
	for _, l := range left {
		if want[l.Package] != l.Reason {
			t.Errorf("%s stays because %q, want %q", l.Package, l.Reason, want[l.Package])
		}
	}
}
