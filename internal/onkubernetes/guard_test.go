package onkubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"sigs.k8s.io/yaml"

	"fairlead.dev"
	"fairlead.dev/target"
	"fairlead.dev/target/kubernetes"
)

// Of two writers that say different things at the same time the one with the
// higher fence wins, whatever the other one does and wherever it was.
func TestTwoWriters(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	s.deliver(two)
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 2)
	for round := range 5 {
		old, next := s.desired(part{two, 2, 100}, part{one, 2, 0}), s.desired(part{one, 2, 100}, part{two, 2, 0})
		s.fence++
		next.Fence = s.fence
		var both sync.WaitGroup
		both.Go(func() { // the one that was replaced and does not know it
			for range 6 {
				if err := s.Apply(t.Context(), s.at, old); err != nil && fairlead.KindOf(err) != fairlead.KindConflict && !fairlead.KindOf(err).Retryable() {
					t.Errorf("round %d: the old writer: %v", round, err)
				}
			}
		})
		both.Go(func() {
			for {
				err := s.Apply(t.Context(), s.at, next)
				if err == nil {
					return
				}
				if !fairlead.KindOf(err).Retryable() {
					t.Errorf("round %d: the new writer: %v", round, err)
					return
				}
			}
		})
		both.Wait()
		if err := s.Apply(t.Context(), s.at, old); fairlead.KindOf(err) != fairlead.KindConflict {
			t.Fatalf("round %d: a lower fence is taken: %v", round, err)
		}
		if i := s.instance(one); i.Weight != 100 {
			t.Fatalf("round %d: the release of the highest fence has %d%%", round, i.Weight)
		}
		if got := s.observe().Fence; got != s.fence {
			t.Fatalf("round %d: fence %d, want %d", round, got, s.fence)
		}
	}
}

// A release that was not verified is refused at the door, and one whose kept
// files were changed does not start.
func TestNothingUnverifiedStarts(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	g := s.shop("1.0.0")
	nobody := kubernetes.New(kubernetes.Options{Dir: t.TempDir()})
	if err := nobody.Deliver(t.Context(), s.at, g.Bundle, g.open); fairlead.KindOf(err) != fairlead.KindDenied {
		t.Errorf("without keys: %v", err)
	}
	changed := g
	changed.Release.Commit = "other"
	if err := s.Deliver(t.Context(), s.at, changed.Bundle, g.open); fairlead.KindOf(err) != fairlead.KindDenied {
		t.Errorf("a changed release: %v", err)
	}
	forged := func(context.Context, fairlead.Digest) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(manifests())), nil
	}
	if err := s.Deliver(t.Context(), s.at, g.Bundle, forged); fairlead.KindOf(err) != fairlead.KindDenied {
		t.Errorf("changed content: %v", err)
	}
	dir := t.TempDir()
	trusting := true
	s.Target = kubernetes.New(kubernetes.Options{Dir: dir, Verify: func(target.Place, target.Bundle) error {
		if !trusting {
			return fmt.Errorf("revoked")
		}
		return nil
	}})
	s.deliver(g)
	kept, err := filepath.Glob(filepath.Join(dir, "content", "*"))
	if err != nil || len(kept) != 2 {
		t.Fatalf("kept are %v, %v", kept, err)
	}
	before, err := os.ReadFile(kept[0])
	if err == nil {
		err = os.WriteFile(kept[0], append(before, '#'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), s.at, s.desired(part{g, 2, 0})); fairlead.KindOf(err) != fairlead.KindDenied {
		t.Errorf("changed files start: %v", err)
	}
	s.deliver(g) // which repairs them
	trusting = false
	if err := s.Apply(t.Context(), s.at, s.desired(part{g, 2, 0})); fairlead.KindOf(err) != fairlead.KindDenied {
		t.Errorf("a release that is trusted no more starts: %v", err)
	}
}

// wire is the connection to the API server, which can be cut.
type wire struct {
	to    string
	cut   atomic.Bool
	after atomic.Int64 // cuts when so many connections were made
	local string
}

