package onkubernetes

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
)

// traefik is set by make test-peers.
var traefik = flag.String("traefik", "", "Traefik's program: routes go through it and not through the test's own gateway")

// traefikGateway serves the Gateways of the stand's namespace by a Traefik of
// its own, which runs on the cluster's network beside the pods.
func (s *stand) traefikGateway() {
	s.t.Helper()
	// Every address below 127 is the cluster's own loopback: one for each Traefik.
	address := "127.80.0." + strings.TrimPrefix(s.namespace, "test-")
	config, err := clientcmd.BuildConfigFromFlags("", s.c.Kubeconfig)
	if err != nil {
		s.t.Fatal(err)
	}
	dir := s.t.TempDir()
	authority := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(authority, config.CAData, 0o600); err != nil {
		s.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := s.c.Command(ctx, *traefik,
		"--entrypoints.web.address="+address+":80",
		"--providers.kubernetesgateway.endpoint=https://127.0.0.1:6443",
		"--providers.kubernetesgateway.token="+config.BearerToken,
		"--providers.kubernetesgateway.certauthfilepath="+authority,
		"--providers.kubernetesgateway.namespaces="+s.namespace,
		"--providers.kubernetesgateway.statusaddress.ip="+address,
		"--providers.providersthrottleduration=50ms",
		"--global.checknewversion=false", "--global.sendanonymoususage=false",
	)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed
		log.Close()
		if content, err := os.ReadFile(log.Name()); s.t.Failed() {
			s.t.Logf("Traefik said (%v)\n%s", err, content)
		}
	})
	s.makeGateway("traefik", "traefik.io/gateway-controller")
}

// makeGateway makes a Gateway of a class and waits until it is served.
func (s *stand) makeGateway(class, controller string) {
	s.t.Helper()
	s.c.Must(s.t, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: %[1]s}
spec: {controllerName: %[2]s}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gateway}
spec:
  gatewayClassName: %[1]s
  listeners: [{name: http, protocol: HTTP, port: 80}]
`, class, controller), "apply", "-n", s.namespace, "-f", "-")
	s.c.Must(s.t, "", "wait", "-n", s.namespace, "gateway/gateway", "--for=condition=Programmed", "--timeout=180s")
}
