package controlplane

import (
	"context"

	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func newScheduler(ctx context.Context, kubeconfig string) (func(context.Context) error, error) {
	opts := options.NewOptions()
	err := parse(*opts.Flags,
		"--kubeconfig="+kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
	if err != nil {
		return nil, err
	}
	if opts.InformerName, err = cache.NewInformerName("kube-scheduler"); err != nil {
		return nil, err
	}
	config, scheduler, err := app.Setup(ctx, opts)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return app.Run(ctx, config, scheduler) }, nil
}
