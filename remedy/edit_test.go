package remedy_test

import (
	"bytes"
	"errors"
	"testing"

	"fairlead.dev/remedy"
)

func TestEditChangesTheVersionAndNothingElse(t *testing.T) {
	for _, tt := range []struct {
		name, file, before string
		change             remedy.Change
		after              string
	}{
		{
			"go.mod", "go.mod", "module  x // why\n\ngo 1.26\n\nrequire (\n\tgolang.org/x/net   v0.1.0 // indirect; keep\n\tgolang.org/x/text v0.3.0\n)\n",
			remedy.Change{Name: "golang.org/x/net", From: "0.1.0", To: "0.56.0"},
			"module  x // why\n\ngo 1.26\n\nrequire (\n\tgolang.org/x/net   v0.56.0 // indirect; keep\n\tgolang.org/x/text v0.3.0\n)\n",
		},
		{"go.mod in one line", "a/go.mod", "module x\nrequire example.test/v2 v2.0.0", remedy.Change{Name: "example.test/v2", To: "2.0.1"}, "module x\nrequire example.test/v2 v2.0.1"},
		{
			"a version of the old way", "go.mod", "module x\nrequire a.test/b v24.0.5+incompatible // pinned\n",
			remedy.Change{Name: "a.test/b", From: "24.0.5+incompatible", To: "24.0.7"},
			"module x\nrequire a.test/b v24.0.7+incompatible // pinned\n",
		},
		{"Go", "go.mod", "module x\n\ngo 1.26.1\n", remedy.Change{Name: "stdlib", To: "1.26.6"}, "module x\n\ngo 1.26.6\n"},
		{"the toolchain", "go.mod", "module x\n\ngo 1.26\n\ntoolchain go1.26.1\n", remedy.Change{Name: "stdlib", To: "1.26.6"}, "module x\n\ngo 1.26\n\ntoolchain go1.26.6\n"},
		{
			"package.json", "package.json", "{\r\n  \"dependencies\" : {\"lodash\":  \"^4.17.0\", \"other\": \"4.17.0\"},\r\n  \"scripts\": {\"lodash\": \"1.0.0\"}, \"devDependencies\": {\"lodash\": \"4.0.0\"}}",
			remedy.Change{Name: "lodash", To: "4.17.21"},
			"{\r\n  \"dependencies\" : {\"lodash\":  \"^4.17.21\", \"other\": \"4.17.0\"},\r\n  \"scripts\": {\"lodash\": \"1.0.0\"}, \"devDependencies\": {\"lodash\": \"4.17.21\"}}",
		},
		{
			"requirements", "requirements-dev.txt", "# web\nDjango[argon2]==3.2.1 ; python_version >= '3.8'  # pinned\nrequests >= 2.0\ndjango-extensions==1.0",
			remedy.Change{Name: "django", To: "3.2.25"},
			"# web\nDjango[argon2]==3.2.25 ; python_version >= '3.8'  # pinned\nrequests >= 2.0\ndjango-extensions==1.0",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := remedy.Edit(tt.file, []byte(tt.before), []remedy.Change{tt.change})
			if err != nil || string(got) != tt.after {
				t.Errorf("%v\n%s\nwant\n%s", err, got, tt.after)
			}
		})
	}
}

