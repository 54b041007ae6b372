package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// config is everything that can be told to the shop.
type config struct {
	address string // host:port to listen on
	data    string // path of the SQLite file
	faults  faults
}

// parseConfig reads the flags. Where one is not given its environment variable
// counts: --fail-rate is SHOP_FAIL_RATE.
func parseConfig(args []string, env func(string) string, output io.Writer) (config, error) {
	var f faults
	set := flag.NewFlagSet("shop", flag.ContinueOnError)
	set.SetOutput(output)
	set.Float64Var(&f.failRate, "fail-rate", 0, "share of requests that fail, 0 to 1")
	set.DurationVar(&f.slow, "slow", 0, "time by which every request is delayed, such as 300ms")
	set.BoolVar(&f.crashAtStart, "crash-at-start", false, "exit with an error instead of serving")
	set.BoolVar(&f.neverReady, "never-ready", false, "serve, but never become ready")
	set.IntVar(&f.leakRate, "leak", 0, "memory to lose, in MiB a second")
	var problems []error
	set.VisitAll(func(fl *flag.Flag) {
		name := "SHOP_" + strings.ToUpper(strings.ReplaceAll(fl.Name, "-", "_"))
		if value := env(name); value != "" {
			if err := set.Set(fl.Name, value); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	if err := errors.Join(problems...); err != nil {
		return config{}, err
	}
	if err := set.Parse(args); err != nil {
		return config{}, err
	}
	if err := f.check(); err != nil {
		return config{}, err
	}
	directory := cmp.Or(env("FAIRLEAD_DATA"), "data")
	if err := os.MkdirAll(directory, 0o750); err != nil {
		return config{}, fmt.Errorf("data directory: %w", err)
	}
	return config{
		address: net.JoinHostPort(cmp.Or(env("HOST"), "127.0.0.1"), cmp.Or(env("PORT"), "8080")),
		data:    filepath.Join(directory, "shop.db"),
		faults:  f,
	}, nil
}
