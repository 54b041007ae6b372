package credential

import (
	"path"
	"slices"
	"strings"
)

// kind is what is known about a file before it is read closely.
type kind struct {
	path       string
	base       string // its name, lower case
	ext        string // with the dot, lower case
	level      level
	structured bool // configuration in which a value may lie lines away from its name
	line       bool // a value without quotes goes to the end of its line
	spaced     bool // name and value may be apart by a space alone
	generated  bool // by a machine: lock files, minified code
	sql        bool
}

// level is how much a value must look like a credential by itself: the less
// the place says, the more.
type level int

const (
	levelOwn    level = iota // the file is for credentials
	levelConfig              // the file configures something
	levelCode                // source, where names of variables stand beside literals
	levelDoc                 // text for people, with examples
)

// kindOf tells the kind of a file by its path, and where that says nothing by
// its first line.
func kindOf(p string, content []byte) kind {
	k := kind{path: p, base: strings.ToLower(path.Base(p)), level: levelCode}
	k.ext = path.Ext(k.base)
	dir := strings.ToLower(path.Base(path.Dir(p)))
	switch {
	case generated(k.base):
		k.generated = true
	case dedicated(k.base, dir), strings.HasPrefix(k.base, ".env"), strings.HasSuffix(k.base, ".env"):
		k.level = levelOwn
	case slices.Contains(configExts(), k.ext), configName(k.base), k.ext == "" && !script(content):
		k.level = levelConfig
	case slices.Contains(docExts(), k.ext):
		k.level = levelDoc
	}
	if k.level <= levelConfig {
		k.structured, k.line = true, !slices.Contains([]string{".sql", ".tf", ".hcl", ".php", ".py", ".js"}, k.ext)
	}
	k.spaced = spaced(k.base)
	k.sql = k.ext == ".sql" || k.ext == ".dump" || k.ext == ".psql"
	if translations(p) {
		k.level = levelDoc
	}
	return k
}

// script tells whether content is a program for an interpreter that its first
// line names.
func script(content []byte) bool { return len(content) > 2 && content[0] == '#' && content[1] == '!' }

func configExts() []string {
	return []string{
		".yml", ".yaml", ".json", ".json5", ".jsonc", ".toml", ".ini", ".cfg", ".conf", ".cnf", ".config", ".properties", ".xml",
		".env", ".plist", ".tf", ".tfvars", ".tfstate", ".hcl", ".sql", ".dump", ".psql", ".service", ".ovpn", ".reg", ".rdp",
		".dockerfile", ".netrc", ".cred", ".credentials", ".secret", ".secrets", ".kubeconfig", ".ldif", ".list", ".nmconnection",
		".pgpass", ".htpasswd", ".passwd", ".settings", ".publishsettings", ".pubxml", ".desktop", ".dsn", ".udl", ".edn", ".bak", ".txt",
		".sh", ".bash", ".zsh", ".fish", ".profile", ".envrc", ".ps1", ".bat", ".cmd", ".http", ".rest", ".tpl", ".j2", ".backup", ".vault", ".csv",
	}
}

func docExts() []string {
	return []string{".md", ".markdown", ".rst", ".adoc", ".html", ".htm", ".po", ".pot", ".tex", ".ipynb", ".strings", ".resx", ".xlf"}
}

// configName tells whether a name without a telling extension is of configuration.
func configName(base string) bool {
	for _, prefix := range []string{"dockerfile", "containerfile", "makefile", "jenkinsfile", "procfile", "vagrantfile", ".bash", ".zsh", ".profile"} {
		if strings.HasPrefix(base, prefix) {
			return true
		}
	}
	return strings.HasPrefix(base, ".") && strings.HasSuffix(base, "rc")
}

// dedicated tells whether a file is for credentials, or for connections that
// have them.
func dedicated(base, dir string) bool {
	switch base {
	case ".netrc", "_netrc", ".authinfo", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", ".pypirc", ".npmrc", ".yarnrc.yml", ".git-credentials",
		".htpasswd", "htpasswd", ".dockercfg", ".dockerconfigjson", "credentials", ".credentials", "credentials.json", "credentials.toml", ".s3cfg", ".boto",
		"rclone.conf", ".ftpconfig", "sftp-config.json", "sftp.json", ".remote-sync.json", "webservers.xml", "data-sources.xml", "dbeaver-data-sources.xml",
		"credentials-config.json", "robomongo.json", "filezilla.xml", "recentservers.xml", "sitemanager.xml", "winscp.ini", "accounts.xml",
		"wp-config.php", "secrets.yml", "secrets.yaml", "secrets.json", "secrets.toml", ".esmtprc", ".msmtprc", ".fetchmailrc", ".mbsyncrc", ".offlineimaprc",
		".tugboat", "hosts.yml", "hub", ".vault-token", ".vault_pass", "application_default_credentials.json", "accesstokens.json", "access_tokens.db",
		"msal_token_cache.json", ".cargo-credentials", ".gem-credentials", "servlist.conf", "kubeconfig", ".kubeconfig", "terraform.tfvars", ".terraformrc",
		"logins.json", "deployment-config.json", ".mongorc.js", ".rediscli_auth", "settings-security.xml", "auth.json", "wpa_supplicant.conf", "shadow", "gshadow", ".cifs":
		return true
	}
	switch dir {
	case ".aws", ".azure", ".kube", ".docker", "gcloud", "doctl", ".oci", ".cloudflared", ".purple", ".gem", ".fly", "system-connections":
		return true
	}
	return strings.HasSuffix(base, ".nmconnection") || strings.HasSuffix(base, ".secrets") || strings.HasSuffix(base, ".tfvars")
}

// spaced tells whether a file has names and values apart by spaces.
func spaced(base string) bool {
	switch base {
	case ".netrc", "_netrc", ".authinfo", ".fetchmailrc", ".msmtprc", ".mbsyncrc", ".esmtprc", ".mpdconf", "mpd.conf", "redis.conf", "my.cnf", "openvpn.conf", "slapd.conf", "ntp.keys":
		return true
	}
	return strings.HasPrefix(base, "dockerfile") || strings.HasSuffix(base, ".dockerfile") || strings.HasSuffix(base, ".netrc")
}

// generated tells whether a file is written by a machine and holds hashes and
// names that nobody chose as credentials.
func generated(base string) bool {
	switch base {
	case "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "composer.lock", "cargo.lock", "poetry.lock", "uv.lock", "pipfile.lock",
		"gemfile.lock", "go.sum", "go.work.sum", "packages.lock.json", "gradle.lockfile", ".terraform.lock.hcl", "flake.lock", "deno.lock", "bun.lock":
		return true
	}
	for _, suffix := range []string{".min.js", ".min.css", ".map", ".svg", ".pb.go", "_pb2.py", ".lock", ".sum"} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	return false
}

// translations tells whether a file is about words in languages.
func translations(p string) bool {
	for part := range strings.SplitSeq(strings.ToLower(path.Dir(p)), "/") {
		switch part {
		case "i18n", "l10n", "locale", "locales", "lang", "langs", "translations", "messages":
			return true
		}
	}
	return false
}