func TestWhatCannotBeChangedWhollyIsSaid(t *testing.T) {
	for _, tt := range []struct{ name, file, content, pkg string }{
		{"a replaced module", "go.mod", "module x\nrequire a.test/b v1.0.0\nreplace a.test/b => ../b\n", "a.test/b"},
		{"an excluded version", "go.mod", "module x\nrequire a.test/b v1.0.0\nexclude a.test/b v2.0.0\n", "a.test/b"},
		{"a module that is not there", "go.mod", "module x\n", "a.test/b"},
		{"a cut go.mod", "go.mod", "module x\nrequire (", "a.test/b"},
		{"no version of Go", "go.mod", "module x\n", "stdlib"},
		{"any version", "package.json", `{"dependencies":{"a":"*"}}`, "a"},
		{"a range", "package.json", `{"dependencies":{"a":">=1.0.0 <2.0.0"}}`, "a"},
		{"a repository", "package.json", `{"dependencies":{"a":"git+https://h/a.git"}}`, "a"},
		{"a cut document", "package.json", `{"dependencies":{"a":"1.0.0"`, "a"},
		{"a deep document", "package.json", string(bytes.Repeat([]byte("["), 100_000)), "a"},
		{"a package that is not there", "package.json", `{"dependencies":["a"]}`, "a"},
		{"hashes", "requirements.txt", "a==1.0 --hash=sha256:00\n", "a"},
		{"more lines", "requirements.txt", "a==1.0 \\\n  --hash=sha256:00\n", "a"},
		{"two bounds", "requirements.txt", "a>=1.0,<2\n", "a"},
		{"no bound", "requirements.txt", "a\n", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := remedy.Edit(tt.file, []byte(tt.content), []remedy.Change{{Name: tt.pkg, From: "1.0.0", To: "2.0.0"}})
			if !errors.Is(err, remedy.ErrIncomplete) {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}

// A version comes from whoever wrote the record: nothing else gets into a manifest.
func TestOnlyAVersionIsWritten(t *testing.T) {
	for file, content := range map[string]string{
		"go.mod": "module x\nrequire a v1.0.0\n", "package.json": `{"dependencies":{"a":"1.0.0"}}`, "requirements.txt": "a==1.0.0\n",
	} {
		for _, to := range []string{
			`1.0.1","scripts":{"postinstall":"evil"},"x":"`, "npm:evil@1.0.0", "git+https://evil.test/a", "evil/a", "1.0.1 --index-url https://evil.test",
			"1.0.1\nevil==1", "1.0.1 ; x", "latest", "*", "",
		} {
			if got, err := remedy.Edit(file, []byte(content), []remedy.Change{{Name: "a", From: "1.0.0", To: to}}); !errors.Is(err, remedy.ErrIncomplete) {
				t.Errorf("%s to %q: %v\n%s", file, to, err, got)
			}
		}
	}
}

// FuzzEdit holds that no manifest makes the editors fail, and that an edit is
// stable: made once more it changes nothing.
func FuzzEdit(f *testing.F) {
	for _, s := range []string{"module x\ngo 1.26\nrequire a v1.0.0\n", `{"dependencies":{"a":"^1.0.0"}}`, "a==1.0.0 # x\n", "{}", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, file := range []string{"go.mod", "package.json", "requirements.txt"} {
			change := []remedy.Change{{Name: "a", From: "1.0.0", To: "1.2.3"}}
			once, err := remedy.Edit(file, content, change)
			if err != nil {
				continue
			}
			twice, err := remedy.Edit(file, once, change)
			if err != nil || !bytes.Equal(once, twice) {
				t.Errorf("%s: %v\n%q\n%q", file, err, once, twice)
			}
		}
	})
}

// What is printed to be pasted into a shell is one word there, whatever a
// repository calls its folders and packages.
func TestWhatIsPasted(t *testing.T) {
	for word, want := range map[string]string{
		".": ".", "web/app": "web/app", "my app": "'my app'", "$(rm -rf x)": "'$(rm -rf x)'", "it's": `'it'\''s'`, "~root": "'~root'", "-x": "'-x'", "": "''",
	} {
		if got := remedy.Quote(word); got != want {
			t.Errorf("%q is %s, want %s", word, got, want)
		}
	}
	for name, want := range map[string]string{
		"left-pad": "npm pkg set overrides.left-pad='2.0.0' && npm install", "lodash.merge": "npm pkg set 'overrides[lodash.merge]=2.0.0' && npm install", "a;b": "",
	} {
		if got := remedy.Command("npm", name, "2.0.0", false); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
