package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"fairlead.dev"
	"fairlead.dev/target/process/proxy"
)

// Config is what a configuration says about the target. Command and Env become
// part of the release, so that they are decided upon and signed with it; the
// agent takes them from there.
type Config struct {
	Command    []string          `json:"command" doc:"Program and arguments of one replica; a relative path with a slash lies in the release." required:"true" min:"1" example:"[bin/shop]"`
	Replicas   int               `json:"replicas" doc:"How many replicas run." min:"1" max:"64"`
	Listen     string            `json:"listen" doc:"Address at which the service is reached; port 0 takes any free port." example:"127.0.0.1:8080"`
	Port       string            `json:"port" doc:"Environment variable that tells a replica which port to listen on." pattern:"env"`
	Ready      Ready             `json:"ready" doc:"How a replica shows that it can take traffic."`
	Drain      fairlead.Duration `json:"drain" doc:"How long requests in flight may take to end before a replica is told to stop." min:"0s" max:"1h"`
	Grace      fairlead.Duration `json:"grace" doc:"How long a replica may take to end after SIGTERM before it is killed." min:"0s" max:"1h"`
	Memory     int               `json:"memory" doc:"MiB that one replica may take; one that takes more is started anew, which counts against its release. 0 is no limit." min:"0"`
	Env        map[string]string `json:"env" doc:"Environment of a replica, beside PATH, HOME and what the agent sets." keys:"env"`
	Sticky     string            `json:"sticky" doc:"What keeps a visitor on one release." enum:"cookie,header,address"`
	StickyName string            `json:"sticky-name" doc:"Name of the cookie or header; without it the proxy sets a cookie of its own."`
}

// Ready says how a replica shows that it can take traffic.
type Ready struct {
	HTTP     string            `json:"http" doc:"Path that answers 200 to 399 when the replica is ready; without it a TCP connection is enough." example:"/readyz"`
	Interval fairlead.Duration `json:"interval" doc:"Time between two looks at a replica that is ready; before that the looks are closer." min:"10ms" max:"10m"`
	Timeout  fairlead.Duration `json:"timeout" doc:"How long one look may take." min:"1ms" max:"1m"`
}

// maxReplicas bounds one release in one place.
const maxReplicas = 64

// decodeConfig gives raw over the defaults. Everything that is wrong is one
// KindInvalid problem.
func decodeConfig(raw json.RawMessage) (Config, error) {
	c := defaults()
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			return Config{}, invalid("read target config", err)
		}
	}
	if err := c.check(); err != nil {
		return Config{}, invalid("read target config", err)
	}
	return c, nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (c Config) check() error {
	var errs []error
	host, port, err := net.SplitHostPort(c.Listen)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 && port != "0" || strings.ContainsAny(host, " /") {
		errs = append(errs, fmt.Errorf("listen: must be host:port (got %q)", c.Listen))
	}
	if !envName.MatchString(c.Port) || strings.HasPrefix(c.Port, reserved) {
		errs = append(errs, fmt.Errorf("port: must be the name of an environment variable not beginning with %s (got %q)", reserved, c.Port))
	}
	if p := c.Ready.HTTP; p != "" && !strings.HasPrefix(p, "/") {
		errs = append(errs, fmt.Errorf("ready.http: must begin with a slash (got %q)", p))
	}
	if c.Ready.Interval <= 0 || c.Ready.Timeout <= 0 {
		errs = append(errs, errors.New("ready: interval and timeout must be more than zero"))
	}
	if c.Drain < 0 || c.Grace < 0 {
		errs = append(errs, errors.New("drain and grace must not be negative"))
	}
	if c.Replicas < 0 || c.Replicas > maxReplicas {
		errs = append(errs, fmt.Errorf("replicas: at most %d (got %d)", maxReplicas, c.Replicas))
	}
	if c.Memory < 0 {
		errs = append(errs, fmt.Errorf("memory: must not be negative (got %d)", c.Memory))
	}
	if c.Sticky == "" {
		errs = append(errs, errors.New("sticky: must be cookie, header or address"))
	} else if err := proxy.New(proxy.Options{}).Set(proxy.Table{Sticky: c.sticky()}); err != nil {
		errs = append(errs, errors.Unwrap(err))
	}
	return errors.Join(errs...)
}

func (c Config) sticky() proxy.Sticky { return proxy.Sticky{By: c.Sticky, Name: c.StickyName} }

func invalid(op string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: err}
}

func denied(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindDenied, Hint: hint, Err: err}
}

func conflict(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Hint: hint, Err: err}
}

func unavailable(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Hint: hint, Err: err}
}
