package pipeline

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEveryMistakeIsReported(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := Read(Source{Name: "fairlead.yaml", Data: data}, testCatalog())
			if err == nil || cfg != nil {
				t.Fatalf("accepted")
			}
			if kind := fairlead.KindOf(err); kind != fairlead.KindInvalid {
				t.Errorf("kind is %s", kind)
			}
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("error is not Problems: %v", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", []byte(ps.Error()+"\n"))
		})
	}
}

func golden(t *testing.T, file string, have []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, have, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run the test with -update", err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s\nhave:\n%s\nwant:\n%s", file, have, want)
	}
}

// Mistakes that a file in the tree could not hold without being mangled.
func TestFileAsAWhole(t *testing.T) {
	cases := []struct{ name, data, want string }{
		{"empty", "", "fairlead.yaml:1:1: must not be empty; start with `version: 1`"},
		{"blank", "\n  \n", "fairlead.yaml:1:1: must not be empty; start with `version: 1`"},
		{"comment", "# later\n", "fairlead.yaml:1:1: must not be empty; start with `version: 1`"},
		{"null", "~\n", "fairlead.yaml:1:1: must not be empty; start with `version: 1`"},
		{"scalar", "hello\n", "fairlead.yaml:1:1: must be a mapping of keys to values (got \"hello\"); start with `version: 1`"},
		{"list", "- version\n", "fairlead.yaml:1:1: must be a mapping of keys to values (got a list); start with `version: 1`"},
		{"latin1", "version: 1\nservice: caf\xe9\n", "fairlead.yaml:2:13: must be UTF-8 text (got byte 0xe9); save the file as UTF-8"},
		{"utf16", "\xff\xfev\x00", "fairlead.yaml:1:1: must be UTF-8 text (got byte 0xff); save the file as UTF-8"},
		{"nul", "version: 1\nservice: \x00\n", "fairlead.yaml:2:10: must not hold control characters (got U+0000)"},
		{"documents", "version: 1\n---\nversion: 1\n", "fairlead.yaml:2:1: must be a single YAML document; remove everything after the `---`"},
		{"tab", "version: 1\nbuild:\n\trun: make\n", "fairlead.yaml:3:1: must not be indented with tabs; use spaces"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(Source{Name: "fairlead.yaml", Data: []byte(c.data)}, testCatalog())
			var ps Problems
			if !errors.As(err, &ps) || len(ps) != 1 {
				t.Fatalf("want one problem, have %v", err)
			}
			if ps[0].String() != c.want {
				t.Errorf("have %s\nwant %s", ps[0], c.want)
			}
		})
	}
}

func TestHarmlessWaysOfWriting(t *testing.T) {
	plain := "version: 1\nservice: shop\nbuild:\n  run: make\n"
	for name, text := range map[string]string{
		"byte order mark": "\xef\xbb\xbf" + plain,
		"windows lines":   strings.ReplaceAll(plain, "\n", "\r\n"),
		"json":            `{"version": 1, "service": "shop", "build": {"run": "make"}}`,
		"document start":  "---\n" + plain,
		"document end":    plain + "...\n",
		"no last newline": strings.TrimSuffix(plain, "\n"),
		"unused anchor":   strings.Replace(plain, "run: make", "run: &cmd make", 1),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := mustRead(t, text)
			if cfg.Service != "shop" || cfg.Build == nil || cfg.Build.Run != "make" {
				t.Errorf("read as %+v", cfg)
			}
		})
	}
}

func TestHugeFileIsRefusedQuickly(t *testing.T) {
	data := bytes.Repeat([]byte("a: [[[[[[[[[[\n"), 800_000) // 11 MB
	start := time.Now()
	_, err := Read(Source{Name: "fairlead.yaml", Data: data}, testCatalog())
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 1 || !strings.Contains(ps[0].Rule, "at most 1048576 bytes") {
		t.Fatalf("have %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
}

// A file within the limit must not be able to take long either.
func TestHostileFilesEnd(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'z'; c++ {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [*" + strings.Repeat(p+",*", 8) + p + "]\n"
	}
	for name, text := range map[string]string{
		"alias bomb":    "version: 1\n" + bomb,
		"deep flow":     "version: 1\nenv: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"deep unclosed": "version: 1\nenv: " + strings.Repeat("[", 500_000),
		"deep blocks":   "version: 1\nsteps: " + strings.Repeat("- ", 400_000),
		"many keys":     "version: 1\n" + strings.Repeat("x: 1\n", 150_000),
		"long scalar":   "version: 1\nservice: " + strings.Repeat("x", 1_000_000),
		"cell bomb":     "version: 1\ntests: {a: {run: x, matrix: {" + manyCells() + "}}}",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Read(Source{Name: "fairlead.yaml", Data: []byte(text)}, testCatalog())
			var ps Problems
			if !errors.As(err, &ps) || len(ps) > maxProblems {
				t.Fatalf("%d problems", len(ps))
			}
			runtime.ReadMemStats(&after)
			const most = 512 << 20 // what grows faster than the file takes memory first, on any machine
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("took %d MiB of memory", took>>20)
			}
		})
	}
}

func manyCells() string {
	var b strings.Builder
	for c := 'a'; c <= 'z'; c++ {
		b.WriteString(string(c) + ": [1,2,3,4,5,6,7,8,9], ")
	}
	return strings.TrimSuffix(b.String(), ", ")
}

func TestGoodFilesAreAccepted(t *testing.T) {
	for name, data := range goodFiles(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := Read(Source{Name: name, Data: data}, testCatalog()); err != nil {
				t.Error(err)
			}
		})
	}
}

func goodFiles(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = data
	}
	return files
}

func TestNoFileIsTheEmptyConfiguration(t *testing.T) {
	cfg, err := Read(Source{Name: "fairlead.yaml"}, testCatalog())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.digest != fairlead.DigestBytes(nil) || cfg.Build != nil || len(cfg.Tests) != 0 {
		t.Errorf("have %+v", cfg)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"artifacts", "run", "reads", "retries", "timeout", "env"}
	for word, want := range map[string]string{
		"artifact": "artifacts", "artefacts": "artifacts", "tiemout": "timeout", "Run": "run",
		"retires": "retries", "rn": "run", "banana": "", "": "", "x": "",
	} {
		if have := nearest(word, known); have != want {
			t.Errorf("nearest(%q) = %q, want %q", word, have, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, data := range goodFiles(f) {
		f.Add(data)
	}
	bad, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range bad {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	cat := testCatalog()
	schema := compiledSchema(f, cat)
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := Read(Source{Name: "f.yaml", Data: data}, cat)
		if err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("not a list of problems: %v", err)
			}
			for _, p := range ps {
				if p.Rule == "" || strings.ContainsAny(p.String(), "\n\r") {
					t.Fatalf("a problem must be one line: %q", p.String())
				}
			}
			return
		}
		if data != nil {
			if err := schema.Validate(generic(t, data)); err != nil {
				t.Fatalf("read accepts what the schema refuses: %v", err)
			}
		}
		first, err := Plan(cfg, push("main"), nil, cat)
		if err != nil {
			return // a condition may fail to evaluate
		}
		again, _ := Read(Source{Name: "f.yaml", Data: data}, cat)
		second, err := Plan(again, push("main"), nil, cat)
		if err != nil || first.Hash != second.Hash {
			t.Fatalf("the same input gave another plan: %s, %s, %v", first.Hash, second.Hash, err)
		}
	})
}
