package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"k8s.io/client-go/util/cert"
)

// serveLogs answers the API server's questions for the output of containers,
// until ctx ends.
func (a *Agent) serveLogs(ctx context.Context) error {
	certificate, key, err := cert.GenerateSelfSignedCertKey(a.Name, []net.IP{a.Address.AsSlice()}, nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("%s:%d", a.Address, logPort))
	if err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", a.answerLogs)
	server := &http.Server{
		Handler: routes, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	context.AfterFunc(ctx, func() { server.Close() })
	return nil
}

// answerLogs gives the output of a container: of its life before when the query
// says previous, its last lines when it says tailLines, and what is still
// written when it says follow.
func (a *Agent) answerLogs(w http.ResponseWriter, r *http.Request) {
	p, c := a.lookup(r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container"))
	if c == nil {
		http.Error(w, "container not found", http.StatusNotFound)
		return
	}
	query := r.URL.Query()
	restart := c.lives()
	if query.Get("previous") == "true" {
		restart--
	}
	file, err := os.Open(a.logPath(p.current(), c.spec.Name, restart))
	if err != nil {
		http.Error(w, "no output: "+err.Error(), http.StatusBadRequest)
		return
	}
	defer file.Close()
	if lines, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		skipTo(file, lines)
	}
	_, _ = io.Copy(w, file)
	for query.Get("follow") == "true" && sleep(r.Context(), 100*time.Millisecond) && c.running() {
		_, _ = io.Copy(w, file)
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = io.Copy(w, file)
}

func (a *Agent) lookup(namespace, name, containerName string) (*pod, *container) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.pods {
		object := p.current()
		if object.Namespace != namespace || object.Name != name {
			continue
		}
		for _, c := range append(p.inits[:len(p.inits):len(p.inits)], p.containers...) {
			if c.spec.Name == containerName {
				return p, c
			}
		}
	}
	return nil, nil
}

// lives is the number of the life whose output is the newest.
func (c *container) lives() int32 {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.restarts
}

func (c *container) running() bool {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.state.Running != nil
}

// skipTo moves to the beginning of a file's last lines.
func skipTo(file *os.File, lines int) {
	content, err := io.ReadAll(file)
	if err != nil {
		return
	}
	at := len(bytes.TrimSuffix(content, []byte("\n")))
	for ; lines > 0 && at > 0; lines-- {
		at = max(bytes.LastIndexByte(content[:at], '\n'), 0)
	}
	if at > 0 {
		at++
	}
	_, _ = file.Seek(int64(at), io.SeekStart)
}
