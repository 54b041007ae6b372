package node

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/probe"
	httpprobe "k8s.io/kubernetes/pkg/probe/http"
	tcpprobe "k8s.io/kubernetes/pkg/probe/tcp"

	"fairlead.dev/test/cluster/enclosure"
)

// probe watches one life of the container until ctx ends: first its startup,
// then its liveness and readiness side by side.
func (c *container) probe(ctx context.Context, p *process) {
	if c.spec.StartupProbe != nil && !c.startup(ctx, p) {
		return
	}
	var both sync.WaitGroup
	if c.spec.LivenessProbe != nil {
		both.Go(func() { c.liveness(ctx, p) })
	}
	if c.spec.ReadinessProbe != nil {
		both.Go(func() {
			c.watch(ctx, p, "Readiness", c.spec.ReadinessProbe, false, func(ok bool) bool {
				c.set(func() { c.ready = ok })
				return true
			})
		})
	}
	both.Wait()
}

func (c *container) startup(ctx context.Context, p *process) (started bool) {
	c.watch(ctx, p, "Startup", c.spec.StartupProbe, false, func(ok bool) bool {
		if started = ok; !ok {
			c.condemn(p, "startup", c.spec.StartupProbe)
			return false
		}
		c.set(func() {
			c.started = true
			c.ready = c.spec.ReadinessProbe == nil
		})
		return false
	})
	return started
}

func (c *container) liveness(ctx context.Context, p *process) {
	c.watch(ctx, p, "Liveness", c.spec.LivenessProbe, true, func(ok bool) bool {
		if !ok {
			c.condemn(p, "liveness", c.spec.LivenessProbe)
		}
		return ok
	})
}

// condemn asks for a container's end because a probe says it is not well.
func (c *container) condemn(p *process, kind string, spec *v1.Probe) {
	grace := c.pod.grace()
	if spec.TerminationGracePeriodSeconds != nil {
		grace = time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
	}
	message := fmt.Sprintf("Container %s failed %s probe", c.spec.Name, kind)
	if c.again(1) {
		message += ", will be restarted"
	}
	p.ask(kill{message: message, grace: grace})
}

// watch probes again and again and tells when the thresholds are reached, until
// told returns false or ctx ends. was is what is believed at first.
func (c *container) watch(ctx context.Context, p *process, kind string, spec *v1.Probe, was bool, told func(ok bool) bool) {
	if !sleep(ctx, time.Duration(spec.InitialDelaySeconds)*time.Second) {
		return
	}
	period := time.NewTicker(time.Duration(max(spec.PeriodSeconds, 1)) * time.Second)
	defer period.Stop()
	var row int32
	var last bool
	for first := true; ; first = false {
		ok, output := c.try(ctx, p, spec)
		if ctx.Err() != nil {
			return
		}
		if !ok {
			c.event(v1.EventTypeWarning, "Unhealthy", "%s probe failed: %s", kind, output)
		}
		if first || ok != last {
			row = 0
		}
		row, last = row+1, ok
		threshold := spec.FailureThreshold
		if ok {
			threshold = spec.SuccessThreshold
		}
		if row >= max(threshold, 1) && (ok != was || kind == "Startup") {
			was = ok
			if !told(ok) {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-period.C:
		}
	}
}

// try probes once.
func (c *container) try(ctx context.Context, p *process, spec *v1.Probe) (ok bool, output string) {
	timeout := time.Duration(max(spec.TimeoutSeconds, 1)) * time.Second
	var result probe.Result
	var err error
	switch {
	case spec.HTTPGet != nil:
		result, output, err = c.get(spec.HTTPGet, timeout)
	case spec.TCPSocket != nil:
		var port int
		if port, err = probe.ResolveContainerPort(spec.TCPSocket.Port, c.spec); err == nil {
			host := spec.TCPSocket.Host
			if host == "" {
				host = c.pod.address()
			}
			result, output, err = tcpprobe.New().Probe(host, port, timeout)
		}
	case spec.Exec != nil:
		output, err = c.execute(ctx, p, spec.Exec.Command, timeout)
		result = probe.Success
	default:
		err = fmt.Errorf("this node has no probes of this kind")
	}
	if err != nil {
		return false, strings.TrimSpace(fmt.Sprintf("%v %s", err, output))
	}
	return result == probe.Success || result == probe.Warning, output
}

func (c *container) get(action *v1.HTTPGetAction, timeout time.Duration) (probe.Result, string, error) {
	request, err := httpprobe.NewRequestForHTTPGetAction(action, c.spec, c.pod.address(), "probe")
	if err != nil {
		return probe.Unknown, "", err
	}
	return httpprobe.New(false).Probe(request, timeout)
}

// execute runs a command as if inside the container: on its network, with its
// environment.
func (c *container) execute(ctx context.Context, p *process, words []string, timeout time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env, cmd.Dir = p.command.env, p.cmd.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := enclosure.Join(c.pod.network.Path(), cmd.Start); err != nil {
		return "", err
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		err = fmt.Errorf("command timed out after %s", timeout)
	}
	return output.String(), err
}

// preStop does what the container asked for before it stops, at most until
// deadline.
func (c *container) preStop(p *process, deadline time.Time) {
	if c.spec.Lifecycle == nil || c.spec.Lifecycle.PreStop == nil {
		return
	}
	hook := c.spec.Lifecycle.PreStop
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	go func() {
		select {
		case <-p.done:
		case <-c.pod.dropped:
		case <-ctx.Done():
		}
		cancel()
	}()
	var err error
	switch {
	case hook.Sleep != nil:
		sleep(ctx, time.Duration(hook.Sleep.Seconds)*time.Second)
	case hook.Exec != nil:
		_, err = c.execute(ctx, p, hook.Exec.Command, time.Until(deadline))
	case hook.HTTPGet != nil:
		_, _, err = c.get(hook.HTTPGet, time.Until(deadline))
	}
	if err != nil {
		c.event(v1.EventTypeWarning, "FailedPreStopHook", "PreStopHook failed: %v", err)
	}
}
