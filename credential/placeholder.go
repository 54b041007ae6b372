package credential

import "strings"

// reference tells whether a value names the place where the real one is kept.
func reference(v string) bool {
	if strings.HasPrefix(v, "$") && !hashed(v) { // a variable: $NAME, ${NAME}, $(command)
		return true
	}
	low := strings.ToLower(v)
	for _, prefix := range []string{
		"<", "{{", "%(", "%{", "#{", "@{", "!", "&", "*", "env(", "env:", "env.", "os.", "process.env", "system.", "getenv", "config.", "config[", "settings.",
		"secrets.", "vars.", "var.", "local.", "data.", "module.", "self.", "this.", "vault:", "ssm:", "op://", "ref+", "arn:", "projects/", "file:", "file://",
		"/run/", "/var/", "/etc/", "/secrets", "/vault", "./", "~/", "../", "enc[", "enc(", "{cipher}", "sops:", "keyring:", "keychain:", "awssm", "gcp:", "azurekeyvault",
		"@microsoft.keyvault", "resolve:", "lookup(", "input(", "prompt", "decrypt(", "fn::", "secretref:", "credentials(", "read-host", "get-credential", "-----begin public", "-----begin certificate", "ssh-rsa ", "ssh-ed25519 ",
	} {
		if strings.HasPrefix(low, prefix) {
			return true
		}
	}
	for _, part := range []string{"${", "$(", "{{", "}}", "<%", "%>", "os.environ", "process.env", "getenv(", "ansible_vault", "[% ", "secretkeyref", "env["} {
		if strings.Contains(low, part) {
			return true
		}
	}
	return strings.HasPrefix(v, "%") && strings.HasSuffix(v, "%") || strings.HasPrefix(v, "__") && strings.HasSuffix(v, "__") ||
		strings.HasPrefix(v, "[") && strings.HasSuffix(v, "]") || strings.HasPrefix(v, "{") && strings.HasSuffix(v, "}")
}

// placeholder tells whether a value says that a real one belongs there, or is
// what is used where nothing depends on it.
func placeholder(v string) bool {
	low := strings.ToLower(strings.Trim(v, `"'`))
	if standIn(low) || simple(low) {
		return true
	}
	for _, part := range []string{
		"changeme", "change-me", "change_me", "change.me", "replaceme", "replace-me", "replace_me", "placeholder", "redacted", "example", "your-", "your_", "yourp", "yours", "yourt",
		"<your", "insert-", "insert_", "enter-", "enter_", "dummy", "notreal", "not-a-real", "not-real", "todo", "fixme", "xxxx", "****", "....", "----", "____", "sample", "goes-here", "goes_here", "goeshere", "-here", "_here", "fill-in", "fill_me",
		"my-secret", "my_secret", "mysecret", "mypass", "my-pass", "my_pass", "super-secret", "super_secret", "supersecret", "my-token", "my_token", "mytoken", "some-secret", "some_", "somepass", "the-secret", "fake", "test-token", "test_token", "testtoken", "test-key", "test_key", "testing", "unused", "not-used", "notused", "undefined", "lorem", "foobar", "deadbeef", "cafebabe",
		"0123456789", "123456789", "abcdefgh", "a1b2c3d4", "1a2b3c4d", "qwerty",
	} {
		if strings.Contains(low, part) {
			return true
		}
	}
	return false
}

// standIn tells whether a value is one that everybody writes.
func standIn(low string) bool {
	switch low {
	case "password", "passwd", "pass", "pwd", "secret", "secrets", "token", "key", "apikey", "api_key", "api-key", "admin", "administrator", "root", "user", "username", "test", "tests", "none", "null", "nil",
		"true", "false", "yes", "no", "on", "off", "empty", "blank", "default", "string", "str", "bytes", "text", "value", "val", "unset", "hidden", "masked", "removed", "omitted", "sensitive", "required", "optional",
		"demo", "foo", "bar", "baz", "hello", "guest", "postgres", "mysql", "mongo", "redis", "rabbitmq", "minio", "minioadmin", "elastic", "grafana", "sa", "dba", "anonymous", "nobody", "prompt", "ask", "generated", "auto", "automatic", "random",
		"password1", "password123", "pass123", "passw0rd", "p@ssw0rd", "p@ssword", "admin123", "test123", "testpass", "testpassword", "secret123", "letmein", "1234", "12345", "123456", "1234567", "12345678", "000000", "111111", "abc123", "abcd1234", "abcdef", "asdf", "asdfgh",
		"base64", "bearer", "basic", "oauth", "oauth2", "jwt", "plain", "ldap", "saml", "hmac", "rsa", "hs256", "rs256", "es256", "sha256", "md5", "bcrypt", "scram-sha-256", "trust", "peer", "ident", "md5sum", "n/a", "tbd", "undef", "void", "system", "local", "localhost":
		return true
	}
	return false
}

// simple tells whether a value is one character again and again, or a few in a row.
func simple(s string) bool {
	var different [256]bool
	n, steps := 0, 0
	for i := range len(s) {
		if !different[s[i]] {
			different[s[i]] = true
			n++
		}
		if i > 0 && (s[i] == s[i-1]+1 || s[i] == s[i-1]) {
			steps++
		}
	}
	return n <= 2 || len(s) >= 8 && n <= 3 || len(s) >= 6 && steps >= len(s)-2
}

// hashed tells whether a value is a password's hash as crypt(3) writes it.
func hashed(v string) bool {
	rest, ok := strings.CutPrefix(v, "$")
	if !ok {
		return false
	}
	scheme, body, ok := strings.Cut(rest, "$")
	if !ok || len(body) < 20 {
		return false
	}
	switch scheme {
	case "1", "apr1", "5", "6", "y", "7", "gy", "2", "2a", "2b", "2x", "2y", "argon2", "argon2i", "argon2d", "argon2id", "P", "H", "sha1", "scram-sha-256":
		return true
	}
	return false
}
