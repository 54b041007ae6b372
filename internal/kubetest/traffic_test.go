package kubetest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/internal/kubetest"
)

// TestPodsServe holds that pods of a Deployment become ready and answer: at
// their Service's address, through a forwarded port, and from a command on the
// cluster's network; and that what they write can be read.
func TestPodsServe(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Shared(t)
	image := add(t, c, "registry.test/podinfo:1.0.0", c.Podinfo("1.0.0"))
	c.Must(t, podinfo("web", image, 2), "apply", "-n", namespace, "-f", "-")
	rolledOut(t, c, namespace, "web")
	address := clusterIP(t, c, namespace, "web") + ":80"

	hosts := map[string]bool{}
	client := &http.Client{Transport: &http.Transport{DialContext: c.Dial, DisableKeepAlives: true}}
	eventually(t, func() error {
		_, body, err := get(context.Background(), client, "http://"+address+"/env")
		if err != nil {
			return err
		}
		for line := range strings.Lines(body) {
			if strings.Contains(line, "HOSTNAME=") {
				hosts[strings.TrimSpace(line)] = true
			}
		}
		if len(hosts) < 2 {
			return errors.New("only one pod answers")
		}
		return nil
	})

	local, stop, err := c.Forward(address)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if got, err := version(http.DefaultClient, local); err != nil || got != "1.0.0" {
		t.Errorf("forwarded: %q %v", got, err)
	}
	out, err := c.Command(context.Background(), "cat", "/proc/net/dev").Output()
	if err != nil || !strings.Contains(string(out), "pods:") {
		t.Errorf("a command is not on the cluster's network: %v\n%s", err, out)
	}
	shows(t, c, []string{"Starting podinfo"}, "logs", "-n", namespace, "-l", "app=web", "--tail=-1")
}

// TestRollingUpdateLosesNothing holds that a rolling update of pods that leave
// their Service time to forget them fails no request.
func TestRollingUpdateLosesNothing(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Shared(t)
	before := add(t, c, "registry.test/podinfo:1.0.0", c.Podinfo("1.0.0"))
	after := add(t, c, "registry.test/podinfo:2.0.0", c.Podinfo("2.0.0"))
	c.Must(t, podinfo("web", before, 3), "apply", "-n", namespace, "-f", "-")
	rolledOut(t, c, namespace, "web")
	address := clusterIP(t, c, namespace, "web") + ":80"
	client := &http.Client{Transport: &http.Transport{DialContext: c.Dial, DisableKeepAlives: true}}
	eventually(t, func() error { _, err := version(client, address); return err })

	var mu sync.Mutex
	seen := map[string]int{}
	ctx, cancel := context.WithCancel(context.Background())
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				answer, err := version(client, address)
				if err != nil {
					answer = err.Error()
				}
				mu.Lock()
				seen[answer]++
				mu.Unlock()
				time.Sleep(5 * time.Millisecond) // so that the update has the processors
			}
		})
	}
	c.Must(t, "", "set", "image", "-n", namespace, "deployment/web", "podinfo="+after)
	rolledOut(t, c, namespace, "web")
	cancel()
	load.Wait()
	if len(seen) != 2 || seen["1.0.0"] == 0 || seen["2.0.0"] == 0 {
		t.Errorf("answers during the update: %v", seen)
	}
	t.Logf("answers during the update: %v", seen)
}
