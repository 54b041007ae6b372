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

func TestDocumentsAreBounded(t *testing.T) {
	l := startLab(t)
	d := want(1)
	d.Config = json.RawMessage(`{"listen":"` + strings.Repeat("x", maxDocument) + `"}`)
	refused(t, l.Apply(context.Background(), shop, d), fairlead.KindInvalid, "larger than")
	if o := l.observe(); o.Fence != 0 {
		t.Errorf("it had an effect: %+v", o)
	}
}

func TestContentIsSentOnce(t *testing.T) {
	l := startLab(t)
	g := makeRelease(t, "good")
	l.deliver(g)
	l.deliver(g)
	again := func(context.Context, fairlead.Digest) (io.ReadCloser, error) {
		t.Error("content was read that the agent has")
		return nil, io.ErrUnexpectedEOF
	}
	if err := l.Deliver(context.Background(), shop, g.Bundle, again); err != nil {
		t.Fatal(err)
	}
}
