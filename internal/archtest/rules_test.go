package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// The rules are tests themselves; this holds that they can fail.

func TestRoomOf(t *testing.T) {
	tests := map[string]string{
		".":                   ".",
		"step":                "step",
		"step/all":            "step/all",
		"step/scan/secrets":   "step/scan/secrets",
		"format/sarif":        "format/*",
		"format/intoto":       "format/intoto",
		"target/process":      "target/process",
		"target/process/more": "",
		"shed":                "",
	}
	for folder, want := range tests {
		if got, _ := roomOf(folder); got.path != want {
			t.Errorf("%s is room %q, want %q", folder, got.path, want)
		}
	}
}

func TestMayImport(t *testing.T) {
	tests := []struct {
		from, to string
		want     bool
	}{
		{"flow", "engine", true},
		{"flow", "store", false},
		{"flow", "step", true},
		{"flow", "step/scan/secrets", false},
		{"step/scan/secrets", "step", true},
		{"step/scan/secrets", "step/sbom/source", false},
		{"step/scan/secrets", "format/sarif", true},
		{"step/all", "step/scan/secrets", true},
		{"target/process", "target/kubernetes", false},
		{"cli", "store", false},
		{"web", "store", false},
		{"judge", "gate", false},
		{"engine", "flow", false},
		{"cmd/fairlead", "store", true},
		{"cmd/fairlead", "target/process/proxy", true},
	}
	for _, tt := range tests {
		r, ok := roomOf(tt.from)
		if got := r.mayImport(tt.to); !ok || got != tt.want {
			t.Errorf("%s may import %s: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
	if r, _ := roomOf("format/sarif"); r.mayImport(".") {
		t.Error("a format may import the root nouns")
	}
	if r, _ := roomOf("flow"); r.mayUse("github.com/dbos-inc/dbos-transact-golang/dbos") {
		t.Error("flow may import the engine's library")
	}
	if r, _ := roomOf("engine"); !r.mayUse("github.com/dbos-inc/dbos-transact-golang/dbos") {
		t.Error("engine must not import its own library")
	}
}

func TestWritesAreFound(t *testing.T) {
	const source = `package p
import "sync"
var table = map[string]int{"a": 1}
var list []int
func fine() { table := map[string]int{}; table["b"] = 2; _ = list[0]; _ = sync.Mutex{} }
func index() { table["b"] = 2 }
func assign() { list = nil }
func remove() { delete(table, "a") }
func address() *[]int { return &list }
func count() { table["a"]++ }
`
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	f := file{name: "p.go", folder: "p", fset: fset, ast: parsed}
	info := resolve([]file{f})
	for _, d := range parsed.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if got, want := len(writes(info, fn)), fn.Name.Name != "fine"; (got > 0) != want {
			t.Errorf("%s: %d writes found", fn.Name.Name, got)
		}
	}
}

func TestReceiver(t *testing.T) {
	for source, want := range map[string]string{"T": "T", "*T": "T", "*T[int]": "T", "T[int, string]": "T"} {
		e, err := parser.ParseExpr(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := receiver(e); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}
