package dast

import (
	"context"
	"net/http"
	"path"
	"regexp"
	"strings"

	"fairlead.dev"
)

// leak is a file that nobody should be given, and what it is known by.
type leak struct {
	path     string
	content  *regexp.Regexp
	severity fairlead.Severity
	cwe      string
}

func leaks() []leak {
	like := regexp.MustCompile
	dump := like(`(?i)(CREATE TABLE|INSERT INTO) `)
	critical, high, medium := fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityMedium
	return []leak{
		{"/.git/HEAD", like(`^(ref: refs/|[0-9a-f]{40}\s*$)`), high, "CWE-527"},
		{"/.git/config", like(`(?m)^\[core\]`), high, "CWE-527"},
		{"/.env", like(`(?m)^(export )?[A-Z][A-Z0-9_]+=`), critical, "CWE-538"},
		{"/.htpasswd", like(`(?m)^[^:\s<]+:(\$apr1\$|\$2[aby]\$|\{SHA\})`), critical, "CWE-538"},
		{"/.aws/credentials", like(`(?m)^\s*aws_(access_key_id|secret_access_key)\s*=`), critical, "CWE-538"},
		{"/id_rsa", like(`-----BEGIN [A-Z ]*PRIVATE KEY-----`), critical, "CWE-538"},
		{"/.svn/wc.db", like(`^SQLite format 3`), high, "CWE-527"},
		{"/backup.sql", dump, critical, "CWE-530"},
		{"/dump.sql", dump, critical, "CWE-530"},
		{"/backup.zip", like(`^PK\x03\x04`), high, "CWE-530"},
		{"/backup.tar.gz", like(`^\x1f\x8b`), high, "CWE-530"},
		{"/index.php.bak", like(`<\?php`), high, "CWE-530"},
		{"/wp-config.php.bak", like(`DB_PASSWORD`), critical, "CWE-530"},
		{"/docker-compose.yml", like(`(?m)^services:`), medium, "CWE-538"},
		{"/actuator/env", like(`"propertySources"`), high, "CWE-497"},
		{"/actuator", like(`"_links"\s*:`), medium, "CWE-497"},
		{"/server-status", like(`Apache Server Status`), medium, "CWE-497"},
		{"/phpinfo.php", like(`phpinfo\(\)`), medium, "CWE-497"},
		{"/debug/pprof/", like(`Types of profiles available`), medium, "CWE-489"},
		{"/debug/vars", like(`"memstats"\s*:`), medium, "CWE-489"},
	}
}

// exposed asks for files that are left lying about. A service that says yes to
// everything is told by what it says to a name that cannot be there.
func (s *scan) exposed(ctx context.Context) error {
	base := strings.TrimSuffix(s.Base.Path, "/")
	for _, l := range leaks() {
		a, err := s.tryGet(ctx, base+l.path)
		if err != nil {
			return err
		}
		if !l.shown(a) {
			continue
		}
		anything, err := s.saysYes(ctx, base, l, a)
		if err != nil {
			return err
		}
		if anything {
			continue
		}
		s.add(kind{
			rule: "dast-exposed-file", title: "a file that is not for everybody is given to anybody", cwe: l.cwe, severity: l.severity,
			fix: "keep it out of what is served, and change what was in it",
		}, entry{method: http.MethodGet, route: base + l.path}, "", "its content is what such a file begins with or holds", "confirmed")
	}
	return nil
}

// saysYes tells whether the service gives the same, or what looks like it and is
// never the same, for names that cannot be there.
func (s *scan) saysYes(ctx context.Context, base string, l leak, a *answer) (bool, error) {
	dir, name := path.Split(l.path)
	var seen words
	for range 2 {
		other := s.mark() + strings.TrimPrefix(name, ".")
		soft, err := s.tryGet(ctx, base+dir+other)
		if err != nil || !l.shown(soft) {
			return false, err
		}
		now := wordsOf(soft, base+dir+other, base+l.path)
		if now.equal(wordsOf(a, "\x00", ""), nil) || (seen != nil && !now.equal(seen, nil)) {
			return true, nil
		}
		seen = now
	}
	return false, nil
}

// shown tells whether an answer is the file and no page about it.
func (l leak) shown(a *answer) bool {
	if a == nil || a.status != http.StatusOK || !l.content.MatchString(a.body) {
		return false
	}
	start := strings.ToLower(strings.TrimSpace(a.body))
	page := strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
	return !page || strings.Contains(l.path, "debug/pprof") || strings.HasSuffix(l.path, "status") || strings.HasSuffix(l.path, "phpinfo.php")
}
