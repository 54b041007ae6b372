package osv_test

import (
	"errors"
	"strings"
	"testing"

	"fairlead.dev/format/osv"
)

const record = `{"schema_version":"1.6.0","id":"GHSA-1","modified":"2026-01-01T00:00:00Z","aliases":["CVE-2026-1"],"upstream":["CVE-2026-2"],
"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
"affected":[{"package":{"ecosystem":"PyPI","name":"x"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.10"}]}],"versions":["1.0"]}]}`

func TestMalformedRecords(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":                  "",
		"cut":                      record[:len(record)-3],
		"not UTF-8":                "\xff" + record,
		"no id":                    strings.Replace(record, `"id":"GHSA-1",`, "", 1),
		"an id of two words":       strings.Replace(record, "GHSA-1", "GHSA 1", 1),
		"an alias of two lines":    strings.Replace(record, "CVE-2026-1", `CVE\n1`, 1),
		"an upstream of two words": strings.Replace(record, "CVE-2026-2", "a b", 1),
		"a time that is none":      strings.Replace(record, "2026-01-01", "yesterday", 1),
		"an event of two things":   strings.Replace(record, `{"introduced":"0"}`, `{"introduced":"0","fixed":"1"}`, 1),
		"an event of nothing":      strings.Replace(record, `{"introduced":"0"}`, `{}`, 1),
		"a version of two lines":   strings.Replace(record, `["1.0"]`, `["1\n2"]`, 1),
	} {
		if _, err := osv.Decode([]byte(s)); !errors.Is(err, osv.ErrRecord) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := osv.Decode([]byte(record)); err != nil {
		t.Error(err)
	}
}

func TestWhatMeansToBeARecord(t *testing.T) {
	for text, want := range map[string]bool{
		record: true, `{"id":"X","affected":[]}`: true, `{"id":"X","modified":1}`: true,
		`{"id":"X"}`: false, `{"modified":"2026-01-01T00:00:00Z"}`: false, `[{"id":"X","modified":""}]`: false, `null`: false, `"x"`: false,
	} {
		if got, err := osv.Is([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %t, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "{", "\xff", `{"id":"X"} {`} {
		if _, err := osv.Is([]byte(text)); !errors.Is(err, osv.ErrRecord) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestYAML(t *testing.T) {
	b, err := osv.FromYAML([]byte("id: PYSEC-2026-1\nmodified: 2026-01-01T00:00:00Z\nwithdrawn: null\naffected:\n- package: {ecosystem: PyPI, name: x}\n" +
		"  ranges: [{type: ECOSYSTEM, events: [{introduced: 0}, {fixed: 1.10}]}]\n  versions: [1.0, '1.1', 2]\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := osv.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	a := r.Affected[0]
	if r.ID != "PYSEC-2026-1" || r.Modified.Year() != 2026 || !r.Withdrawn.IsZero() || a.Ranges[0].Events[1].Fixed != "1.10" ||
		strings.Join(a.Versions, " ") != "1.0 1.1 2" {
		t.Errorf("read %+v", r)
	}
	for text, want := range map[string]string{"": "[]", "a: 1\n---\nb: true\n": `[{"a":"1"},{"b":true}]`, "~": "null"} {
		if got, err := osv.FromYAML([]byte(text)); err != nil || string(got) != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	bomb := "a: &a [x]\n"
	for i := 'b'; i < 'k'; i++ {
		bomb += string(i) + ": &" + string(i) + " [" + strings.Repeat("*"+string(i-1)+",", 9) + "]\n"
	}
	for _, text := range []string{"a: [", "\xff", bomb, strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		if _, err := osv.FromYAML([]byte(text)); !errors.Is(err, osv.ErrRecord) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(record), "1.5")
	f.Add([]byte("id: A\nmodified: 2026-01-01\naffected: [{ranges: [{events: [{introduced: 0}, {last_affected: 2}, {limit: '*'}]}]}]"), "2")
	f.Fuzz(func(t *testing.T, b []byte, version string) {
		if y, err := osv.FromYAML(b); err != nil && !errors.Is(err, osv.ErrRecord) {
			t.Errorf("an error of another kind: %v", err)
		} else if is, err := osv.Is(y); err == nil && is {
			b = y
		}
		r, err := osv.Decode(b)
		if err != nil {
			if !errors.Is(err, osv.ErrRecord) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if r.ID == "" {
			t.Error("a record without an id is taken")
		}
		for _, a := range r.Affected {
			a.Imports()
			if _, err := a.Affects(version, func(a, b string) (int, error) { return strings.Compare(a, b), nil }); err != nil {
				t.Error(err)
			}
		}
	})
}
