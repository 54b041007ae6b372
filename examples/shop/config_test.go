package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	data := t.TempDir()
	tests := map[string]struct {
		args []string
		env  map[string]string
		want config
	}{
		"defaults": {want: config{address: "127.0.0.1:8080"}},
		"port and host from the environment": {
			env: map[string]string{"PORT": "9000", "HOST": "::1"}, want: config{address: "[::1]:9000"},
		},
		"flags": {
			args: []string{"--fail-rate=0.2", "--slow=300ms", "--never-ready", "--leak=10", "--crash-at-start"},
			want: config{address: "127.0.0.1:8080", faults: faults{
				failRate: 0.2, slow: 300 * time.Millisecond, neverReady: true, leakRate: 10, crashAtStart: true,
			}},
		},
		"faults from the environment": {
			env:  map[string]string{"SHOP_FAIL_RATE": "0.5", "SHOP_NEVER_READY": "true"},
			want: config{address: "127.0.0.1:8080", faults: faults{failRate: 0.5, neverReady: true}},
		},
		"a flag wins": {
			args: []string{"--leak=1"}, env: map[string]string{"SHOP_LEAK": "2"},
			want: config{address: "127.0.0.1:8080", faults: faults{leakRate: 1}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseConfig(tt.args, lookup(tt.env, data), io.Discard)
			tt.want.data = filepath.Join(data, "shop.db")
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestConfigIsRefused(t *testing.T) {
	tests := map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"rate above one":    {args: []string{"--fail-rate=2"}, want: "from 0 to 1"},
		"negative leak":     {args: []string{"--leak=-1"}, want: "must not be negative"},
		"negative delay":    {args: []string{"--slow=-1s"}, want: "must not be negative"},
		"unknown flag":      {args: []string{"--fast"}, want: "not defined"},
		"wrong environment": {env: map[string]string{"SHOP_SLOW": "soon"}, want: "SHOP_SLOW"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parseConfig(tt.args, lookup(tt.env, t.TempDir()), io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// lookup is an environment with the given variables and data directory.
func lookup(env map[string]string, data string) func(string) string {
	return func(name string) string {
		if name == "FAIRLEAD_DATA" {
			return data
		}
		return env[name]
	}
}
