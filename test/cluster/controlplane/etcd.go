package controlplane

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd runs a one-member etcd until stop. It does not wait for its disk: a
// cluster that is thrown away has nothing to lose.
func startEtcd(ctx context.Context, dir string) (stop func(), err error) {
	config := embed.NewConfig()
	config.Dir = dir
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	config.LogOutputs = []string{"stderr"}
	client, peer := url.URL{Scheme: "http", Host: etcdClient}, url.URL{Scheme: "http", Host: etcdPeer}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return nil, err
	case <-ctx.Done():
		server.Close()
		return nil, fmt.Errorf("not ready in time: %w", ctx.Err())
	}
	return server.Close, nil
}
