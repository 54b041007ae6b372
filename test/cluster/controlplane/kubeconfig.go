package controlplane

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig writes the file from which clients take config: one
// context, named as the user is.
func WriteKubeconfig(path, user string, config *rest.Config) error {
	content := api.NewConfig()
	content.Clusters["kubelite"] = &api.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	content.AuthInfos[user] = &api.AuthInfo{Token: config.BearerToken}
	content.Contexts[user] = &api.Context{Cluster: "kubelite", AuthInfo: user}
	content.CurrentContext = user
	if err := clientcmd.WriteToFile(*content, path); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
