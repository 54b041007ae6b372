package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Of the releases that a place no longer runs the agent keeps the last ten.
func TestADroppedReleaseIsDeliveredAgain(t *testing.T) {
	l := startLab(t)
	live, lost := makeRelease(t, "live"), makeRelease(t, "lost")
	l.roll(1, live, 1)
	l.deliver(lost)
	for d := range lost.content { // content goes when it was not touched for an hour
		old := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(blobs{l.dir + "/blobs"}.path(d), old, old); err != nil {
			t.Fatal(err)
		}
	}
	for i := range keptReleases + 1 {
		l.deliver(makeRelease(t, fmt.Sprint("later", i)))
	}
	if _, err := os.Stat(shelf{dir: l.dir + "/releases"}.path(lost.id())); err == nil {
		t.Fatal("it was not dropped: there is nothing to bring back")
	}
	l.apply(want(2, run(live, 1, 100), run(lost, 1, 0)))
	if p := l.instance(lost).Problem; p == nil || p.Kind != fairlead.KindNotFound {
		t.Fatalf("wanted with weight 0 its problem is %+v", p)
	}
	err := l.Apply(context.Background(), shop, want(2, run(live, 1, 50), run(lost, 1, 50)))
	refused(t, err, fairlead.KindNotFound, "not here")
	err = l.Apply(context.Background(), shop, want(2, run(live, 1, 100), target.Wanted{Release: fairlead.DigestBytes([]byte("never")), Replicas: 1}))
	if err != nil {
		t.Errorf("unknown with weight 0: %v", err)
	}
	l.apply(want(2, run(live, 1, 100), run(lost, 1, 0)))
	opened := 0
	open := func(ctx context.Context, d fairlead.Digest) (io.ReadCloser, error) {
		opened++
		return lost.open(ctx, d)
	}
	if err := l.Deliver(context.Background(), shop, lost.Bundle, open); err != nil || opened == 0 {
		t.Fatalf("delivered again: %d contents sent, %v", opened, err)
	}
	l.untilReady(lost, 1)
	l.apply(want(3, run(lost, 1, 100)))
	if body := mustGet(t, l.observe().Endpoint); body != "lost" {
		t.Errorf("answered by %q", body)
	}
}
