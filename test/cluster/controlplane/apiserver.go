package controlplane

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// newAPIServer configures the API server, which listens at Port on every
// address of its network namespace.
func newAPIServer(ctx context.Context, s *secrets) (func(context.Context) error, error) {
	opts := options.NewServerRunOptions()
	err := parse(opts.Flags(),
		"--etcd-servers=http://"+etcdClient,
		"--bind-address=0.0.0.0",
		fmt.Sprintf("--secure-port=%d", Port),
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--cert-dir="+s.dir,
		"--token-auth-file="+s.tokens,
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+s.signingKey,
		"--service-account-signing-key-file="+s.signingKey,
		"--service-cluster-ip-range="+ServiceCIDR,
		"--kubelet-preferred-address-types=InternalIP",
		"--allow-privileged",
		"--shutdown-delay-duration=0s",
	)
	if err != nil {
		return nil, err
	}
	registry := opts.GenericServerRunOptions.ComponentGlobalsRegistry
	// Feature gates become fixed here, for all components of the process.
	if err := registry.Set(); err != nil {
		return nil, err
	}
	gates := registry.FeatureGateFor(basecompatibility.DefaultKubeComponent)
	if err := logsapi.ValidateAndApply(opts.Logs, gates.(featuregate.FeatureGate)); err != nil {
		return nil, err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	completed, err := opts.Complete(ctx)
	if err != nil {
		return nil, err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return nil, utilerrors.NewAggregate(errs)
	}
	return func(ctx context.Context) error { return app.Run(ctx, completed) }, nil
}

func parse(flags cliflag.NamedFlagSets, args ...string) error {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range flags.FlagSets {
		all.AddFlagSet(set)
	}
	return all.Parse(args)
}

func (p *Plane) ready(ctx context.Context, client kubernetes.Interface) bool {
	status := 0
	client.CoreV1().RESTClient().Get().AbsPath("/readyz").Do(ctx).StatusCode(&status)
	return status == 200
}

// populated reports whether the controllers have made what every pod needs.
func (p *Plane) populated(ctx context.Context, client kubernetes.Interface) bool {
	if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return false
	}
	_, err := client.CoreV1().ConfigMaps("default").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
	return err == nil
}
