package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
)

// options are the flags of serve, which the inner process gets unchanged.
type options struct {
	dir       string
	timeout   time.Duration
	untilEOF  bool
	nodes     int
	simulated int
	backoff   time.Duration
	apply     []string
	gateway   bool
}

func parseOptions(command string, args []string) (options, error) {
	var o options
	flags := pflag.NewFlagSet("kubelite "+command, pflag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "directory of the cluster's files, made when missing; what an earlier cluster left there is removed")
	flags.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long the cluster may take to become ready")
	flags.BoolVar(&o.untilEOF, "until-eof", false, "stop when standard input ends, as it does when the caller does")
	flags.IntVar(&o.nodes, "nodes", 1, "how many nodes run pods")
	flags.IntVar(&o.simulated, "simulated", 0, "how many nodes only simulate pods: labelled type=kwok, tainted kwok.x-k8s.io/node=fake:NoSchedule")
	flags.DurationVar(&o.backoff, "backoff", 10*time.Second, "time before a container's second restart and an image's second pull, doubled each time")
	flags.StringArrayVar(&o.apply, "apply", nil, "YAML file of objects to apply before the cluster is ready (repeatable)")
	flags.BoolVar(&o.gateway, "gateway", false, "serve the Gateway API, whose types --apply must bring: GatewayClass \"test\"")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.dir == "" {
		return o, errors.New("--dir is missing")
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return o, err
	}
	o.dir = dir
	return o, os.MkdirAll(dir, 0o700)
}

// Files of a cluster, relative to its directory.
const (
	kubeconfigFile = "kubeconfig" // an administrator's, for clients outside
	pidFile        = "pid"        // of the process whose network the cluster is on
	logFile        = "kubelite.log"
	imagesFile     = "images.json" // what image names stand for, written by the caller: see node.Images
	podsDir        = "pods"        // output of containers
	stateDir       = "state"       // of the inner process
)
