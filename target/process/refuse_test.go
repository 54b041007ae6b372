package process

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
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
		"decision for another place": {
			func(g *goods) { g.sign(target.Place{Environment: "dev", Service: "shop"}) },
			fairlead.KindDenied, "about something else",
		},
		"changed command":   {func(g *goods) { g.Release.Command = []string{"bin/shop", "--evil"} }, fairlead.KindDenied, "does not have the digest"},
		"escaping artifact": {rename("../../evil"), fairlead.KindInvalid, "not a plain path"},
		"absolute artifact": {rename("/etc/evil"), fairlead.KindInvalid, "not a plain path"},
		"escaping command":  {commandline("bin/../../evil"), fairlead.KindInvalid, "leaves the release"},
		"no command":        {commandline(), fairlead.KindInvalid, "which command"},
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

func commandline(words ...string) func(*goods) {
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

// A release that has another name of service or environment does not get the
// address of one that is served, and gets its own one.
func TestAnAddressBelongsToOnePlace(t *testing.T) {
	l := startLab(t)
	addr := freeAddr(t)
	own := strings.Replace(fast, "127.0.0.1:0", addr, 1)
	live := makeRelease(t, "live").with(own)
	l.deliver(live)
	l.apply(target.Desired{Fence: 1, Config: json.RawMessage(own), Releases: []target.Wanted{run(live, 1, 0)}})
	for name, at := range map[string]target.Place{
		"service": {Environment: shop.Environment, Service: "store"}, "environment": {Environment: "live", Service: shop.Service},
	} {
		t.Run(name, func(t *testing.T) {
			renamed := makeRelease(t, "renamed-"+name).with(own)
			renamed.Release.Service = at.Service
			renamed.Release = renamed.Release.Identify()
			renamed.sign(at)
			err := l.Deliver(t.Context(), at, renamed.Bundle, renamed.open)
			refused(t, err, fairlead.KindDenied, addr+" is where shop of staging is served")
			apart := makeRelease(t, "apart-"+name).with(strings.Replace(fast, "127.0.0.1:0", freeAddr(t), 1))
			apart.Release.Service = at.Service
			apart.Release = apart.Release.Identify()
			apart.sign(at)
			if err := l.Deliver(t.Context(), at, apart.Bundle, apart.open); err != nil {
				t.Error(err)
			}
		})
	}
}