// cuttable gives a kubeconfig that leads through a wire.
func (s *stand) cuttable() (*wire, string) {
	s.t.Helper()
	raw, err := os.ReadFile(s.c.Kubeconfig)
	if err != nil {
		s.t.Fatal(err)
	}
	server := regexp.MustCompile(`https://(127\.0\.0\.1:\d+)`).FindSubmatch(raw)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if server == nil || err != nil {
		s.t.Fatalf("no server in %s, %v", raw, err)
	}
	w := &wire{to: string(server[1]), local: l.Addr().String()}
	s.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go w.pass(in)
		}
	}()
	path := filepath.Join(s.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), w.to, w.local)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return w, path
}

func (w *wire) pass(in net.Conn) {
	defer in.Close()
	if w.cut.Load() {
		return
	}
	out, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() { _, _ = io.Copy(in, out); in.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if err != nil || w.cut.Load() || w.after.Add(-1) == 0 {
			return
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return
		}
	}
}

// An API server that goes away in the middle of anything is an unavailable
// target, and saying the same again when it is back finishes what was begun.
func TestServerGoesAwayMidway(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	w, path := s.cuttable()
	s.config["kubeconfig"] = path
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	s.deliver(two)
	crowd := s.visitors(2)
	again := func(parts ...part) {
		t.Helper()
		for packets := int64(1); packets <= 9; packets += 2 {
			w.after.Store(packets) // the connection breaks at the n-th packet
			if err := s.Apply(t.Context(), s.at, s.desired(parts...)); err != nil && !fairlead.KindOf(err).Retryable() {
				t.Fatalf("cut at packet %d: %v", packets, err)
			}
		}
		w.cut.Store(true)
		if _, err := s.Observe(t.Context(), s.at); err != nil && fairlead.KindOf(err) != fairlead.KindUnavailable {
			t.Fatalf("without a server: %v", err)
		}
		w.cut.Store(false)
		w.after.Store(-1)
		s.eventually(func() string {
			if err := s.Apply(t.Context(), s.at, s.desired(parts...)); err != nil {
				return err.Error()
			}
			return ""
		})
	}
	again(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 2)
	again(part{two, 2, 100}, part{one, 2, 0})
	s.settle(part{two, 2, 100})
	crowd.hold(t)
	s.tidy(two, s.image("2.0.0"))
}

// everything does all that a target does with a config whose user may not do
// more than rules say, and gives what was not as it should be.
func (s *stand) everything(rules []kubernetes.Rule) (wrong []string) {
	s.t.Helper()
	raw, err := yaml.Marshal(rules)
	if err != nil {
		s.t.Fatal(err)
	}
	s.config["kubeconfig"] = s.c.User(s.t, s.namespace, "fairlead", string(raw))
	check := func(what string, err error) bool {
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", what, err))
		}
		return err == nil
	}
	extra := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: \"1\"}\n"
	if s.config["traffic"].(map[string]any)["gateway-api"] != nil {
		extra += route
	}
	one := s.pack(s.image("1.0.0"), manifests()+extra)
	two := s.pack(s.image("2.0.0"), manifests("[./podinfo, --port=9898]", "[./podinfo, --no-such-flag]")+extra)
	never := s.pack(s.image("2.0.0", "PODINFO_UNREADY=true"), manifests()+extra)
	three := s.pack(s.image("2.0.0"), manifests()+strings.ReplaceAll(extra, `"1"`, `"3"`))
	deliver := func(g goods) error { return s.Deliver(s.t.Context(), s.at, g.Bundle, g.open) }
	apply := func(parts ...part) error { return s.Apply(s.t.Context(), s.at, s.desired(parts...)) }
	settled := func(parts ...part) error {
		var last error
		s.eventually(func() string {
			if last = apply(parts...); last != nil {
				return ""
			}
			o, err := s.Observe(s.t.Context(), s.at)
			last = err
			return o.Pending
		})
		return last
	}
	if !check("deliver", deliver(one)) || !check("first", apply(part{one, 2, 0})) {
		return wrong
	}
	if _, err := s.Observe(s.t.Context(), s.at); !check("observe", err) {
		return wrong
	}
	s.ready(one, 2)
	if !check("settle", settled(part{one, 2, 100})) {
		return wrong
	}
	for word, g := range map[string]goods{"greetings from podinfo": two, "503": never} {
		if !check("deliver the bad one", deliver(g)) || !check("start the bad one", apply(part{g, 1, 0}, part{one, 2, 100})) {
			return wrong
		}
		cause := s.cause(g, word)
		if !strings.Contains(cause, word) {
			wrong = append(wrong, "the problem does not say "+word+": "+cause)
		}
	}
	if !check("deliver another", deliver(three)) || !check("start another", apply(part{three, 2, 0}, part{one, 2, 100})) {
		return wrong
	}
	s.ready(three, 2)
	if !check("shift", apply(part{three, 2, 100}, part{one, 2, 0})) || !check("go home", settled(part{three, 2, 100})) {
		return wrong
	}
	s.fence++
	check("take down", settled())
	return wrong
}

