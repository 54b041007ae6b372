// Package process is the target "process": releases run as process groups on
// this host, kept by an agent.
//
// The agent ([Serve]) is a process of its own. It owns the supervisor and the
// splitting proxy, so that stopping or killing the control plane cuts no
// traffic, and a restarted control plane finds everything as it was. The
// control plane is its client ([Dial], [Ensure]); both speak the protocol of
// docs/reference/agent-protocol.md over a unix socket.
//
// A replica begins as this same program ([Guard]), which hides from itself what
// the replica must not see and then becomes the replica's program.
//
// Inside the agent a [target.Place] is a desired state and what runs. A
// replica reports that it became ready or went down; the place answers by
// computing the routing table anew. Nothing starts before the release's bytes
// and papers were verified, not once but before every single start.
//
// # What is kept
//
//	<dir>/agent.sock, agent.lock   the way in, and the mark of the one agent
//	<dir>/state.json               fences, desired states and listen addresses
//	<dir>/blobs/<hex>              uploaded content by digest
//	<dir>/releases/<hex>/          a release's artifacts at their names, read-only
//	<dir>/places/<env>/<service>/  the bundles delivered there, by release
//	<dir>/data/<env>/<service>/    the service's own writable directory
//	<dir>/logs/<env>/<service>/    what replicas wrote, bounded in size
//	<dir>/run/                     one small file per running replica
package process

import (
	_ "embed"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

//go:embed process.md
var doc string

// Type describes the target for configuration, help and schema.
func Type() target.Type {
	return target.Type{
		Name:   "process",
		Title:  "processes on this host behind a splitting proxy",
		Doc:    doc,
		Config: defaults(),
	}
}

func defaults() Config {
	return Config{
		Replicas: 2,
		Listen:   "127.0.0.1:8080",
		Port:     "PORT",
		Ready:    Ready{Interval: fairlead.Duration(2 * time.Second), Timeout: fairlead.Duration(time.Second)},
		Drain:    fairlead.Duration(20 * time.Second),
		Grace:    fairlead.Duration(10 * time.Second),
		Sticky:   "cookie",
	}
}
