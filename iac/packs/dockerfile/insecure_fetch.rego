# METADATA
# title: Certificates are not verified when fetching
# description: anybody on the way can change what is built
# custom:
#   severity: high
#   cwe: [CWE-295]
#   fix: >-
#     install the certificate authority that is missing, and drop the option
package fairlead.dockerfile.insecure_fetch

import data.lib.dockerfile

flags := {
	"curl": {"-k", "--insecure"}, "wget": {"--no-check-certificate"}, "apt-get": {"--allow-unauthenticated", "--force-yes"},
	"apt": {"--allow-unauthenticated"}, "apk": {"--allow-untrusted"}, "yum": {"--nogpgcheck"}, "dnf": {"--nogpgcheck"},
	"zypper": {"--no-gpg-checks"}, "pip": {"--trusted-host"}, "pip3": {"--trusted-host"},
}

deny contains {"at": run.at, "resource": run.resource, "message": sprintf("%s is run with %s", [run.words[0], word])} if {
	some run in dockerfile.runs
	some word in run.words
	word in flags[run.words[0]]
}

deny contains {"at": run.at, "resource": run.resource, "message": "git and npm are told not to verify certificates"} if {
	some run in dockerfile.runs
	regex.match(`http\.sslverify\s+false|strict-ssl\s+false|GIT_SSL_NO_VERIFY=|NODE_TLS_REJECT_UNAUTHORIZED=0`, concat(" ", run.words))
}
