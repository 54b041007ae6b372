package credential

import (
	"strings"

	"fairlead.dev"
)

// issuer is who can revoke what a rule finds.
type issuer struct {
	prefix   string // of the rule's name
	where    string
	critical bool // the key opens infrastructure or code, not one service
}

// issuers are tried in order.
func issuers() []issuer {
	return []issuer{
		{"private-key", "every place that accepts its public key", true},
		{"pkcs12-file", "every place that accepts its certificate", true},
		{"age-secret-key", "every place that encrypts to it", true},
		{"aws-", "AWS IAM", true},
		{"gcp-", "Google Cloud, APIs and services, credentials", true},
		{"azure-", "Microsoft Entra, app registrations", true},
		{"alibaba-", "Alibaba Cloud RAM", true},
		{"digitalocean-", "DigitalOcean, API tokens", true},
		{"cloudflare-", "Cloudflare, API tokens", true},
		{"yandex-", "Yandex Cloud IAM", true},
		{"vault-", "HashiCorp Vault: vault token revoke", true},
		{"hashicorp-tf-", "HCP Terraform, user or team tokens", true},
		{"kubernetes-secret-yaml", "the system that the secret opens", true},
		{"github-", "GitHub, developer settings, tokens", true},
		{"gitlab-", "GitLab, access tokens", true},
		{"npm-", "npm, access tokens", false},
		{"pypi-", "PyPI, API tokens", false},
		{"slack-", "Slack, your apps", false},
		{"stripe-", "Stripe, developers, API keys", false},
	}
}

func issuerOf(rule string) (issuer, bool) {
	for _, i := range issuers() {
		if strings.HasPrefix(rule, i.prefix) {
			return i, true
		}
	}
	return issuer{}, false
}

func severityFor(rule string) fairlead.Severity {
	if i, ok := issuerOf(rule); ok && i.critical {
		return fairlead.SeverityCritical
	}
	return fairlead.SeverityHigh
}

// fix says what to do. Removing the value is not enough: it was seen.
func fixFor(rule string) string {
	where := "whoever issued it"
	if i, ok := issuerOf(rule); ok {
		where = i.where
	}
	return "revoke it at " + where + ", remove it from the file and from the history, " +
		"and let the program read it from a variable named under env:"
}
