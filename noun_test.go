package fairlead_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"fairlead.dev"
)

const ofNothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestDigests(t *testing.T) {
	if got := fairlead.DigestBytes(nil); got != ofNothing || got.Short() != "e3b0c44298fc" || got.Hex() != ofNothing[7:] {
		t.Errorf("%s, short %s", got, got.Short())
	}
	d, n, err := fairlead.DigestReader(strings.NewReader("abc"))
	if err != nil || n != 3 || d != fairlead.DigestBytes([]byte("abc")) {
		t.Errorf("%s of %d bytes, %v", d, n, err)
	}
	if _, _, err := fairlead.DigestReader(iotest.ErrReader(errors.New("broken"))); err == nil {
		t.Error("a broken reader has a digest")
	}
	one, two := fairlead.DigestJSON(map[string]int{"a": 1, "b": 2}), fairlead.DigestJSON(map[string]int{"b": 2, "a": 1})
	if one != two {
		t.Error("equal values have two digests")
	}
	if short := fairlead.Digest("sha256:ab").Short(); short != "ab" {
		t.Errorf("short of a short one: %s", short)
	}
}

func TestParseDigest(t *testing.T) {
	for text, ok := range map[string]bool{
		ofNothing: true, "": false, "sha256:": false, ofNothing[7:]: false, strings.ToUpper(ofNothing): false,
		"sha256:" + strings.ToUpper(ofNothing[7:]): false, ofNothing + "00": false, ofNothing[:len(ofNothing)-1] + "g": false,
		"sha512:" + ofNothing[7:]: false, " " + ofNothing: false,
	} {
		d, err := fairlead.ParseDigest(text)
		if (err == nil) != ok || ok && string(d) != text {
			t.Errorf("%q: %q, %v", text, d, err)
		}
	}
}

// Everything about a release is its identity, and nothing else is.
func TestReleaseIdentity(t *testing.T) {
	base := fairlead.Release{
		Service: "shop", Commit: "c1", Artifacts: []fairlead.Artifact{{Name: "bin/shop", Digest: ofNothing, Size: 1, Mode: 0o755}},
		Command: []string{"bin/shop"}, Env: map[string]string{"A": "1", "B": "2"},
	}.Identify()
	if again := base.Identify(); again.ID != base.ID {
		t.Error("a release that is identified again has another id")
	}
	for name, change := range map[string]func(*fairlead.Release){
		"service": func(r *fairlead.Release) { r.Service = "other" },
		"commit":  func(r *fairlead.Release) { r.Commit = "c2" },
		"mode": func(r *fairlead.Release) {
			r.Artifacts = []fairlead.Artifact{{Name: "bin/shop", Digest: ofNothing, Size: 1, Mode: 0o644}}
		},
		"command":  func(r *fairlead.Release) { r.Command = []string{"bin/shop", "--slow"} },
		"env":      func(r *fairlead.Release) { r.Env = map[string]string{"A": "1"} },
		"target":   func(r *fairlead.Release) { r.Target = "process" },
		"config":   func(r *fairlead.Release) { r.Config = json.RawMessage(`{"listen":"x"}`) },
		"replicas": func(r *fairlead.Release) { r.Replicas = 3 },
	} {
		r := base
		change(&r)
		if r.Identify().ID == base.ID {
			t.Errorf("another %s is the same release", name)
		}
	}
	raw, err := json.Marshal(base)
	var back fairlead.Release
	if err = errors.Join(err, json.Unmarshal(raw, &back)); err != nil || back.Identify().ID != base.ID {
		t.Errorf("the id does not survive JSON: %v", err)
	}
}

func sample(t *rapid.T, name string, bounds int) fairlead.Sample {
	count := rapid.Uint64Max(1000)
	s := fairlead.Sample{Requests: count.Draw(t, name+" requests"), Errors: count.Draw(t, name+" errors"), Restarts: count.Draw(t, name+" restarts")}
	for range bounds {
		s.Latency.LE = append(s.Latency.LE, float64(len(s.Latency.LE)))
		s.Latency.Count = append(s.Latency.Count, count.Draw(t, name+" count"))
	}
	return s
}

// What was served since is what was served, less what had been: and never
// less than nothing, whatever counter was reset.
func TestSince(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		earlier, more := sample(t, "earlier", 3), sample(t, "more", 3)
		later := fairlead.Sample{
			Requests: earlier.Requests + more.Requests, Errors: earlier.Errors + more.Errors, Restarts: earlier.Restarts + more.Restarts,
			Latency: fairlead.Histogram{LE: more.Latency.LE},
		}
		for i := range more.Latency.Count {
			later.Latency.Count = append(later.Latency.Count, earlier.Latency.Count[i]+more.Latency.Count[i])
		}
		got := later.Since(earlier)
		if got.Requests != more.Requests || got.Errors != more.Errors || got.Restarts != more.Restarts || !slices.Equal(got.Latency.Count, more.Latency.Count) {
			t.Fatalf("%+v since %+v is %+v", later, earlier, got)
		}
		any, other := sample(t, "any", 3), sample(t, "other", rapid.IntRange(0, 4).Draw(t, "bounds"))
		got = any.Since(other)
		if got.Requests > any.Requests || got.Errors > any.Errors || got.Restarts > any.Restarts {
			t.Fatalf("%+v since %+v is more: %+v", any, other, got)
		}
		if any.Requests < other.Requests && got.Requests != any.Requests {
			t.Fatalf("after a reset %+v since %+v is %+v", any, other, got)
		}
	})
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{`"1m30s"`: 90 * time.Second, `"0s"`: 0, `"1.5h"`: 90 * time.Minute, `"-2ms"`: -2 * time.Millisecond} {
		var d fairlead.Duration
		if err := json.Unmarshal([]byte(text), &d); err != nil || d.D() != want {
			t.Errorf("%s is %s, %v", text, d, err)
			continue
		}
		raw, err := json.Marshal(d)
		var back fairlead.Duration
		if err = errors.Join(err, json.Unmarshal(raw, &back)); err != nil || back != d || string(raw) != `"`+d.String()+`"` {
			t.Errorf("%s is written %s, %v", text, raw, err)
		}
	}
	for _, text := range []string{`"90"`, `""`, `"soon"`, `90`, `"5 minutes"`} {
		var d fairlead.Duration
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s is %s", text, d)
		}
	}
}

func TestNouns(t *testing.T) {
	for result, want := range map[fairlead.Result]bool{
		fairlead.ResultSuccess: true, fairlead.ResultFailure: false, fairlead.ResultSkip: false, fairlead.ResultError: false, "": false,
	} {
		if got := (fairlead.TaskRun{Result: result}).Succeeded(); got != want {
			t.Errorf("%q succeeded: %v", result, got)
		}
	}
	seen := map[fairlead.EventType]bool{}
	for _, e := range fairlead.EventTypes() {
		seen[e] = true
	}
	if len(seen) != 5 || !seen[fairlead.EventManual] {
		t.Errorf("event types %v", fairlead.EventTypes())
	}
}
