package controlplane

import (
	"context"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// newManager configures the controller manager with every controller that
// does not need a cloud.
func newManager(ctx context.Context, kubeconfig string, s *secrets) (func(context.Context) error, error) {
	opts, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	all, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	flags := opts.Flags(all, disabled, aliases)
	opts.ParsedFlags = &flags
	err = parse(flags,
		"--kubeconfig="+kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--service-account-private-key-file="+s.signingKey,
		"--root-ca-file="+s.servingCert,
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--controller-start-interval=0s",
		// Its objects are not served by default.
		"--controllers=*,-kube-apiserver-serving-clustertrustbundle-publisher-controller",
		// Quotas are counted again at once when a pod ends, by their events;
		// the full count is a safety net.
		"--resource-quota-sync-period=10s",
	)
	if err != nil {
		return nil, err
	}
	config, err := opts.Config(ctx, all, disabled, aliases)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return app.Run(ctx, config.Complete()) }, nil
}
