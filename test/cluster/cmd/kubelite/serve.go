package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"fairlead.dev/test/cluster/controlplane"
	"fairlead.dev/test/cluster/enclosure"
	"k8s.io/client-go/tools/clientcmd"
)

// stopping bounds how long a cluster may take to stop before it is killed.
const stopping = 30 * time.Second

// serve runs a cluster in namespaces of its own and its door, a loopback port
// that leads to the API server, in the caller's.
func serve(args []string) error {
	o, err := parseOptions("serve", args)
	if errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if o.untilEOF {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop <- syscall.SIGTERM
		}()
	}
	began := time.Now()
	log, err := clean(o.dir)
	if err != nil {
		return err
	}
	defer log.Close()
	cluster, ready, err := enclosure.Start(append([]string{insideCommand}, args...), log)
	if err != nil {
		return err
	}
	defer cluster.Stop(stopping)
	if err := await(cluster, ready, stop, o); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	go enclosure.Forward(listener, enclosure.Network(cluster.PID()), fmt.Sprintf("127.0.0.1:%d", controlplane.Port))
	if err := publish(o.dir, cluster.PID(), listener.Addr()); err != nil {
		return err
	}
	fmt.Printf("ready: KUBECONFIG=%s (%.1f s)\n", filepath.Join(o.dir, kubeconfigFile), time.Since(began).Seconds())
	select {
	case <-stop:
		return nil
	case <-cluster.Exited():
		return fmt.Errorf("the cluster ended by itself: %w\n%s", cluster.Err(), tail(o.dir))
	}
}

// clean removes what an earlier cluster left in dir.
func clean(dir string) (log *os.File, err error) {
	for _, name := range []string{kubeconfigFile, pidFile, podsDir, stateDir} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return os.Create(filepath.Join(dir, logFile))
}

func await(cluster *enclosure.Inside, ready io.Reader, stop <-chan os.Signal, o options) error {
	line := make(chan error, 1)
	go func() {
		text, err := bufio.NewReader(ready).ReadString('\n')
		if text == readyLine {
			err = nil
		}
		line <- err
	}()
	select {
	case err := <-line:
		if err == nil {
			return nil
		}
		<-cluster.Exited()
		return fmt.Errorf("the cluster did not start: %w\n%s", cluster.Err(), tail(o.dir))
	case <-stop:
		return errors.New("stopped before it was ready")
	case <-time.After(o.timeout):
		return fmt.Errorf("not ready within %s\n%s", o.timeout, tail(o.dir))
	}
}

// publish writes what clients outside need: the pid last, so that whoever
// finds it finds the rest.
func publish(dir string, pid int, door net.Addr) error {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, stateDir, "secrets", "kubeconfig"))
	if err != nil {
		return err
	}
	config.Host = "https://" + door.String()
	if err := controlplane.WriteKubeconfig(filepath.Join(dir, kubeconfigFile), "admin", config); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, pidFile), []byte(strconv.Itoa(pid)), 0o600)
}

// tail gives the end of what the cluster had to complain about.
func tail(dir string) string {
	content, err := os.ReadFile(filepath.Join(dir, logFile))
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(content)) {
		if !information.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-40):], "")
}

// information matches a line of Kubernetes' log that is only for information.
var information = regexp.MustCompile(`^I[0-9]{4} `)
