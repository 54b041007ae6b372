package gotest_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"fairlead.dev/format/gotest"
)

// decode reads a recording of a real go test.
func decode(t *testing.T, name string) gotest.Report {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	report, err := gotest.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// brief gives each test as "package name result file:line", without the
// module's path.
func brief(r gotest.Report) []string {
	var list []string
	for _, t := range r.Tests {
		list = append(list, fmt.Sprintf("%s %s %s %s:%d", filepath.Base(t.Package), t.Name, t.Result, t.File, t.Line))
	}
	slices.Sort(list)
	return list
}

func TestRecordings(t *testing.T) {
	for _, test := range []struct {
		file  string
		tests []string
	}{
		{"mixed.json", []string{"price TestFlaky skip price_test.go:26", "price TestSum/none pass :0", "price TestSum/one pass :0", "price TestWrong fail price_test.go:20"}},
		{"broken.json", nil},
		{"crash.json", []string{"a TestBefore pass :0", "a TestPanics fail :0", "c TestHangs fail :0", "d TestDeep/x/y fail d_test.go:4", "d TestParent fail d_test.go:3", "d TestParent/ok pass :0"}},
	} {
		t.Run(test.file, func(t *testing.T) {
			got := brief(decode(t, test.file))
			if !slices.Equal(got, test.tests) {
				t.Errorf("tests\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.tests, "\n"))
			}
		})
	}
}

func TestWhatFailingTestsSay(t *testing.T) {
	said := map[string]string{}
	for _, test := range slices.Concat(decode(t, "mixed.json").Tests, decode(t, "crash.json").Tests) {
		said[test.Name] = test.Output
	}
	for name, part := range map[string]string{
		"TestWrong": "sum is 3, want 4", "TestPanics": "nil pointer dereference", "TestHangs": "test timed out after 2s",
		"TestDeep/x/y": "deep: 1", "TestFlaky": "not asked for", "TestBefore": "",
	} {
		if !strings.Contains(said[name], part) || strings.Contains(said[name], "=== RUN") || part == "" && said[name] != "" {
			t.Errorf("%s says %q, want %q", name, said[name], part)
		}
	}
}

func TestBrokenPackages(t *testing.T) {
	for file, want := range map[string]gotest.Broken{
		"broken.json": {Package: "example.test/broken", Build: true, Output: "undefined: undefinedFunction"},
		"crash.json":  {Package: "example.test/crash/b", Output: "no database"},
		"mixed.json":  {},
	} {
		broken := decode(t, file).Broken
		if want.Package == "" {
			if len(broken) != 0 {
				t.Errorf("%s: broken %+v", file, broken)
			}
			continue
		}
		if len(broken) != 1 || broken[0].Package != want.Package || broken[0].Build != want.Build || !strings.Contains(broken[0].Output, want.Output) {
			t.Errorf("%s: broken %+v, want %+v", file, broken, want)
		}
	}
}

func TestStreams(t *testing.T) {
	const run, fail = `{"Action":"run","Package":"p","Test":"T"}` + "\n", `{"Action":"fail","Package":"p","Test":"T","Elapsed":0.5}` + "\n"
	for _, test := range []struct {
		name, in string
		want     []string
		broken   int
	}{
		{"empty", "", nil, 0},
		{"no events", "hello\n{\"not\":\"an event\"}\n{broken\n[]\n", nil, 0},
		{"noise between events", "go: downloading x\n" + run + "warning\n" + fail, []string{"p T fail :0"}, 0},
		{"windows ends of lines", strings.ReplaceAll(run+fail, "\n", "\r\n"), []string{"p T fail :0"}, 0},
		{"without a last end of line", run + strings.TrimSpace(fail), []string{"p T fail :0"}, 0},
		{"a test that never ended", run, []string{"p T fail :0"}, 0},
		{"an end without a beginning", fail, []string{"p T fail :0"}, 0},
		{"a line beyond the bound", run + `{"Action":"output","Package":"p","Test":"T","Output":"` + strings.Repeat("x", gotest.MaxLine) + "\"}\n" + fail, []string{"p T fail :0"}, 0},
		{"build failure of older versions", `{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}` + "\n" + `{"Action":"fail","Package":"p"}`, nil, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := gotest.Decode(strings.NewReader(test.in))
			if err != nil || !slices.Equal(brief(r), test.want) || len(r.Broken) != test.broken {
				t.Errorf("tests %v, broken %v, error %v", brief(r), r.Broken, err)
			}
		})
	}
}

func TestOutputIsBounded(t *testing.T) {
	line := `{"Action":"output","Package":"p","Test":"T","Output":"` + strings.Repeat("x", 1000) + `\n"}` + "\n"
	r, err := gotest.Decode(strings.NewReader(`{"Action":"run","Package":"p","Test":"T"}` + "\n" + strings.Repeat(line, 100) + `{"Action":"fail","Package":"p","Test":"T"}`))
	if err != nil || len(r.Tests) != 1 || len(r.Tests[0].Output) > gotest.MaxOutput {
		t.Errorf("%d tests, error %v", len(r.Tests), err)
	}
}

func TestReadErrorIsTold(t *testing.T) {
	broken := errors.New("broken pipe")
	if _, err := gotest.Decode(io.MultiReader(strings.NewReader("{}\n"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"mixed.json", "broken.json", "crash.json"} {
		seed, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(seed))
	}
	f.Fuzz(func(t *testing.T, in string) {
		r, err := gotest.Decode(strings.NewReader(in))
		if err != nil {
			t.Fatalf("a stream that can be read is never an error: %v", err)
		}
		for _, test := range r.Tests {
			if len(test.Output) > 3*gotest.MaxOutput || test.Line < 0 || (test.Line > 0) != (test.File != "") {
				t.Errorf("test %+v", test)
			}
			if test.Result != gotest.Pass && test.Result != gotest.Fail && test.Result != gotest.Skip {
				t.Errorf("result %q", test.Result)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	in, err := os.ReadFile("testdata/crash.json")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := gotest.Decode(strings.NewReader(string(in))); err != nil {
			b.Fatal(err)
		}
	}
}
