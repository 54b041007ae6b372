package process

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

func TestDeliverRefuses(t *testing.T) {
	l := startLab(t)
	for name, c := range map[string]struct {
		spoil func(*goods)
		kind  fairlead.Kind
		words string
	}{
		"changed byte": {func(g *goods) {
			for d, b := range g.content {
				g.content[d] = append(bytes.Clone(b), ' ')
			}
		}, fairlead.KindDenied, "has the digest"},
		"no decision":      {func(g *goods) { g.Decision = fairlead.Evidence{} }, fairlead.KindDenied, "no signed decision"},
		"forged signature": {func(g *goods) { g.Decision.Envelope = forged(t, *g) }, fairlead.KindDenied, "not one of a trusted key"},
		"decision for another place": {func(g *goods) { g.sign(target.Place{Environment: "dev", Service: "shop"}) },
			fairlead.KindDenied, "about something else"},
		"changed command":   {func(g *goods) { g.Release.Command = []string{"bin/shop", "--evil"} }, fairlead.KindDenied, "does not have the digest"},
		"escaping artifact": {rename("../../evil"), fairlead.KindInvalid, "not a plain path"},
		"absolute artifact": {rename("/etc/evil"), fairlead.KindInvalid, "not a plain path"},
		"escaping command":  {command("bin/../../evil"), fairlead.KindInvalid, "leaves the release"},
		"no command":        {command(), fairlead.KindInvalid, "which command"},
		"reserved variable": {func(g *goods) {
			g.Release.Env = map[string]string{"FAIRLEAD_KEEPER": "x"}
			rename("bin/shop")(g)
		}, fairlead.KindInvalid, "FAIRLEAD_KEEPER"},
		"other service": {func(g *goods) { g.Release.Service = "till"; rename("bin/shop")(g) }, fairlead.KindDenied, "not of \"shop\""},
	} {
		t.Run(name, func(t *testing.T) {
			g := makeRelease(t, strings.ReplaceAll(name, " ", "-"))
			c.spoil(&g)
			err := l.Deliver(context.Background(), shop, g.Bundle, g.open)
			refused(t, err, c.kind, c.words)
			if _, err := os.Stat(filepath.Join(l.dir, "releases", g.id().Hex())); err == nil {
				t.Error("the release is there")
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(l.dir, "*", ".new-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// rename gives the only artifact another name, in a release that is sound
// otherwise.
func rename(name string) func(*goods) {
	return func(g *goods) {
		g.Release.Artifacts[0].Name = name
		g.Release = g.Release.Identify()
		g.sign(shop)
	}
}

func command(words ...string) func(*goods) {
	return func(g *goods) {
		g.Release.Command = words
		rename("bin/shop")(g)
	}
}

func forged(t *testing.T, g goods) json.RawMessage {
	var p paper
	if err := json.Unmarshal(g.Decision.Envelope, &p); err != nil {
		t.Fatal(err)
	}
	p.Signature[0] ^= 1
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAgentWithoutKeysRefusesAll(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, AgentOptions{Dir: dir}) }()
	l := &lab{t: t, dir: dir, Client: Dial(dir)}
	l.eventually(5*time.Second, "it answers", func() bool { _, err := l.Health(ctx); return err == nil })
	g := makeRelease(t, "good")
	refused(t, l.Deliver(ctx, shop, g.Bundle, g.open), fairlead.KindDenied, "trusts nobody")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	l.Close()
}

func TestTamperedArtifactDoesNotStartAgain(t *testing.T) {
	for name, tamper := range map[string]func(t *testing.T, root string){
		"changed":    func(t *testing.T, root string) { change(t, filepath.Join(root, "bin", "shop")) },
		"missing":    func(t *testing.T, root string) { drop(t, filepath.Join(root, "bin", "shop")) },
		"additional": func(t *testing.T, root string) { change(t, filepath.Join(root, "bin", "sitecustomize.py")) },
	} {
		t.Run(name, func(t *testing.T) {
			l := startLab(t)
			g := makeRelease(t, "good")
			l.roll(1, g, 1)
			tamper(t, filepath.Join(l.dir, "releases", g.id().Hex()))
			_, _, _ = get(l.observe().Endpoint + "/exit")
			l.eventually(5*time.Second, "it is refused", func() bool {
				p := l.instance(g).Problem
				return p != nil && p.Kind == fairlead.KindDenied && strings.Contains(p.Cause, "bin/")
			})
			time.Sleep(600 * time.Millisecond) // two more attempts
			if i := l.instance(g); i.Running != 0 {
				t.Fatal("it runs")
			}
			l.deliver(g) // repairs what was changed
			l.untilReady(g, 1)
			if body := mustGet(t, l.observe().Endpoint); body != "good" {
				t.Errorf("answered by %q", body)
			}
		})
	}
}

func change(t *testing.T, path string) {
	t.Helper()
	writable(t, filepath.Dir(path))
	_ = os.Remove(path)
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func drop(t *testing.T, path string) {
	t.Helper()
	writable(t, filepath.Dir(path))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func writable(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestFence(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.roll(7, g, 1)
	refused(t, l.Apply(context.Background(), shop, want(6)), fairlead.KindConflict, "fence 6 is lower than 7")
	if i := l.instance(g); i.Weight != 100 || i.Wanted != 1 {
		t.Errorf("the refused state had an effect: %+v", i)
	}
	before := stateFile(t, l.dir)
	l.apply(want(7, run(g, 1, 100))) // the same again
	if !bytes.Equal(before, stateFile(t, l.dir)) {
		t.Error("the same state again was written")
	}
	if o := l.observe(); o.Fence != 7 {
		t.Errorf("fence %d", o.Fence)
	}
}

func stateFile(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestApplyRefuses(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.deliver(g)
	for name, c := range map[string]struct {
		desired target.Desired
		words   string
	}{
		"sum":        {want(1, run(g, 1, 50)), "sum to 100 or to 0"},
		"twice":      {want(1, run(g, 1, 0), run(g, 2, 0)), "wanted twice"},
		"many":       {want(1, run(g, 65, 0)), "0 to 64 replicas"},
		"negative":   {want(1, run(g, 1, -1)), "percentage"},
		"nothing":    {want(1, run(g, 0, 100)), "no replicas"},
		"bad digest": {want(1, target.Wanted{Release: "sha256:abc", Replicas: 1}), "hex digits"},
		"unknown":    {target.Desired{Fence: 1, Config: json.RawMessage(`{"lisen":"x"}`)}, "lisen"},
		"listen":     {target.Desired{Fence: 1, Config: json.RawMessage(`{"listen":"8080"}`)}, "host:port"},
		"sticky":     {target.Desired{Fence: 1, Config: json.RawMessage(`{"sticky":"header"}`)}, "header"},
		"by":         {target.Desired{Fence: 1, Config: json.RawMessage(`{"sticky":"luck"}`)}, "luck"},
		"port":       {target.Desired{Fence: 1, Config: json.RawMessage(`{"port":"FAIRLEAD_X"}`)}, "port"},
		"ready":      {target.Desired{Fence: 1, Config: json.RawMessage(`{"ready":{"http":"readyz"}}`)}, "slash"},
		"interval":   {target.Desired{Fence: 1, Config: json.RawMessage(`{"ready":{"interval":"0s"}}`)}, "more than zero"},
		"drain":      {target.Desired{Fence: 1, Config: json.RawMessage(`{"drain":"-1s"}`)}, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, l.Apply(context.Background(), shop, c.desired), fairlead.KindInvalid, c.words)
		})
	}
	bad := target.Place{Environment: "..", Service: "shop"}
	refused(t, l.Apply(context.Background(), bad, want(1)), fairlead.KindInvalid)
	if o := l.observe(); o.Fence != 0 || len(o.Releases) != 0 {
		t.Errorf("refused states had an effect: %+v", o)
	}
}

func TestReleaseNeverDelivered(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "late")
	l.apply(want(1, run(g, 1, 0)))
	i := l.instance(g)
	if i.Problem == nil || i.Problem.Kind != fairlead.KindNotFound {
		t.Fatalf("got %+v", i.Problem)
	}
	l.deliver(g) // now it starts by itself
	l.untilReady(g, 1)
}

func TestPortTaken(t *testing.T) {
	l := startLab(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	g := makeRelease(t, "good")
	l.deliver(g)
	d := want(1, run(g, 1, 0))
	d.Config = json.RawMessage(`{"listen":"` + taken.Addr().String() + `"}`)
	err = l.Apply(context.Background(), shop, d)
	refused(t, err, fairlead.KindConflict, "already in use", taken.Addr().String())
	if fairlead.HintOf(err) == "" {
		t.Error("there is no hint")
	}
	if o := l.observe(); len(o.Releases) != 0 || len(alive(t, l.dir)) != 0 {
		t.Errorf("something was started: %+v", o)
	}
}

func TestListenerMoves(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.roll(1, g, 1)
	old, addr := l.observe().Endpoint, freeAddr(t)
	d := want(2, run(g, 1, 100))
	d.Config = json.RawMessage(`{"listen":"` + addr + `"}`)
	l.apply(d)
	if got := l.observe().Endpoint; got != "http://"+addr {
		t.Fatalf("endpoint %s", got)
	}
	if body := mustGet(t, "http://"+addr); body != "good" {
		t.Errorf("answered by %q", body)
	}
	l.eventually(5*time.Second, "the old address is given up", func() bool { _, _, err := get(old); return err != nil })
}

func TestKeptContentThatChanged(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.deliver(g)
	blob := filepath.Join(l.dir, "blobs", g.Release.Artifacts[0].Digest.Hex())
	change(t, blob)
	if err := removeAll(filepath.Join(l.dir, "releases", g.id().Hex())); err != nil {
		t.Fatal(err)
	}
	err := l.Deliver(context.Background(), shop, g.Bundle, g.open)
	refused(t, err, fairlead.KindDenied, "kept content")
	l.deliver(g) // the bad content was dropped, so it is sent again
}

func TestOldReleasesAreRemoved(t *testing.T) {
	l := startLab(t)
	live := makeRelease(t, "live")
	l.roll(1, live, 1)
	for i := range keptReleases + 3 {
		l.deliver(makeRelease(t, "old"+strings.Repeat("x", i)))
	}
	entries, err := os.ReadDir(filepath.Join(l.dir, "releases"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != keptReleases+1 {
		t.Errorf("%d releases are kept, want %d and the live one", len(entries), keptReleases)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "releases", live.id().Hex())); err != nil {
		t.Errorf("the live one: %v", err)
	}
	_, _, _ = get(l.observe().Endpoint + "/exit")
	l.eventually(5*time.Second, "it was down", func() bool { return l.instance(live).Sample.Restarts == 1 })
	l.untilReady(live, 1)
}

func TestLogsOfOneReplica(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "talker")
	l.roll(1, g, 1)
	logs, err := l.Logs(context.Background(), shop, g.id(), "shop-1")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(logs)
	_ = logs.Close()
	if string(b) != "serving as talker\n" {
		t.Errorf("got %q", b)
	}
	_, err = l.Logs(context.Background(), shop, g.id(), "../../x")
	refused(t, err, fairlead.KindInvalid)
}