// cause waits for a word in what the target says of a release that does not come
// up, and gives what it said last. Where a permission is left out the word may
// never come: once something is said, it is not far.
func (s *stand) cause(g goods, word string) (cause string) {
	s.t.Helper()
	limit := patience
	if s.lacking {
		limit = 30 * time.Second
	}
	var since time.Time
	for began := time.Now(); time.Since(began) < limit; time.Sleep(100 * time.Millisecond) {
		if i := s.instance(g); i.Problem != nil {
			cause = i.Problem.Cause
		}
		if strings.Contains(cause, word) {
			break
		}
		if since.IsZero() && cause != "" {
			since = time.Now()
		}
		if s.lacking && !since.IsZero() && time.Since(since) > 8*time.Second {
			break
		}
	}
	return cause
}

// With exactly the Role that is printed everything works; without any one of
// its permissions something does not, and doctor says which is missing.
//
// Each permission left out is a whole release of its own, so every eighth is
// tried; -every tries them all.
func TestSmallestRole(t *testing.T) {
	base := newStand(t, map[string]any{})
	extra := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"
	tree := fstest.MapFS{"deploy/shop.yaml": {Data: []byte(manifests() + extra)}}
	raw, err := json.Marshal(base.config)
	if err != nil {
		t.Fatal(err)
	}
	access, err := kubernetes.AccessFor(t.Context(), base.at, raw, tree)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("all", func(t *testing.T) {
		s := newStand(t, map[string]any{})
		if wrong := s.everything(access.Rules); len(wrong) > 0 {
			t.Errorf("with the whole Role: %v", wrong)
		}
		config, err := json.Marshal(s.config)
		if err != nil {
			t.Fatal(err)
		}
		missing, err := kubernetes.Missing(t.Context(), config, access)
		if err != nil || len(missing) > 0 {
			t.Errorf("missing are %v, %v", missing, err)
		}
	})
	n := 0
	for i, r := range access.Rules {
		for j, verb := range r.Verbs {
			if n++; !*every && n%sampled != 1 {
				continue
			}
			t.Run(fmt.Sprintf("without %s %s%v", verb, r.Resources[0], r.ResourceNames), func(t *testing.T) {
				s := newStand(t, map[string]any{})
				s.lacking = true
				rules := append([]kubernetes.Rule{}, access.Rules...)
				rules[i].Verbs = append(append([]string{}, r.Verbs[:j]...), r.Verbs[j+1:]...)
				if len(rules[i].Verbs) == 0 {
					rules = append(rules[:i], rules[i+1:]...)
				}
				if wrong := s.everything(rules); len(wrong) == 0 {
					t.Error("nothing is missed")
				}
				config, err := json.Marshal(s.config)
				if err != nil {
					t.Fatal(err)
				}
				missing, err := kubernetes.Missing(t.Context(), config, access)
				if err != nil || len(missing) != 1 || !strings.HasPrefix(missing[0], verb+" "+r.Resources[0]) {
					t.Errorf("missing are %v, %v", missing, err)
				}
			})
		}
	}
}
